/* SPDX-License-Identifier: Apache-2.0 */
#include "go/samples.h"

#include <stdlib.h>

#include "go/observation.h"

#define STACK_MAX_BYTES (1u << 20)

/* ---- whose ---- */

static uint32_t slot_of(struct cs_observation *observation, const unsigned char *g)
{
	uint64_t number = cs_go_u64(g, observation->go->layout.g_goid);

	return number ? cs_go_tell_slot(observation, number) : 0;
}

static bool read_g(struct cs_observation *observation, uint64_t address, unsigned char *g)
{
	return address && cs_go_read(&observation->go->memory, address, g, CS_GO_G_BYTES) == 0;
}

uint32_t cs_go_sample_coroutine(struct cs_observation *observation, uint64_t g, uint64_t sp)
{
	const struct cs_go_layout *layout = &observation->go->layout;
	unsigned char head[CS_GO_G_BYTES];
	uint64_t m, g0, current;

	if (!read_g(observation, g, head))
		return 0;
	bool on_stack = sp >= cs_go_u64(head, 0) && sp < cs_go_u64(head, 8);

	if (on_stack && cs_go_u64(head, layout->g_goid))
		return slot_of(observation, head);
	/* A thread's own goroutine has no number; its m says for whom it works. */
	m = cs_go_u64(head, layout->g_m);
	if (!m || !cs_go_read_u64(&observation->go->memory, m, &g0) ||
	    !cs_go_read_u64(&observation->go->memory, m + layout->m_current, &current) ||
	    !read_g(observation, current, head) || cs_go_u64(head, layout->g_m) != m)
		return 0;
	return slot_of(observation, head);
}

uint32_t cs_go_sample_current(struct cs_observation *observation, uint32_t tid)
{
	unsigned char head[CS_GO_G_BYTES];
	uint64_t current;

	for (uint32_t i = 0; i < observation->thread_count; i++) {
		const struct cs_go_thread *thread = &observation->threads[i];

		if (thread->tid != tid || !thread->m)
			continue;
		if (!cs_go_read_u64(&observation->go->memory,
		                    thread->m + observation->go->layout.m_current, &current) ||
		    !read_g(observation, current, head) ||
		    cs_go_u64(head, observation->go->layout.g_m) != thread->m)
			return 0;
		return slot_of(observation, head);
	}
	return 0;
}

/* ---- where ---- */

bool cs_go_sample_is_go(struct cs_observation *observation, uint64_t pc)
{
	return cs_go_place_of(&observation->go->places, pc, true)->flags & CS_GO_PLACE_KNOWN;
}

uint32_t cs_go_sample_frame(struct cs_observation *observation, uint64_t pc, bool exact)
{
	return cs_go_names_frame(&observation->names, pc << 1 | exact);
}

uint32_t cs_go_sample_node(struct cs_observation *observation, const uint64_t *chain,
                           uint32_t count, uint32_t outer)
{
	struct cs_go_places *places = &observation->go->places;
	uint32_t known = 0, node = outer;

	while (known < count) {
		uint8_t flags = cs_go_place_of(places, chain[known], known == 0)->flags;

		if (!(flags & CS_GO_PLACE_KNOWN) || (known > 0 && (flags & CS_GO_PLACE_TOP)))
			break;
		known++;
	}
	for (uint32_t i = known; i-- > 0;) {
		const struct cs_go_place *place = cs_go_place_of(places, chain[i], i == 0);
		bool wrapper = place->flags & CS_GO_PLACE_WRAPPER;
		uint32_t frame = wrapper ? 0 : cs_go_sample_frame(observation, chain[i], i == 0);

		if (frame)
			node = cs_model_node(observation->model, node, frame);
	}
	return node;
}

uint32_t cs_go_sample_stack(struct cs_observation *observation, uint64_t pc, uint64_t sp,
                            const void *copy, uint64_t bytes, uint32_t least)
{
	struct cs_go_stack *stack = malloc(sizeof(*stack));
	uint32_t node = 0;

	if (!stack)
		return 0;
	cs_go_unwind(&observation->go->places, pc, sp, copy, bytes, true, stack);
	if (stack->complete && stack->depth >= least)
		node = cs_go_names_node(&observation->names, stack, CS_GO_HIDE_NOTHING);
	free(stack);
	return node;
}

uint32_t cs_go_sample_unwind(struct cs_observation *observation, uint64_t g, uint64_t pc,
                             uint64_t sp)
{
	const struct cs_go_layout *layout = &observation->go->layout;
	unsigned char head[CS_GO_G_BYTES];
	bool exact = pc != 0;
	uint32_t node = 0;

	if (!read_g(observation, g, head))
		return 0;
	if (!exact) {
		bool syscall = (cs_go_u32(head, layout->g_status) & ~CS_GO_STATUS_SCAN) ==
		               CS_GO_SYSCALL;

		pc = cs_go_u64(head, syscall ? layout->g_syscall_pc : layout->g_pc);
		sp = cs_go_u64(head, syscall ? layout->g_syscall_sp : layout->g_sp);
	}
	if (sp < cs_go_u64(head, 0) || sp >= cs_go_u64(head, 8))
		return 0;
	uint64_t bytes = cs_go_u64(head, 8) - sp;
	struct cs_go_stack *stack = malloc(sizeof(*stack));
	unsigned char *copy = bytes <= STACK_MAX_BYTES ? malloc(bytes) : NULL;

	if (stack && copy && cs_go_read(&observation->go->memory, sp, copy, bytes) == 0) {
		cs_go_unwind(&observation->go->places, pc, sp, copy, bytes, exact, stack);
		node = cs_go_names_node(&observation->names, stack, CS_GO_HIDE_NOTHING);
	}
	free(copy);
	free(stack);
	return node;
}
