/* SPDX-License-Identifier: Apache-2.0 */
/* A roster over a table of SLOTS slots, three texts and no stacks. */
#ifndef CS_TEST_SLOTS_H
#define CS_TEST_SLOTS_H

#include "support/roster_scene.h"
#include "support/unit.h"

#define SLOTS 6000u

/* *STATE is a struct roster_scene. */
int slots_begin(void **state);
int slots_end(void **state);

/* The slot at INDEX, as an agent would write it. */
struct cs_slot *slots_put(struct roster_scene *scene, uint32_t index, uint64_t number,
                          uint64_t switches, enum cs_slot_state state);
struct cs_coroutine *slots_coroutine(const struct roster_scene *scene, uint64_t number);

#endif
