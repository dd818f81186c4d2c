/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two of three parts are there already: the trace that grows (who made whom, heaps, sums) and
 * the table (states, contexts). The third, where each coroutine is, is read from its stack.
 */
#include "source/native.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/clock.h"
#include "source/guard.h"
#include "source/proc.h"
#include "source/roster.h"
#include "source/stackmem.h"
#include "source/threads.h"
#include "source/tracked.h"
#include "trace/trace.h"

/* Of a stack of fewer pages, pages don't tell how close to its end it came. */
#define WARN_PAGES 10u

/* A mapping or two may be needed for each stack. */
#define MAPPINGS_FULL(limit) ((limit) - (limit) / 10)

struct cs_observation {
	uint32_t pid, process;
	struct cs_model *model;
	struct cs_tracked tracked;
	struct cs_clock clock;
	struct cs_threads threads;
	struct cs_roster roster;
	struct cs_parked *parked;
};

static int probe(uint32_t pid, struct cs_diag *diag)
{
	struct cs_tracked tracked;
	int found = cs_tracked_find(&tracked, pid, diag);

	cs_tracked_close(&tracked);
	return found;
}

/* ---- what the recorder has written ---- */

static uint32_t find_process(const struct cs_model *model, uint32_t pid, uint64_t boot_ticks)
{
	for (uint32_t id = cs_model_process_count(model); id > 0; id--) {
		const struct cs_process *process = cs_model_process_at(model, id);

		if (process->pid == pid && process->boot_ticks == boot_ticks && !process->ended)
			return id;
	}
	return 0;
}

/*
 * The trace as far as it goes. Without one, or with one that does not hold the process yet,
 * everything comes from the table alone.
 */
static int recall(uint32_t pid, struct cs_model *model, struct cs_symbols *symbols,
                  uint32_t *process, uint64_t *start_ns, struct cs_diag *diag)
{
	struct cs_tracked tracked;
	struct cs_trace *trace = NULL;
	int error = cs_tracked_find(&tracked, pid, diag);

	*process = 0;
	if (error > 0 && tracked.note.trace)
		trace = cs_trace_open(tracked.note.trace, NULL);
	/* Somebody may have put another file there. */
	if (trace && cs_trace_session(trace)->mono_start_ns == tracked.note.mono_start_ns) {
		error = cs_trace_load(trace, UINT64_MAX, model, symbols, diag);
		*process = find_process(model, pid, tracked.boot_ticks);
		*start_ns = tracked.note.mono_start_ns;
	} else if (error > 0) {
		*start_ns = tracked.note.mono_start_ns ? tracked.note.mono_start_ns
		                                       : tracked.start_mono_ns;
	}
	cs_trace_close(trace);
	cs_tracked_close(&tracked);
	return error < 0 ? error : 0;
}

/* ---- what the roster asks ---- */

static uint64_t time_ns(void *context, uint64_t stamp)
{
	struct cs_observation *observation = context;

	return cs_clock_ns(&observation->clock, observation->tracked.clock, stamp);
}

static uint64_t span_ns(void *context, uint64_t ticks)
{
	struct cs_observation *observation = context;
	uint64_t second = cs_clock_span(&observation->clock, observation->tracked.clock,
	                                UINT64_C(1000000000));

	if (!second || ticks >> 63)
		return 0;
	return (uint64_t)((unsigned __int128)ticks * UINT64_C(1000000000) / second);
}

/* Definitions of stacks are in lanes, which are not ours: only the trace knows. */
static uint32_t spawn(void *context, uint64_t hash)
{
	(void)context;
	(void)hash;
	return 0;
}

static uint32_t frame(void *context, uint64_t address)
{
	const struct cs_observation *observation = context;

	return cs_parked_frame(observation->parked, address);
}

static uint32_t thread(void *context, uint32_t tid)
{
	const struct cs_observation *observation = context;

	return cs_threads_find(&observation->threads, tid);
}

static uint64_t thread_sp(void *context, uint32_t tid)
{
	const struct cs_observation *observation = context;

	return cs_proc_thread_sp(observation->pid, tid);
}

/* ---- life ---- */

