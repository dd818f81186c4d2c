/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring as an agent would write it, without an agent: in memory or in a session's folder.
 * One thread a lane at a time, which may be another one than the reader's.
 */
#ifndef CS_TEST_PRODUCER_H
#define CS_TEST_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/record.h"
#include "wire/ring.h"

#define PRODUCER_LANES 64

#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN 1
#else
#define UNDER_TSAN 0
#endif

struct producer {
	struct cs_ring *ring; /* header, followed by all lanes */
	uint64_t bytes;
	uint64_t lane_bytes;
	int fd; /* -1: in memory */
	char name[64];
	struct {
		uint64_t position, emitted, lost, lost_told, lost_stamp;
	} lanes[PRODUCER_LANES];
};

/* Stamps count nanoseconds. */
void producer_begin(struct producer *producer, uint64_t lane_bytes, uint32_t lanes);

/* In the folder FD, under its final name, visible from producer_publish() on. The process is
 * our own; START makes several of one process. */
void producer_begin_file(struct producer *producer, int fd, uint64_t lane_bytes, uint32_t lanes,
                         uint64_t start);
void producer_publish(struct producer *producer, int fd);
void producer_end(struct producer *producer);

struct cs_lane *producer_lane(const struct producer *producer, uint32_t lane);

/* Writes RECORD, whose head it completes, unless there is no room: then it is lost. */
bool producer_put(struct producer *producer, uint32_t lane, enum cs_record_kind kind,
                  uint64_t stamp, uint32_t arg, void *record, uint32_t bytes);

void producer_thread(struct producer *producer, uint32_t lane, enum cs_record_kind kind,
                     uint64_t stamp, uint32_t tid, const char *name);
bool producer_alloc(struct producer *producer, uint32_t lane, uint64_t stamp, uint64_t address,
                    uint32_t size, uint64_t stack);
bool producer_free(struct producer *producer, uint32_t lane, uint64_t stamp, uint64_t address);
void producer_module(struct producer *producer, uint32_t lane, uint64_t stamp, uint32_t generation,
                     uint64_t start, uint64_t end, const char *path);

/* Defines the stack PCS (outermost first) below PARENT and returns its name. */
uint64_t producer_stack(struct producer *producer, uint32_t lane, uint64_t stamp, uint64_t parent,
                        uint32_t count, const uint64_t *pcs);

uint64_t producer_stack_in(struct producer *producer, uint32_t lane, uint64_t stamp, uint64_t epoch,
                           uint64_t parent, uint32_t count, const uint64_t *pcs);

#endif
