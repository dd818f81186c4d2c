/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PIDs recur: a process is its number and the time at which it started.
 */
#include "source/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Reads PATH into TEXT, terminated; false: it could not be read. */
static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, text, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (length < 0)
		return false;
	text[length] = '\0';
	return true;
}

bool cs_proc_stat(uint32_t pid, struct cs_proc_stat *stat)
{
	char path[64];
	char text[1024];
	const char *at;

	*stat = (struct cs_proc_stat){0};
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	if (!read_text(path, text, sizeof(text)))
		return false;
	at = strrchr(text, ')'); /* the name may hold anything */
	return at && sscanf(at + 1,
	                    " %c %" SCNu32 " %*d %*d %*d %*d %" SCNu32
	                    " %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
	                    &stat->state, &stat->parent, &stat->flags, &stat->ticks) == 4;
}

static bool is_dead(char state)
{
	return state == 'Z' || state == 'X' || state == 'x';
}

/* The last number of the line "NSpid:" is what the process calls itself. */
static bool calls_itself(uint32_t host_pid, uint32_t pid)
{
	char path[64];
	char text[4096];
	const char *line, *last;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", host_pid);
	if (!read_text(path, text, sizeof(text)) || !(line = strstr(text, "\nNSpid:")))
		return false;
	line += 1;
	last = line + strcspn(line, "\n");
	while (last > line && last[-1] >= '0' && last[-1] <= '9')
		last--;
	return strtoul(last, NULL, 10) == pid;
}

static uint32_t search_all(uint32_t pid, uint64_t ticks)
{
	DIR *stream = opendir("/proc");
	struct dirent *entry;
	uint32_t found = 0;

	while (stream && !found && (entry = readdir(stream))) {
		uint32_t host_pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		struct cs_proc_stat stat;

		if (host_pid && cs_proc_stat(host_pid, &stat) && stat.ticks == ticks &&
		    !is_dead(stat.state) && calls_itself(host_pid, pid))
			found = host_pid;
	}
	if (stream)
		closedir(stream);
	return found;
}

uint32_t cs_proc_self(void)
{
	char number[16];
	ssize_t length = readlink("/proc/self", number, sizeof(number) - 1);

	if (length <= 0)
		return 0;
	number[length] = '\0';
	return (uint32_t)strtoul(number, NULL, 10);
}

static bool maps_from(uint32_t pid, const char *folder)
{
	char path[64];
	char line[512];
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	maps = fopen(path, "re");
	while (maps && !found && fgets(line, sizeof(line), maps))
		found = strstr(line, folder) != NULL;
	if (maps)
		fclose(maps);
	return found;
}

void cs_proc_each_user(const char *folder, void (*visit)(void *context, uint32_t pid),
                       void *context)
{
	DIR *stream = opendir("/proc");
	uint32_t self = cs_proc_self();
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (pid && pid != self && maps_from(pid, folder))
			visit(context, pid);
	}
	if (stream)
		closedir(stream);
}

/* The second number of the line "Uid:". */
bool cs_proc_user(uint32_t pid, uint32_t *user)
{
	char path[64];
	char text[4096];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", pid);
	return read_text(path, text, sizeof(text)) && (line = strstr(text, "\nUid:")) &&
	       sscanf(line, " Uid: %*u %" SCNu32, user) == 1;
}

#define GENERATIONS 64

static bool comes_from(uint32_t pid, uint32_t root)
{
	struct cs_proc_stat stat;

	for (int i = 0; i < GENERATIONS && pid > 1 && pid != root; i++)
		pid = cs_proc_stat(pid, &stat) ? stat.parent : 0;
	return pid == root;
}

void cs_proc_each_foreigner(uint32_t root, void (*visit)(void *context, uint32_t pid),
                            void *context)
{
	DIR *stream = opendir("/proc");
	int folder = stream ? dirfd(stream) : -1;
	struct dirent *entry;

	while (folder >= 0 && (entry = readdir(stream))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		struct stat status;
		uint32_t user;

		/* Its folder is that user's, or root's: most are told apart by this alone. */
		if (pid && fstatat(folder, entry->d_name, &status, 0) == 0 &&
		    status.st_uid != geteuid() && comes_from(pid, root) &&
		    cs_proc_user(pid, &user) && user != geteuid())
			visit(context, pid);
	}
	if (stream)
		closedir(stream);
}

static void count_one(void *count, uint32_t pid)
{
	(void)pid;
	*(uint32_t *)count += 1;
}

uint32_t cs_proc_count_users(const char *folder)
{
	uint32_t count = 0;

	cs_proc_each_user(folder, count_one, &count);
	return count;
}

bool cs_proc_find(struct cs_proc *proc, uint32_t pid, uint64_t ticks, bool search)
{
	struct cs_proc_stat stat;

	*proc = (struct cs_proc){.pid = pid, .same_ids = true, .pidfd = -1, .ticks = ticks};
	if (!cs_proc_stat(pid, &stat) || stat.ticks != ticks) {
		proc->pid = search ? search_all(pid, ticks) : 0;
		proc->same_ids = false;
	} else if (is_dead(stat.state)) {
		proc->pid = 0;
	}
	if (!proc->pid)
		return false;
	proc->pidfd = (int)syscall(SYS_pidfd_open, proc->pid, 0);
	/* Another one may have got the number in between. */
	return cs_proc_alive(proc);
}

bool cs_proc_alive(const struct cs_proc *proc)
{
	struct pollfd event = {.fd = proc->pidfd, .events = POLLIN};
	struct cs_proc_stat stat;

	if (!proc->pid)
		return false;
	if (proc->pidfd >= 0)
		return poll(&event, 1, 0) == 0;
	return cs_proc_stat(proc->pid, &stat) && stat.ticks == proc->ticks && !is_dead(stat.state);
}

void cs_proc_close(struct cs_proc *proc)
{
	if (proc->pidfd >= 0)
		close(proc->pidfd);
	proc->pidfd = -1;
	proc->pid = 0;
}

bool cs_proc_thread_name(const struct cs_proc *proc, uint32_t tid, char *name, uint32_t size)
{
	char path[64];

	if (!proc->pid || !proc->same_ids)
		return false;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task/%" PRIu32 "/comm", proc->pid, tid);
	if (!read_text(path, name, size))
		return false;
	name[strcspn(name, "\n")] = '\0';
	return true;
}

/* "running", or "NUMBER ARGUMENT … SP PC". */
uint64_t cs_proc_thread_sp(uint32_t pid, uint32_t tid)
{
	char path[64], text[256];
	const char *last, *before = NULL;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task/%" PRIu32 "/syscall", pid, tid);
	if (!read_text(path, text, sizeof(text)))
		return 0;
	last = strrchr(text, ' ');
	for (const char *at = text; last && at < last; at++)
		if (*at == ' ')
			before = at;
	return before ? strtoull(before + 1, NULL, 16) : 0;
}
