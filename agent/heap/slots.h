/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relocation slots through which a module calls functions of others.
 */
#ifndef CSA_HEAP_SLOTS_H
#define CSA_HEAP_SLOTS_H

#include "core/lookup.h"

typedef void csa_slot_visit(void *context, const struct csa_image *image, void **slot,
                            const char *name);

/* Visits every slot of IMAGE that holds the plain address of a symbol. */
void csa_slots_each(const struct csa_image *image, csa_slot_visit *visit, void *context);

/* Stores into a slot; one in a part that is read-only since relocation becomes so again. */
void csa_slot_store(const struct csa_image *image, void **slot, void *value);

#endif
