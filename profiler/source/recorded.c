/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts: for each lane, what its owner offered is what was delivered plus what was
 * lost. A thread that was killed in the middle of a record leaves one over: "unfinished".
 */
#include "source/recorded.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/doorbell.h"

#define PENDING_TRIES 50
#define PENDING_NAP_US 100
#define PROGRESS_BYTES (UINT64_C(256) << 10)

static const char *const refusals[CS_REFUSAL_COUNT] = {
	[CS_REFUSAL_NONE] = "the agent does not say why",
	[CS_REFUSAL_VERSION] = "agent and coroscope are of different versions",
	[CS_REFUSAL_OWN_MALLOC] = "the program defines malloc itself, so ours is never called",
	[CS_REFUSAL_NO_MEMORY] = "the agent could not map its tables",
};

/* ---- birth ---- */

/* "a\0b\0c\0\0" to "a b c"; NULL if there are none. */
static char *join_arguments(const char *arguments)
{
	size_t length = 0;
	char *text;

	while (length < sizeof(((struct cs_ring_info *)0)->arguments) - 1 &&
	       (arguments[length] || arguments[length + 1]))
		length++;
	if (length == 0)
		return NULL;
	text = malloc(length + 1);
	for (size_t i = 0; text && i < length; i++)
		text[i] = arguments[i] ? arguments[i] : ' ';
	if (text)
		text[length] = '\0';
	return text;
}

static uint32_t parent_of(const struct cs_agent_world *world, const struct cs_recorded *parent,
                          const struct cs_recorded *exec_of)
{
	if (parent)
		return parent->agent->process;
	if (exec_of)
		return cs_model_process_at(world->model, exec_of->agent->process)->parent;
	return 0;
}

struct cs_recorded *cs_recorded_new(const struct cs_agent_world *world, struct cs_ring_reader *ring,
                                    const struct cs_proc *proc, const struct cs_recorded *parent,
                                    const struct cs_recorded *exec_of)
{
	struct cs_recorded *recorded = calloc(1, sizeof(*recorded));
	const struct cs_ring_info *info = &ring->info;
	bool forked = parent && (info->flags & CS_RING_FORKED) != 0;
	struct cs_process start = {
		.pid = proc->pid ? proc->pid : info->pid,
		.parent_pid = info->parent_pid,
		.parent = parent_of(world, parent, exec_of),
		.exec_of = exec_of ? exec_of->agent->process : 0,
		.forked = (info->flags & CS_RING_FORKED) != 0,
		.heap_mean_bytes = info->heap_mean_bytes,
		.start_ns = cs_clock_ns(world->clock, info->clock, info->start_stamp),
		.boot_ticks = info->boot_ticks,
		.executable = (char *)info->executable,
		.arguments = join_arguments(info->arguments),
	};

	if (recorded)
		recorded->agent =
			cs_agent_new(world, info, &start, start.pid, forked ? parent->agent : NULL);
	free(start.arguments);
	if (!recorded || !recorded->agent) {
		free(recorded);
		cs_ring_close(ring);
		return NULL;
	}
	memcpy(recorded->agent->ring_name, ring->name, sizeof(ring->name));
	recorded->ring = ring;
	recorded->proc = *proc;
	recorded->pid = start.pid;
	recorded->gap = world->gap;
	return recorded;
}

struct cs_recorded *cs_recorded_of(const struct cs_agent_world *world, struct cs_ring_reader *ring,
                                   const struct cs_proc *proc, uint32_t process)
{
	struct cs_recorded *recorded = calloc(1, sizeof(*recorded));

	if (!recorded)
		return NULL;
	recorded->pid = proc->pid ? proc->pid : ring->info.pid;
	recorded->agent = cs_agent_of(world, &ring->info, process, recorded->pid);
	if (!recorded->agent) {
		free(recorded);
		return NULL;
	}
	recorded->ring = ring;
	recorded->proc = *proc;
	recorded->gap = world->gap;
	return recorded;
}

