/* SPDX-License-Identifier: Apache-2.0 */
#include "producer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/unit.h"
#include "wire/session.h"

static uint64_t stride(const struct producer *producer)
{
	return producer->lane_bytes + CS_LANE_HEADER_BYTES;
}

static void fill_in(struct producer *producer, uint32_t lanes)
{
	struct cs_ring *ring = producer->ring;

	ring->magic = CS_RING_MAGIC;
	ring->version = CS_WIRE_VERSION;
	ring->header_bytes = CS_RING_HEADER_BYTES;
	ring->lane_bytes = producer->lane_bytes;
	ring->lane_stride = stride(producer);
	ring->clock = CS_CLOCK_MONOTONIC;
	ring->pid = (uint32_t)getpid();
	ring->parent_pid = (uint32_t)getppid();
	ring->heap_mean_bytes = CS_HEAP_ALL;
	strcpy(ring->executable, "/bin/program");
	memcpy(ring->arguments, "program\0-v", 10);
	atomic_store(&ring->state, CS_RING_OPEN);
	for (uint32_t i = 0; i < lanes; i++)
		atomic_store(&producer_lane(producer, i)->bytes, producer->lane_bytes);
	atomic_store(&ring->lane_count, lanes);
}

static void size_up(struct producer *producer, uint64_t lane_bytes, uint32_t lanes)
{
	memset(producer, 0, sizeof(*producer));
	producer->lane_bytes = lane_bytes;
	producer->bytes = CS_RING_HEADER_BYTES + lanes * stride(producer);
	producer->fd = -1;
}

void producer_begin(struct producer *producer, uint64_t lane_bytes, uint32_t lanes)
{
	size_up(producer, lane_bytes, lanes);
	producer->ring = aligned_alloc(4096, producer->bytes);
	assert_non_null(producer->ring);
	memset(producer->ring, 0, producer->bytes);
	fill_in(producer, lanes);
}

/* Field 22 of our own stat. */
static uint64_t own_ticks(void)
{
	char text[1024];
	FILE *file = fopen("/proc/self/stat", "r");
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	char *at;

	fclose(file);
	text[length] = '\0';
	at = strrchr(text, ')') + 2;
	for (int field = 3; field < 22; field++)
		at = strchr(at, ' ') + 1;
	return strtoull(at, NULL, 10);
}

