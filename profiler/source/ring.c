/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a ring, and its lanes as they appear.
 */
#include "source/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/guard.h"
#include "source/lane.h"
#include "wire/session.h"

#define LANE_BYTES_MAX (UINT64_C(1) << 30)

/* Weights of samples are computed in 64 bits. */
#define HEAP_MEAN_MAX (UINT64_C(1) << 40)

/* ---- the file ---- */

static int check_file(struct cs_ring_reader *ring, struct cs_diag *diag)
{
	struct stat status;

	if (fstat(ring->fd, &status))
		return cs_diag_set(diag, -errno, "read %s: %s", ring->name, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return cs_diag_set(diag, -EINVAL, "read %s: it is not a file", ring->name);
	if (status.st_uid != geteuid() || status.st_nlink > 1)
		return cs_diag_set(diag, -EPERM, "read %s: it is not a file of ours alone",
		                   ring->name);
	ring->inode = status.st_ino;
	return 0;
}

static uint64_t size_of(const struct cs_ring_reader *ring)
{
	struct stat status;

	if (ring->memory || ring->fd < 0)
		return ring->memory_bytes;
	return fstat(ring->fd, &status) || status.st_size < 0 ? 0 : (uint64_t)status.st_size;
}

/* BYTES at OFFSET; NULL if the file is too short. */
static void *map_part(struct cs_ring_reader *ring, uint64_t offset, uint64_t bytes)
{
	uint64_t size = size_of(ring);

	if (offset > size || bytes > size - offset)
		return NULL;
	if (ring->memory)
		return ring->memory + offset;
	void *part = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, (off_t)offset);
	return part == MAP_FAILED ? NULL : part;
}

static void unmap_part(const struct cs_ring_reader *ring, void *part, uint64_t bytes)
{
	if (part && !ring->memory)
		munmap(part, bytes);
}

/* ---- the header ---- */

static int check_version(const struct cs_ring_reader *ring, const struct cs_ring *header,
                         struct cs_diag *diag)
{
	if (header->magic != CS_RING_MAGIC)
		return cs_diag_set(diag, -EINVAL, "read %s: it is not a ring of coroscope",
		                   ring->name);
	if (header->version == CS_WIRE_VERSION)
		return 0;
	cs_diag_set(diag, -EPROTO,
	            "read %s: its agent speaks version %" PRIu32
	            " of the wire, this coroscope speaks %u",
	            ring->name, header->version, CS_WIRE_VERSION);
	return cs_diag_hint(diag, "command and agent must come from one build: install both "
	                          "again, or name the right agent in COROSCOPE_AGENT");
}

static int check_header(const struct cs_ring_reader *ring, const struct cs_ring *header,
                        uint64_t lane_bytes, struct cs_diag *diag)
{
	uint64_t bytes = header->lane_bytes;

	if (header->header_bytes != CS_RING_HEADER_BYTES || bytes < CS_LANE_BYTES_MIN ||
	    bytes > LANE_BYTES_MAX || (bytes & (bytes - 1)) ||
	    header->lane_stride != bytes + CS_LANE_HEADER_BYTES ||
	    (lane_bytes && bytes != lane_bytes))
		return cs_diag_set(diag, -EINVAL, "read %s: the sizes in its header are wrong",
		                   ring->name);
	if (header->heap_mean_bytes > HEAP_MEAN_MAX)
		return cs_diag_set(diag, -EINVAL, "read %s: nobody samples that rarely",
		                   ring->name);
	if (header->clock != CS_CLOCK_TSC && header->clock != CS_CLOCK_MONOTONIC)
		return cs_diag_set(diag, -EINVAL, "read %s: it counts time in an unknown way",
		                   ring->name);
	return 0;
}

