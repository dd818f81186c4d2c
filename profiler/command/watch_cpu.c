/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of a Go program may run through C and back: Go's own parts are for its observer to
 * name, the others are looked up in what is mapped.
 */
#include "command/watch_cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "command/stack_walk.h"
#include "go/samples.h"
#include "kernel/profile.h"
#include "model/coroutine.h"

/* What a sample copies of the stack: most goroutines have no more. */
#define GO_STACK_BYTES 4096u
#define NATIVE_STACK_BYTES 8192u

#define THREADS 256u /* of which the model's id is remembered */

/* The last sample of a slot's coroutine. */
struct last {
	uint64_t number;
	uint64_t mono_ns;
	uint32_t node;
};

struct cs_watch_cpu {
	struct cs_watch_cpu_options options;
	struct cs_perf *perf;
	struct cs_profile profile;
	const struct cs_profile_hooks *hooks;
	struct cs_code code;
	struct cs_stack_walk walk;      /* of native code */
	struct cs_profile_stack walked; /* the part in C of the sample at hand, if… */
	bool has_walked, apart;         /* … there is one; it is all of its stack */
	struct cs_profile_stack rest;   /* a stack being put together */
	struct {
		uint32_t tid, id;
	} threads[THREADS];
	struct last *last; /* by slot */
	size_t last_room;
	uint32_t coroutine; /* slot of the sample at hand */
	uint64_t g;         /* address of its struct, in Go; 0: none */
	uint64_t samples, in_coroutines;
	uint64_t latest_ns; /* CLOCK_MONOTONIC of the youngest sample */
};

/* ---- Go ---- */

/* The first address from FROM on that is Go's, or not; the end where there is none. */
static uint32_t first_of_kind(const struct cs_watch_cpu *cpu, const struct cs_profile_stack *stack,
                              uint32_t from, bool go)
{
	while (from < stack->count &&
	       cs_go_sample_is_go(cpu->options.live->observation, stack->address[from]) != go)
		from++;
	return from;
}

/*
 * The part in C by unwind information, as most C code has no frame pointers; the kernel's chain
 * stays. A thread that C has made may be in C all the way out: then it is no goroutine's time.
 */
static bool go_walk(void *context, const struct cs_perf_sample *sample,
                    struct cs_profile_stack *chain)
{
	struct cs_watch_cpu *cpu = context;
	struct cs_profile_stack *walked = &cpu->walked;

	cpu->has_walked = cpu->apart = false;
	if (!chain->count || first_of_kind(cpu, chain, 0, false) > 0)
		return false;
	*walked = *chain;
	walked->count = first_of_kind(cpu, chain, 0, true);
	cpu->has_walked = cs_stack_walk(&cpu->walk, sample, sample->time_ns, walked);
	cpu->apart = cpu->has_walked && !walked->cut &&
	             first_of_kind(cpu, walked, 0, true) == walked->count;
	return false;
}

static void go_owner(void *context, const struct cs_perf_sample *sample,
                     struct cs_profile_owner *owner)
{
	struct cs_watch_cpu *cpu = context;
	struct cs_live *live = cpu->options.live;
	const struct cs_coroutine *coroutine;
	const struct cs_go_sampled sampled = {
		.tid = sample->tid,
		.has_registers = sample->has_regs,
		.r14 = sample->regs[CS_PERF_R14],
		.copy = sample->has_regs ? sample->stack : NULL,
		.bytes = sample->stack_bytes,
	};

	cpu->coroutine = 0;
	cpu->g = 0;
	if (!cpu->apart)
		cpu->coroutine = cs_go_sample_coroutine(live->observation, &sampled, &cpu->g);
	coroutine = cs_model_coroutine_at(live->model, cpu->coroutine);
	if (!coroutine)
		return;
	cpu->in_coroutines++;
	owner->coroutine = cpu->coroutine;
	owner->spawn = coroutine->spawn;
	if (coroutine->labels)
		owner->label = cs_model_text(live->model, coroutine->labels);
}

