/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books of a process as they were at its forks. A child makes its ring when it has
 * something to tell, which may be long after: until then its parent's FORK record stands for
 * it. Copies share what has not changed since; the oldest go when they are too many.
 */
#ifndef CS_SOURCE_FORKS_H
#define CS_SOURCE_FORKS_H

#include "model/books.h"

#define CS_FORKS_MAX 64u
#define CS_FORKS_BLOCKS_MAX UINT64_C(4000000)

struct cs_fork {
	uint64_t stamp;
	struct cs_books *books;
};

struct cs_forks {
	struct cs_fork *at; /* by stamp */
	uint32_t count;
};

/* BOOKS as they are now, at STAMP. */
void cs_forks_add(struct cs_forks *forks, const struct cs_books *books, uint64_t stamp);

/* As they were at the last fork up to STAMP; NULL: that is not known. They stay ours. */
const struct cs_books *cs_forks_find(const struct cs_forks *forks, uint64_t stamp);

/* The child of exactly that fork has been found. */
void cs_forks_drop(struct cs_forks *forks, uint64_t stamp);
void cs_forks_free(struct cs_forks *forks);

#endif
