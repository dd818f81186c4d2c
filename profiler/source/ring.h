/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring, from the reader's side. The process that writes it may be anything from slow to
 * hostile: the header is copied and checked once, records are copied out of a lane before
 * they are checked, and nothing is read from the ring twice. What does not hold makes the
 * lane "damaged": the rest of it is passed over, and every report says so.
 */
#ifndef CS_SOURCE_RING_H
#define CS_SOURCE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "wire/record.h"
#include "wire/ring.h"

/* Bytes taken out of a lane at once. */
#define CS_LANE_BUFFER_BYTES (UINT32_C(64) << 10)

/* A lane that is being written for longer than this holds the order of its ring no more. */
#define CS_PENDING_STUCK_NS UINT64_C(100000000)

struct cs_lane_reader {
	struct cs_lane *shared; /* header and data, mapped */
	uint64_t bytes;         /* of data, a power of two; 0: it has never had a record */
	uint64_t bytes_max;     /* what the ring's header says */
	uint32_t idle_passes;

	uint64_t position; /* bytes taken out of it */
	uint64_t head;     /* at the last look */
	uint64_t pending;  /* at the last look; 0 when it holds no longer */
	uint64_t pending_seen;
	uint64_t pending_since_ns;

	/* The private copy: whole, checked records from begin to ready, stamps ascending. */
	uint8_t *buffer;
	uint32_t begin, ready, end;
	uint32_t fetches; /* times that its contents have changed */
	uint64_t last_stamp;

	uint64_t delivered;     /* records, counted as cs_lane.emitted counts them */
	uint64_t lost_told;     /* by its LOST records */
	uint64_t emitted, lost; /* what its header says, see cs_lane_totals() */
	uint32_t tid;

	const char *damage; /* why it is read no further; NULL: sound */
	void *user;         /* of the decoder */
};

/* What the header said when the ring was opened, checked. Strings are terminated. */
struct cs_ring_info {
	uint64_t lane_bytes, lane_stride;
	uint32_t clock, pid, parent_pid, flags;
	uint64_t start_stamp, start_mono_ns, boot_ticks, fork_stamp, fork_ring_start;
	uint64_t heap_mean_bytes;
	char executable[1024];
	char arguments[1024]; /* separated by NUL, ends with two */
};

struct cs_ring_reader {
	char name[64];
	int fd;          /* -1: in memory */
	uint8_t *memory; /* in memory: all of it */
	uint64_t memory_bytes;
	struct cs_ring *shared; /* the header, mapped */
	uint64_t inode;
	struct cs_ring_info info;
	struct cs_lane_reader **lanes;
	uint32_t lane_count;

	uint32_t state, refusal; /* at the last look */
	uint64_t counters[CS_AGENT_COUNTERS];
	const char *damage; /* no further lane can be had; NULL: sound */
};

/*
 * Opens the ring NAME in the folder FD. LANE_BYTES is what the session asked for (0: any).
 * NULL: DIAG says in words why, with the way out for another version.
 */
struct cs_ring_reader *cs_ring_open(int fd, const char *name, uint64_t lane_bytes,
                                    struct cs_diag *diag);

/* A ring in memory of ours, aligned to a page: for tests and fuzzers. It is not freed. */
struct cs_ring_reader *cs_ring_open_memory(void *memory, uint64_t bytes, struct cs_diag *diag);

void cs_ring_close(struct cs_ring_reader *ring);

/* Finds new lanes and reads state, refusal. NOW_NS is any steady clock. */
void cs_ring_look(struct cs_ring_reader *ring, uint64_t now_ns);

/* Reads the counters and, for each lane, emitted, lost, owner: for accounts, not for order. */
void cs_ring_totals(struct cs_ring_reader *ring);

/* The thread that owns the lane now; 0 none, or not known. */
uint32_t cs_lane_owner(struct cs_lane_reader *lane);

/* Bytes that wait in LANE up to HEAD, per mille of its size. */
uint32_t cs_lane_fullness(const struct cs_lane_reader *lane, uint64_t head);

/* The same of the fullest lane, as of now. */
uint32_t cs_ring_fullness(struct cs_ring_reader *ring);

/* ---- one lane ---- */

/*
 * Makes records ready, up to the head of the last look, and gives the space back to the
 * producer. False: there are none (or the lane is damaged).
 */
bool cs_lane_fetch(struct cs_lane_reader *lane);

/* The next record; NULL when fetch has to be called. */
static inline struct cs_record *cs_lane_front(const struct cs_lane_reader *lane)
{
	return lane->begin < lane->ready ? (struct cs_record *)(lane->buffer + lane->begin) : NULL;
}

/* Where what was handed out ends, and how many counted records that makes. */
void cs_lane_consumed(const struct cs_lane_reader *lane, uint64_t *position, uint64_t *delivered);

/*
 * Goes on at POSITION, which another reader had reached; after a look. False: what is there
 * has been, or may have been, written over since.
 */
bool cs_lane_is_there(const struct cs_lane_reader *lane, uint64_t position);
void cs_lane_resume(struct cs_lane_reader *lane, uint64_t position, uint64_t delivered);

/* Frees the private copy of a lane that has nothing for us. */
void cs_lane_rest(struct cs_lane_reader *lane);

#endif