void cs_recorded_free(struct cs_recorded *recorded)
{
	if (!recorded)
		return;
	cs_agent_free(recorded->agent, recorded->ring);
	cs_merge_free(&recorded->merge);
	cs_threads_free(&recorded->threads);
	cs_ring_close(recorded->ring);
	cs_proc_close(&recorded->proc);
	free(recorded);
}

/* ---- draining ---- */

static void tell_progress(struct cs_recorded *recorded)
{
	recorded->bytes = 0;
	cs_doorbell_progress(recorded->agent->world->shared);
}

/* How full lanes are; those that stay empty give their private copy back. */
static uint32_t survey(struct cs_ring_reader *ring)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < ring->lane_count; i++) {
		struct cs_lane_reader *lane = ring->lanes[i];
		uint32_t full = lane->damage ? 0 : cs_lane_fullness(lane, lane->head);

		if (full > most)
			most = full;
		if (!lane->damage && lane->head != lane->position)
			lane->idle_passes = 0;
		else if (lane->buffer && ++lane->idle_passes > 20)
			cs_lane_rest(lane);
	}
	return most;
}

/*
 * A pass over many full lanes takes longer than agents wait without progress: they hear of it
 * in between.
 */
static void visit(void *context, struct cs_lane_reader *lane, const struct cs_record *first,
                  const struct cs_record *end)
{
	struct cs_recorded *recorded = context;

	cs_agent_visit(recorded->agent, lane, first, end);
	recorded->bytes += (uint64_t)((const uint8_t *)end - (const uint8_t *)first);
	if (recorded->bytes >= PROGRESS_BYTES)
		tell_progress(recorded);
}

static void drain_to(struct cs_recorded *recorded, uint64_t bound)
{
	cs_merge_drain(&recorded->merge, recorded->ring, bound, visit, recorded);
	if (recorded->bytes)
		tell_progress(recorded);
}

uint32_t cs_recorded_drain(struct cs_recorded *recorded, uint64_t looked_ns, uint64_t lag_ns)
{
	const struct cs_agent_world *world = recorded->agent->world;
	struct cs_ring_reader *ring = recorded->ring;
	/* Before the look: cs_merge_bound() relies on it. */
	uint64_t present = cs_clock_stamp(ring->info.clock);
	uint64_t now_ns = cs_clock_now_ns(world->clock);
	uint32_t fullness;

	cs_ring_look(ring, now_ns);
	fullness = survey(ring);
	recorded->agent->latest_ns = now_ns;
	if (lag_ns == UINT64_MAX) {
		present = UINT64_MAX;
	} else {
		present -=
			cs_clock_span(world->clock, ring->info.clock, now_ns - looked_ns + lag_ns);
		present = cs_merge_bound(ring, present);
	}
	drain_to(recorded, present);
	return fullness;
}

/*
 * A thread may be in the middle of a record that is older than STAMP: it is given a moment.
 */
void cs_recorded_drain_to(struct cs_recorded *recorded, uint64_t stamp)
{
	struct cs_ring_reader *ring = recorded->ring;

	for (int tries = 0; tries < PENDING_TRIES; tries++) {
		uint64_t now_ns = cs_clock_now_ns(recorded->agent->world->clock);

		cs_ring_look(ring, now_ns);
		recorded->agent->latest_ns = now_ns;
		if (cs_merge_bound(ring, stamp) == stamp)
			break;
		usleep(PENDING_NAP_US);
	}
	drain_to(recorded, stamp);
}

/* ---- accounts ---- */

static struct cs_process *process_of(const struct cs_recorded *recorded)
{
	return cs_model_process_at(recorded->agent->world->model, recorded->agent->process);
}

uint64_t cs_recorded_delivered(const struct cs_recorded *recorded)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < recorded->ring->lane_count; i++)
		sum += recorded->ring->lanes[i]->delivered;
	return sum;
}

const char *cs_recorded_damage(const struct cs_recorded *recorded)
{
	const struct cs_ring_reader *ring = recorded->ring;

	for (uint32_t i = 0; i < ring->lane_count; i++)
		if (ring->lanes[i]->damage)
			return ring->lanes[i]->damage;
	return ring->damage;
}

