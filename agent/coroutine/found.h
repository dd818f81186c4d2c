/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines that nobody told of: met when an event comes from a stack that is not known.
 */
#ifndef CSA_COROUTINE_FOUND_H
#define CSA_COROUTINE_FOUND_H

#include <stdint.h>

#include "core/thread.h"
#include "coroutine/coroutine.h"

/* A new coroutine of the runtime "stack" for the stack that SP is on; NULL: it can't be told. */
struct cs_slot *csa_found(struct csa_thread *thread, uint64_t sp);

/* The same for a stack that an adapter speaks of. */
struct cs_slot *csa_found_as(struct csa_thread *thread, uint64_t address, const char *runtime);

/* birth.c: makes it. */
struct cs_slot *csa_coro_new(struct csa_thread *thread, const struct csa_birth *birth);

#endif
