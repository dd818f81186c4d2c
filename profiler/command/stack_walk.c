/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program may map and unmap code at any time: where a walk runs into code that is not known,
 * mappings are read again, now and then.
 */
#include "command/stack_walk.h"

#include <string.h>

#include "source/modules.h"

#define AGAIN_NS UINT64_C(1000000000)

/* The kernel's registers by DWARF's numbers. */
static const uint8_t numbers[CS_PERF_REGS] = {
	[CS_PERF_AX] = 0,   [CS_PERF_DX] = 1,   [CS_PERF_CX] = 2,   [CS_PERF_BX] = 3,
	[CS_PERF_SI] = 4,   [CS_PERF_DI] = 5,   [CS_PERF_BP] = 6,   [CS_PERF_SP] = 7,
	[CS_PERF_R8] = 8,   [CS_PERF_R9] = 9,   [CS_PERF_R10] = 10, [CS_PERF_R11] = 11,
	[CS_PERF_R12] = 12, [CS_PERF_R13] = 13, [CS_PERF_R14] = 14, [CS_PERF_R15] = 15,
	[CS_PERF_IP] = 16,
};

static int open_file(void *context, const struct cs_mapping *mapping)
{
	const struct cs_stack_walk *walk = context;
	struct cs_module_range range = {.start = mapping->start, .end = mapping->end};
	char reopen[4352];

	return cs_module_open(walk->pid, &range, mapping->path, false, reopen, sizeof(reopen));
}

void cs_stack_walk_start(struct cs_stack_walk *walk, uint32_t pid)
{
	memset(walk, 0, sizeof(*walk));
	walk->pid = pid;
}

void cs_stack_walk_stop(struct cs_stack_walk *walk)
{
	cs_unwinder_free(walk->unwinder);
	walk->unwinder = NULL;
	walk->stopped = true;
}

static bool ready(struct cs_stack_walk *walk)
{
	struct cs_unwinder_options options = {
		.pid = walk->pid, .open_file = open_file, .context = walk};

	if (!walk->unwinder && !walk->stopped)
		walk->unwinder = cs_unwinder_new(&options);
	return walk->unwinder != NULL;
}

static void walk_once(struct cs_stack_walk *walk, const struct cs_registers *registers,
                      const struct cs_perf_sample *sample)
{
	struct cs_unwinder_stack stack = {
		.copy_address = sample->regs[CS_PERF_SP],
		.copy_bytes = (uint32_t)sample->stack_bytes,
		.copy = sample->stack,
	};

	cs_unwinder_walk(walk->unwinder, registers, true, &stack, &walk->frames);
}

bool cs_stack_walk(struct cs_stack_walk *walk, const struct cs_perf_sample *sample, uint64_t now_ns,
                   struct cs_profile_stack *stack)
{
	struct cs_unwinder_frames *frames = &walk->frames;
	struct cs_registers registers = {0};

	stack->guessed = true;
	if (!sample->has_regs || !sample->stack || !ready(walk))
		return false;
	for (unsigned i = 0; i < CS_PERF_REGS; i++)
		cs_register_set(&registers, (enum cs_register)numbers[i], sample->regs[i]);
	walk_once(walk, &registers, sample);
	if (frames->cut && now_ns - walk->read_ns > AGAIN_NS) {
		walk->read_ns = now_ns;
		cs_unwinder_refresh(walk->unwinder);
		walk_once(walk, &registers, sample);
	}
	/* Nothing but where it was: the kernel may know more. */
	if (frames->count == 0 || (frames->cut && frames->count < stack->count))
		return false;
	stack->guessed = false;
	stack->cut = frames->cut ? CS_FRAME_CUT_UNKNOWN : 0;
	stack->count = frames->count;
	memcpy(stack->address, frames->address, frames->count * sizeof(frames->address[0]));
	return true;
}