static void take_refusal(struct cs_recorded *recorded, struct cs_process *process)
{
	uint32_t refusal = recorded->ring->refusal;

	if (recorded->ring->state != CS_RING_REFUSED || process->refusal)
		return;
	process->refusal = strdup(refusal < CS_REFUSAL_COUNT && refusals[refusal]
	                                  ? refusals[refusal]
	                                  : "for a reason that this version does not know");
	cs_model_process_changed(recorded->agent->world->model, recorded->agent->process);
}

/* True: something about it has changed. */
static bool take_counters(struct cs_recorded *recorded, struct cs_process *process)
{
	const uint64_t *now = recorded->ring->counters;

	if (!memcmp(process->counters, now, sizeof(process->counters)))
		return false;
	memcpy(process->counters, now, sizeof(process->counters));
	if (now[CS_AGENT_NO_LANE] || now[CS_AGENT_LIVE_FULL])
		process->heap_inexact = true;
	return true;
}

void cs_recorded_totals(struct cs_recorded *recorded)
{
	struct cs_process *process = process_of(recorded);
	const struct cs_ring_reader *ring = recorded->ring;
	uint64_t emitted = 0, lost = 0;
	bool changed;

	cs_ring_totals(recorded->ring);
	for (uint32_t i = 0; i < ring->lane_count; i++) {
		emitted += ring->lanes[i]->emitted;
		lost += ring->lanes[i]->lost;
	}
	/* Threads without a lane have no one else to count for them. */
	emitted += ring->counters[CS_AGENT_NO_LANE];
	lost += ring->counters[CS_AGENT_NO_LANE];
	changed = take_counters(recorded, process);
	if (lost > process->lost) {
		process->lost = lost;
		process->heap_inexact = true;
		changed = true;
	}
	if (emitted != process->emitted) {
		process->emitted = emitted;
		changed = true;
	}
	take_refusal(recorded, process);
	if (changed)
		cs_model_process_changed(recorded->agent->world->model, recorded->agent->process);
}

static uint64_t present(const struct cs_recorded *recorded)
{
	const struct cs_agent *agent = recorded->agent;

	return agent->world->past ? agent->time_ns : cs_clock_now_ns(agent->world->clock);
}

void cs_recorded_close_accounts(struct cs_recorded *recorded)
{
	const struct cs_agent_world *world = recorded->agent->world;
	struct cs_process *process = process_of(recorded);
	uint64_t known = recorded->agent->lost_told;

	for (uint32_t i = 0; i < recorded->ring->lane_count; i++) {
		const struct cs_lane_reader *lane = recorded->ring->lanes[i];
		uint64_t found = lane->delivered + lane->lost;

		if (lane->emitted > found && recorded->gap) {
			process->lost += lane->emitted - found; /* at most */
			process->heap_inexact = true;
		} else if (lane->emitted > found)
			recorded->unfinished += lane->emitted - found;
		if (lane->damage)
			process->heap_inexact = true;
	}
	/* Lost at the very end, with no record behind it that would have told. */
	if (process->lost > known && world->writer)
		cs_trace_write_loss(world->writer, recorded->agent->process,
		                    recorded->agent->time_ns, present(recorded),
		                    process->lost - known);
}

/* What its table says survives it; its stacks do not. */
/* Brings all of its coroutines to what its table says, without their stacks. */
static void read_coroutines(struct cs_recorded *recorded)
{
	struct cs_roster_sweep sweep = {.sweep_ns = UINT64_MAX};

	cs_agent_coroutines(recorded->agent, &sweep, false);
}

void cs_recorded_end(struct cs_recorded *recorded)
{
	struct cs_agent *agent = recorded->agent;
	uint64_t now_ns;

	if (recorded->ended)
		return;
	cs_recorded_drain(recorded, 0, UINT64_MAX);
	read_coroutines(recorded);
	now_ns = present(recorded);
	cs_recorded_totals(recorded);
	cs_recorded_close_accounts(recorded);
	recorded->ended = true;
	recorded->ended_ns = now_ns;
	/* Its exit handlers told when; else it was noticed just now. */
	cs_agent_end(agent, process_of(recorded)->end_seen ? agent->time_ns : now_ns);
	cs_proc_close(&recorded->proc);
}