void producer_begin_file(struct producer *producer, int fd, uint64_t lane_bytes, uint32_t lanes,
                         uint64_t start)
{
	char path[80];

	size_up(producer, lane_bytes, lanes);
	snprintf(producer->name, sizeof(producer->name), CS_RING_PREFIX "%d.%llx", (int)getpid(),
	         (unsigned long long)start);
	snprintf(path, sizeof(path), CS_RING_NEW_PREFIX "%s", producer->name);
	producer->fd = openat(fd, path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(producer->fd >= 0);
	assert_int_equal(ftruncate(producer->fd, (off_t)producer->bytes), 0);
	producer->ring =
		mmap(NULL, producer->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, producer->fd, 0);
	assert_true(producer->ring != MAP_FAILED);
	fill_in(producer, lanes);
	producer->ring->boot_ticks = own_ticks();
	producer->ring->start_stamp = start;
	producer->ring->start_mono_ns = start;
}

void producer_publish(struct producer *producer, int fd)
{
	char path[80];

	snprintf(path, sizeof(path), CS_RING_NEW_PREFIX "%s", producer->name);
	assert_int_equal(renameat(fd, path, fd, producer->name), 0);
}

void producer_end(struct producer *producer)
{
	if (producer->fd < 0) {
		free(producer->ring);
		return;
	}
	munmap(producer->ring, producer->bytes);
	close(producer->fd);
}

struct cs_lane *producer_lane(const struct producer *producer, uint32_t lane)
{
	return (struct cs_lane *)((uint8_t *)producer->ring + CS_RING_HEADER_BYTES +
	                          lane * stride(producer));
}

/* Room for BYTES that does not wrap; NULL: full. */
static void *reserve(struct producer *producer, uint32_t lane, uint32_t bytes)
{
	struct cs_lane *shared = producer_lane(producer, lane);
	uint8_t *data = (uint8_t *)shared + CS_LANE_HEADER_BYTES;
	uint64_t size = producer->lane_bytes;
	uint64_t *position = &producer->lanes[lane].position;
	uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
	uint64_t to_end = size - (*position & (size - 1));
	uint64_t gap = bytes > to_end ? to_end : 0;

	if (*position + gap + bytes > tail + size)
		return NULL;
	if (gap) {
		struct cs_record *skip = (struct cs_record *)(data + (*position & (size - 1)));
		*(uint64_t *)skip = 0;
		skip->bytes = (uint16_t)gap;
		skip->kind = CS_RECORD_SKIP;
		*position += gap;
	}
	void *room = data + (*position & (size - 1));
	*position += bytes;
	return room;
}

static bool tell_loss(struct producer *producer, uint32_t lane, uint64_t stamp)
{
	struct cs_record_lost *record = reserve(producer, lane, sizeof(*record));

	if (!record)
		return false;
	*record = (struct cs_record_lost){
		.head = {sizeof(*record), CS_RECORD_LOST, 0, stamp},
		.count = producer->lanes[lane].lost - producer->lanes[lane].lost_told,
		.first_stamp = producer->lanes[lane].lost_stamp,
	};
	producer->lanes[lane].lost_told = producer->lanes[lane].lost;
	return true;
}

bool producer_put(struct producer *producer, uint32_t lane, enum cs_record_kind kind,
                  uint64_t stamp, uint32_t arg, void *record, uint32_t bytes)
{
	struct cs_lane *shared = producer_lane(producer, lane);
	bool counted = kind != CS_RECORD_STACK;
	bool behind = producer->lanes[lane].lost != producer->lanes[lane].lost_told;
	void *room = NULL;

	*(struct cs_record *)record =
		(struct cs_record){(uint16_t)bytes, (uint16_t)kind, arg, stamp};
	producer->lanes[lane].emitted += counted;
	if (!behind || tell_loss(producer, lane, stamp))
		room = reserve(producer, lane, bytes);
	if (room) {
		memcpy(room, record, bytes);
	} else if (counted) {
		if (producer->lanes[lane].lost == producer->lanes[lane].lost_told)
			producer->lanes[lane].lost_stamp = stamp;
		producer->lanes[lane].lost++;
	}
	atomic_store_explicit(&shared->emitted, producer->lanes[lane].emitted,
	                      memory_order_relaxed);
	atomic_store_explicit(&shared->lost, producer->lanes[lane].lost, memory_order_relaxed);
	atomic_store_explicit(&shared->head, producer->lanes[lane].position, memory_order_release);
	return room != NULL;
}

void producer_thread(struct producer *producer, uint32_t lane, enum cs_record_kind kind,
                     uint64_t stamp, uint32_t tid, const char *name)
{
	struct cs_record_thread record = {
		.tid = tid, .stack_low = 0x10000 * (tid + 1), .stack_high = 0x10000 * (tid + 2)};

	strncpy(record.name, name, sizeof(record.name) - 1);
	atomic_store(&producer_lane(producer, lane)->tid, tid);
	producer_put(producer, lane, kind, stamp, 0, &record, sizeof(record));
}

bool producer_alloc(struct producer *producer, uint32_t lane, uint64_t stamp, uint64_t address,
                    uint32_t size, uint64_t stack)
{
	struct cs_record_alloc record = {.address = address, .stack = stack};

	return producer_put(producer, lane, CS_RECORD_ALLOC, stamp, size, &record, sizeof(record));
}

bool producer_free(struct producer *producer, uint32_t lane, uint64_t stamp, uint64_t address)
{
	struct cs_record_free record = {.address = address};

	return producer_put(producer, lane, CS_RECORD_FREE, stamp, 0, &record, sizeof(record));
}

void producer_module(struct producer *producer, uint32_t lane, uint64_t stamp, uint32_t generation,
                     uint64_t start, uint64_t end, const char *path)
{
	_Alignas(8) uint8_t bytes[sizeof(struct cs_record_module) + 64] = {0};
	struct cs_record_module *record = (struct cs_record_module *)bytes;

	record->bias = record->start = start;
	record->end = end;
	record->path_bytes = (uint32_t)strlen(path);
	assert_true(record->path_bytes <= 64);
	memcpy(record->path, path, record->path_bytes);
	producer_put(producer, lane, CS_RECORD_MODULE, stamp, generation, bytes, sizeof(bytes));
}

uint64_t producer_stack_in(struct producer *producer, uint32_t lane, uint64_t stamp, uint64_t epoch,
                           uint64_t parent, uint32_t count, const uint64_t *pcs)
{
	_Alignas(8) uint8_t bytes[sizeof(struct cs_record_stack) + 8 * CS_STACK_DEPTH_MAX];
	struct cs_record_stack *record = (struct cs_record_stack *)bytes;
	uint64_t hash = parent ? parent : cs_stack_root(epoch);

	record->parent = parent;
	record->epoch = epoch;
	for (uint32_t i = 0; i < count; i++) {
		record->pcs[i] = pcs[i];
		hash = cs_stack_hash(hash, pcs[i]);
	}
	producer_put(producer, lane, CS_RECORD_STACK, stamp, count, bytes,
	             (uint32_t)sizeof(*record) + count * 8);
	return hash;
}

uint64_t producer_stack(struct producer *producer, uint32_t lane, uint64_t stamp, uint64_t parent,
                        uint32_t count, const uint64_t *pcs)
{
	return producer_stack_in(producer, lane, stamp, 1, parent, count, pcs);
}
