/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of lanes. A lane has memory for its first records only, and gets more when they have
 * filled that: most threads and processes record little, and may be thousands. Whatever it holds,
 * the kernel has given before it is touched: MADV_POPULATE_WRITE fails where touching would be
 * SIGBUS, needs no descriptor, no path and so works behind a chroot too. Kernels before 5.14 do not
 * know it; there all of a lane is reserved at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/agent.h"
#include "core/emit.h"
#include "core/lane.h"
#include "core/sys.h"

#define PAGE 4096u
#define ZERO_CHUNK 4096
#define MADV_POPULATE_WRITE_ 23

/* What a lane begins with. */
#define LANE_FIRST_BYTES (UINT64_C(64) << 10)

/* ---- space in the file ---- */

/* Filesystems without fallocate: writing zeros reserves the space as well. */
static bool fill(long fd, uint64_t offset, uint64_t bytes)
{
	static const char zeros[ZERO_CHUNK];

	for (uint64_t done = 0; done < bytes; done += ZERO_CHUNK)
		if (csa_sys4(SYS_pwrite64, fd, zeros, ZERO_CHUNK, offset + done) != ZERO_CHUNK)
			return false;
	return true;
}

/* Beyond RLIMIT_FSIZE the kernel would send SIGXFSZ, which kills. */
static bool size_allowed(uint64_t bytes)
{
	uint64_t limit[2] = {0};

	return csa_sys4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, limit) == 0 && bytes <= limit[0];
}

bool csa_lane_space(long fd, uint64_t offset, uint64_t bytes)
{
	if (!size_allowed(offset + bytes))
		return false;
	long error = csa_sys4(SYS_fallocate, fd, 0, offset, bytes);

	if (error == -EOPNOTSUPP || error == -ENOSYS)
		return fill(fd, offset, bytes);
	return error == 0;
}

static bool populate(struct csa_thread *thread, uint64_t from, uint64_t to)
{
	return csa_sys3(SYS_madvise, thread->data + from, to - from, MADV_POPULATE_WRITE_) == 0;
}

/* Only its owner moves it, but for somebody who locks the process into a sandbox meanwhile. */
static void note_backed(struct csa_thread *thread, uint64_t bytes)
{
	uint64_t have = __atomic_load_n(&thread->backed, __ATOMIC_RELAXED);

	while (have < bytes && !__atomic_compare_exchange_n(&thread->backed, &have, bytes, false,
	                                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

bool csa_lane_back(struct csa_thread *thread, uint64_t end)
{
	for (;;) {
		uint64_t have = __atomic_load_n(&thread->backed, __ATOMIC_RELAXED);

		if (have > thread->mask || have >= end)
			return true;
		if (!populate(thread, have, have * 2))
			return false;
		note_backed(thread, have * 2);
		csa_count(CS_AGENT_LANE_BYTES, have);
	}
}

void csa_lane_stay_small(struct csa_thread *thread)
{
	uint64_t have = __atomic_load_n(&thread->backed, __ATOMIC_RELAXED);

	if (have > thread->mask)
		return;
	thread->mask = have - 1;
	atomic_store_explicit(&thread->lane->bytes, have, memory_order_relaxed);
}

void csa_lane_back_all(void)
{
	struct csa_thread *thread = atomic_load(&csa_agent.threads);

	for (; thread; thread = thread->next)
		if (__atomic_load_n(&thread->lane, __ATOMIC_ACQUIRE))
			csa_lane_back(thread, UINT64_MAX);
}

/* The more lanes a process has, the smaller are those that come: their sum stays bounded. */
static uint64_t size_of_lane(uint32_t number)
{
	uint64_t bytes = csa_agent.lane_bytes;
	uint64_t least = bytes < CS_LANE_BYTES_LEAST ? bytes : CS_LANE_BYTES_LEAST;

	for (uint32_t many = CS_LANES_WHOLE; number >= many && bytes > least; many *= 4)
		bytes /= 4;
	return bytes > least ? bytes : least;
}

/* The file space of a lane: what it begins with, and its last page, which makes it that long. */
static bool reserve_space(long fd, uint64_t offset, uint64_t begins_with)
{
	uint64_t stride = csa_agent.ring->lane_stride;

	return csa_lane_space(fd, offset, begins_with) &&
	       csa_lane_space(fd, offset + stride - PAGE, PAGE);
}

static void *map_lane(long fd, uint64_t offset, uint64_t size, uint64_t *backed)
{
	uint64_t whole = CS_LANE_HEADER_BYTES + size;
	uint64_t first = size < LANE_FIRST_BYTES ? size : LANE_FIRST_BYTES;

	if (!reserve_space(fd, offset, CS_LANE_HEADER_BYTES + first))
		return NULL;
	long start = csa_sys6(SYS_mmap, 0, (long)whole, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	                      (long)offset);
	if (csa_sys_failed(start))
		return NULL;
	long error =
		csa_sys3(SYS_madvise, start, CS_LANE_HEADER_BYTES + first, MADV_POPULATE_WRITE_);

	*backed = error ? size : first;
	if (!error || (error == -EINVAL && csa_lane_space(fd, offset, whole)))
		return (void *)start;
	csa_unmap((void *)start, whole);
	return NULL;
}

static void raise_lane_count(uint32_t count)
{
	uint32_t have = atomic_load(&csa_agent.ring->lane_count);

	while (have < count &&
	       !atomic_compare_exchange_weak(&csa_agent.ring->lane_count, &have, count))
		;
}

bool csa_lane_open(struct csa_thread *thread)
{
	uint32_t number = atomic_fetch_add(&csa_agent.lanes_taken, 1);
	uint64_t offset = CS_RING_HEADER_BYTES + number * csa_agent.ring->lane_stride;
	uint64_t size = size_of_lane(number);
	struct cs_lane *lane;

	if (number >= CS_LANES_MAX)
		return false;
	long fd = csa_sys4(SYS_openat, AT_FDCWD, csa_agent.ring_path,
	                   O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return false;
	lane = map_lane(fd, offset, size, &thread->backed);
	csa_sys1(SYS_close, fd);
	if (!lane)
		return false;
	atomic_store_explicit(&lane->bytes, size, memory_order_relaxed);
	thread->data = (uint8_t *)lane + CS_LANE_HEADER_BYTES;
	thread->mask = size - 1;
	/* Last: who takes over lanes (thread.c) may see this thread, in a child of fork. */
	__atomic_store_n(&thread->lane, lane, __ATOMIC_RELEASE);
	raise_lane_count(number + 1);
	csa_count(CS_AGENT_LANE_BYTES, CS_LANE_HEADER_BYTES + thread->backed);
	return true;
}
