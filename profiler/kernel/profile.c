/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks are built from the outside inwards, as nodes are.
 */
#include "kernel/profile.h"

#include "model/coroutine.h"
#include "model/tally.h"

void cs_profile_start(struct cs_profile *profile, struct cs_model *model, uint64_t period_ns)
{
	*profile = (struct cs_profile){.model = model, .period_ns = period_ns};
}

/* By frame pointers, as the kernel found them. */
static void take_chain(const struct cs_perf_sample *sample, struct cs_profile_stack *stack)
{
	stack->count = 0;
	stack->guessed = false;
	for (uint32_t i = 0; i < sample->chain_count && i < CS_PROFILE_FRAMES; i++) {
		uint64_t address = sample->chain[i];

		/* In a system call the first one is a return address as well, of `syscall`,
		 * which is its own function: nothing changes. */
		stack->address[stack->count++] = i > 0 && address ? address - 1 : address;
	}
	if (stack->count == 0 && sample->ip && !sample->in_kernel)
		stack->address[stack->count++] = sample->ip;
	/* As many as the kernel keeps at most: there are likely more. */
	stack->cut = sample->chain_count >= PERF_MAX_STACK_DEPTH ? CS_FRAME_CUT_DEPTH : 0;
}

static uint32_t mark(struct cs_model *model, uint32_t parent, enum cs_frame_mark which)
{
	return cs_model_node(model, parent, cs_model_frame(model, CS_MODULE_NONE, which));
}

static uint32_t build(struct cs_profile *profile, const struct cs_profile_hooks *hooks,
                      void *context)
{
	const struct cs_profile_stack *stack = &profile->stack;
	struct cs_model *model = profile->model;
	uint32_t node = stack->cut ? mark(model, 0, (enum cs_frame_mark)stack->cut) : 0;

	for (uint32_t i = stack->count; i-- > 0;) {
		uint32_t frame = hooks->frame(context, stack->address[i]);

		if (i == 0 && stack->guessed && stack->count > 1)
			node = mark(model, node, CS_FRAME_GUESSED);
		node = frame ? cs_model_node(model, node, frame) : 0;
		if (!node)
			return 0;
	}
	return node;
}

static void charge_coroutine(struct cs_profile *profile, uint32_t id)
{
	struct cs_coroutine *coroutine = cs_model_coroutine_at(profile->model, id);

	if (!coroutine)
		return;
	if (coroutine->cpu_ns == CS_UNKNOWN)
		coroutine->cpu_ns = 0;
	coroutine->cpu_ns += profile->period_ns;
	cs_model_coroutine_changed(profile->model, id);
}

uint32_t cs_profile_charge(struct cs_profile *profile, uint32_t process,
                           const struct cs_profile_hooks *hooks, void *context,
                           const struct cs_perf_sample *sample)
{
	struct cs_profile_owner owner = {0};
	struct cs_tally key = {.process = process, .kind = CS_TALLY_CPU};
	uint32_t tally;

	take_chain(sample, &profile->stack);
	if (hooks->walk)
		hooks->walk(context, sample, &profile->stack);
	if (hooks->owner)
		hooks->owner(context, sample, &owner);
	if (hooks->node)
		key.node = hooks->node(context, sample, &profile->stack);
	else
		key.node = build(profile, hooks, context);
	if (sample->in_kernel && key.node)
		key.node = mark(profile->model, key.node, CS_FRAME_KERNEL);
	key.thread = owner.thread;
	key.spawn = owner.spawn;
	key.label = owner.label;
	tally = cs_model_tally(profile->model, &key);
	if (!tally) {
		profile->unbooked++;
		return 0;
	}
	cs_model_tally_add(profile->model, tally, profile->period_ns, 1);
	profile->charged_ns += profile->period_ns;
	charge_coroutine(profile, owner.coroutine);
	return key.node;
}