static void close_observation(struct cs_observation *observation)
{
	if (!observation)
		return;
	cs_roster_free(&observation->roster);
	cs_parked_free(observation->parked);
	cs_threads_free(&observation->threads);
	cs_tracked_close(&observation->tracked);
	free(observation);
}

static struct cs_observation *open_observation(uint32_t pid, uint32_t process,
                                               struct cs_model *model, struct cs_symbols *symbols,
                                               struct cs_diag *diag)
{
	struct cs_observation *observation = calloc(1, sizeof(*observation));
	const struct cs_parked_options parked = {.pid = pid, .model = model};
	const struct cs_process *known = cs_model_process_at(model, process);
	const struct cs_roster_world world = {
		.model = model,
		.process = process,
		.heap = known->heap_mean_bytes != 0,
		.time_ns = time_ns,
		.span_ns = span_ns,
		.spawn = spawn,
		.frame = frame,
		.thread = thread,
		.thread_sp = thread_sp,
		.context = observation,
	};
	int found;

	(void)symbols;
	if (!observation || cs_guard_install()) {
		cs_diag_set(diag, -ENOMEM, "observe %" PRIu32 ": not enough memory", pid);
		free(observation);
		return NULL;
	}
	observation->pid = pid;
	observation->process = process;
	observation->model = model;
	cs_roster_start(&observation->roster, &world);
	found = cs_tracked_find(&observation->tracked, pid, diag);
	if (found == 0)
		cs_diag_set(diag, -ESRCH, "observe %" PRIu32 ": its recording has ended", pid);
	else if (found > 0 && !(observation->parked = cs_parked_new(&parked)))
		cs_diag_set(diag, -ENOMEM, "observe %" PRIu32 ": not enough memory", pid);
	if (observation->parked)
		return observation;
	close_observation(observation);
	return NULL;
}

/* ---- one look ---- */

/* The session's own, or the ring's; what lies in the future is a lie. */
static void set_clock(struct cs_observation *observation)
{
	const struct cs_tracked *tracked = &observation->tracked;
	uint64_t mono_ns = tracked->note.mono_start_ns, stamp = tracked->note.start_stamp;

	if (!mono_ns || !stamp) {
		mono_ns = tracked->start_mono_ns;
		stamp = tracked->start_stamp;
	}
	if (observation->clock.count)
		cs_clock_tick(&observation->clock);
	else if (mono_ns < cs_clock_monotonic_ns() && stamp < cs_clock_stamp(CS_CLOCK_TSC))
		cs_clock_resume(&observation->clock, mono_ns, 0, stamp);
	else
		cs_clock_start(&observation->clock);
}

static void find_table(struct cs_observation *observation)
{
	struct cs_slots *slots;

	if (observation->roster.slots)
		return;
	slots = cs_slots_open(observation->tracked.folder_fd, observation->tracked.ring_name,
	                      observation->tracked.start_stamp, NULL);
	if (slots)
		cs_roster_attach(&observation->roster, slots);
}

/* Those that the trace knows and the table does not have ended since it was written. */
static int end_others(struct cs_observation *observation)
{
	struct cs_model *model = observation->model;
	const struct cs_roster *roster = &observation->roster;
	uint32_t slots = cs_model_coroutine_slots(model);
	bool *there = calloc((size_t)slots + 1, sizeof(*there));

	if (!there)
		return -ENOMEM;
	for (uint32_t i = 0; roster->slots && i < roster->slots->count; i++)
		if (roster->ids[i] <= slots)
			there[roster->ids[i]] = true;
	for (uint32_t id = 1; id <= slots; id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		if (coroutine && !there[id] && !coroutine->ended_ns &&
		    coroutine->process == observation->process)
			cs_model_coroutine_end(model, id, cs_model_now(model));
	}
	free(there);
	return 0;
}

/* The agent has read pages that the program never touched, to see where the stack ends. */
static bool is_probed(const struct cs_coroutine *coroutine)
{
	return coroutine->flags & CS_COROUTINE_UNTOLD;
}

