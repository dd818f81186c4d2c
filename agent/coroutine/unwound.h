/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines without a stack of their own (CS_SLOT_BODY) run on that of who resumes them, within
 * a call. A jump or an exception that passes that call leaves them for good, and nobody tells of it:
 * it is seen by the stack pointer, which is then above the call's.
 */
#ifndef CSA_COROUTINE_UNWOUND_H
#define CSA_COROUTINE_UNWOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/thread.h"
#include "coroutine/slots.h"

/* FROM, NULL for nobody, is about to resume SLOT in a call that returns to SP. */
void csa_unwound_note(struct cs_slot *slot, const struct cs_slot *from, uint64_t sp);

/* How far SP is above the call that SLOT runs within; below 0: it is within. In 16 bytes. */
static inline int32_t csa_unwound_by(const struct cs_slot *slot, uint64_t sp)
{
	return (int32_t)((uint32_t)(sp >> 4) - slot->agents_own);
}

/* Whether the thread, at SP, may have left SLOT: asked often. */
static inline bool csa_unwound_maybe(const struct cs_slot *slot, uint64_t sp)
{
	return (slot->flags & CS_SLOT_BODY) && csa_unwound_by(slot, sp) >= 0;
}

/* Ends those that have been left; csa_here is who resumed them. With csa_tls.busy set. */
void csa_unwound_check(struct csa_thread *thread, uint64_t sp);

#endif
