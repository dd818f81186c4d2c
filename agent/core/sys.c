/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls of the agent: raw, so that no hook, errno or cancellation point is involved.
 */
#include "core/sys.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#define SIGSET_BYTES 8

bool csa_sandboxed;

void *csa_map(size_t bytes)
{
	long start = csa_sys6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return csa_sys_failed(start) ? NULL : (void *)start;
}

void csa_unmap(void *start, size_t bytes)
{
	csa_sys2(SYS_munmap, start, bytes);
}

long csa_read_file(const char *path, char *buffer, size_t bytes)
{
	long fd = csa_sys4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	size_t have = 0;

	if (fd < 0)
		return fd;
	while (have + 1 < bytes) {
		long got = csa_sys3(SYS_read, fd, buffer + have, bytes - 1 - have);

		if (got <= 0)
			break;
		have += (size_t)got;
	}
	csa_sys1(SYS_close, fd);
	buffer[have] = '\0';
	return (long)have;
}

uint64_t csa_now_ns(void)
{
	struct timespec now = {0};

	csa_sys2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void csa_signals_block(uint64_t *old)
{
	uint64_t all = ~UINT64_C(0);

	*old = 0;
	csa_sys4(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &all, old, SIGSET_BYTES);
}

void csa_signals_restore(const uint64_t *old)
{
	csa_sys4(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, old, NULL, SIGSET_BYTES);
}

bool csa_wait_a_turn(struct csa_patience *patience)
{
	uint64_t now = csa_now_ns();

	if (!patience->end_ns)
		patience->end_ns = now + 10000000;
	if (now > patience->end_ns || patience->turns++ == CSA_TURNS)
		return false;
	csa_sys0(SYS_sched_yield);
	return true;
}

/*
 * The kernel reads the new mask before it looks at HOW, which is invalid: -EINVAL tells that it
 * could, and nothing is changed. Sandboxes that kill for an unusual system call allow this one.
 */
uintptr_t csa_readable_until(uintptr_t low, uintptr_t high)
{
	for (; low < high; low += 4096)
		if (csa_sys4(SYS_rt_sigprocmask, ~0, low, NULL, SIGSET_BYTES) != -22 /* EINVAL */)
			return low;
	return high;
}
