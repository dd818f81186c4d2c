/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines in the decoder: who allocates in a lane, births and ends; and the answers that
 * the roster needs.
 */
#include <string.h>

#include "source/agent_lane.h"
#include "source/proc.h"

/* A table that is not there yet, or that nobody can read, is asked for this often. */
#define TABLE_NS UINT64_C(50000000)

/* ---- what the roster asks ---- */

static uint64_t time_ns(void *context, uint64_t stamp)
{
	const struct cs_agent *agent = context;

	return cs_clock_ns(agent->world->clock, agent->info->clock, stamp);
}

static uint64_t span_ns(void *context, uint64_t ticks)
{
	const struct cs_agent *agent = context;
	uint64_t second =
		cs_clock_span(agent->world->clock, agent->info->clock, UINT64_C(1000000000));

	if (!second || ticks >> 63)
		return 0;
	return (uint64_t)((unsigned __int128)ticks * UINT64_C(1000000000) / second);
}

/* The table may be ahead of the lanes: what is not defined yet will be. */
static uint32_t spawn(void *context, uint64_t hash)
{
	const struct cs_agent *agent = context;
	const struct cs_stackmap_entry *entry = cs_stackmap_find(&agent->stacks, hash);

	return entry && !entry->broken ? entry->node : 0;
}

static uint32_t frame(void *context, uint64_t address)
{
	const struct cs_agent *agent = context;
	const struct cs_module_range *range = cs_module_map_find(&agent->modules, address);

	if (range)
		return cs_model_frame(agent->world->model, range->module, address - range->bias);
	if (agent->parked)
		return cs_parked_frame(agent->parked, address);
	return cs_model_frame(agent->world->model, CS_MODULE_NONE, address);
}

static uint32_t thread(void *context, uint32_t tid)
{
	const struct cs_agent *agent = context;

	for (uint32_t i = agent->thread_count; tid && i-- > 0;)
		if (agent->threads[i].tid == tid && !agent->threads[i].ended)
			return agent->threads[i].id;
	return 0;
}

/* Its threads have the numbers that we see if the process has. */
static uint64_t thread_sp(void *context, uint32_t tid)
{
	const struct cs_agent *agent = context;

	if (agent->world->past || agent->info->pid != agent->host_pid)
		return 0;
	return cs_proc_thread_sp(agent->host_pid, tid);
}

void cs_agent_roster_start(struct cs_agent *agent)
{
	const struct cs_roster_world world = {
		.model = agent->world->model,
		.process = agent->process,
		.heap = agent->books != NULL,
		.time_ns = time_ns,
		.span_ns = span_ns,
		.spawn = spawn,
		.frame = frame,
		.thread = thread,
		.thread_sp = thread_sp,
		.context = agent,
	};

	cs_roster_start(&agent->roster, &world);
}

/* ---- the table ---- */

static void find_table(struct cs_agent *agent)
{
	struct cs_slots *slots;

	if (agent->roster.slots || agent->world->folder_fd < 0 ||
	    strncmp(agent->ring_name, CS_RING_PREFIX, strlen(CS_RING_PREFIX)) != 0)
		return;
	slots = cs_slots_open(agent->world->folder_fd, agent->ring_name, agent->info->start_stamp,
	                      NULL);
	if (slots)
		cs_roster_attach(&agent->roster, slots);
}

static void find_table_again(struct cs_agent *agent)
{
	uint64_t now_ns = cs_clock_now_ns(agent->world->clock);

	if (agent->roster.slots || now_ns < agent->table_ns)
		return;
	agent->table_ns = now_ns + TABLE_NS;
	find_table(agent);
}

/* Files are found, and maps read, once there is somebody whose stack is wanted. */
static struct cs_parked *parked_of(struct cs_agent *agent)
{
	const struct cs_parked_options options = {
		.pid = agent->host_pid,
		.model = agent->world->model,
		.on_module = agent->world->on_module,
		.context = agent->world->context,
	};

	if (!agent->roster.slots || !agent->roster.slots->created)
		return NULL;
	if (!agent->parked)
		agent->parked = cs_parked_new(&options);
	return agent->parked && cs_parked_begin(agent->parked) == 0 ? agent->parked : NULL;
}

void cs_agent_coroutines(struct cs_agent *agent, struct cs_roster_sweep *sweep, bool walk)
{
	find_table_again(agent);
	sweep->parked = walk ? parked_of(agent) : NULL;
	sweep->now_ns = agent->world->past ? agent->time_ns : cs_clock_now_ns(agent->world->clock);
	sweep->told_ns = agent->time_ns;
	cs_roster_sweep(&agent->roster, sweep);
}

