/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a coroutine is, in the program's words: the innermost call that is not one of its
 * runtime's own. Everybody parks in gopark or swapcontext; what matters is who called it.
 */
#ifndef CS_MODEL_WHERE_H
#define CS_MODEL_WHERE_H

#include "model/stacks.h"

/*
 * The part of STACK from there on outwards; STACK itself if there is nothing else on it.
 * RUNTIME is the name of a runtime, NULL unknown.
 */
const struct cs_stack *cs_stack_where(const struct cs_stack *stack, const char *runtime);

#endif
