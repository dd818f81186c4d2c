/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function for each kind of record; what finds no room is counted by the lane.
 */
#include "coroutine/tell.h"

#include <string.h>

#include "core/emit.h"
#include "coroutine/coroutine.h"

void csa_tell_birth(struct csa_thread *thread, const struct cs_slot *slot, uint64_t number)
{
	struct cs_record_coro_create *record = csa_emit_begin(
		thread, CS_RECORD_CORO_CREATE, sizeof(*record), csa_slot_index(slot));

	if (!record)
		return;
	record->number = number;
	record->parent = slot->parent;
	record->spawn = slot->spawn;
	record->entry = slot->entry;
	record->stack_low = slot->stack_low;
	record->stack_high = slot->stack_high;
	record->runtime = slot->runtime;
	record->flags = slot->flags;
	record->reserved = 0;
	csa_emit_commit(thread, record, CS_RECORD_CORO_CREATE);
}

void csa_tell_end(struct csa_thread *thread, const struct cs_slot *slot, uint64_t number,
                  enum cs_coro_end how)
{
	struct cs_record_coro_end *record =
		csa_emit_begin(thread, CS_RECORD_CORO_END, sizeof(*record), how);

	if (!record)
		return;
	record->number = number;
	record->switches = atomic_load(&slot->turn) >> 8;
	record->run_ticks = slot->run_ticks;
	record->wait_ticks = slot->wait_ticks;
	csa_emit_commit(thread, record, CS_RECORD_CORO_END);
}

void csa_tell_number(struct csa_thread *thread, enum cs_record_kind kind, uint64_t number)
{
	struct cs_record_coro *record = csa_emit_begin(thread, kind, sizeof(*record), 0);

	if (!record)
		return;
	record->number = number;
	csa_emit_commit(thread, record, kind);
	if (kind == CS_RECORD_CORO_LANE)
		thread->coro_told = number;
}

void csa_tell_switch(struct csa_thread *thread, const struct cs_slot *from,
                     const struct cs_slot *to, bool ended)
{
	uint32_t state = ended || !from ? 0 : atomic_load(&from->turn) & 0xff;
	uint32_t reason = from ? from->reason : 0;
	struct cs_record_coro_switch *record =
		csa_emit_begin(thread, CS_RECORD_CORO_SWITCH, sizeof(*record), reason << 8 | state);

	if (!record)
		return;
	record->from = csa_slot_number(from);
	record->to = csa_slot_number(to);
	csa_emit_commit(thread, record, CS_RECORD_CORO_SWITCH);
}

void csa_coro_tell(struct csa_thread *thread, uint64_t number)
{
	if (__builtin_expect(thread->coro_told != number, 0))
		csa_tell_number(thread, CS_RECORD_CORO_LANE, number);
}

void csa_tell_text(struct csa_thread *thread, const struct cs_slot *slot)
{
	struct cs_record_coro_text *record =
		csa_emit_begin(thread, CS_RECORD_CORO_TEXT, sizeof(*record), 0);

	if (!record)
		return;
	record->number = atomic_load_explicit(&slot->number, memory_order_relaxed);
	memcpy(record->text, slot->text, sizeof(record->text));
	csa_emit_commit(thread, record, CS_RECORD_CORO_TEXT);
}
