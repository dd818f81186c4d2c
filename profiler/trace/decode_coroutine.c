/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines, tallies, figures and events out of records.
 *
 * Slots of the file may have any number: the model has its own, as many as live, and the map
 * tells them apart. A state without the definition of its coroutine (that chunk is damaged)
 * is passed over until a keyframe tells both again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "model/restore.h"
#include "trace/decode.h"
#include "trace/fields.h"

/* ---- slots ---- */

static uint32_t slot_hash(uint32_t slot)
{
	return cs_hash_u64(slot);
}

uint32_t cs_decode_slot(const struct cs_decoder *decoder, uint32_t slot)
{
	struct cs_probe probe = cs_index_probe(&decoder->slots.index, slot_hash(slot));
	uint32_t id;

	while ((id = cs_probe_next(&probe)))
		if (decoder->slots.slot_of[id] == slot)
			return id;
	return 0;
}

static int map_slot(struct cs_slot_map *map, uint32_t slot, uint32_t id)
{
	void *slots = map->slot_of;

	if (cs_array_reserve(&slots, &map->room, sizeof(*map->slot_of), (size_t)id + 1))
		return -ENOMEM;
	map->slot_of = slots;
	if (cs_index_add(&map->index, slot_hash(slot), id))
		return -ENOMEM;
	map->slot_of[id] = slot;
	return 0;
}

static void remove_slot(struct cs_decoder *decoder, uint32_t slot, uint32_t id)
{
	cs_index_remove(&decoder->slots.index, slot_hash(slot), id);
	cs_model_restore_coroutine_gone(decoder->model, id);
}

void cs_decode_forget_coroutines(struct cs_decoder *decoder)
{
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(decoder->model); id++)
		cs_model_restore_coroutine_gone(decoder->model, id);
	cs_index_free(&decoder->slots.index);
}

static uint32_t next_slot(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	decoder->last_slot += (uint32_t)cs_get_signed(fields); /* wraps as it was written */
	return decoder->last_slot;
}

/* ---- coroutines ---- */

static bool same_key(const struct cs_coroutine *a, const struct cs_coroutine *b)
{
	return a->number == b->number && a->runtime == b->runtime && a->process == b->process;
}

static int put_coroutine(struct cs_decoder *decoder, uint32_t slot, const struct cs_coroutine *from)
{
	uint32_t id = cs_decode_slot(decoder, slot);
	int error;

	if (id && same_key(cs_model_coroutine_at(decoder->model, id), from))
		return cs_model_restore_coroutine_facts(decoder->model, id, from);
	if (id)
		remove_slot(decoder, slot, id);
	id = 0;
	error = cs_model_restore_coroutine(decoder->model, from, &id);
	if (!error)
		error = map_slot(&decoder->slots, slot, id);
	if (error && id)
		cs_model_restore_coroutine_gone(decoder->model, id);
	return error;
}

int cs_decode_coroutine(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	uint32_t slot = next_slot(decoder, fields);
	struct cs_coroutine from = {.process = cs_get_u32(fields)};
	int error = -EINVAL;

	from.runtime = cs_get_u32(fields);
	from.number = cs_get_varint(fields);
	from.created_after_ns = from.created_ns = CS_UNKNOWN;
	if (slot && !fields->failed && cs_fields_get(fields, cs_coroutine_fields, &from))
		error = put_coroutine(decoder, slot, &from);
	cs_fields_free(cs_coroutine_fields, &from);
	return error;
}

/* The coroutine that the record is about. NULL: its definition is lost; or FIELDS failed. */
static const struct cs_coroutine *known_coroutine(struct cs_decoder *decoder,
                                                  struct cs_cursor *fields, uint32_t *id)
{
	uint32_t slot = next_slot(decoder, fields);
	uint64_t number = cs_get_varint(fields);
	const struct cs_coroutine *coroutine;

	*id = cs_decode_slot(decoder, slot);
	coroutine = cs_model_coroutine_at(decoder->model, *id);
	return coroutine && coroutine->number == number && !fields->failed ? coroutine : NULL;
}

