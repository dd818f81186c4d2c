/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relocation slots through which a module calls functions of others.
 */
#ifndef CSA_HEAP_SLOTS_H
#define CSA_HEAP_SLOTS_H

#include "core/lookup.h"

/* A slot of IMAGE for NAME holds VALUE: what it is to hold from now on, or NULL to leave it. */
typedef void *csa_slot_visit(void *context, const struct csa_image *image, const void *value,
                             const char *name);

/*
 * Visits every slot of IMAGE that holds the plain address of a symbol. The module must be whole
 * (late.h). What is read-only since it was relocated is so again in the end; in a sandbox it is
 * left as it is.
 */
void csa_slots_each(const struct csa_image *image, csa_slot_visit *visit, void *context);

#endif
