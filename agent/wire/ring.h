/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring: the shared file of one process image. A header page, then lanes, one per thread.
 *
 *   0                       struct cs_ring                     (CS_RING_HEADER_BYTES)
 *   header + i*lane_stride  struct cs_lane, padded to a page, then its data, at most lane_bytes
 *
 * The agent reserves memory before it touches it (a full disk must not become SIGBUS in the
 * target): what a lane begins with before it raises lane_count, more when records have filled
 * that. What was never used is a hole in the file. Lanes are never removed; the lane of an
 * ended thread is taken over by a new one, whose records follow a THREAD_START record.
 *
 * The file outlives its process: what was published before kill -9 is read afterwards.
 * The reader must take every value in here for hostile: check, copy, then use.
 */
#ifndef CS_WIRE_RING_H
#define CS_WIRE_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CS_RING_MAGIC UINT64_C(0x31474e524f524f43) /* "CORORNG1", little endian */
#define CS_RING_HEADER_BYTES 8192u
#define CS_LANE_HEADER_BYTES 4096u
#define CS_LANES_MAX 65536u
#define CS_LANE_BYTES_MIN UINT64_C(4096)

/*
 * So many lanes of a process have all of lane_bytes, the next up to four times as many a quarter of
 * that, and so on, but none less than CS_LANE_BYTES_LEAST: memory grows with what is recorded, not
 * with the number of threads.
 */
#define CS_LANES_WHOLE 64u
#define CS_LANE_BYTES_LEAST (UINT64_C(64) << 10)

enum cs_ring_state {
	CS_RING_OPEN = 1,   /* the process records */
	CS_RING_ENDED = 2,  /* its exit handlers ran: few or no records follow */
	CS_RING_REFUSED = 3 /* the agent records nothing; `refusal` says why */
};

enum cs_refusal {
	CS_REFUSAL_NONE,
	CS_REFUSAL_VERSION,    /* agent and session speak different wire versions */
	CS_REFUSAL_OWN_MALLOC, /* the program's executable defines malloc itself: ours is not called */
	CS_REFUSAL_NO_MEMORY, /* a table could not be mapped */
	CS_REFUSAL_COUNT
};

enum cs_ring_clock { CS_CLOCK_TSC = 1, CS_CLOCK_MONOTONIC = 2 };

/*
 * What the agent counts, per process, all cumulative. Every report shows those that speak
 * of something missing. Written with relaxed atomic adds on cold paths only.
 */
enum cs_agent_counter {
	CS_AGENT_SAMPLES,          /* allocations that were recorded */
	CS_AGENT_WAITS,            /* times a thread waited on a full lane */
	CS_AGENT_WAIT_NS,          /* all waits together, without … */
	CS_AGENT_WAIT_MAX_NS,      /* the longest wait (a maximum, not a sum), without … */
	CS_AGENT_NO_LANE,          /* events lost because a thread could get no lane */
	CS_AGENT_LIVE_FULL,        /* samples whose free can't be tracked: the live table is full */
	CS_AGENT_STACK_CUT,        /* stacks that end before their outermost frame */
	CS_AGENT_STACK_FOREIGN,    /* stacks walked outside the thread's own stack */
	CS_AGENT_STACK_NONE,       /* events recorded inside a signal handler, without a stack */
	CS_AGENT_GUARD_RESET,      /* hooks left by longjmp, noticed and repaired */
	CS_AGENT_ALLOCATOR_MAPPED, /* bytes mapped by the allocator itself, now (not a sum) */
	CS_AGENT_BRK_GROWTH,       /* bytes the program's own sbrk/brk calls added, now */
	CS_AGENT_OWN_BYTES,    /* of threads and stacks, without lanes, tables, coroutines; now */
	CS_AGENT_SANDBOXED,    /* 1: the program entered seccomp: fewer or no records since */
	CS_AGENT_CORO_REFUSED, /* coroutines that are not followed: no slot, or no table */
	CS_AGENT_CORO_SHARED,  /* stacks on which several coroutines were met, taken for one */
	CS_AGENT_WAIT_LATE_NS, /* … what a busy machine added before a thread ran again */
	CS_AGENT_LANE_BYTES,   /* memory of all lanes that were made, now */
	CS_AGENT_TABLE_BYTES,  /* of the table of known stacks, at most, now */
	CS_AGENT_COUNTERS = 32 /* room for later ones; unknown ones are shown by number */
};

