/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names by frame. Functions and files recur in thousands of frames: each text is kept once.
 */
#include "model/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/index.h"
#include "base/list.h"

struct frame_names {
	const struct cs_name *names;
	uint32_t count;
};

struct cs_symbols {
	struct cs_arena arena;
	struct cs_index text_index;
	struct cs_list texts;  /* const char * */
	struct cs_list frames; /* struct frame_names, place = frame id - 1 */
};

struct cs_symbols *cs_symbols_new(void)
{
	struct cs_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	cs_list_init(&symbols->texts, sizeof(const char *), 10);
	cs_list_init(&symbols->frames, sizeof(struct frame_names), 10);
	return symbols;
}

void cs_symbols_free(struct cs_symbols *symbols)
{
	if (!symbols)
		return;
	cs_arena_free(&symbols->arena);
	cs_index_free(&symbols->text_index);
	cs_list_free(&symbols->texts);
	cs_list_free(&symbols->frames);
	free(symbols);
}

/* The kept copy of TEXT; NULL with *ERROR set when there is no memory. */
static const char *keep(struct cs_symbols *symbols, const char *text, int *error)
{
	uint32_t hash, id;
	const char **kept;

	if (!text)
		return NULL;
	hash = cs_hash_bytes(text, strlen(text));
	struct cs_probe probe = cs_index_probe(&symbols->text_index, hash);

	while ((id = cs_probe_next(&probe))) {
		kept = cs_list_at(&symbols->texts, id - 1);
		if (!strcmp(*kept, text))
			return *kept;
	}
	text = cs_arena_text(&symbols->arena, text);
	kept = text ? cs_list_push(&symbols->texts) : NULL;
	if (!kept || cs_index_add(&symbols->text_index, hash, symbols->texts.count)) {
		if (kept)
			symbols->texts.count--;
		*error = -ENOMEM;
		return NULL;
	}
	*kept = text;
	return text;
}

int cs_symbols_set(struct cs_symbols *symbols, uint32_t frame, const struct cs_name *names,
                   uint32_t count)
{
	struct frame_names *place;
	struct cs_name *copy;
	int error = 0;

	if (!frame)
		return -EINVAL;
	while (symbols->frames.count < frame)
		if (!cs_list_push(&symbols->frames))
			return -ENOMEM;
	copy = cs_arena_take(&symbols->arena, (size_t)count * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		copy[i] = names[i];
		copy[i].function = keep(symbols, names[i].function, &error);
		copy[i].file = keep(symbols, names[i].file, &error);
	}
	if (error)
		return error;
	place = cs_list_at(&symbols->frames, frame - 1);
	*place = (struct frame_names){.names = copy, .count = count};
	return 0;
}

uint32_t cs_symbols_get(const struct cs_symbols *symbols, uint32_t frame,
                        const struct cs_name **names)
{
	const struct frame_names *place;

	*names = NULL;
	if (!symbols || !frame || frame > symbols->frames.count)
		return 0;
	place = cs_list_at(&symbols->frames, frame - 1);
	*names = place->names;
	return place->count;
}
