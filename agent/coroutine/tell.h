/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lanes are told of coroutines (wire/record.h). With csa_tls.busy set.
 */
#ifndef CSA_COROUTINE_TELL_H
#define CSA_COROUTINE_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/thread.h"
#include "wire/coroutine.h"
#include "wire/record.h"

static inline bool csa_slot_is_coroutine(const struct cs_slot *slot)
{
	return slot && !(slot->flags & CS_SLOT_THREAD);
}

/* 0 for a thread's own stack. */
static inline uint64_t csa_slot_number(const struct cs_slot *slot)
{
	return csa_slot_is_coroutine(slot)
	               ? atomic_load_explicit(&slot->number, memory_order_relaxed)
	               : 0;
}

void csa_tell_birth(struct csa_thread *thread, const struct cs_slot *slot, uint64_t number);
void csa_tell_end(struct csa_thread *thread, const struct cs_slot *slot, uint64_t number,
                  enum cs_coro_end how);
/* FROM, TO: NULL nobody that is known. */
void csa_tell_switch(struct csa_thread *thread, const struct cs_slot *from,
                     const struct cs_slot *to, bool ended);
void csa_tell_text(struct csa_thread *thread, const struct cs_slot *slot);

/* CORO_LANE or CORO_WAKE. */
void csa_tell_number(struct csa_thread *thread, enum cs_record_kind kind, uint64_t number);

#endif
