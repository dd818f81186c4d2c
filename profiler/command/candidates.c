/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of /proc is read, with bounds on the processes and on the time for what takes longer than a
 * glance: a list that is not complete is one, a list that does not come is none.
 */
#include "command/candidates.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/proc.h"
#include "base/text.h"
#include "command/live.h"
#include "go/brief.h"
#include "go/samples.h"
#include "model/model.h"

#define PROCESSES_MAX 8192
/*
 * For reading more than that they are Go programs: so much work of ours, which a busy machine does
 * not shorten, and so long.
 */
#define BRIEFS_CPU_NS UINT64_C(500000000)
#define BRIEFS_NS UINT64_C(4000000000)

/* ---- what /proc says ---- */

static uint32_t pid_of(const char *name)
{
	char *end;
	unsigned long pid = isdigit((unsigned char)name[0]) ? strtoul(name, &end, 10) : 0;

	return pid && !*end && pid <= INT32_MAX ? (uint32_t)pid : 0;
}

/* The beginning of its command line; of who has none (the kernel's own), "". */
static void read_command(uint32_t pid, char *text, size_t bytes)
{
	char path[64];
	ssize_t got = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		got = read(fd, text, bytes - 1);
	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = 0;
	while (got > 1 && !text[got - 1])
		got--;
	for (ssize_t i = 0; i < got; i++)
		if (!text[i] || isspace((unsigned char)text[i]))
			text[i] = ' ';
}

static void read_user(uint32_t pid, char *name, size_t bytes)
{
	char path[64], room[1024];
	struct passwd entry, *found = NULL;
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
	snprintf(name, bytes, "?");
	if (stat(path, &status))
		return;
	if (!getpwuid_r(status.st_uid, &entry, room, sizeof(room), &found) && found)
		snprintf(name, bytes, "%s", found->pw_name);
	else
		snprintf(name, bytes, "%u", status.st_uid);
}

/* ---- who can be watched ---- */

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct limit {
	uint64_t until_ns, until_cpu_ns;
};

static bool is_over(const struct limit *limit)
{
	return now_ns(CLOCK_MONOTONIC) > limit->until_ns ||
	       now_ns(CLOCK_THREAD_CPUTIME_ID) > limit->until_cpu_ns;
}

/* False: nothing of ours. */
static bool look_at(struct cs_candidate *one, uint32_t pid, const struct limit *limit)
{
	const struct cs_observer *observer;
	struct cs_go_brief brief;
	struct cs_diag diag = {0};

	*one = (struct cs_candidate){.pid = pid, .coroutines = CS_UNKNOWN};
	observer = cs_live_probe(pid, &diag);
	/* Of others, those that may not be read are told: who looks for one must know why. */
	if (!observer && diag.error != -EPERM && diag.error != -EACCES)
		return false;
	read_command(pid, one->command, sizeof(one->command));
	if (!one->command[0])
		return false;
	read_user(pid, one->user, sizeof(one->user));
	if (!observer) {
		snprintf(one->refusal, sizeof(one->refusal), "%.150s", diag.text);
		return true;
	}
	one->kind = observer->name;
	if (observer != &cs_go_observer || is_over(limit))
		return true;
	if (cs_go_brief(&brief, pid, &diag))
		snprintf(one->refusal, sizeof(one->refusal), "%.150s", diag.text);
	snprintf(one->version, sizeof(one->version), "%.63s", brief.version.text);
	one->coroutines = brief.goroutines;
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct cs_candidate *a = left, *b = right;

	if (!a->refusal[0] != !b->refusal[0])
		return a->refusal[0] ? 1 : -1;
	/* CS_UNKNOWN becomes 0 */
	if (a->coroutines + 1 != b->coroutines + 1)
		return a->coroutines + 1 > b->coroutines + 1 ? -1 : 1;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

int cs_candidates_find(struct cs_candidates *list)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	const struct limit limit = {
		.until_ns = now_ns(CLOCK_MONOTONIC) + BRIEFS_NS,
		.until_cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) + BRIEFS_CPU_NS,
	};
	int error = 0, looked = 0;

	*list = (struct cs_candidates){0};
	while (folder && !error && looked < PROCESSES_MAX && (entry = readdir(folder))) {
		uint32_t pid = pid_of(entry->d_name);
		struct cs_candidate one;
		void *all = list->all;

		if (!pid || pid == (uint32_t)getpid())
			continue;
		looked++;
		if (!look_at(&one, pid, &limit))
			continue;
		error = cs_array_reserve(&all, &list->room, sizeof(one), list->count + 1);
		list->all = all;
		if (!error)
			list->all[list->count++] = one;
	}
	if (folder)
		closedir(folder);
	if (list->count)
		qsort(list->all, list->count, sizeof(*list->all), compare);
	if (error)
		cs_candidates_free(list);
	return error;
}

void cs_candidates_free(struct cs_candidates *list)
{
	free(list->all);
	*list = (struct cs_candidates){0};
}

uint32_t cs_candidate_of(const char *path, uint32_t not )
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	uint32_t found = 0;
	int looked = 0;

	while (folder && !found && looked < PROCESSES_MAX && (entry = readdir(folder))) {
		uint32_t pid = pid_of(entry->d_name);
		char runs[PATH_MAX];

		looked += pid != 0;
		if (pid && pid != not &&cs_proc_program(pid, runs, sizeof(runs)) &&
		    !strcmp(runs, path) && cs_live_probe(pid, NULL))
			found = pid;
	}
	if (folder)
		closedir(folder);
	return found;
}
