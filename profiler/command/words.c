/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mistyped word is met with the list of what is valid and the likeliest meaning, so that
 * the next attempt succeeds without a look into the manual.
 */
#include "command/words.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Longer words are not compared: nobody's command or option is. */
#define WORD_MAX 48

void cs_words_begin(struct cs_words *words, const char *typed)
{
	*words = (struct cs_words){.typed = typed, .best_distance = UINT_MAX};
}

/* Close enough to be a slip of the finger: a third of the letters, or a beginning. */
static bool close_enough(const char *typed, const char *word, unsigned distance)
{
	size_t length = strlen(typed);

	return distance <= (length + 1) / 3 || (length >= 2 && strncmp(typed, word, length) == 0);
}

/* WORD may have been meant. */
static void consider(struct cs_words *words, const char *word)
{
	if (!words->typed || strlen(word) >= sizeof(words->best))
		return;
	unsigned distance = cs_words_distance(words->typed, word);
	if (distance >= words->best_distance || !close_enough(words->typed, word, distance))
		return;
	words->best_distance = distance;
	snprintf(words->best, sizeof(words->best), "%s", word);
}

void cs_words_add(struct cs_words *words, const char *prefix, const char *word)
{
	static const char more[] = ", …";
	size_t room = sizeof(words->text) - sizeof(more) - words->length;
	const char *comma = words->length ? ", " : "";

	consider(words, word);
	if (words->cut)
		return;
	if (strlen(comma) + strlen(prefix) + strlen(word) >= room) {
		memcpy(words->text + words->length, more, sizeof(more));
		words->cut = true;
		return;
	}
	words->length +=
		(size_t)snprintf(words->text + words->length, room, "%s%s%s", comma, prefix, word);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned cs_words_distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1]; /* of the table: two before, one before, this one */
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > WORD_MAX || b_length > WORD_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *above = rows[(i + 2) % 3], *twice = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
			               above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], twice[j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}
