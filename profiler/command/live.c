/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals are told here once for all observers: whatever command asks, whoever would answer.
 */
#include "command/live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "go/samples.h"
#include "source/native.h"
#include "source/proc.h"

#define KERNEL_THREAD 0x00200000u /* PF_KTHREAD */

/* In the order in which they are asked. */
static const struct cs_observer *const observers[] = {
	&cs_go_observer,
	&cs_native_observer,
	&cs_go_library_observer,
	NULL,
};

const char *const cs_level_choices[] = {"read", "freeze", NULL};

enum cs_level cs_level_of(const struct cs_args *args)
{
	return strcmp(cs_args_text(args, "level", "read"), "freeze") == 0 ? CS_LEVEL_FREEZE
	                                                                  : CS_LEVEL_READ;
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* ---- what /proc says ---- */

static int open_file(uint32_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The file's text, NUL-terminated; NULL: it could not be read. */
static char *read_file(uint32_t pid, const char *file, size_t *bytes)
{
	int fd = open_file(pid, file);
	size_t room = 4096, size = 0;
	char *text = fd >= 0 ? malloc(room) : NULL;

	while (text) {
		ssize_t length = read(fd, text + size, room - size - 1);
		char *more;

		if (length <= 0)
			break;
		size += (size_t)length;
		if (size < room - 1)
			continue;
		more = room < (4u << 20) ? realloc(text, room * 2) : NULL;
		if (!more)
			break;
		text = more;
		room *= 2;
	}
	if (fd >= 0)
		close(fd);
	if (text)
		text[size] = '\0';
	*bytes = size;
	return text;
}

static char *read_executable(uint32_t pid)
{
	char path[64], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return NULL;
	target[length] = '\0';
	return strdup(target);
}

static bool has_maps(uint32_t pid)
{
	size_t bytes = 0;

	free(read_file(pid, "maps", &bytes));
	return bytes > 0;
}

bool cs_live_has_ended(uint32_t pid)
{
	struct cs_proc_stat stat;

	if (!cs_proc_stat(pid, &stat) || stat.state == 'Z' || stat.state == 'X')
		return true;
	return !(stat.flags & KERNEL_THREAD) && !has_maps(pid); /* on its way */
}

static bool wants_to_be_left_alone(uint32_t pid)
{
	size_t bytes;
	char *text = read_file(pid, "environ", &bytes);
	bool found = false;

	for (const char *at = text; at && at < text + bytes && !found; at += strlen(at) + 1)
		found = strcmp(at, "COROSCOPE_DISABLE=1") == 0;
	free(text);
	return found;
}

/* ---- refusals ---- */

int cs_live_pid(const struct cs_args *args, uint32_t *pid, struct cs_diag *diag)
{
	uint64_t number = cs_args_number(args, "pid", 0);

	*pid = (uint32_t)number;
	if (number >= 1 && number <= INT32_MAX)
		return 0;
	cs_diag_set(diag, -ESRCH, "observe %" PRIu64 ": no process has that number", number);
	return cs_diag_hint(diag, "-p takes the number that 'ps' or 'pgrep' shows");
}

static int refuse_absent(uint32_t pid, struct cs_diag *diag)
{
	cs_diag_set(diag, -ESRCH, "observe %" PRIu32 ": there is no such process", pid);
	return cs_diag_hint(diag, "-p takes the number that 'ps' or 'pgrep' shows");
}

static int refuse_secret(uint32_t pid, struct cs_diag *diag)
{
	struct stat status;
	char folder[32];

	snprintf(folder, sizeof(folder), "/proc/%" PRIu32, pid);
	if (stat(folder, &status) != 0)
		return refuse_absent(pid, diag);
	if (geteuid() != 0 && status.st_uid != geteuid()) {
		cs_diag_set(diag, -EPERM,
		            "observe %" PRIu32 ": it belongs to user %u, and you are %u", pid,
		            (unsigned)status.st_uid, (unsigned)geteuid());
		return cs_diag_hint(diag, "run coroscope as root, or as its user");
	}
	cs_diag_set(diag, -EPERM,
	            "observe %" PRIu32 ": the kernel does not permit to read its memory", pid);
	if (geteuid() == 0)
		return cs_diag_hint(diag, "not even to root: the process, or this shell, is in a "
		                          "container, or 'lockdown' is on");
	return cs_diag_hint(diag, "run coroscope as root, or set kernel.yama.ptrace_scope to 0; "
	                          "'coroscope doctor' says more");
}

/* Reading memory needs what attaching does: /proc/PID/mem asks the same question. */
static int check_permission(uint32_t pid, struct cs_diag *diag)
{
	int fd = open_file(pid, "mem");

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == EACCES || errno == EPERM)
		return refuse_secret(pid, diag);
	return errno == ENOENT ? refuse_absent(pid, diag) : 0;
}

/* Numbers in /proc that are not those of whoever gave us one mean other processes. */
static int check_proc(uint32_t pid, struct cs_diag *diag)
{
	uint32_t self = cs_proc_self();

	if (self == (uint32_t)getpid())
		return 0;
	cs_diag_set(diag, -ENOTSUP, "observe %" PRIu32 ": /proc %s", pid,
	            self ? "is that of another PID namespace" : "can't be read");
	return cs_diag_hint(diag, "mount it: mount -t proc proc /proc (unshare --mount-proc)");
}

static int check_process(uint32_t pid, struct cs_diag *diag)
{
	struct cs_proc_stat stat;
	int error = check_proc(pid, diag);

	if (error)
		return error;
	if (!cs_proc_stat(pid, &stat))
		return refuse_absent(pid, diag);
	if (stat.state == 'Z' || stat.state == 'X')
		return cs_diag_set(diag, -ESRCH,
		                   "observe %" PRIu32
		                   ": it has ended, and waits for its parent %" PRIu32,
		                   pid, stat.parent);
	if (stat.flags & KERNEL_THREAD)
		return cs_diag_set(diag, -ENOTSUP, "observe %" PRIu32 ": it is a kernel thread",
		                   pid);
	error = check_permission(pid, diag);
	if (error)
		return error;
	if (wants_to_be_left_alone(pid))
		return cs_diag_set(diag, -EACCES,
		                   "observe %" PRIu32
		                   ": it asks to be left alone (COROSCOPE_DISABLE=1)",
		                   pid);
	return 0;
}

/* Whatever a process looked like while it went away: that it has ended is the reason. */
static int tell_end(uint32_t pid, int error, struct cs_diag *diag)
{
	if (!cs_live_has_ended(pid))
		return error;
	return cs_diag_set(diag, -ESRCH, "observe %" PRIu32 ": it has ended", pid);
}

/* Nobody reads it from outside. gc's Go programs are read without having been recorded. */
static void refuse_native(uint32_t pid, struct cs_diag *diag)
{
	size_t bytes = 0;
	char *maps = read_file(pid, "maps", &bytes);
	bool gccgo = maps && strstr(maps, "/libgo.so.");

	cs_diag_set(diag, -ENOTSUP,
	            "observe %" PRIu32 ": it is a %s program that is not being "
	            "recorded",
	            pid, gccgo ? "gccgo (not gc)" : "native");
	cs_diag_hint(diag,
	             gccgo ? "start it with 'coroscope record PROGRAM': then its goroutines are "
	                     "seen while it runs"
	                   : "start it with 'coroscope record PROGRAM'; while it is being "
	                     "recorded it can be observed");
	free(maps);
}

static const struct cs_observer *find_observer(uint32_t pid, struct cs_diag *diag)
{
	for (const struct cs_observer *const *observer = observers; *observer; observer++) {
		int answer = (*observer)->probe(pid, diag);

		if (answer > 0)
			return *observer;
		if (answer < 0)
			return NULL;
	}
	refuse_native(pid, diag);
	return NULL;
}

const struct cs_observer *cs_live_probe(uint32_t pid, struct cs_diag *diag)
{
	const struct cs_observer *observer;

	if (check_process(pid, diag))
		return NULL;
	observer = find_observer(pid, diag);
	if (!observer)
		tell_end(pid, diag->error, diag);
	return observer;
}

/* ---- one process ---- */

static void join_arguments(char *text, size_t bytes)
{
	while (bytes > 0 && !text[bytes - 1])
		bytes--;
	for (size_t i = 0; i < bytes; i++)
		if (!text[i])
			text[i] = ' ';
}

/* CLOCK_MONOTONIC when the process started: what happened before we looked has a time as well. */
static uint64_t started_at(uint64_t ticks)
{
	uint64_t now = monotonic_ns(), since_boot, start;
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	since_boot = (uint64_t)boot.tv_sec * UINT64_C(1000000000) + (uint64_t)boot.tv_nsec;
	start = ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
	if (start >= since_boot || since_boot - start >= now)
		return now;
	return now - (since_boot - start);
}

static int add_process(struct cs_live *live, struct cs_diag *diag)
{
	struct cs_proc_stat stat;
	struct cs_process start = {.pid = live->pid};
	size_t bytes;

	cs_proc_stat(live->pid, &stat);
	start.parent_pid = stat.parent;
	start.boot_ticks = stat.ticks;
	live->start_ns = started_at(start.boot_ticks);
	start.executable = read_executable(live->pid);
	start.arguments = read_file(live->pid, "cmdline", &bytes);
	if (start.arguments)
		join_arguments(start.arguments, bytes);
	live->process = cs_model_process(live->model, &start);
	free(start.executable);
	free(start.arguments);
	return live->process ? 0
	                     : cs_diag_set(diag, -ENOMEM, "observe %" PRIu32 ": out of memory",
	                                   live->pid);
}

int cs_live_open(struct cs_live *live, uint32_t pid, struct cs_model *model,
                 struct cs_symbols *symbols, struct cs_diag *diag)
{
	int error = 0;

