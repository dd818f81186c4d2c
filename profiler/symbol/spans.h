/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address ranges to search in: symbols, compilation units, functions. Filled, sorted once,
 * then searched. Ranges may nest and overlap: the search gives the one that starts last.
 */
#ifndef CS_SYMBOL_SPANS_H
#define CS_SYMBOL_SPANS_H

#include <stddef.h>
#include <stdint.h>

struct cs_span {
	uint64_t low, high; /* [low, high) */
	uint64_t reach;     /* the largest high of this span and all before it */
	uint32_t id;        /* the owner's */
};

/* All zero is empty. */
struct cs_spans {
	struct cs_span *at;
	size_t count;
	size_t room;
};

/* An empty range is left out. 0 or -ENOMEM. */
int cs_spans_add(struct cs_spans *spans, uint64_t low, uint64_t high, uint32_t id);
void cs_spans_sort(struct cs_spans *spans);
/* The index of the span that holds ADDRESS, else -1. */
ptrdiff_t cs_spans_find(const struct cs_spans *spans, uint64_t address);
void cs_spans_free(struct cs_spans *spans);

#endif
