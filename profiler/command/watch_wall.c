/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On a CPU is what runs, or is in a system call or foreign code on a thread that the kernel
 * says runs. All else is off it: what waits, and what could run and has no CPU.
 */
#include "command/watch_wall.h"

#include "model/coroutine.h"
#include "model/tally.h"

/* Looks use at most this part of a CPU: the rate gives way. */
#define SHARE 10u

/* A sample of a running coroutine says where it is if it is not older than this. */
#define FRESH_NS UINT64_C(100000000)

void cs_watch_wall_start(struct cs_watch_wall *wall, uint32_t hz, const struct cs_clock *clock)
{
	*wall = (struct cs_watch_wall){
		.clock = clock, .due_ns = UINT64_MAX, .random = clock->wall_start_ns | 1};
	if (!hz)
		return;
	wall->mean_ns = UINT64_C(1000000000) / hz;
	wall->last_ns = cs_clock_now_ns(clock);
	wall->due_ns = wall->last_ns + wall->mean_ns;
}

void cs_watch_wall_stop(struct cs_watch_wall *wall)
{
	wall->due_ns = UINT64_MAX;
}

static uint64_t next_random(struct cs_watch_wall *wall)
{
	wall->random ^= wall->random << 13;
	wall->random ^= wall->random >> 7;
	wall->random ^= wall->random << 17;
	return wall->random;
}

/* ---- one coroutine ---- */

static bool is_on_cpu(const struct cs_model *model, const struct cs_coroutine *coroutine)
{
	const struct cs_thread *thread = cs_model_thread_at(model, coroutine->thread);

	if (coroutine->state == CS_COROUTINE_RUNNING)
		return true;
	return coroutine->state == CS_COROUTINE_SYSCALL && thread &&
	       thread->state == CS_THREAD_RUNNING;
}

/* Where it is; what runs is where it was sampled last, or just somewhere in its function. */
static uint32_t node_of(struct cs_model *model, const struct cs_watch_cpu *cpu, uint32_t slot,
                        const struct cs_coroutine *coroutine, bool on_cpu)
{
	uint32_t sampled = on_cpu ? cs_watch_cpu_node(cpu, slot, coroutine->number, FRESH_NS) : 0;

	if (sampled)
		return sampled;
	if (coroutine->stack)
		return coroutine->stack;
	return coroutine->entry ? cs_model_node(model, 0, coroutine->entry) : 0;
}

static void add(struct cs_model *model, struct cs_tally *key, enum cs_tally_kind kind, uint64_t ns)
{
	uint32_t id;

	key->kind = (uint8_t)kind;
	id = cs_model_tally(model, key);
	cs_model_tally_add(model, id, ns, 1);
}

void cs_watch_wall_add(struct cs_model *model, uint32_t process, const struct cs_watch_cpu *cpu,
                       uint64_t elapsed_ns)
{
	for (uint32_t slot = 1; slot <= cs_model_coroutine_slots(model); slot++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, slot);
		struct cs_tally key = {.process = process};
		bool on_cpu;

		if (!coroutine || coroutine->process != process || coroutine->ended_ns ||
		    coroutine->state == CS_COROUTINE_DEAD ||
		    (coroutine->flags & CS_COROUTINE_SYSTEM))
			continue;
		on_cpu = is_on_cpu(model, coroutine);
		key.node = node_of(model, cpu, slot, coroutine, on_cpu);
		key.spawn = coroutine->spawn;
		if (coroutine->labels)
			key.label = cs_model_text(model, coroutine->labels);
		add(model, &key, CS_TALLY_WALL, elapsed_ns);
		if (!on_cpu)
			add(model, &key, CS_TALLY_OFFCPU, elapsed_ns);
	}
}

/* ---- looks ---- */

int cs_watch_wall_look(struct cs_watch_wall *wall, struct cs_live *live,
                       const struct cs_watch_cpu *cpu, struct cs_diag *diag)
{
	const struct cs_observe_options want = {
		.level = CS_LEVEL_READ, .stacks = true, .threads = true};
	struct cs_observe_result result;
	uint64_t now_ns = cs_clock_now_ns(wall->clock);
	uint64_t used_ns = cs_clock_used_ns();
	int error = cs_live_look(live, &want, &result, diag);
	uint64_t wait_ns;

	if (error)
		return error;
	cs_watch_wall_add(live->model, live->process, cpu, now_ns - wall->last_ns);
	wall->looks++;
	wall->look_ns += result.duration_ns;
	wall->counted_ns += now_ns - wall->last_ns;
	wall->last_ns = now_ns;
	wait_ns = (cs_clock_used_ns() - used_ns) * SHARE;
	if (wait_ns < wall->mean_ns)
		wait_ns = wall->mean_ns;
	/* From a half to one and a half of it. */
	wall->due_ns = now_ns + wait_ns / 2 + next_random(wall) % wait_ns;
	return 0;
}