static uint64_t measure(struct cs_observation *observation)
{
	struct cs_model *model = observation->model;
	uint32_t slots = cs_model_coroutine_slots(model);
	struct cs_stackmem *stacks = calloc((size_t)slots + 1, sizeof(*stacks));
	uint64_t close_to_overflow = 0;
	size_t count = 0;

	for (uint32_t id = 1; stacks && id <= slots; id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		if (coroutine && !coroutine->ended_ns && coroutine->stack_high &&
		    coroutine->process == observation->process &&
		    !(coroutine->flags & CS_COROUTINE_SHARED_STACK))
			stacks[count++] = (struct cs_stackmem){.low = coroutine->stack_low,
			                                       .high = coroutine->stack_high,
			                                       .id = id,
			                                       .probed = is_probed(coroutine)};
	}
	if (!stacks || cs_stackmem_read(observation->pid, stacks, count))
		count = 0;
	for (size_t i = 0; i < count; i++) {
		struct cs_coroutine *coroutine = cs_model_coroutine_at(model, stacks[i].id);
		uint64_t bytes = stacks[i].high - stacks[i].low;
		bool by_sp = coroutine->stack_used != CS_UNKNOWN &&
		             coroutine->stack_used > bytes - bytes / 10;
		/* Memory of the allocator may have been touched before it was a stack. */
		bool telling = stacks[i].low % 4096 == 0;
		bool by_page = telling && bytes >= WARN_PAGES * UINT64_C(4096) &&
		               stacks[i].peak > bytes - bytes / 10;

		coroutine->stack_resident = stacks[i].resident;
		coroutine->stack_peak = telling ? stacks[i].peak : CS_UNKNOWN;
		close_to_overflow += by_sp || by_page;
	}
	free(stacks);
	return close_to_overflow;
}

static uint64_t mappings_limit(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	unsigned long limit = 0;

	if (file) {
		if (fscanf(file, "%lu", &limit) != 1)
			limit = 0;
		fclose(file);
	}
	return limit;
}

static void warn(struct cs_observe_result *result, uint64_t overflows, uint64_t mappings,
                 int unreadable)
{
	uint64_t limit = mappings_limit();

	if (unreadable == -EPERM)
		snprintf(result->warning, sizeof(result->warning),
		         "the kernel does not permit to read its stacks");
	else if (overflows)
		snprintf(result->warning, sizeof(result->warning),
		         "%" PRIu64 " coroutine%s used more than 90 %% of %s stack", overflows,
		         overflows == 1 ? " has" : "s have", overflows == 1 ? "its" : "their");
	else if (limit && mappings > MAPPINGS_FULL(limit))
		snprintf(result->warning, sizeof(result->warning),
		         "it has %" PRIu64 " mappings, at vm.max_map_count (%" PRIu64
		         ") the next stack fails",
		         mappings, limit);
}

static int look(struct cs_observation *observation, const struct cs_observe_options *options,
                struct cs_observe_result *result, struct cs_diag *diag)
{
	struct cs_roster_sweep sweep = {
		.now_ns = cs_model_now(observation->model),
		.sweep_ns = UINT64_MAX,
		.walk_ns = UINT64_MAX,
		.eager = true,
	};
	uint64_t overflows = 0;
	int error = cs_threads_look(&observation->threads, observation->pid, observation->model,
	                            observation->process, options->threads);

	if (!error)
		error = cs_parked_begin(observation->parked);
	if (error)
		return error == -ESRCH || error == -ENOENT
		               ? -ESRCH
		               : cs_diag_set(diag, error, "observe %" PRIu32 ": %s",
		                             observation->pid, strerror(-error));
	set_clock(observation);
	find_table(observation);
	if (options->stacks)
		sweep.parked = observation->parked;
	cs_roster_sweep(&observation->roster, &sweep);
	error = end_others(observation);
	if (options->stacks && !error)
		overflows = measure(observation);
	result->coroutines = cs_model_coroutines_alive(observation->model, observation->process);
	result->unstable = sweep.unstable;
	warn(result, overflows, cs_parked_mappings(observation->parked), sweep.error);
	return sweep.error == -ESRCH ? -ESRCH : error;
}

const struct cs_observer cs_native_observer = {
	.name = "native",
	.probe = probe,
	.recall = recall,
	.open = open_observation,
	.look = look,
	.close = close_observation,
};