struct cs_ring {
	uint64_t magic;
	uint32_t version; /* CS_WIRE_VERSION of the agent */
	uint32_t header_bytes;
	uint64_t lane_stride;
	uint64_t lane_bytes;
	uint32_t clock; /* enum cs_ring_clock: what stamps count */
	uint32_t pid;   /* as the process itself sees it */
	uint32_t parent_pid;
	uint32_t flags;           /* enum cs_ring_flag */
	uint64_t start_stamp;     /* when this ring began */
	uint64_t start_mono_ns;   /* CLOCK_MONOTONIC, read just after start_stamp */
	uint64_t boot_ticks;      /* field 22 of /proc/self/stat: with pid, an identity */
	uint64_t fork_stamp;      /* CS_RING_FORKED: the parent's stamp of the fork … */
	uint64_t fork_ring_start; /* … and start_stamp of the parent's ring (with parent_pid) */
	uint64_t heap_mean_bytes;
	uint64_t brk_start;
	char executable[1024]; /* NUL-terminated, "" unknown */
	char arguments[1024];  /* separated by NUL, ends with two; cut at the end */

	_Alignas(64) _Atomic uint32_t state; /* enum cs_ring_state */
	_Atomic uint32_t refusal;            /* enum cs_refusal */
	_Atomic uint32_t lane_count;
	uint32_t reserved;

	_Alignas(64) _Atomic uint64_t counters[CS_AGENT_COUNTERS];
};

enum cs_ring_flag {
	CS_RING_FORKED = 1u << 0, /* began in the child of a fork, without exec */
};

/*
 * A lane. The first line belongs to the producer, the second to the reader.
 *
 * Data between tail and head is whole records (record.h), never wrapping: a SKIP record
 * fills the end. Positions are counted in bytes and never wrap; the offset is
 * position & (bytes - 1). head is published (release) only when everything below it
 * is complete, so a thread killed in mid-write leaves nothing half.
 *
 * pending is not 0 while a record is being made: no record that the lane may still publish
 * has a lower stamp. While it is 0, future stamps are not lower than the present minus the
 * time a store needs to become visible (the reader allows CS_PENDING_MARGIN_NS).
 *
 * A record may be 8 bytes longer than its kind needs, so that no gap of 8 is left at the end.
 *
 * emitted counts every record offered but SKIP, LOST and STACK; lost those that found no
 * room: emitted = delivered + lost, exactly, when the lane has been drained.
 */
struct cs_lane {
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t pending;
	_Atomic uint64_t emitted;
	_Atomic uint64_t lost;
	_Atomic uint32_t tid; /* the owner, 0 for none yet */
	_Atomic uint32_t owner_ended;
	/* Of its data: a power of two, at most the ring's lane_bytes. It may become smaller, before
	 * head comes that far; stored before head. */
	_Atomic uint64_t bytes;
	uint64_t reserved[2];

	_Alignas(64) _Atomic uint64_t tail;
	uint64_t reserved2[7];
};

#define CS_PENDING_MARGIN_NS UINT64_C(200000)

_Static_assert(sizeof(struct cs_lane) == 128, "wire struct");
_Static_assert(offsetof(struct cs_lane, tail) == 64, "wire struct");
_Static_assert(sizeof(struct cs_ring) <= CS_RING_HEADER_BYTES, "wire struct");
_Static_assert(offsetof(struct cs_ring, executable) == 104, "wire struct");
_Static_assert(offsetof(struct cs_ring, state) == 2176, "wire struct");
_Static_assert(offsetof(struct cs_ring, counters) == 2240, "wire struct");

#endif