static void take_info(struct cs_ring_info *info, const struct cs_ring *header)
{
	info->lane_bytes = header->lane_bytes;
	info->lane_stride = header->lane_stride;
	info->clock = header->clock;
	info->pid = header->pid;
	info->parent_pid = header->parent_pid;
	info->flags = header->flags;
	info->start_stamp = header->start_stamp;
	info->start_mono_ns = header->start_mono_ns;
	info->boot_ticks = header->boot_ticks;
	info->fork_stamp = header->fork_stamp;
	info->fork_ring_start = header->fork_ring_start;
	info->heap_mean_bytes = header->heap_mean_bytes;
	memcpy(info->executable, header->executable, sizeof(info->executable));
	memcpy(info->arguments, header->arguments, sizeof(info->arguments));
	info->executable[sizeof(info->executable) - 1] = '\0';
	info->arguments[sizeof(info->arguments) - 1] = '\0';
	info->arguments[sizeof(info->arguments) - 2] = '\0';
}

static int read_header(struct cs_ring_reader *ring, uint64_t lane_bytes, struct cs_diag *diag)
{
	struct cs_ring header;
	int error;

	ring->shared = map_part(ring, 0, CS_RING_HEADER_BYTES);
	if (!ring->shared || !cs_guard_copy(&header, ring->shared, sizeof(header)))
		return cs_diag_set(diag, -EINVAL, "read %s: it is too short for a ring",
		                   ring->name);
	error = check_version(ring, &header, diag);
	if (!error)
		error = check_header(ring, &header, lane_bytes, diag);
	if (!error)
		take_info(&ring->info, &header);
	return error;
}

struct cs_ring_reader *cs_ring_open(int fd, const char *name, uint64_t lane_bytes,
                                    struct cs_diag *diag)
{
	struct cs_ring_reader *ring = calloc(1, sizeof(*ring));
	int error = -ENOMEM;

	if (!ring)
		return cs_diag_set(diag, error, "read %s: not enough memory", name), NULL;
	strncpy(ring->name, name, sizeof(ring->name) - 1);
	ring->fd = openat(fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (ring->fd < 0)
		error = cs_diag_set(diag, -errno, "open %s: %s", name, strerror(errno));
	else
		error = check_file(ring, diag);
	if (!error)
		error = read_header(ring, lane_bytes, diag);
	if (!error)
		return ring;
	cs_ring_close(ring);
	return NULL;
}

struct cs_ring_reader *cs_ring_open_memory(void *memory, uint64_t bytes, struct cs_diag *diag)
{
	struct cs_ring_reader *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return cs_diag_set(diag, -ENOMEM, "read a ring: not enough memory"), NULL;
	strncpy(ring->name, "memory", sizeof(ring->name) - 1);
	ring->fd = -1;
	ring->memory = memory;
	ring->memory_bytes = bytes;
	if (!read_header(ring, 0, diag))
		return ring;
	cs_ring_close(ring);
	return NULL;
}

void cs_ring_close(struct cs_ring_reader *ring)
{
	if (!ring)
		return;
	for (uint32_t i = 0; i < ring->lane_count; i++) {
		unmap_part(ring, ring->lanes[i]->shared, ring->info.lane_stride);
		free(ring->lanes[i]->buffer);
		free(ring->lanes[i]);
	}
	free(ring->lanes);
	unmap_part(ring, ring->shared, CS_RING_HEADER_BYTES);
	if (ring->fd >= 0)
		close(ring->fd);
	free(ring);
}

/* ---- lanes ---- */

struct lane_start {
	const struct cs_lane *shared;
	uint64_t tail;
};

static void read_tail(void *arg)
{
	struct lane_start *start = arg;

	start->tail = atomic_load_explicit(&start->shared->tail, memory_order_acquire);
}

static struct cs_lane_reader *open_lane(struct cs_ring_reader *ring, uint32_t index)
{
	uint64_t offset = CS_RING_HEADER_BYTES + (uint64_t)index * ring->info.lane_stride;
	struct cs_lane *shared = map_part(ring, offset, ring->info.lane_stride);
	struct lane_start start = {.shared = shared};
	struct cs_lane_reader *lane;

