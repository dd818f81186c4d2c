/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that is not on its goroutine's stack is on its own, or handles a signal. It came to
 * its own by a switch that saved the goroutine's place, or asks the vDSO for the time, which
 * saves another; what a goroutine saved last may otherwise be from long ago (a call of C that
 * has returned leaves it behind). So its own stack must lead to such a switch.
 */
#include "go/running.h"

#include <stdlib.h>
#include <string.h>

#include "go/memory.h"
#include "go/unwind.h"

#define OWN_STACK_MAX_BYTES (64u << 10) /* what the runtime does on its own is not deep */

static bool place_on_its_stack(struct cs_go_running *running, const struct cs_go_freeze *freeze)
{
	for (uint32_t i = 0; i < freeze->count; i++) {
		const struct cs_go_held *thread = &freeze->threads[i];

		if (thread->sp < running->low || thread->sp >= running->high)
			continue;
		running->pc = thread->pc;
		running->sp = thread->sp;
		running->exact = true;
		return true;
	}
	return false;
}

/* In a call of the vDSO: whence, and with which stack pointer. */
static bool place_before_vdso(struct cs_go_running *running, struct cs_go *go)
{
	uint64_t saved[2];

	if (cs_go_read(&go->memory, running->m + go->layout.m_vdso_sp, saved, sizeof(saved)) ||
	    saved[0] < running->low || saved[0] >= running->high ||
	    !(cs_go_place_of(&go->places, saved[1], false)->flags & CS_GO_PLACE_KNOWN))
		return false;
	running->sp = saved[0];
	running->pc = saved[1];
	running->exact = false;
	return true;
}

/*
 * Whether by this function a thread comes to its own stack: it saves the place that is left. With
 * mstart a thread begins, and takes on a goroutine that had left before.
 */
static bool is_switch(struct cs_go *go, uint64_t key)
{
	static const char *const switches[] = {"runtime.systemstack", "runtime.mcall",
	                                       "runtime.morestack", "runtime.mstart"};
	const struct cs_go_place *place = cs_go_place_of(&go->places, key >> 1, key & 1);
	const struct cs_go_table *table = &go->modules[place->module].table;
	struct cs_go_function function;

	if (!cs_go_table_at(table, place->function, &function))
		return false;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (!strcmp(cs_go_table_name(table, &function), switches[i]))
			return true;
	return false;
}

static bool leads_to_switch(struct cs_go *go, const struct cs_go_held *thread, uint64_t bytes)
{
	struct cs_go_stack *stack = malloc(sizeof(*stack));
	unsigned char *copy = malloc(bytes);
	bool found = false;

	if (stack && copy && cs_go_read(&go->memory, thread->sp, copy, bytes) == 0) {
		cs_go_unwind(&go->places, thread->pc, thread->sp, copy, bytes, true, stack);
		found = stack->depth && is_switch(go, stack->keys[stack->depth - 1]);
	}
	free(copy);
	free(stack);
	return found;
}

/* Its thread is on its own stack, that of the m's first goroutine. */
static bool left_by_switch(const struct cs_go_running *running, struct cs_go *go,
                           const struct cs_go_freeze *freeze)
{
	uint64_t own, bounds[2];

	if (!cs_go_read_u64(&go->memory, running->m, &own) ||
	    cs_go_read(&go->memory, own, bounds, sizeof(bounds)))
		return false;
	for (uint32_t i = 0; i < freeze->count; i++) {
		const struct cs_go_held *thread = &freeze->threads[i];

		if (thread->sp < bounds[0] || thread->sp >= bounds[1])
			continue;
		uint64_t bytes = bounds[1] - thread->sp;

		return leads_to_switch(go, thread,
		                       bytes < OWN_STACK_MAX_BYTES ? bytes : OWN_STACK_MAX_BYTES);
	}
	return false;
}

bool cs_go_running_place(struct cs_go_running *running, struct cs_go *go,
                         const struct cs_go_freeze *freeze)
{
	running->exact = false;
	return place_on_its_stack(running, freeze) ||
	       (running->m &&
	        (place_before_vdso(running, go) || left_by_switch(running, go, freeze)));
}
