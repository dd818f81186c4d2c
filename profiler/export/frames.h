/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls as every report writes them.
 */
#ifndef CS_EXPORT_FRAMES_H
#define CS_EXPORT_FRAMES_H

#include "base/json.h"
#include "model/stacks.h"

/* FRAME of cli.md. BY_FUNCTION: the call stands for its function, at no line in particular. */
void cs_json_frame(struct cs_json *json, const struct cs_call *call, bool by_function);
/* "KEY": [FRAME…], from the innermost call outwards; of a stack of marks alone, empty. */
void cs_json_stack(struct cs_json *json, const char *key, const struct cs_stack *stack);

#endif
