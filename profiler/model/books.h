/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books of one live process: which block is where, how large, and whose. Turns the
 * agent's allocations and frees into additions to the model's cells.
 *
 * Sampled processes: a block of SIZE bytes is seen with probability 1 - exp(-SIZE/mean);
 * it is counted as 1/probability objects (Horvitz-Thompson), so sums are unbiased, and each
 * adds its own variance. Memory: 24 bytes a live block, at most half full.
 *
 * A free of an unknown address is ignored (it was allocated before us, or not sampled) or,
 * in a forked child, taken from what it inherited. An allocation at a live address heals
 * the free that must have been lost.
 */
#ifndef CS_MODEL_BOOKS_H
#define CS_MODEL_BOOKS_H

#include "model/model.h"

struct cs_books;

/* MEAN as in struct cs_process. NULL: no memory. */
struct cs_books *cs_books_new(struct cs_model *model, uint32_t process, uint64_t mean);
void cs_books_free(struct cs_books *books);

/* PARENT's books as they are now, for cs_books_fork() later and for nothing else. */
struct cs_books *cs_books_copy(const struct cs_books *parent);

/* The books of a forked child: PARENT's live blocks at this moment become "inherited". */
struct cs_books *cs_books_fork(const struct cs_books *parent, uint32_t child_process);

/* THREAD is the model's id; `temporary_objects` and realloc are followed by thread. */
int cs_books_alloc(struct cs_books *books, uint32_t thread, uint32_t cell, uint64_t address,
                   uint64_t size, uint64_t time_ns);
/*
 * The same by COROUTINE (a slot of the model, 0 none): the block's figures are its as well, and
 * its slot is kept until the block is freed, by whomever. CELL is one of its spawn stack.
 */
int cs_books_alloc_by(struct cs_books *books, uint32_t thread, uint32_t coroutine, uint32_t cell,
                      uint64_t address, uint64_t size, uint64_t time_ns);
void cs_books_release(struct cs_books *books, uint32_t thread, uint64_t address, bool by_realloc,
                      uint64_t time_ns);
/* The realloc whose release this thread told last has failed. */
void cs_books_restore(struct cs_books *books, uint32_t thread, uint64_t address, uint64_t time_ns);

/* Anonymous mappings of the program (not heap): sum and address ranges. */
int cs_books_map(struct cs_books *books, uint64_t address, uint64_t bytes);
void cs_books_unmap(struct cs_books *books, uint64_t address, uint64_t bytes);
/* Bytes of [low, high) that the program itself mapped. */
uint64_t cs_books_mapped_within(const struct cs_books *books, uint64_t low, uint64_t high);

/* Brings the block's line into the cache; for readers that know what comes next. */
void cs_books_prefetch(const struct cs_books *books, uint64_t address);

/* ---- checkpoints ---- */

/* A live block; or, without a cell, a mapping. */
struct cs_books_block {
	uint64_t address, size;
	uint32_t cell;
};

typedef void cs_books_visit(void *context, const struct cs_books_block *block);
void cs_books_each(const struct cs_books *books, cs_books_visit *visit, void *context);

/* The sums that the model was loaded with count it already; which coroutine it belongs to is
 * not known any more. 0 or -errno. */
int cs_books_put_back(struct cs_books *books, const struct cs_books_block *block);

uint64_t cs_books_live_count(const struct cs_books *books);
uint64_t cs_books_healed(const struct cs_books *books); /* allocations at a live address */

#endif
