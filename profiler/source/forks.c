/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded twice, by copies and by the blocks in them: a server that forks for each request must
 * not make its recorder grow.
 */
#include "source/forks.h"

#include <stdlib.h>
#include <string.h>

static void drop_at(struct cs_forks *forks, uint32_t index)
{
	cs_books_free(forks->at[index].books);
	forks->count--;
	memmove(&forks->at[index], &forks->at[index + 1],
	        (forks->count - index) * sizeof(*forks->at));
}

static uint64_t blocks_of(const struct cs_forks *forks)
{
	uint64_t blocks = 0;

	for (uint32_t i = 0; i < forks->count; i++)
		blocks += cs_books_live_count(forks->at[i].books);
	return blocks;
}

void cs_forks_add(struct cs_forks *forks, const struct cs_books *books, uint64_t stamp)
{
	struct cs_books *copy;

	if (!forks->at)
		forks->at = calloc(CS_FORKS_MAX, sizeof(*forks->at));
	if (!forks->at)
		return;
	while (forks->count == CS_FORKS_MAX ||
	       (forks->count &&
	        blocks_of(forks) + cs_books_live_count(books) > CS_FORKS_BLOCKS_MAX))
		drop_at(forks, 0);
	copy = cs_books_copy(books);
	if (copy)
		forks->at[forks->count++] = (struct cs_fork){stamp, copy};
}

const struct cs_books *cs_forks_find(const struct cs_forks *forks, uint64_t stamp)
{
	const struct cs_books *found = NULL;

	for (uint32_t i = 0; i < forks->count && forks->at[i].stamp <= stamp; i++)
		found = forks->at[i].books;
	return found;
}

void cs_forks_drop(struct cs_forks *forks, uint64_t stamp)
{
	for (uint32_t i = 0; i < forks->count; i++)
		if (forks->at[i].stamp == stamp) {
			drop_at(forks, i);
			return;
		}
}

void cs_forks_free(struct cs_forks *forks)
{
	while (forks->count)
		drop_at(forks, forks->count - 1);
	free(forks->at);
	forks->at = NULL;
}
