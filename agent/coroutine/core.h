/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of core.c, for this folder alone.
 */
#ifndef CSA_COROUTINE_CORE_H
#define CSA_COROUTINE_CORE_H

#include "coroutine/coroutine.h"
#include "heap/hook.h"

/* The thread works for whom csa_here says on other stacks as well: they tell nothing. */
extern __thread uint8_t csa_core_away
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The agent at work, at SP, with tables; its thread is NULL if nothing can be noted. */
struct csa_work csa_core_begin(uint64_t sp);
void csa_core_end(const struct csa_work *work);

/* A number that no other coroutine ever has. */
uint64_t csa_core_number(void);

/* Whoever switches to KEY switches to SLOT. */
static inline void csa_core_remember_key(struct cs_slot *slot, uint64_t key)
{
	slot->agents_key = key;
	if (key)
		atomic_store_explicit(csa_recent(csa_board, key), csa_slot_line(slot),
		                      memory_order_relaxed);
}

/* SLOT's coroutine has ended, if nobody was faster. */
void csa_core_finish(struct csa_thread *thread, struct cs_slot *slot, enum cs_coro_end how);

#endif
