/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PTRACE_SEIZE and PTRACE_INTERRUPT: no signal is sent that the program, its parent or a shell
 * could notice, and system calls that were interrupted are restarted by the kernel. A stop for
 * a signal of the program's own that happens to come first is passed on when it is let go.
 */
#include "go/freeze.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "base/proc.h"

#define THREADS_MAX 100000u
#define ROUNDS_MAX 64 /* of listing threads until no new one has appeared */
#define WAIT_NS UINT64_C(2000000000)
#define ASLEEP_CHECK_NS UINT64_C(10000000)
#define ASLEEP_CHECKS 20 /* one after the other; the other threads stand still meanwhile */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static bool is_held(const struct cs_go_freeze *freeze, uint32_t tid)
{
	for (uint32_t i = 0; i < freeze->count; i++)
		if (freeze->threads[i].tid == tid)
			return true;
	return false;
}

/* 1: seized; 0: it ended meanwhile. */
static int seize(struct cs_go_freeze *freeze, uint32_t tid)
{
	if (ptrace(PTRACE_SEIZE, (pid_t)tid, NULL, NULL) != 0)
		return errno == ESRCH ? 0 : -errno;
	if (freeze->count == freeze->room) {
		uint32_t room = freeze->room ? freeze->room * 2 : 64;
		struct cs_go_held *larger = realloc(freeze->threads, room * sizeof(*larger));

		if (!larger || room > THREADS_MAX * 2) {
			ptrace(PTRACE_DETACH, (pid_t)tid, NULL, NULL);
			return -ENOMEM;
		}
		freeze->threads = larger;
		freeze->room = room;
	}
	freeze->threads[freeze->count++] = (struct cs_go_held){.tid = tid};
	if (ptrace(PTRACE_INTERRUPT, (pid_t)tid, NULL, NULL) != 0 && errno != ESRCH)
		return -errno;
	return 1;
}

/* Seizes those that are not yet; the number of new ones. */
static int seize_round(struct cs_go_freeze *freeze, uint32_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;
	int found = 0, got = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return errno == ENOENT ? -ESRCH : -errno;
	while (got >= 0 && (entry = readdir(tasks))) {
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (!tid || is_held(freeze, tid))
			continue;
		got = seize(freeze, tid);
		found += got > 0;
	}
	closedir(tasks);
	return got < 0 ? got : found;
}

/* In the kernel, where nothing can wake it (state D): on a disk or a server that does not answer. */
static bool is_asleep(uint32_t tid)
{
	char *text = NULL;
	const char *name_end;
	bool asleep;

	if (cs_proc_read(tid, "stat", &text) != 0)
		return false;
	name_end = strrchr(text, ')');
	asleep = name_end && !strncmp(name_end, ") D", 3);
	free(text);
	return asleep;
}

/* Until the thread stands; -ETIMEDOUT: it sleeps in the kernel where nothing can wake it. */
static int wait_for(struct cs_go_held *thread, uint64_t until_ns)
{
	const struct timespec pause = {.tv_nsec = 20000};
	uint64_t check_ns = now_ns() + ASLEEP_CHECK_NS;
	int asleep = 0;
	int status;

	for (;;) {
		pid_t got = waitpid((pid_t)thread->tid, &status, __WALL | WNOHANG);

		if (got < 0 && errno != EINTR)
			return 0; /* gone */
		if (got > 0 && (WIFEXITED(status) || WIFSIGNALED(status)))
			return 0;
		if (got > 0 && WIFSTOPPED(status))
			break;
		uint64_t now = now_ns();

		if (now > check_ns) {
			asleep = is_asleep(thread->tid) ? asleep + 1 : 0;
			check_ns = now + ASLEEP_CHECK_NS;
		}
		if (now > until_ns || asleep >= ASLEEP_CHECKS)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, (pid_t)thread->tid, NULL, &registers) == 0) {
		thread->pc = registers.rip;
		thread->sp = registers.rsp;
	}
	/* A stop that delivers a signal is not the one we asked for; the signal is the program's. */
	thread->signal = (status >> 16) == 0 ? WSTOPSIG(status) : 0;
	return 0;
}

int cs_go_freeze(struct cs_go_freeze *freeze, uint32_t pid, struct cs_diag *diag)
{
	uint32_t waited = 0;
	int found = 1, error = 0;

	*freeze = (struct cs_go_freeze){.since_ns = now_ns()};
	for (int round = 0; round < ROUNDS_MAX && found > 0 && !error; round++) {
		found = seize_round(freeze, pid);
		for (; !error && waited < freeze->count; waited++)
			error = wait_for(&freeze->threads[waited], freeze->since_ns + WAIT_NS);
	}
	error = error ? error : found < 0 ? found : 0;
	if (!error && freeze->count)
		return 0;
	cs_go_thaw(freeze);
	if (error == -EPERM || error == -EACCES) {
		cs_diag_set(diag, -EPERM,
		            "hold %" PRIu32 " still: not permitted, or traced already", pid);
		return cs_diag_hint(diag, "read it as it runs: --level read");
	}
	if (error == -ETIMEDOUT) {
		cs_diag_set(diag, error, "hold %" PRIu32 " still: a thread sleeps in the kernel",
		            pid);
		return cs_diag_hint(diag, "read it as it runs: --level read");
	}
	if (!error || error == -ESRCH)
		return cs_diag_set(diag, -ESRCH, "hold %" PRIu32 " still: it has ended", pid);
	return cs_diag_set(diag, error, "hold %" PRIu32 " still: %s", pid, strerror(-error));
}

uint64_t cs_go_thaw(struct cs_go_freeze *freeze)
{
	uint64_t ns = 0;

	for (uint32_t i = 0; i < freeze->count; i++) {
		const struct cs_go_held *thread = &freeze->threads[i];

		/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
		ptrace(PTRACE_DETACH, (pid_t)thread->tid, NULL, (void *)(uintptr_t)thread->signal);
	}
	if (freeze->count)
		ns = now_ns() - freeze->since_ns;
	free(freeze->threads);
	*freeze = (struct cs_go_freeze){0};
	return ns;
}