/* ---- records ---- */

static void speak_of(struct cs_agent *agent, struct cs_agent_lane *state, uint64_t number)
{
	const struct cs_coroutine *coroutine;

	state->number = number;
	state->coroutine = cs_roster_find(&agent->roster, number);
	/* Inherited by fork, or its record was lost: the table knows it. */
	if (number && !state->coroutine) {
		struct cs_roster_sweep sweep = {.sweep_ns = UINT64_MAX};

		cs_agent_coroutines(agent, &sweep, false);
		state->coroutine = cs_roster_find(&agent->roster, number);
	}
	coroutine = cs_model_coroutine_at(agent->world->model, state->coroutine);
	state->spawn = coroutine ? coroutine->spawn : 0;
}

/* ---- events, one by one ---- */

static void tell(struct cs_agent *agent, const struct cs_agent_lane *state, uint64_t at_ns,
                 enum cs_trace_event_kind kind, uint64_t number, uint32_t text)
{
	const struct cs_coroutine *coroutine =
		cs_model_coroutine_at(agent->world->model, cs_roster_find(&agent->roster, number));
	const struct cs_trace_event event = {
		.time_ns = at_ns,
		.kind = (uint8_t)kind,
		.process = agent->process,
		.thread = state->thread,
		.runtime = coroutine ? coroutine->runtime : 0,
		.number = number,
		.text = text,
		.node = kind == CS_EVENT_CREATE && coroutine ? coroutine->spawn : 0,
	};

	/* Those that nobody knows are no coroutines: threads' own stacks have numbers as well. */
	if (coroutine && agent->world->writer && agent->world->sched_events &&
	    cs_trace_write_event(agent->world->writer, &event))
		agent->unbooked++;
}

static void switched(struct cs_agent *agent, const struct cs_agent_lane *state,
                     const struct cs_record_coro_switch *record, uint64_t at_ns)
{
	enum cs_slot_state left = (enum cs_slot_state)(record->head.arg & 0xff);

	if (left == CS_SLOT_WAITING || left == CS_SLOT_RUNNABLE)
		tell(agent, state, at_ns, CS_EVENT_PARK, record->from,
		     cs_roster_reason_text(&agent->roster, record->head.arg >> 8));
	/* It gave way to others, and is ready to go on. */
	if (left == CS_SLOT_RUNNABLE)
		tell(agent, state, at_ns, CS_EVENT_WAKE, record->from, 0);
	if (record->to)
		tell(agent, state, at_ns, CS_EVENT_RUN, record->to, 0);
}

static void create(struct cs_agent *agent, const struct cs_agent_lane *state,
                   const struct cs_record_coro_create *record, uint64_t at_ns)
{
	bool whole, again;
	/* Its definition came before, or was lost. */
	uint32_t node = cs_agent_node(agent, record->spawn, &whole);

	find_table(agent);
	if (!cs_roster_create(&agent->roster, record, node, at_ns, &again))
		agent->unbooked++;
	if (!again)
		tell(agent, state, at_ns, CS_EVENT_CREATE, record->number, 0);
}

void cs_agent_coroutine(struct cs_agent *agent, struct cs_agent_lane *state,
                        const struct cs_record *record, uint64_t at_ns)
{
	struct cs_roster *roster = &agent->roster;
	uint64_t number = ((const struct cs_record_coro *)record)->number;

	switch (record->kind) {
	case CS_RECORD_CORO_LANE:
		speak_of(agent, state, number);
		break;
	case CS_RECORD_CORO_CREATE:
		create(agent, state, (const struct cs_record_coro_create *)record, at_ns);
		break;
	case CS_RECORD_CORO_SWITCH:
		switched(agent, state, (const struct cs_record_coro_switch *)record, at_ns);
		break;
	case CS_RECORD_CORO_WAKE:
		tell(agent, state, at_ns, CS_EVENT_WAKE, number, 0);
		break;
	case CS_RECORD_CORO_END:
		tell(agent, state, at_ns, CS_EVENT_FINISH, number, 0);
		cs_roster_end(roster, (const struct cs_record_coro_end *)record, at_ns);
		break;
	case CS_RECORD_CORO_TEXT:
		cs_roster_text(roster, (const struct cs_record_coro_text *)record);
		break;
	default:
		break;
	}
}
