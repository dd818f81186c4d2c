/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making records. Between begin and commit the caller fills in what follows struct
 * cs_record; it calls nothing but memcpy there. Async-signal-safe: a handler that interrupts
 * the making of a record makes its own behind it, and both are published together.
 */
#ifndef CSA_CORE_EMIT_H
#define CSA_CORE_EMIT_H

#include <stdint.h>

#include "core/thread.h"
#include "wire/record.h"

/*
 * Room for a record of KIND and BYTES (a multiple of 8, at most CS_RECORD_BYTES_MAX), its head
 * filled and stamped now, but hidden until it is committed. NULL: there is no room, the loss
 * has been counted, and nothing else is to be called.
 * With CS_SESSION_BLOCK it may wait, as long as wire/session.h allows.
 */
void *csa_emit_begin(struct csa_thread *thread, enum cs_record_kind kind, uint32_t bytes,
                     uint32_t arg);

/* Makes the record valid and publishes it, unless it is nested in another. */
void csa_emit_commit(struct csa_thread *thread, void *record, enum cs_record_kind kind);

/* Adds to a counter of the ring; relaxed, cold paths only. */
void csa_count(enum cs_agent_counter counter, uint64_t by);

#endif
