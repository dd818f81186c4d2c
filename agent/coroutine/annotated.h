/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behind the annotations of include/coroscope.h.
 */
#ifndef CSA_COROUTINE_ANNOTATED_H
#define CSA_COROUTINE_ANNOTATED_H

#include <stddef.h>
#include <stdint.h>

struct csa_annotation;

void csa_annotated_create(struct csa_annotation *self, const void *stack, size_t bytes,
                          const void *entry);
/* annotated.S: notes the caller's registers in FROM, then jumps to csa_annotated_switch. */
void csa_annotated_leave(struct csa_annotation *from, struct csa_annotation *to);
void csa_annotated_switch(struct csa_annotation *from, struct csa_annotation *to, uint64_t sp);

#endif