	if (!shared || !cs_guard_call(read_tail, &start) || start.tail % 8 ||
	    !(lane = calloc(1, sizeof(*lane)))) {
		unmap_part(ring, shared, ring->info.lane_stride);
		return NULL;
	}
	lane->shared = shared;
	lane->bytes_max = ring->info.lane_bytes;
	lane->position = lane->head = start.tail;
	return lane;
}

static void open_lanes(struct cs_ring_reader *ring, uint32_t count)
{
	if (count > CS_LANES_MAX) {
		ring->damage = "it claims more lanes than there can be";
		return;
	}
	struct cs_lane_reader **lanes =
		realloc(ring->lanes, count * sizeof(struct cs_lane_reader *));
	if (!lanes)
		return; /* the next look tries again */
	ring->lanes = lanes;
	while (ring->lane_count < count) {
		struct cs_lane_reader *lane = open_lane(ring, ring->lane_count);

		if (!lane) {
			ring->damage = "a lane of it can't be mapped";
			return;
		}
		ring->lanes[ring->lane_count++] = lane;
	}
}

struct header_look {
	const struct cs_ring *shared;
	uint32_t lane_count, state, refusal;
};

static void do_header_look(void *arg)
{
	struct header_look *look = arg;

	look->lane_count = atomic_load_explicit(&look->shared->lane_count, memory_order_acquire);
	look->state = atomic_load_explicit(&look->shared->state, memory_order_acquire);
	look->refusal = atomic_load_explicit(&look->shared->refusal, memory_order_relaxed);
}

void cs_ring_look(struct cs_ring_reader *ring, uint64_t now_ns)
{
	struct header_look look = {.shared = ring->shared};

	if (cs_guard_call(do_header_look, &look)) {
		ring->state = look.state;
		ring->refusal = look.refusal;
		if (look.lane_count > ring->lane_count && !ring->damage)
			open_lanes(ring, look.lane_count);
	} else if (!ring->damage) {
		ring->damage = "its file became shorter";
	}
	for (uint32_t i = 0; i < ring->lane_count; i++)
		cs_lane_look(ring->lanes[i], now_ns);
}

/* ---- accounts ---- */

static void do_lane_totals(void *arg)
{
	struct cs_lane_reader *lane = arg;

	lane->emitted = atomic_load_explicit(&lane->shared->emitted, memory_order_acquire);
	lane->lost = atomic_load_explicit(&lane->shared->lost, memory_order_relaxed);
	lane->tid = atomic_load_explicit(&lane->shared->tid, memory_order_relaxed);
}

static void do_counters(void *arg)
{
	struct cs_ring_reader *ring = arg;

	for (int i = 0; i < CS_AGENT_COUNTERS; i++)
		ring->counters[i] =
			atomic_load_explicit(&ring->shared->counters[i], memory_order_relaxed);
}

void cs_ring_totals(struct cs_ring_reader *ring)
{
	cs_guard_call(do_counters, ring);
	for (uint32_t i = 0; i < ring->lane_count; i++)
		cs_guard_call(do_lane_totals, ring->lanes[i]);
}

uint32_t cs_lane_owner(struct cs_lane_reader *lane)
{
	cs_guard_call(do_lane_totals, lane);
	return lane->tid;
}

struct fill {
	const struct cs_lane *shared;
	uint64_t head;
};

static void do_fill(void *arg)
{
	struct fill *fill = arg;

	fill->head = atomic_load_explicit(&fill->shared->head, memory_order_acquire);
}

uint32_t cs_lane_fullness(const struct cs_lane_reader *lane, uint64_t head)
{
	uint64_t waiting = head - lane->position;

	if (!lane->bytes)
		return 0;
	return waiting > lane->bytes ? 1000 : (uint32_t)(waiting * 1000 / lane->bytes);
}

uint32_t cs_ring_fullness(struct cs_ring_reader *ring)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < ring->lane_count; i++) {
		const struct cs_lane_reader *lane = ring->lanes[i];
		struct fill fill = {.shared = lane->shared};
		uint32_t full;

		if (lane->damage || !cs_guard_call(do_fill, &fill))
			continue;
		full = cs_lane_fullness(lane, fill.head);
		if (full > most)
			most = full;
	}
	return most;
}
