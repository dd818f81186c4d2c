/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coroutines of one process image: a file beside its ring, made with its first coroutine.
 *
 *   SESSION/coroutines.PID.STAMP   PID and STAMP are those in the name of its ring
 *
 *   0                       struct cs_slot_table             (CS_SLOTS_HEADER_BYTES)
 *   header + i*slot_bytes   struct cs_slot
 *
 * It is right without any record having been read, costs a switch a few plain stores, and
 * outlives the process. Space is reserved before it is mapped, then slot_count is raised, by
 * CS_SLOTS_CHUNK at a time. A slot belongs to one coroutine from the store of `number` to the
 * store of 0, and may then be another's, with another number.
 *
 * A slot is written by the thread that runs the coroutine; while nobody runs it, by the one
 * that is about to. Consistent reading needs no lock: load `number` (acquire), `turn`
 * (acquire), copy the slot, load both again: if both are the same, the copy is whole, and if
 * the state is not RUNNING, so is the stack behind `context` when it is read in between.
 * Just after a coroutine has left, its thread may not have saved all registers yet.
 *
 * The reader must take every value in here for hostile: check, copy, then use.
 */
#ifndef CS_WIRE_COROUTINE_H
#define CS_WIRE_COROUTINE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CS_SLOTS_MAGIC UINT64_C(0x314c42544f524f43) /* "COROTBL1", little endian */
#define CS_SLOTS_PREFIX "coroutines."
#define CS_SLOTS_HEADER_BYTES 65536u
#define CS_SLOTS_CHUNK 1024u
#define CS_SLOTS_MAX (1u << 21)

/* Texts that recur: names of runtimes, reasons of waiting. Ids from 1; 0 is none. */
#define CS_SLOT_TEXTS 1024u
#define CS_SLOT_TEXT_BYTES 56u

enum cs_slot_state {
	CS_SLOT_UNKNOWN = 0,  /* its runtime does not tell */
	CS_SLOT_NEW = 1,      /* created, has never run */
	CS_SLOT_RUNNABLE = 2, /* woken: it waits for nothing but its turn */
	CS_SLOT_RUNNING = 3,
	CS_SLOT_WAITING = 4, /* left; where the runtime tells of no wake, it may be runnable too */
	CS_SLOT_SUSPENDED = 5, /* by somebody else, whatever else it waits for */
};

/* What `context` is. */
enum cs_slot_context {
	CS_SLOT_CONTEXT_NONE = 0,         /* unknown: its stack can't be unwound */
	CS_SLOT_CONTEXT_UCONTEXT = 1,     /* a ucontext_t */
	CS_SLOT_CONTEXT_FCONTEXT = 2,     /* Boost.Context's: mxcsr, x87, r12-r15, rbx, rbp, rip */
	CS_SLOT_CONTEXT_JMPBUF = 3,       /* a jmp_buf of glibc: rbp, rsp and rip are mangled */
	CS_SLOT_CONTEXT_JMPBUF_PLAIN = 4, /* rbx, rbp, r12-r15, rsp, rip as they are */
	/* Where the caller of the switch goes on: its return address is at context - 8, its
	 * callee-saved registers are unknown. */
	CS_SLOT_CONTEXT_SP = 5,
	CS_SLOT_CONTEXT_GCCGO = 6, /* libgo's: rbp, rbx, r12-r15, rsp, rip as they are */
};