int cs_decode_coroutine_state(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	const struct cs_coroutine *coroutine;
	struct cs_coroutine state;
	uint32_t id;

	coroutine = known_coroutine(decoder, fields, &id);
	if (!coroutine)
		return fields->failed ? -EINVAL : 0;
	state = *coroutine;
	if (!cs_fields_get(fields, cs_coroutine_state_fields, &state))
		return -EINVAL;
	return cs_model_restore_coroutine_state(decoder->model, id, &state);
}

int cs_decode_coroutine_heap(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_coroutine_heap heap = {0};
	uint32_t id;

	if (!known_coroutine(decoder, fields, &id))
		return fields->failed ? -EINVAL : 0;
	if (!cs_fields_get(fields, cs_coroutine_heap_fields, &heap))
		return -EINVAL;
	return cs_model_restore_coroutine_heap(decoder->model, id, &heap);
}

int cs_decode_coroutine_gone(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	uint32_t slot = next_slot(decoder, fields);
	uint32_t id = cs_decode_slot(decoder, slot);

	if (id)
		remove_slot(decoder, slot, id);
	return fields->failed ? -EINVAL : 0;
}

/* ---- definitions and values ---- */

int cs_decode_text(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	char *text = cs_get_text(fields);
	int error = text ? cs_model_restore_text(decoder->model, text) : -EINVAL;

	free(text);
	return error;
}

int cs_decode_runtime(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_runtime runtime = {0};
	int error = -EINVAL;

	if (cs_fields_get(fields, cs_runtime_fields, &runtime))
		error = cs_model_restore_runtime(decoder->model, &runtime);
	cs_fields_free(cs_runtime_fields, &runtime);
	return error;
}

int cs_decode_tally(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_tally tally = {0};

	if (!cs_fields_get(fields, cs_tally_fields, &tally))
		return -EINVAL;
	if (tally.kind > CS_TALLY_KINDS) /* of a later version: it keeps its number */
		tally.kind = CS_TALLY_KINDS;
	return cs_model_restore_tally(decoder->model, &tally);
}

int cs_decode_figure(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	struct cs_figure figure = {0};

	if (!cs_fields_get(fields, cs_figure_fields, &figure))
		return -EINVAL;
	return cs_model_restore_figure(decoder->model, &figure);
}

int cs_decode_tally_sum(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	uint64_t value, samples;

	decoder->last_tally += (uint32_t)cs_get_signed(fields);
	value = cs_get_varint(fields);
	samples = cs_get_varint(fields);
	if (fields->failed)
		return -EINVAL;
	return cs_model_restore_tally_sum(decoder->model, decoder->last_tally, value, samples);
}

int cs_decode_figure_value(struct cs_decoder *decoder, struct cs_cursor *fields)
{
	uint32_t id = cs_get_u32(fields);
	double value = cs_get_double(fields);
	uint64_t time_ns = cs_get_varint(fields);

	if (fields->failed)
		return -EINVAL;
	return cs_model_restore_figure_value(decoder->model, id, value, time_ns);
}

/* ---- events ---- */

const char *const cs_trace_event_names[CS_EVENT_KINDS] = {
	"?", "create", "run", "park", "wake", "finish", "gc begin", "gc end", "text",
};

static uint64_t get_rest(struct cs_cursor *fields)
{
	return cs_cursor_left(fields) ? cs_get_varint(fields) : 0;
}

bool cs_decode_event(struct cs_cursor *fields, uint64_t *last_ns, struct cs_trace_event *event)
{
	uint64_t kind = cs_get_varint(fields);

	*last_ns += (uint64_t)cs_get_signed(fields);
	*event = (struct cs_trace_event){
		.time_ns = *last_ns,
		.kind = kind < CS_EVENT_KINDS ? (uint8_t)kind : 0,
	};
	event->process = (uint32_t)get_rest(fields);
	event->thread = (uint32_t)get_rest(fields);
	event->runtime = (uint32_t)get_rest(fields);
	event->number = get_rest(fields);
	event->text = (uint32_t)get_rest(fields);
	event->node = (uint32_t)get_rest(fields);
	event->value = get_rest(fields);
	return !fields->failed;
}
