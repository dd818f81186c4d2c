/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probed FILE:OFFSET... -- PROGRAM ARGS: runs PROGRAM while the kernel counts, by a probe (a
 * breakpoint) at each OFFSET into each FILE, how often it comes there: the least that a profiler
 * which lives in the kernel does at a switch. Exits with 77 where the kernel gives no probes.
 */
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TYPE "/sys/bus/event_source/devices/uprobe/type"
#define PROBES_MAX 8
#define NO_PROBES 77

static uint32_t probe_type(void)
{
	FILE *file = fopen(TYPE, "re");
	char line[16] = "";

	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	return (uint32_t)strtoul(line, NULL, 10);
}

/* PLACE: FILE:OFFSET. Counts in PID from its exec on. */
static int probe(char *place, pid_t pid, uint32_t type)
{
	char *colon = strrchr(place, ':');
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.disabled = 1,
		.enable_on_exec = 1,
	};

	if (!colon || !type)
		return -1;
	*colon = '\0';
	attr.config1 = (uintptr_t)place;
	attr.config2 = strtoull(colon + 1, NULL, 0);
	return (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Runs COMMAND when the other end of GATE is closed. */
static void child(const int gate[2], char **command)
{
	char byte;

	close(gate[1]);
	if (read(gate[0], &byte, 1) == 0)
		execv(command[0], command);
	_exit(127);
}

int main(int argc, char **argv)
{
	int gate[2], fds[PROBES_MAX], probes = 0, status, first = 1;
	uint64_t hits;

	while (first < argc && strcmp(argv[first], "--") != 0)
		first++;
	if (first + 1 >= argc || first > PROBES_MAX || pipe(gate))
		return 2;
	pid_t pid = fork();
	if (pid < 0)
		return 2;
	if (pid == 0)
		child(gate, argv + first + 1);
	for (uint32_t type = probe_type(); probes < first - 1; probes++) {
		fds[probes] = probe(argv[probes + 1], pid, type);
		if (pid < 0 || fds[probes] < 0) {
			kill(pid, SIGKILL);
			return NO_PROBES;
		}
	}
	close(gate[0]);
	close(gate[1]);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return 2;
	for (int i = 0; i < probes; i++)
		if (read(fds[i], &hits, sizeof(hits)) != sizeof(hits) || !hits)
			return 2;
	return 0;
}
