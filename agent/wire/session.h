/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session: one folder in which one reader and the agents of a process tree meet.
 *
 *   SESSION/session          this struct: written by the reader, mapped by every agent
 *   SESSION/ring.PID.STAMP   one ring per process image (see ring.h), made by its agent
 *   SESSION/coroutines.PID.STAMP   its coroutines, once it has any (see coroutine.h)
 *
 * The folder is 0700, files are 0600 and belong to one user; an agent follows no symbolic
 * link and creates with O_EXCL under a name starting with "new.", renamed when it is whole.
 * The agent trusts the reader's configuration (same user); the reader trusts no ring.
 */
#ifndef CS_WIRE_SESSION_H
#define CS_WIRE_SESSION_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Raised by any change of a struct in wire/. Reader and agent must agree exactly. */
#define CS_WIRE_VERSION 3u

#define CS_SESSION_MAGIC UINT64_C(0x315353534f524f43) /* "COROSSS1", little endian */
#define CS_SESSION_FILE "session"
#define CS_RING_PREFIX "ring."
#define CS_RING_NEW_PREFIX "new."

/* Environment: the session's folder, and the user's way to keep us out of a process. */
#define CS_ENV_SESSION "COROSCOPE_SESSION"
#define CS_ENV_DISABLE "COROSCOPE_DISABLE"

/* heap_mean_bytes: 0 records no heap, 1 records every allocation, else the mean gap. */
#define CS_HEAP_OFF UINT64_C(0)
#define CS_HEAP_ALL UINT64_C(1)
#define CS_HEAP_MEAN_DEFAULT (UINT64_C(512) << 10)

#define CS_STACK_TABLE_DEFAULT (UINT64_C(16) << 20)
#define CS_STACK_DEPTH_MAX 256u
#define CS_STACK_DEPTH_DEFAULT 128u

enum cs_session_flag {
	CS_SESSION_BLOCK = 1u << 0,          /* a full lane waits, bounded, before it drops */
	CS_SESSION_CHILDREN = 1u << 1,       /* record children too, not only root_pid */
	CS_SESSION_NO_ARGS = 1u << 2,        /* leave command lines out of the ring */
	CS_SESSION_NO_FIND_OBJECT = 1u << 3, /* tests: behave as on glibc before 2.35 */
	CS_SESSION_SCHED = 1u << 4,          /* follow coroutines: states and switches */
	CS_SESSION_SCHED_TIME = 1u << 5,     /* … with the exact time of each switch */
	CS_SESSION_SCHED_EVENTS = 1u << 6,   /* … and a record of each switch and wake */
};

/* A wait on a full lane: at most this long, and this long in all without progress. */
#define CS_WAIT_ONE_NS UINT64_C(10000000)
#define CS_WAIT_STALLED_NS UINT64_C(100000000)

/*
 * The first part is written by the reader before it publishes `magic` and never changes;
 * the second is shared state. doorbell is a shared futex word: an agent increments and wakes
 * it when a lane is half full or a ring is new, but only while reader_sleeps is not 0.
 */
struct cs_session {
	uint64_t magic;
	uint32_t version; /* CS_WIRE_VERSION */
	uint32_t bytes;   /* sizeof(struct cs_session) */
	uint64_t heap_mean_bytes;
	uint64_t lane_bytes;        /* data of a lane, at most: a power of two, 4 KiB to 1 GiB */
	uint64_t stack_table_bytes; /* agent's table of known stacks: a power of two */
	uint64_t seed;              /* of the sampler; 0: the agent draws one */
	uint32_t flags;             /* enum cs_session_flag */
	uint32_t depth_max;         /* frames of a stack, 1 to CS_STACK_DEPTH_MAX */
	uint32_t root_pid;          /* the launched process, in the reader's PID namespace */
	uint32_t reserved;

	_Alignas(64) _Atomic uint32_t enabled; /* 0: agents stop recording at once */
	_Atomic uint32_t reader_sleeps;
	_Atomic uint32_t doorbell;
	uint32_t reserved2;
	_Atomic uint64_t progress; /* rises whenever the reader has freed space anywhere */
	/* The reader's last look at the counter that stamps count: what time it is, roughly, for
	 * switches that are not to cost a look of their own. 0: not known. */
	_Atomic uint64_t present;
	uint64_t reserved3[4];
};

_Static_assert(sizeof(struct cs_session) == 128, "wire struct");
_Static_assert(offsetof(struct cs_session, flags) == 48, "wire struct");
_Static_assert(offsetof(struct cs_session, enabled) == 64, "wire struct");
_Static_assert(offsetof(struct cs_session, progress) == 80, "wire struct");

#endif