enum cs_slot_flag {
	CS_SLOT_THREAD = 1u << 0, /* no coroutine: a thread's own stack, `number` names no one */
	CS_SLOT_SYSTEM = 1u << 1, /* the runtime's own: a dispatcher, a scheduler */
	CS_SLOT_FOUND = 1u << 2,  /* met when it ran: created before that, spawn stack unknown
	                             unless `spawn` is where its stack was allocated */
	/* FOUND, and several coroutines, which nobody can tell apart */
	CS_SLOT_SHARED_STACK = 1u << 3,
	CS_SLOT_INHERITED = 1u << 4, /* by fork; created in the parent, with this number */
	CS_SLOT_GUESSED = 1u << 5,   /* FOUND, and its bounds are a guess */
	CS_SLOT_LINKED = 1u << 6,    /* private to the agent */
	CS_SLOT_ENDING = 1u << 7,    /* it is in its exit function: it will not be back */
	CS_SLOT_FIBER = 1u << 8,     /* private to the agent */
	/* Its stack may go on outside of its bounds, and its thread may work for it on another. */
	CS_SLOT_SPLIT = 1u << 9,
	CS_SLOT_SYSCALL = 1u << 10, /* RUNNING, and its runtime has let it go into the kernel */
	/* What its bounds hold is no stack, but memory that it lives as long as: it runs on the
	 * stack of who resumes it. */
	CS_SLOT_BODY = 1u << 11,
	CS_SLOT_MADE = 1u << 12, /* private to the agent */
};

struct cs_slot {
	/* What a switch changes. */
	_Atomic uint64_t number; /* from 1, never used again in this process; 0: a free slot */
	_Atomic uint64_t turn;   /* times it was switched to << 8 | enum cs_slot_state */
	uint64_t context;        /* while it does not run */
	uint64_t since;          /* stamp of its last change of state; 0 unknown */
	uint64_t run_ticks;      /* time it ran until `since`, in stamps; above 2^63: 0 */
	uint64_t wait_ticks;     /* time it did not, from its creation until `since`; the same */
	uint32_t tid;            /* it runs on, or ran on last; 0 none yet */
	uint16_t reason;         /* of waiting: a text */
	uint8_t context_kind;    /* enum cs_slot_context */
	uint8_t agents_woken;
	uint64_t agents_key; /* agents_*: private to the agent */

	/* What its creation tells. */
	uint64_t stack_low; /* 0, 0 if unknown */
	uint64_t stack_high;
	uint64_t created;    /* stamp */
	uint64_t spawn;      /* stack that created it, or with FOUND, its stack; 0 unknown */
	uint64_t entry;      /* first instruction of its function; 0 unknown */
	uint64_t parent;     /* number of the coroutine that created it; 0 none or unknown;
	                         private to the agent in a free slot */
	uint16_t runtime;    /* a text: cli.md's name of it */
	uint16_t flags;      /* enum cs_slot_flag */
	uint32_t agents_own; /* the adapter's */
	uint32_t agents_cell[2];

	char text[64]; /* name, NUL, "key=value" joined by '\n', NUL; cut to fit */
};

struct cs_slot_text {
	char text[CS_SLOT_TEXT_BYTES]; /* NUL-terminated */
};

struct cs_slot_table {
	uint64_t magic;
	uint32_t version; /* CS_WIRE_VERSION of the agent */
	uint32_t header_bytes;
	uint32_t slot_bytes;
	uint32_t slots_max;
	uint64_t ring_start; /* start_stamp of the ring that it belongs to */

	_Alignas(64) _Atomic uint32_t slot_count; /* of the file; those never used are zero */
	_Atomic uint32_t text_count;              /* texts [1, text_count] are whole */
	_Atomic uint64_t created;                 /* coroutines that ever had a slot … */
	_Atomic uint64_t ended;                   /* … and those that gave theirs back */
	uint64_t reserved[5];

	struct cs_slot_text texts[CS_SLOT_TEXTS]; /* the first is not used */
};

_Static_assert(sizeof(struct cs_slot) == 192, "wire struct");
_Static_assert(offsetof(struct cs_slot, stack_low) == 64, "wire struct");
_Static_assert(offsetof(struct cs_slot, text) == 128, "wire struct");
_Static_assert(offsetof(struct cs_slot_table, slot_count) == 64, "wire struct");
_Static_assert(offsetof(struct cs_slot_table, texts) == 128, "wire struct");
_Static_assert(sizeof(struct cs_slot_table) <= CS_SLOTS_HEADER_BYTES, "wire struct");

#endif
