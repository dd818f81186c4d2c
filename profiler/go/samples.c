/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers and copies of stacks are a sample's, structs are read when it is looked at, some
 * milliseconds later: what they say of each other is checked before it is believed.
 */
#include "go/samples.h"

#include <stdlib.h>
#include <string.h>

#include "go/observation.h"
#include "go/trial.h"

#define STACK_MAX_BYTES (1u << 20)

/* ---- whose ---- */

/* A thread that C has made keeps a goroutine of its own, which is dead while it is in C. */
static uint32_t slot_of(struct cs_observation *observation, const unsigned char *g)
{
	const struct cs_go_layout *layout = &observation->go->layout;
	uint32_t status = cs_go_u32(g, layout->g_status) & ~CS_GO_STATUS_SCAN;
	uint64_t number = cs_go_u64(g, layout->g_goid);
	bool alive = status != CS_GO_IDLE && status != CS_GO_DEAD && status != CS_GO_DEAD_EXTRA;

	return number && alive ? cs_go_tell_slot(observation, number) : 0;
}

static bool read_g(struct cs_observation *observation, uint64_t address, unsigned char *g)
{
	return address && cs_go_read(&observation->go->memory, address, g, CS_GO_G_BYTES) == 0;
}

/* The goroutine that the thread TID works for, into G of CS_GO_G_BYTES; 0: none. */
static uint64_t current_of(struct cs_observation *observation, uint32_t tid, unsigned char *g)
{
	uint64_t current;

	for (uint32_t i = 0; i < observation->thread_count; i++) {
		const struct cs_go_thread *thread = &observation->threads[i];

		if (thread->tid != tid || !thread->m)
			continue;
		if (!cs_go_read_u64(&observation->go->memory,
		                    thread->m + observation->go->layout.m_current, &current) ||
		    !read_g(observation, current, g) ||
		    cs_go_u64(g, observation->go->layout.g_m) != thread->m)
			return 0;
		return current;
	}
	return 0;
}

/* The goroutine with a number that is at ADDRESS, into G; garbage is none. */
static bool is_goroutine(struct cs_observation *observation, uint64_t address, unsigned char *g)
{
	struct cs_go *go = observation->go;
	uint64_t last_goid = 0;

	if (address % 8 || !read_g(observation, address, g))
		return false;
	if (go->variables.sched)
		cs_go_read_u64(&go->memory, go->variables.sched, &last_goid);
	return cs_go_trial_fits(g, &go->layout, go->modules, last_goid);
}

/* A thread's own goroutine has no number; its m says for whom it works. */
static uint64_t worked_for(struct cs_observation *observation, unsigned char *g)
{
	uint64_t m = cs_go_u64(g, observation->go->layout.g_m), g0, current;

	if (!m || !cs_go_read_u64(&observation->go->memory, m, &g0) ||
	    !cs_go_read_u64(&observation->go->memory, m + observation->go->layout.m_current,
	                    &current) ||
	    !read_g(observation, current, g) || cs_go_u64(g, observation->go->layout.g_m) != m)
		return 0;
	return current;
}

/* What the code that C returns to does first: mov N(%rsp), %rdi; -1: it is none that is known. */
static int32_t saved_at(struct cs_observation *observation, uint64_t pc)
{
	static const unsigned char load[] = {0x48, 0x8b, 0x7c, 0x24};
	unsigned char code[sizeof(load) + 1];

	if (strcmp(cs_go_names_function(&observation->names, pc), "runtime.asmcgocall") != 0 ||
	    cs_go_read(&observation->go->memory, pc, code, sizeof(code)) ||
	    memcmp(code, load, sizeof(load)) != 0 || code[sizeof(load)] % 8)
		return -1;
	return code[sizeof(load)];
}

/*
 * runtime.asmcgocall, before it goes to C, puts the goroutine's struct on the stack that C
 * gets, and takes it from there when C returns.
 */
static uint64_t left_on_stack(struct cs_observation *observation,
                              const struct cs_go_sampled *sampled, unsigned char *g)
{
	const struct cs_go_module *module = &observation->go->modules[0];
	uint64_t words = sampled->copy ? sampled->bytes / 8 : 0;

	for (uint64_t i = 0; i < words; i++) {
		uint64_t pc = cs_go_u64(sampled->copy, i * 8);
		int32_t at = pc >= module->text && pc < module->etext ? saved_at(observation, pc)
		                                                      : -1;
		uint64_t place = i + 1 + (uint64_t)at / 8;

		if (at < 0 || place >= words)
			continue;
		uint64_t address = cs_go_u64(sampled->copy, place * 8);

		if (is_goroutine(observation, address, g))
			return address;
	}
	return 0;
}

uint32_t cs_go_sample_coroutine(struct cs_observation *observation,
                                const struct cs_go_sampled *sampled, uint64_t *g)
{
	unsigned char head[CS_GO_G_BYTES];
	uint64_t r14 = sampled->has_registers ? sampled->r14 : 0;

	*g = 0;
	if (r14 && is_goroutine(observation, r14, head))
		*g = r14;
	else if (r14 && read_g(observation, r14, head))
		*g = worked_for(observation, head);
	if (!*g)
		*g = left_on_stack(observation, sampled, head);
	if (!*g)
		*g = current_of(observation, sampled->tid, head);
	return *g ? slot_of(observation, head) : 0;
}

/* ---- where ---- */

bool cs_go_sample_is_go(struct cs_observation *observation, uint64_t pc)
{
	return cs_go_place_of(&observation->go->places, pc, true)->flags & CS_GO_PLACE_KNOWN;
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
		uint32_t frame =
			wrapper ? 0
				: cs_go_names_frame(&observation->names, chain[i] << 1 | (i == 0));

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

uint32_t cs_go_sample_outside(struct cs_observation *observation, uint64_t g)
{
	const struct cs_go_layout *layout = &observation->go->layout;
	unsigned char head[CS_GO_G_BYTES];
	uint32_t node = 0;

	if (!read_g(observation, g, head) ||
	    (cs_go_u32(head, layout->g_status) & ~CS_GO_STATUS_SCAN) != CS_GO_SYSCALL)
		return 0;
	uint64_t pc = cs_go_u64(head, layout->g_syscall_pc);
	uint64_t sp = cs_go_u64(head, layout->g_syscall_sp);
	uint64_t low = cs_go_u64(head, 0), high = cs_go_u64(head, 8);

	if (sp < low || sp >= high)
		return 0;
	uint64_t bytes = high - sp;
	struct cs_go_stack *stack = malloc(sizeof(*stack));
	unsigned char *copy = bytes <= STACK_MAX_BYTES ? malloc(bytes) : NULL;

	if (stack && copy && cs_go_read(&observation->go->memory, sp, copy, bytes) == 0) {
		cs_go_unwind(&observation->go->places, pc, sp, copy, bytes, false, stack);
		node = cs_go_names_node(&observation->names, stack, CS_GO_HIDE_NOTHING);
	}
	free(copy);
	free(stack);
	return node;
}
