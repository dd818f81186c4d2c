/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel is asked for, and what its refusals mean in words.
 */
#include "kernel/perf_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PARANOID "/proc/sys/kernel/perf_event_paranoid"
#define NS_PER_SECOND UINT64_C(1000000000)

int cs_perf_open(const struct cs_perf_want *want, uint32_t tid, int cpu)
{
	const struct cs_perf_options *options = want->options;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = NS_PER_SECOND / options->hz,
		.sample_type = CS_PERF_SAMPLE_TYPE,
		.disabled = want->on_exec,
		.enable_on_exec = want->on_exec,
		.inherit = 1,
		.exclude_hv = 1,
		.exclude_kernel = want->user_only,
		.exclude_callchain_kernel = 1,
		.task = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.sample_regs_user = CS_PERF_REG_MASK,
		.wakeup_events = 1,
	};

	if (options->stack_bytes) {
		attr.sample_type |= PERF_SAMPLE_STACK_USER;
		attr.sample_stack_user = options->stack_bytes;
	}
	/* Since kernel 5.13; older ones refuse it and inherit processes as well, whose samples
	 * the caller then has to leave out. */
	attr.inherit_thread = options->threads_only;
	int fd = (int)syscall(SYS_perf_event_open, &attr, (int)tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 && errno == EINVAL && attr.inherit_thread) {
		attr.inherit_thread = 0;
		fd = (int)syscall(SYS_perf_event_open, &attr, (int)tid, cpu, -1,
		                  PERF_FLAG_FD_CLOEXEC);
	}
	return fd >= 0 ? fd : -errno;
}

/* ---- refusals ---- */

/* INT32_MIN: can't be read. */
static int read_paranoid(void)
{
	FILE *file = fopen(PARANOID, "re");
	char line[32] = "";
	int value = INT32_MIN;

	if (file && fgets(line, sizeof(line), file))
		value = (int)strtol(line, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static int explain_permission(int error, const char *what, struct cs_diag *diag)
{
	int paranoid = read_paranoid();

	/* Up to 2, processes of the same user are allowed; more is Debian's, Ubuntu's, Android's. */
	if (paranoid > 2 && geteuid() != 0) {
		cs_diag_set(diag, error, "%s: " PARANOID " is %d, which keeps it to root", what,
		            paranoid);
		return cs_diag_hint(diag, "sysctl kernel.perf_event_paranoid=2, or run as root, or "
		                          "setcap cap_perfmon=ep on coroscope");
	}
	if (geteuid() == 0) {
		cs_diag_set(diag, error, "%s: the kernel refuses perf events even to root", what);
		return cs_diag_hint(diag, "a container's seccomp filter or capabilities forbid "
		                          "it: --cap-add=PERFMON, or seccomp=unconfined");
	}
	cs_diag_set(diag, error, "%s: the kernel does not permit it", what);
	return cs_diag_hint(diag, "the process must be one of your own and not setuid; root may "
	                          "sample any. In a container: --cap-add=PERFMON");
}

int cs_perf_explain(int error, uint32_t pid, struct cs_diag *diag)
{
	char what[64] = "sample CPU time";

	if (pid)
		snprintf(what, sizeof(what), "sample the CPU time of process %u", pid);
	switch (-error) {
	case EACCES:
	case EPERM:
		return explain_permission(error, what, diag);
	case ENOSYS:
	case ENOENT:
	case EOPNOTSUPP:
		cs_diag_set(diag, error, "%s: this kernel has no perf events", what);
		return cs_diag_hint(diag, "virtual machines such as gVisor have none; without CPU "
		                          "samples all else works: --no-cpu");
	case ESRCH:
		return cs_diag_set(diag, error, "%s: it has ended", what);
	case EMFILE:
	case ENFILE:
		cs_diag_set(diag, error, "%s: too many open files", what);
		return cs_diag_hint(diag, "each thread needs a file for each CPU: raise the limit, "
		                          "ulimit -n");
	default:
		return cs_diag_set(diag, error, "%s: %s", what, strerror(-error));
	}
}

/* ---- CPUs ---- */

uint32_t cs_perf_parse_cpus(const char *text, uint32_t *cpus, uint32_t max)
{
	uint32_t count = 0;

	while (*text >= '0' && *text <= '9') {
		char *end;
		unsigned long first = strtoul(text, &end, 10);
		unsigned long last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long cpu = first; cpu <= last && count < max; cpu++)
			cpus[count++] = (uint32_t)cpu;
		text = *end == ',' ? end + 1 : end;
	}
	return count;
}

uint32_t cs_perf_cpus(uint32_t *cpus, uint32_t max)
{
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	char line[4096] = "";
	uint32_t count = 0;

	if (file && fgets(line, sizeof(line), file))
		count = cs_perf_parse_cpus(line, cpus, max);
	if (file)
		fclose(file);
	if (count)
		return count;
	/* Containers may hide the list; CPUs are numbered from 0. */
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	for (count = 0; count < max && (long)count < online; count++)
		cpus[count] = count;
	if (!count)
		cpus[count++] = 0;
	return count;
}
