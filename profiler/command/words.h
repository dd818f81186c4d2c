/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that a person may have meant: lists for error messages, and "did you mean".
 */
#ifndef CS_COMMAND_WORDS_H
#define CS_COMMAND_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define CS_WORDS_BYTES 512

/* A list of words in the making: "a, b, c", cut with "…" when it gets too long. */
struct cs_words {
	char text[CS_WORDS_BYTES];
	size_t length;
	bool cut;
	const char *typed; /* what the candidates are compared with; NULL: nothing */
	char best[64];     /* the candidate that is closest to it; "" when none is close */
	unsigned best_distance;
};

void cs_words_begin(struct cs_words *words, const char *typed);
/* Adds PREFIX WORD to the list; the WORD alone is compared. */
void cs_words_add(struct cs_words *words, const char *prefix, const char *word);

/* Edits that make A of B: a letter more, less, changed, or two swapped. */
unsigned cs_words_distance(const char *a, const char *b);

#endif