/* What stands for the calls outside of what the kernel has kept; 0: it has kept all. */
static uint32_t outside_of(const struct cs_watch_cpu *cpu, const struct cs_profile_stack *stack)
{
	struct cs_model *model = cpu->options.live->model;

	return stack->cut
	               ? cs_model_node(model, 0, cs_model_frame(model, CS_MODULE_NONE, stack->cut))
	               : 0;
}

/* Addresses [from, to) of STACK are Go's. */
static uint32_t go_part(const struct cs_watch_cpu *cpu, const struct cs_profile_stack *stack,
                        uint32_t from, uint32_t to, uint32_t outer)
{
	uint64_t chain[CS_PROFILE_FRAMES];

	/* As its observer wants them: the first as it is, then return addresses. */
	for (uint32_t i = from; i < to; i++)
		chain[i - from] = stack->address[i] + (i > from);
	/* cppcheck-suppress uninitvar ; as many are read as were written */
	return cs_go_sample_node(cpu->options.live->observation, chain, to - from, outer);
}

/* What lies in no module was no return address: C code keeps other things in that register. */
static uint32_t foreign_part(struct cs_watch_cpu *cpu, const struct cs_profile_stack *stack,
                             uint32_t from, uint32_t to, uint32_t outer)
{
	struct cs_model *model = cpu->options.live->model;
	uint32_t node = outer;

	for (uint32_t i = to; i-- > from;) {
		uint64_t address = stack->address[i];
		uint32_t frame = 0;

		if (cs_code_find(&cpu->code, address, cpu->latest_ns))
			frame = cs_code_frame(&cpu->code, address, cpu->latest_ns);
		node = frame ? cs_model_node(model, node, frame) : node;
	}
	return node;
}

/* Addresses [0, TO) of STACK from the outside inwards, in parts of one kind; OUTER is outside. */
static uint32_t mixed_parts(struct cs_watch_cpu *cpu, const struct cs_profile_stack *stack,
                            uint32_t to, uint32_t outer)
{
	struct cs_observation *observation = cpu->options.live->observation;
	uint32_t node = outer;

	while (to > 0) {
		bool go = cs_go_sample_is_go(observation, stack->address[to - 1]);
		uint32_t from = to - 1;

		while (from > 0 && cs_go_sample_is_go(observation, stack->address[from - 1]) == go)
			from--;
		node = go ? go_part(cpu, stack, from, to, node)
		          : foreign_part(cpu, stack, from, to, node);
		to = from;
	}
	return node;
}

/*
 * A sample in C. What lies outside by frame pointers, if C has left them alone; else it is where
 * the goroutine left Go's code, which it has not come back to since.
 */
static uint32_t node_in_c(struct cs_watch_cpu *cpu, const struct cs_profile_stack *chain)
{
	struct cs_model *model = cpu->options.live->model;
	uint32_t outer = first_of_kind(cpu, chain, 0, true), node = 0;

	if (cpu->apart)
		return foreign_part(cpu, &cpu->walked, 0, cpu->walked.count, 0);
	if (outer < chain->count) {
		/* Behind Go's part there may be another of C, which has called it. */
		struct cs_profile_stack *rest = &cpu->rest;

		rest->count = chain->count - outer;
		memcpy(rest->address, chain->address + outer,
		       rest->count * sizeof(rest->address[0]));
		node = mixed_parts(cpu, rest, rest->count, outside_of(cpu, chain));
	} else if (cpu->g) {
		node = cs_go_sample_outside(cpu->options.live->observation, cpu->g);
		if (!node)
			node = cs_model_node(model, 0,
			                     cs_model_frame(model, CS_MODULE_NONE,
			                                    CS_FRAME_CUT_UNKNOWN));
	}
	if (!cpu->has_walked)
		return foreign_part(cpu, chain, 0, outer, node);
	return foreign_part(cpu, &cpu->walked, 0, first_of_kind(cpu, &cpu->walked, 0, true), node);
}

