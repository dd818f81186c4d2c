/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: what a lane carries. Every record starts with struct cs_record; its size is a
 * multiple of 8, so a reader passes over kinds that it does not know.
 *
 * Stamps are raw counter values (ring.h: clock). The stamp of a FREE is taken before the
 * real free, that of an ALLOC after the real allocation: for one address, stamps order the
 * events of all threads.
 *
 * A stack is named by the hash of its path (cs_stack_hash), 0 is no stack. The hash of each
 * stack is defined by a STACK record in some lane of the ring, with a lower stamp than the
 * first use, and defined again after a loss; the reader computes it from the frames and so
 * never trusts it.
 */
#ifndef CS_WIRE_RECORD_H
#define CS_WIRE_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum cs_record_kind {
	CS_RECORD_NONE = 0,
	CS_RECORD_SKIP = 1,         /* nothing: padding, or a record that was never finished */
	CS_RECORD_LOST = 2,         /* struct cs_record_lost */
	CS_RECORD_THREAD_START = 3, /* struct cs_record_thread: the lane speaks for this thread */
	CS_RECORD_THREAD_NAME = 4,  /* struct cs_record_thread */
	CS_RECORD_THREAD_END = 5,   /* struct cs_record_thread; a few records may still follow */
	CS_RECORD_MODULE = 6,       /* struct cs_record_module */
	CS_RECORD_MODULE_GONE = 7,  /* struct cs_record_module_gone */
	CS_RECORD_STACK = 8,        /* struct cs_record_stack */
	CS_RECORD_ALLOC = 9,        /* struct cs_record_alloc; arg: size */
	CS_RECORD_ALLOC_LONG = 10,  /* struct cs_record_alloc_long: 4 GiB and more */
	CS_RECORD_FREE = 11,        /* struct cs_record_free */
	CS_RECORD_RELEASE = 12,     /* struct cs_record_free: realloc is about to move the block */
	CS_RECORD_RESTORE = 13,     /* struct cs_record_free: that realloc failed, it lives on */
	CS_RECORD_MAP = 14,         /* struct cs_record_map; arg: enum cs_map_flag */
	CS_RECORD_UNMAP = 15,       /* struct cs_record_map, stack 0 */
	CS_RECORD_PROCESS_END = 16, /* struct cs_record_process_end, from the exit handlers */
	CS_RECORD_CORO_LANE = 17,   /* struct cs_record_coro: whose the next allocations are */
	CS_RECORD_CORO_CREATE = 18, /* struct cs_record_coro_create */
	CS_RECORD_CORO_END = 19,    /* struct cs_record_coro_end; arg: enum cs_coro_end */
	CS_RECORD_CORO_TEXT = 20,   /* struct cs_record_coro_text: name and labels, anew */
	CS_RECORD_CORO_SWITCH = 21, /* struct cs_record_coro_switch; --sched=all only */
	CS_RECORD_CORO_WAKE = 22,   /* struct cs_record_coro; --sched=all only */
	CS_RECORD_FORK = 23,        /* struct cs_record: this thread is about to fork */
	CS_RECORD_KIND_COUNT
};

#define CS_RECORD_BYTES_MAX 4096u

struct cs_record {
	uint16_t bytes; /* of the whole record, a multiple of 8, at least 16 */
	uint16_t kind;  /* enum cs_record_kind */
	uint32_t arg;   /* by kind, else 0 */
	uint64_t stamp;
};

/* count records found no room between stamps first_stamp and the record's own. */
struct cs_record_lost {
	struct cs_record head;
	uint64_t count;
	uint64_t first_stamp;
};

struct cs_record_thread {
	struct cs_record head;
	uint32_t tid;
	uint32_t reserved;
	uint64_t stack_low; /* its own stack; 0, 0 if unknown */
	uint64_t stack_high;
	char name[16]; /* NUL-terminated */
};

/* A module's executable mapping, sent before the first stack that runs through it. */
struct cs_record_module {
	struct cs_record head; /* arg: generation, unique within the process */
	uint64_t bias;         /* run-time address minus the ELF file's own */
	uint64_t start;
	uint64_t end;
	uint8_t build_id[32];
	uint32_t build_id_bytes; /* 0: it has none */
	uint32_t path_bytes;
	char path[]; /* padded with NUL to a multiple of 8 */
};

struct cs_record_module_gone {
	struct cs_record head; /* arg: generation */
};

/*
 * Defines COUNT stacks, each the parent of the next: pcs[0] is called by `parent`'s frame
 * (0: nobody, it is outermost). pcs are return addresses, or enum cs_pc_mark. `epoch`
 * changes when a module is unloaded, so that an address used again names another stack.
 */
struct cs_record_stack {
	struct cs_record head; /* arg: count, 1 to CS_STACK_DEPTH_MAX */
	uint64_t parent;
	uint64_t epoch;
	uint64_t pcs[];
};

/* Frames that are not code. An outermost mark says that the real end was not reached. */
enum cs_pc_mark {
	CS_PC_CUT_DEPTH = 1,   /* deeper frames were left out */
	CS_PC_CUT_UNKNOWN = 2, /* no way to unwind further was known or safe */
	CS_PC_GUESSED = 3,     /* frames outside of this one were found by frame pointer alone */
	CS_PC_SIGNAL = 4,      /* recorded while a signal handler interrupted the agent: no stack */
	CS_PC_MARK_COUNT
};

