/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines, tallies, figures and events as records. What hardly changes of a coroutine is a
 * record of its own, written when a hash of it says that it is not what was written last.
 */
#include <errno.h>
#include <string.h>

#include "base/index.h"
#include "base/list.h"
#include "model/coroutine.h"
#include "model/tally.h"
#include "trace/encode.h"

static uint32_t hash_text(const char *text)
{
	return text ? cs_hash_bytes(text, strlen(text)) : 1;
}

/* Never 0, which says that nobody is in a slot. */
static uint32_t hash_facts(const struct cs_coroutine *coroutine)
{
	const uint64_t facts[] = {
		(uint64_t)coroutine->process << 32 | coroutine->runtime,
		coroutine->number,
		(uint64_t)coroutine->parent_runtime << 32 | coroutine->entry,
		coroutine->parent_number,
		(uint64_t)coroutine->spawn << 32 | hash_text(coroutine->name),
		coroutine->created_after_ns,
		coroutine->created_ns,
		coroutine->stack_low,
		coroutine->stack_high,
		hash_text(coroutine->labels),
	};

	return cs_hash_bytes(facts, sizeof(facts)) | 1;
}

static uint32_t *known_hash(struct cs_known_slots *slots, uint32_t id)
{
	size_t before = slots->room;
	void *hashes = slots->hashes;

	if (cs_array_reserve(&hashes, &slots->room, sizeof(*slots->hashes), (size_t)id + 1))
		return NULL;
	slots->hashes = hashes;
	memset(&slots->hashes[before], 0, (slots->room - before) * sizeof(*slots->hashes));
	return &slots->hashes[id];
}

static void put_slot(struct cs_encoder *encoder, uint32_t id)
{
	cs_put_signed(&encoder->record, (int64_t)id - (int64_t)encoder->last_slot);
	encoder->last_slot = id;
}

static bool holds_nothing(const struct cs_coroutine *coroutine)
{
	return !coroutine->heap || coroutine->heap->live_samples == 0;
}

static void put_facts(struct cs_encoder *encoder, const struct cs_coroutine *coroutine, uint32_t id)
{
	struct cs_buffer *record = &encoder->record;

	put_slot(encoder, id);
	cs_put_varint(record, coroutine->process);
	cs_put_varint(record, coroutine->runtime);
	cs_put_varint(record, coroutine->number);
	cs_fields_put(record, cs_coroutine_fields, coroutine);
	cs_encode_record(encoder, CS_TRACE_COROUTINE);
}

static void put_state(struct cs_encoder *encoder, const struct cs_coroutine *coroutine, uint32_t id)
{
	struct cs_buffer *record = &encoder->record;

	put_slot(encoder, id);
	cs_put_varint(record, coroutine->number);
	cs_fields_put(record, cs_coroutine_state_fields, coroutine);
	cs_encode_record(encoder, CS_TRACE_COROUTINE_STATE);
	if (!coroutine->heap)
		return;
	put_slot(encoder, id);
	cs_put_varint(record, coroutine->number);
	cs_fields_put(record, cs_coroutine_heap_fields, coroutine->heap);
	cs_encode_record(encoder, CS_TRACE_COROUTINE_HEAP);
}

void cs_encode_coroutine(struct cs_encoder *encoder, struct cs_known_slots *slots,
                         const struct cs_model *model, uint32_t id, bool all)
{
	const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);
	uint32_t *known = known_hash(slots, id), hash;

	if (!known) {
		encoder->record.error = -ENOMEM;
		return;
	}
	cs_encode_room(encoder);
	/* Who was born and has ended since the last tick is told by nobody but the tallies. */
	if (!coroutine || (coroutine->ended_ns && holds_nothing(coroutine))) {
		if (all)
			return; /* a keyframe tells who is there; the next tick, who has gone */
		if (*known) {
			put_slot(encoder, id);
			cs_encode_record(encoder, CS_TRACE_COROUTINE_GONE);
		}
		*known = 0;
		return;
	}
	hash = hash_facts(coroutine);
	if (all || *known != hash)
		put_facts(encoder, coroutine, id);
	*known = hash;
	put_state(encoder, coroutine, id);
}

void cs_encode_tally(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id)
{
	const struct cs_tally *tally = cs_model_tally_at(model, id);

	cs_encode_room(encoder);
	cs_put_signed(&encoder->record, (int64_t)id - (int64_t)encoder->last_tally);
	encoder->last_tally = id;
	cs_put_varint(&encoder->record, tally->value);
	cs_put_varint(&encoder->record, tally->samples);
	cs_encode_record(encoder, CS_TRACE_TALLY_SUM);
}

void cs_encode_figure(struct cs_encoder *encoder, const struct cs_model *model, uint32_t id)
{
	const struct cs_figure *figure = cs_model_figure_at(model, id);

	cs_encode_room(encoder);
	cs_put_varint(&encoder->record, id);
	cs_put_double(&encoder->record, figure->value);
	cs_put_varint(&encoder->record, figure->time_ns);
	cs_encode_record(encoder, CS_TRACE_FIGURE_VALUE);
}

void cs_encode_event(struct cs_encoder *encoder, const struct cs_trace_event *event)
{
	const uint64_t fields[] = {event->process, event->thread, event->runtime, event->number,
	                           event->text,    event->node,   event->value};
	size_t count = sizeof(fields) / sizeof(*fields);

	cs_encode_room(encoder);
	cs_put_varint(&encoder->record, event->kind);
	cs_put_signed(&encoder->record, (int64_t)(event->time_ns - encoder->last_event_ns));
	encoder->last_event_ns = event->time_ns;
	while (count > 0 && !fields[count - 1])
		count--;
	for (size_t i = 0; i < count; i++)
		cs_put_varint(&encoder->record, fields[i]);
	cs_encode_record(encoder, CS_TRACE_EVENT);
}