static uint32_t go_node(void *context, const struct cs_perf_sample *sample,
                        const struct cs_profile_stack *stack)
{
	struct cs_watch_cpu *cpu = context;
	struct cs_observation *observation = cpu->options.live->observation;
	uint32_t node = 0;

	if (sample->has_regs && sample->stack)
		node = cs_go_sample_stack(observation, sample->regs[CS_PERF_IP],
		                          sample->regs[CS_PERF_SP], sample->stack,
		                          sample->stack_bytes, stack->count);
	if (node || stack->count == 0)
		return node;
	return cs_go_sample_is_go(observation, stack->address[0])
	               ? mixed_parts(cpu, stack, stack->count, outside_of(cpu, stack))
	               : node_in_c(cpu, stack);
}

static const struct cs_profile_hooks go_hooks = {
	.owner = go_owner, .node = go_node, .walk = go_walk};

/* ---- native programs ---- */

static uint32_t native_frame(void *context, uint64_t address)
{
	struct cs_watch_cpu *cpu = context;

	return cs_code_frame(&cpu->code, address, cpu->latest_ns);
}

static bool native_walk(void *context, const struct cs_perf_sample *sample,
                        struct cs_profile_stack *stack)
{
	struct cs_watch_cpu *cpu = context;

	return cs_stack_walk(&cpu->walk, sample, sample->time_ns, stack);
}

/* The one that lives, as its observer told; 0: it has not yet. */
static uint32_t find_thread(const struct cs_live *live, uint32_t tid)
{
	for (uint32_t id = cs_model_thread_count(live->model); id > 0; id--) {
		const struct cs_thread *thread = cs_model_thread_at(live->model, id);

		if (thread->tid == tid && thread->process == live->process && !thread->end_ns)
			return id;
	}
	return 0;
}

static void native_owner(void *context, const struct cs_perf_sample *sample,
                         struct cs_profile_owner *owner)
{
	struct cs_watch_cpu *cpu = context;
	const struct cs_live *live = cpu->options.live;
	uint32_t slot = sample->tid % THREADS;
	const struct cs_thread *thread = cs_model_thread_at(live->model, cpu->threads[slot].id);

	cpu->coroutine = 0;
	if (!thread || thread->end_ns || cpu->threads[slot].tid != sample->tid) {
		cpu->threads[slot].tid = sample->tid;
		cpu->threads[slot].id = find_thread(live, sample->tid);
	}
	owner->thread = cpu->threads[slot].id;
}

static const struct cs_profile_hooks native_hooks = {
	.frame = native_frame, .owner = native_owner, .walk = native_walk};

/* ---- samples ---- */

static void remember(struct cs_watch_cpu *cpu, uint32_t node, uint64_t mono_ns)
{
	const struct cs_coroutine *coroutine =
		cs_model_coroutine_at(cpu->options.live->model, cpu->coroutine);
	size_t before = cpu->last_room;

	if (!coroutine || !node)
		return;
	if (cs_array_reserve((void **)&cpu->last, &cpu->last_room, sizeof(*cpu->last),
	                     cpu->coroutine + 1))
		return;
	memset(cpu->last + before, 0, (cpu->last_room - before) * sizeof(*cpu->last));
	cpu->last[cpu->coroutine] = (struct last){coroutine->number, mono_ns, node};
}

static void take(void *context, const struct cs_perf_sample *sample)
{
	struct cs_watch_cpu *cpu = context;
	struct cs_live *live = cpu->options.live;
	uint32_t node;

	/* Older kernels let events pass on to children, which are others' business. */
	if (sample->pid != live->pid)
		return;
	if (sample->time_ns > cpu->latest_ns)
		cpu->latest_ns = sample->time_ns;
	node = cs_profile_charge(&cpu->profile, live->process, cpu->hooks, cpu, sample);
	remember(cpu, node, sample->time_ns);
	cpu->samples++;
}

