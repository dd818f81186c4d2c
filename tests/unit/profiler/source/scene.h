/* SPDX-License-Identifier: Apache-2.0 */
/* A process of the model, fed from a ring in memory: producer, ring, merge and decoder. */
#ifndef CS_TEST_SCENE_H
#define CS_TEST_SCENE_H

#include "producer.h"
#include "source/agent.h"
#include "support/unit.h"

struct scene {
	struct producer producer;
	struct cs_ring_reader *ring;
	struct cs_merge merge;
	struct cs_agent *agent;
	struct cs_agent_world world;
	struct cs_clock clock;
	bool shares_model;
};

void scene_begin(struct scene *scene, uint64_t lane_bytes, uint32_t lanes);
/* A process that was forked from PARENT, in the same model. */
void scene_fork(struct scene *child, struct scene *parent);
void scene_end(struct scene *scene);

/* Everything that was written reaches the model. */
void scene_drain(struct scene *scene);

struct cs_process *scene_process(const struct scene *scene);
const struct cs_thread *scene_thread(const struct scene *scene, uint32_t id);

/* Bytes in use of all cells whose stack is PATH, marks and addresses from outside inwards:
 * "0x1000;lost"; an address in a module is "MODULE+0x10". */
uint64_t scene_in_use(const struct scene *scene, const char *path);
uint64_t scene_allocated_by(const struct scene *scene, uint32_t thread);

#endif