struct cs_record_alloc {
	struct cs_record head;
	uint64_t address;
	uint64_t stack;
};

struct cs_record_alloc_long {
	struct cs_record head;
	uint64_t address;
	uint64_t stack;
	uint64_t size;
};

struct cs_record_free {
	struct cs_record head;
	uint64_t address;
};

enum cs_map_flag {
	CS_MAP_ANONYMOUS = 1u << 0,
	CS_MAP_SHARED = 1u << 1,
	CS_MAP_NORESERVE = 1u << 2,
	CS_MAP_STACK = 1u << 3, /* MAP_STACK or MAP_GROWSDOWN */
	/* By mremap: anonymous if and only if the UNMAP just before by this thread took away
	 * something that was; `bytes` is then the new size of it. */
	CS_MAP_MOVED = 1u << 4,
};

struct cs_record_map {
	struct cs_record head;
	uint64_t address;
	uint64_t bytes;
	uint64_t stack;
};

/*
 * Coroutines (coroutine.h) are named by their numbers; 0 is the thread's own stack. Runtimes
 * and reasons are texts of the process's table.
 *
 * CORO_LANE: ALLOC and MAP records that follow in this lane are of this coroutine, until
 * another CORO_LANE or a THREAD_START (which means 0). It is sent when it differs.
 * CORO_WAKE: somebody on this thread has woken it.
 */
struct cs_record_coro {
	struct cs_record head;
	uint64_t number;
};

struct cs_record_coro_create {
	struct cs_record head; /* arg: slot */
	uint64_t number;
	uint64_t parent;
	uint64_t spawn; /* a stack */
	uint64_t entry;
	uint64_t stack_low;
	uint64_t stack_high;
	uint16_t runtime; /* text */
	uint16_t flags;   /* enum cs_slot_flag */
	uint32_t reserved;
};

enum cs_coro_end {
	CS_CORO_END_FINISHED = 1,    /* its runtime says so, or its function has returned */
	CS_CORO_END_STACK_FREED = 2, /* finished unseen, or destroyed while it waited */
	CS_CORO_END_REPLACED = 3,    /* another one began on its stack: likewise */
	CS_CORO_END_LEFT = 4,        /* its thread left it by longjmp or ended with it */
};

/* Its last figures, as they were in its slot. */
struct cs_record_coro_end {
	struct cs_record head;
	uint64_t number;
	uint64_t switches;
	uint64_t run_ticks;
	uint64_t wait_ticks;
};

struct cs_record_coro_text {
	struct cs_record head;
	uint64_t number;
	char text[64]; /* as in struct cs_slot */
};

/* FROM leaves (parks, or is ready to go on), TO runs. */
struct cs_record_coro_switch {
	struct cs_record head; /* arg: reason (text) << 8 | enum cs_slot_state of FROM, 0 ended */
	uint64_t from;
	uint64_t to;
};

struct cs_record_process_end {
	struct cs_record head;
	uint64_t rss_bytes;
	uint64_t rss_peak_bytes;
	uint64_t brk_bytes; /* the break minus brk_start */
	uint64_t cpu_ns;    /* user and system time of the process */
};

_Static_assert(sizeof(struct cs_record) == 16, "wire struct");
_Static_assert(sizeof(struct cs_record_lost) == 32, "wire struct");
_Static_assert(sizeof(struct cs_record_thread) == 56, "wire struct");
_Static_assert(sizeof(struct cs_record_module) == 80, "wire struct");
_Static_assert(offsetof(struct cs_record_module, build_id) == 40, "wire struct");
_Static_assert(sizeof(struct cs_record_stack) == 32, "wire struct");
_Static_assert(sizeof(struct cs_record_alloc) == 32, "wire struct");
_Static_assert(sizeof(struct cs_record_alloc_long) == 40, "wire struct");
_Static_assert(sizeof(struct cs_record_free) == 24, "wire struct");
_Static_assert(sizeof(struct cs_record_map) == 40, "wire struct");
_Static_assert(sizeof(struct cs_record_process_end) == 48, "wire struct");
_Static_assert(sizeof(struct cs_record_coro) == 24, "wire struct");
_Static_assert(sizeof(struct cs_record_coro_create) == 72, "wire struct");
_Static_assert(sizeof(struct cs_record_coro_end) == 48, "wire struct");
_Static_assert(sizeof(struct cs_record_coro_text) == 88, "wire struct");
_Static_assert(sizeof(struct cs_record_coro_switch) == 32, "wire struct");

/*
 * The name of the stack whose innermost frame is PC, called from stack PARENT. For an
 * outermost frame PARENT is cs_stack_root(epoch). Never 0. A polynomial over well-mixed PCs:
 * along a stack only one multiplication and one addition wait for each other.
 */
static inline uint64_t cs_stack_hash(uint64_t parent, uint64_t pc)
{
	uint64_t mixed = pc * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 32) * UINT64_C(0xd6e8feb86659fd93);
	mixed ^= mixed >> 29;
	uint64_t hash = parent * UINT64_C(0xff51afd7ed558ccd) + mixed;

	return hash ? hash : 1;
}

static inline uint64_t cs_stack_root(uint64_t epoch)
{
	return epoch * UINT64_C(0xd6e8feb86659fd93) + 1;
}

#endif