uint64_t cs_watch_cpu_drain(struct cs_watch_cpu *cpu)
{
	uint64_t before = cpu ? cpu->samples : 0;

	if (!cpu)
		return 0;
	cs_perf_drain(cpu->perf, take, cpu);
	return cpu->samples - before;
}

uint32_t cs_watch_cpu_node(const struct cs_watch_cpu *cpu, uint32_t slot, uint64_t number,
                           uint64_t age_ns)
{
	const struct last *last = cpu && slot < cpu->last_room ? &cpu->last[slot] : NULL;

	if (!last || last->number != number || cpu->latest_ns - last->mono_ns > age_ns)
		return 0;
	return last->node;
}

void cs_watch_cpu_looked(struct cs_watch_cpu *cpu)
{
	struct cs_model *model = cpu ? cpu->options.live->model : NULL;

	for (uint32_t slot = 1; cpu && slot < cpu->last_room; slot++) {
		struct cs_coroutine *coroutine = cs_model_coroutine_at(model, slot);
		uint32_t node;

		if (!coroutine || coroutine->state != CS_COROUTINE_RUNNING || coroutine->stack)
			continue;
		node = cs_watch_cpu_node(cpu, slot, coroutine->number, UINT64_C(1000000000));
		if (!node)
			continue;
		coroutine->stack = node;
		coroutine->flags |= CS_COROUTINE_STACK_SAMPLED;
		cs_model_coroutine_changed(model, slot);
	}
}

/* ---- life and questions ---- */

struct cs_watch_cpu *cs_watch_cpu_new(const struct cs_watch_cpu_options *options,
                                      struct cs_diag *diag)
{
	bool go = options->live->observer == &cs_go_observer ||
	          options->live->observer == &cs_go_library_observer;
	/* What the process starts is observed by nobody. */
	struct cs_perf_options perf = {
		.hz = options->hz,
		.stack_bytes = go ? GO_STACK_BYTES : NATIVE_STACK_BYTES,
		.threads_only = true,
	};
	struct cs_watch_cpu *cpu = calloc(1, sizeof(*cpu));

	if (!cpu) {
		cs_diag_set(diag, -ENOMEM, "sample CPU time: not enough memory");
		return NULL;
	}
	cpu->options = *options;
	cpu->hooks = go ? &go_hooks : &native_hooks;
	cs_stack_walk_start(&cpu->walk, options->live->pid);
	cs_code_start(&cpu->code, options->live->model, options->live->pid, options->on_module,
	              options->context);
	cpu->perf = cs_perf_new(&perf, diag);
	if (!cpu->perf || cs_perf_attach(cpu->perf, options->live->pid, diag)) {
		cs_watch_cpu_free(cpu);
		return NULL;
	}
	cs_profile_start(&cpu->profile, options->live->model, cs_perf_period_ns(cpu->perf));
	return cpu;
}

void cs_watch_cpu_free(struct cs_watch_cpu *cpu)
{
	if (!cpu)
		return;
	cs_perf_free(cpu->perf);
	cs_code_stop(&cpu->code);
	cs_stack_walk_stop(&cpu->walk);
	free(cpu->last);
	free(cpu);
}

void cs_watch_cpu_stats(const struct cs_watch_cpu *cpu, struct cs_watch_cpu_stats *stats)
{
	*stats = (struct cs_watch_cpu_stats){0};
	if (!cpu)
		return;
	cs_perf_counts(cpu->perf, &stats->perf);
	stats->perf.lost += cpu->profile.unbooked;
	stats->hz = cpu->options.hz;
	stats->charged_ns = cpu->profile.charged_ns;
	stats->in_coroutines = cpu->in_coroutines;
}
