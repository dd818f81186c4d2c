/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What walks have given before: whole stacks, recognised without walking them.
 *
 * A *shape* says at which distances above the stack pointer a walk from some address found
 * return addresses and those saved frame pointers that it went on by. Each step of a walk
 * follows from the address reached, by a rule that is fixed as long as no module goes away. So
 * where all these words are the same again (frame pointers: relative to the stack pointer), a
 * walk would take the same steps to the same stack. All words are loaded independently of each
 * other and summed up; a *stack* is such a sum with the name that the walk gave.
 *
 * The sum is NH, a universal hash with keys drawn anew in each process, folded to 64 bits: that
 * two contents of a shape have the same one is no likelier than that two paths have the same
 * name. Positions are relative, so what was learned on
 * one thread's stack, or one coroutine's, serves on all.
 *
 * Shared by all threads. Readers take no lock and are never wrong: a shape carries a serial
 * number before and after it is read, a stack's words vouch for each other. One thread at a
 * time adds; others go without.
 */
#ifndef CSA_STACK_MEMO_H
#define CSA_STACK_MEMO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/stack.h"

/* Frames that are stepped over by rule where what is outside of them has too many shapes. */
#define CSA_MEMO_INNER_MAX 8u

struct csa_walk;

/* Four slots to a word; of return addresses and of others together. */
#define CSA_MEMO_SLOT_WORDS 68u

/* A search, and where it ended: the frame from which on a walk may teach us. */
struct csa_memo_place {
	struct csa_frame at;
	uint32_t bucket; /* CSA_MEMO_BUCKETS: there is nothing to learn */
	uint32_t inner;  /* frames inside of it … */
	uint64_t pcs[CSA_MEMO_INNER_MAX];
	uint64_t slots[CSA_MEMO_SLOT_WORDS]; /* copied: a shape may be overwritten any time */
};

/* Maps the tables; the second time, forgets all. 0 or -errno. Not thread-safe. */
int csa_memo_start(void);

/*
 * The name of the stack that begins at *AT on the stack [LOW, HIGH), 0 if it has to be walked.
 * It is the name that a walk in EPOCH would give. Fills *PLACE. Async-signal-safe.
 */
uint64_t csa_memo_find(const struct csa_frame *at, uint64_t low, uint64_t high, uint64_t epoch,
                       struct csa_memo_place *place);

/*
 * WALK, begun where PLACE was searched for in vain, is whole, and the reader has been told of
 * it. OWNER: not 0, unlike any other thread's.
 */
void csa_memo_add(const struct csa_walk *walk, const struct csa_memo_place *place, uint64_t owner);

/* Other modules are loaded: what was said of shapes holds no longer. Thread-safe. */
void csa_memo_forget(void);

/* OWNER was thrown out of whatever it was doing. */
void csa_memo_abandon(uint64_t owner);

size_t csa_memo_bytes(void);

/* ---- private to memo.c and recognise.h ---- */

#define CSA_MEMO_BUCKETS (1u << 14)
#define CSA_MEMO_LINES (1u << 14)      /* 1 MiB */
#define CSA_MEMO_SETS (1u << 14)       /* 1 MiB … */
#define CSA_MEMO_SETS_FIRST (1u << 11) /* … of which few programs need more than this */
#define CSA_MEMO_STACK_WAYS 4u
#define CSA_MEMO_KEYS (2 + 4 * CSA_MEMO_SLOT_WORDS)
#define CSA_MEMO_SERIAL (UINT64_C(0xffff) << 48)
#define CSA_MEMO_SLOT_MAX 0xfff0u

/* Buckets that hold no shapes: there are too many, look further out; or that was in vain. */
#define CSA_MEMO_MANY UINT64_MAX
#define CSA_MEMO_HOPELESS (UINT64_MAX - 1)

/*
 * Words of a shape: a header, then slots, four to a word: of a chain, of return addresses, of
 * others. A chain are the innermost frames, as long as they are of the usual kind (CSA_RULE_FRAME):
 * where their frame pointers point to. There the next one is, and beside it the return address.
 */
enum { CSA_SHAPE_SERIAL, CSA_SHAPE_PC, CSA_SHAPE_EPOCH, CSA_SHAPE_COUNTS, CSA_SHAPE_SLOTS };

/*
 * CSA_SHAPE_COUNTS: words of the stack needed (16 bits), words of return addresses and of
 * other slots (8 each), frames (16), whether the first frame's rbp counts (8), and frames of the
 * chain (8, even).
 */
#define CSA_COUNTS_REACH(counts) ((counts)&0xffff)
#define CSA_COUNTS_PCS(counts) ((counts) >> 16 & 0xff)
#define CSA_COUNTS_OTHERS(counts) ((counts) >> 24 & 0xff)
#define CSA_COUNTS_FRAMES(counts) ((counts) >> 32 & 0xffff)
#define CSA_COUNTS_BP(counts) ((counts) >> 48 & 1)
#define CSA_COUNTS_CHAIN(counts) ((counts) >> 56)
#define CSA_COUNTS_CHAIN_WORDS(counts) ((((counts) >> 56) + 3) >> 2)
#define CSA_COUNTS_WORDS(counts) \
	(CSA_COUNTS_CHAIN_WORDS(counts) + CSA_COUNTS_PCS(counts) + CSA_COUNTS_OTHERS(counts))
#define CSA_CHAIN_MAX 254u

/* lock ^ name is the key; so words of two stacks never pass for one. */
struct csa_memo_stack {
	_Atomic uint64_t lock;
	_Atomic uint64_t name;
};

struct csa_memo {
	_Atomic uint64_t *buckets; /* by address and depth: two shapes (line + 1) */
	_Atomic uint64_t *lines;   /* shapes, 8 words a line */
	struct csa_memo_stack *stacks;
	_Atomic uint64_t set_mask; /* number of sets in use - 1 */
	uint32_t displaced;        /* stacks that fell out; under owner */
	uint64_t keys[CSA_MEMO_KEYS];
	_Atomic uint64_t owner; /* who is adding */
	uint64_t serial;        /* the newest; under owner */
	uint32_t next_line;     /* under owner */
};

extern struct csa_memo csa_memo __attribute__((visibility("hidden")));

struct csa_memo_sum {
	uint64_t low;
	uint64_t high;
	uint64_t wrong; /* not 0: it has not this shape */
};

/* What a stack is looked up by. */
static inline uint64_t csa_memo_key(struct csa_memo_sum sum, uint64_t serial)
{
	return sum.low + (sum.high ^ serial) * UINT64_C(0x9e3779b97f4a7c15);
}

#endif