	*live = (struct cs_live){.pid = pid, .model = model, .start_ns = monotonic_ns()};
	live->observer = cs_live_probe(pid, diag);
	if (!live->observer)
		return diag->error;
	if (live->observer->recall)
		error = live->observer->recall(pid, model, symbols, &live->process, &live->start_ns,
		                               diag);
	live->unwritten = live->observer->recall && !live->process;
	if (!error && !live->process)
		error = add_process(live, diag);
	if (error)
		return tell_end(pid, error, diag);
	live->observation = live->observer->open(pid, live->process, model, symbols, diag);
	return live->observation ? 0 : tell_end(pid, diag->error, diag);
}

int cs_live_look(struct cs_live *live, const struct cs_observe_options *options,
                 struct cs_observe_result *result, struct cs_diag *diag)
{
	uint64_t start_ns = monotonic_ns();
	int error;

	*result = (struct cs_observe_result){0};
	cs_model_set_now(live->model, start_ns - live->start_ns);
	error = live->observer->look(live->observation, options, result, diag);
	if (!result->duration_ns)
		result->duration_ns = monotonic_ns() - start_ns;
	if (error && error != -ESTALE)
		error = tell_end(live->pid, error, diag);
	if (error == -ESRCH || error == -ESTALE) {
		struct cs_process *process = cs_model_process_at(live->model, live->process);

		process->ended = true;
		process->end_ns = cs_model_now(live->model);
		cs_model_process_changed(live->model, live->process);
	}
	return error;
}

void cs_live_close(struct cs_live *live)
{
	if (live->observation)
		live->observer->close(live->observation);
	*live = (struct cs_live){0};
}
