/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pass over everything, again and again. Records are taken a little late on purpose: the
 * ring of a forked child appears some time after the fork, and until then its parent should
 * not have been followed beyond it.
 */
#include "source/collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/coroutine.h"
#include "source/doorbell.h"
#include "source/family.h"
#include "source/readings.h"

/* Records are older than this when they are taken; less where a lane fills. */
#define LAG_NS UINT64_C(3000000)
#define LAG_FULLNESS 250u

/* Naps are such that lanes are about this full at the end of one, per mille. */
#define NAP_FULLNESS 125u
#define NAP_MIN_NS UINT64_C(200000)
#define NAP_MAX_NS UINT64_C(100000000)

/* Of each tick, for the coroutines of one process: to see what they do, and where. A million
 * of them take some ticks. */
#define SWEEP_NS UINT64_C(5000000)
#define WALK_NS UINT64_C(10000000)
#define LAST_WALK_NS UINT64_C(1000000000)

/* Dead processes are looked for this often, and kept for a while: children may come late. */
#define ENDS_NS UINT64_C(100000000)
#define GRAVE_NS UINT64_C(200000000)
#define TOTALS_NS UINT64_C(500000000)

/* A checkpoint is followed by at least this many times the time it took. */
#define CHECKPOINT_SHARE 50

/* Something is written at least this often, so that the trace's end is known after a crash. */
#define QUIET_TICK_NS UINT64_C(1000000000)

struct cs_collector {
	struct cs_collector_options options;
	struct cs_agent_world world;
	struct cs_family family;
	struct cs_readings readings;
	struct cs_problems problems;
	struct cs_collector_stats past;                   /* sums over those that are forgotten */
	uint64_t nap_ns;                                  /* of the last nap */
	uint64_t ends_ns, tick_ns, quiet_ns, keyframe_ns; /* what is due when */
	uint64_t checkpoint_ns;
	uint32_t fullness; /* of the last pass */
	uint64_t records;  /* passed on since the last tick */
	bool finished, failed;
};

bool cs_collector_problem(struct cs_collector *collector, struct cs_diag *diag)
{
	return cs_problems_next(&collector->problems, diag);
}

static void tell_damage(struct cs_collector *collector, struct cs_recorded *recorded)
{
	const char *damage = recorded->told ? NULL : cs_recorded_damage(recorded);
	struct cs_diag diag;

	if (!damage)
		return;
	recorded->told = true;
	cs_diag_set(&diag, -EBADMSG, "read all of what process %u recorded: %s", recorded->pid,
	            damage);
	cs_diag_hint(&diag, "the program has overwritten its ring, or something else did; "
	                    "what was read before is kept");
	cs_problems_add(&collector->problems, &diag);
}

static void add_stats(struct cs_collector_stats *stats, const struct cs_recorded *recorded)
{
	const struct cs_agent *agent = recorded->agent;
	const struct cs_process *process = cs_model_process_at(agent->world->model, agent->process);

	stats->events += cs_recorded_delivered(recorded);
	stats->emitted += process->emitted;
	stats->lost += process->lost;
	stats->unfinished += recorded->unfinished;
	stats->late += recorded->merge.late;
	stats->undefined += agent->undefined;
	stats->unbooked += agent->unbooked;
}

static void forget(void *context, const struct cs_recorded *recorded)
{
	struct cs_collector *collector = context;

	add_stats(&collector->past, recorded);
}

/* ---- the trace ---- */

static void write_trace(struct cs_collector *collector, uint64_t now_ns, bool keyframe)
{
	struct cs_model *model = collector->options.model;
	struct cs_trace_writer *writer = collector->options.writer;
	struct cs_diag diag;
	int error = 0;

	if (now_ns > cs_model_now(model))
		cs_model_set_now(model, now_ns);
	if (!writer || collector->failed) {
		cs_model_sweep_coroutines(model);
		return;
	}
	error = cs_trace_write_tick(writer, model);
	cs_model_sweep_coroutines(model);
	if (!error && keyframe)
		error = cs_trace_write_keyframe(writer, model);
	if (!error)
		return;
	collector->failed = true;
	cs_diag_set(&diag, error, "write the trace any further: %s", strerror(-error));
	cs_diag_hint(&diag, error == -EFBIG
	                            ? "what every trace of this program must hold is larger than "
	                              "--max-size; the program goes on, the file can be read"
	                            : "the program goes on; what is in the file can be read");
	cs_problems_add(&collector->problems, &diag);
}

/* Its coroutines as they are now, as far as there is time for all of them. */
static void look_at_coroutines(struct cs_collector *collector, struct cs_recorded *recorded)
{
	struct cs_roster_sweep sweep = {.sweep_ns = SWEEP_NS, .walk_ns = WALK_NS};

	/* Of one that we can't find, the numbers mean another process. */
	cs_agent_coroutines(recorded->agent, &sweep, recorded->proc.pid != 0);
	collector->records += sweep.changed + sweep.walked;
}

/* The same for the last time: all of them, and as many stacks as a person waits for. */
static void look_at_all_coroutines(struct cs_recorded *recorded)
{
	struct cs_roster_sweep sweep = {
		.sweep_ns = UINT64_MAX,
		.walk_ns = LAST_WALK_NS,
		.eager = true,
	};

	cs_agent_coroutines(recorded->agent, &sweep, recorded->proc.pid != 0);
}

/*
 * Cheap where few blocks live; where many do, it takes its share of time and no more. Without
 * room for one, whoever recovers the session has an older one, or none.
 */
static void write_checkpoint(struct cs_collector *collector, uint64_t now_ns)
{
	const struct cs_family *family = &collector->family;
	uint64_t took_ns;

	if (!collector->options.checkpoints || !collector->options.writer || collector->failed ||
	    now_ns < collector->checkpoint_ns)
		return;
	(void)cs_checkpoint_write(collector->options.session->fd, family->members, family->count,
	                          cs_trace_last_ns(collector->options.writer));
	took_ns = cs_clock_now_ns(collector->options.clock) - now_ns;
	collector->checkpoint_ns = now_ns + took_ns * CHECKPOINT_SHARE;
}

/* What is done now and then for one that lives. */
static void look_after(struct cs_collector *collector, struct cs_recorded *recorded,
                       uint64_t now_ns)
{
	if (now_ns - recorded->totals_ns >= TOTALS_NS) {
		recorded->totals_ns = now_ns;
		cs_recorded_totals(recorded);
	}
	if (!collector->options.no_readings)
		cs_readings_take(&collector->readings, recorded, now_ns);
	look_at_coroutines(collector, recorded);
}

static void tick(struct cs_collector *collector, uint64_t now_ns)
{
	struct cs_family *family = &collector->family;
	bool keyframe = now_ns >= collector->keyframe_ns;

	for (uint32_t i = 0; i < family->count; i++) {
		if (!family->members[i]->ended)
			look_after(collector, family->members[i], now_ns);
		tell_damage(collector, family->members[i]);
	}
	collector->tick_ns = now_ns + CS_TICK_NS;
	/* Nothing new: the trace need not be told ten times a second. */
	if (!collector->records && !family->changed && now_ns < collector->quiet_ns)
		return;
	collector->quiet_ns = now_ns + QUIET_TICK_NS;
	collector->records = 0;
	family->changed = false;
	if (keyframe)
		collector->keyframe_ns = now_ns + CS_KEYFRAME_NS;
	keyframe = keyframe && collector->options.writer &&
	           cs_trace_keyframe_pays(collector->options.writer);
	/* The model is as it was this long ago: see LAG_NS. */
	write_trace(collector, now_ns > LAG_NS ? now_ns - LAG_NS : 0, keyframe);
	write_checkpoint(collector, cs_clock_now_ns(collector->options.clock));
	cs_family_bury(family, now_ns, GRAVE_NS, forget, collector);
}

/* ---- passes ---- */

static void drain(struct cs_collector *collector, uint64_t looked_ns)
{
	struct cs_family *family = &collector->family;
	uint64_t lag_ns = collector->fullness > LAG_FULLNESS ? CS_PENDING_MARGIN_NS : LAG_NS;
	uint32_t fullness = 0;

	for (uint32_t i = 0; i < family->count; i++) {
		struct cs_recorded *recorded = family->members[i];
		uint64_t before = recorded->merge.records;
		uint32_t full = recorded->ended ? 0
		                                : cs_recorded_drain(recorded, looked_ns, lag_ns);

		if (full > fullness)
			fullness = full;
		collector->records += recorded->merge.records - before;
	}
	collector->fullness = fullness;
}

static void pass(struct cs_collector *collector)
{
	struct cs_clock *clock = collector->options.clock;
	uint64_t now_ns = cs_clock_now_ns(clock);

	cs_clock_tick(clock);
	cs_doorbell_present(collector->options.session->shared);
	if (cs_discover_due(&collector->family.discover, now_ns))
		cs_family_find_rings(&collector->family);
	drain(collector, now_ns);
	if (now_ns >= collector->ends_ns) {
		cs_family_find_ends(&collector->family);
		collector->ends_ns = now_ns + ENDS_NS;
	}
	if (now_ns >= collector->tick_ns)
		tick(collector, now_ns);
}

/* Is a lane half full, or a ring new? Asked after agents know that we are about to sleep. */
static bool is_busy(void *context)
{
	struct cs_collector *collector = context;

	for (uint32_t i = 0; i < collector->family.count; i++)
		if (!collector->family.members[i]->ended &&
		    cs_ring_fullness(collector->family.members[i]->ring) >= 500)
			return true;
	return false;
}

static void sleep_a_while(struct cs_collector *collector, uint64_t timeout_ns)
{
	uint64_t nap = collector->nap_ns;
	uint64_t now_ns = cs_clock_now_ns(collector->options.clock);

	if (collector->fullness > 4 * NAP_FULLNESS) {
		collector->nap_ns = NAP_MIN_NS;
		return; /* it fills faster than we read */
	}
	nap = collector->fullness * 2 > NAP_FULLNESS ? nap * NAP_FULLNESS / collector->fullness
	                                             : nap * 2;
	if (nap < NAP_MIN_NS)
		nap = NAP_MIN_NS;
	if (nap > NAP_MAX_NS)
		nap = NAP_MAX_NS;
	collector->nap_ns = nap;
	if (collector->tick_ns > now_ns && nap > collector->tick_ns - now_ns)
		nap = collector->tick_ns - now_ns;
	if (nap > timeout_ns)
		nap = timeout_ns;
	cs_doorbell_sleep(collector->options.session->shared, nap, is_busy, collector);
}

void cs_collector_poll(struct cs_collector *collector, uint64_t timeout_ns)
{
	pass(collector);
	if (timeout_ns)
		sleep_a_while(collector, timeout_ns);
}

void cs_collector_hurry(struct cs_collector *collector)
{
	collector->ends_ns = 0;
}

/* The present; or, of what is past, the last record. */
static uint64_t end_of(const struct cs_collector *collector)
{
	uint64_t end_ns = 0;

	if (!collector->options.past)
		return cs_clock_now_ns(collector->options.clock);
	for (uint32_t i = 0; i < collector->family.count; i++)
		if (collector->family.members[i]->agent->time_ns > end_ns)
			end_ns = collector->family.members[i]->agent->time_ns;
	return end_ns;
}

void cs_collector_finish(struct cs_collector *collector)
{
	uint64_t now_ns;

	if (collector->finished)
		return;
	collector->finished = true;
	cs_clock_tick(collector->options.clock);
	cs_family_find_rings(&collector->family);
	for (uint32_t i = 0; i < collector->family.count; i++) {
		struct cs_recorded *recorded = collector->family.members[i];

		if (!recorded->ended && cs_proc_alive(&recorded->proc)) {
			cs_recorded_drain(recorded, 0, UINT64_MAX);
			look_at_all_coroutines(recorded);
			cs_recorded_totals(recorded);
			if (recorded->gap)
				cs_recorded_close_accounts(recorded);
			if (!collector->options.no_readings)
				cs_readings_last(&collector->readings, recorded,
				                 cs_clock_now_ns(collector->options.clock));
		} else {
			cs_recorded_end(recorded);
		}
		tell_damage(collector, recorded);
	}
	now_ns = end_of(collector);
	write_trace(collector, now_ns, true);
}

/* ---- life and questions ---- */

struct cs_collector *cs_collector_new(const struct cs_collector_options *options)
{
	struct cs_collector *collector = calloc(1, sizeof(*collector));

	if (!collector)
		return NULL;
	collector->options = *options;
	collector->world = (struct cs_agent_world){
		.model = options->model,
		.clock = options->clock,
		.writer = options->writer,
		.shared = options->session->shared,
		.folder_fd = options->session->fd,
		.sched_events = (options->session->config.flags & CS_SESSION_SCHED_EVENTS) != 0,
		.past = options->past,
		.gap = options->gap,
		.on_module = options->on_module,
		.context = options->context,
	};
	collector->readings.session_path = options->session->path;
	collector->nap_ns = NAP_MIN_NS;
	cs_family_start(&collector->family, options->session, &collector->world,
	                &collector->problems);
	collector->family.checkpoint = options->resume;
	return collector;
}

void cs_collector_free(struct cs_collector *collector)
{
	if (!collector)
		return;
	cs_family_free(&collector->family);
	cs_readings_free(&collector->readings);
	free(collector);
}

bool cs_collector_failed(const struct cs_collector *collector)
{
	return collector->failed;
}

uint32_t cs_collector_alive(const struct cs_collector *collector)
{
	uint32_t alive = 0;

	for (uint32_t i = 0; i < collector->family.count; i++)
		alive += !collector->family.members[i]->ended;
	return alive;
}

uint32_t cs_collector_expected(const struct cs_collector *collector)
{
	const struct cs_session_folder *session = collector->options.session;

	return session->config.flags & CS_SESSION_CHILDREN ? cs_proc_count_users(session->path) : 0;
}

uint32_t cs_collector_find(const struct cs_collector *collector, uint32_t pid)
{
	const struct cs_model *model = collector->options.model;

	for (uint32_t id = 1; id <= cs_model_process_count(model); id++)
		if (cs_model_process_at(model, id)->pid == pid)
			return id;
	return 0;
}

const struct cs_recorded *cs_collector_recorded(const struct cs_collector *collector, uint32_t pid,
                                                uint64_t time_ns)
{
	const struct cs_recorded *found = NULL;

	/* In order of start: an image that replaced another comes behind it. What ran before the
	 * first one had told of itself was that one as well, being loaded. */
	for (uint32_t i = 0; i < collector->family.count; i++) {
		const struct cs_recorded *recorded = collector->family.members[i];
		const struct cs_process *process =
			cs_model_process_at(collector->options.model, recorded->agent->process);

		if (recorded->pid == pid && (!found || process->start_ns <= time_ns))
			found = recorded;
	}
	return found;
}

uint64_t cs_collector_read_in_use(const struct cs_collector *collector, uint32_t process)
{
	const struct cs_readings *readings = &collector->readings;

	return process < readings->in_use_count ? readings->in_use[process] : 0;
}

void cs_collector_stats(const struct cs_collector *collector, struct cs_collector_stats *stats)
{
	*stats = collector->past;
	for (uint32_t i = 0; i < collector->family.count; i++)
		add_stats(stats, collector->family.members[i]);
	stats->unreadable = collector->family.unreadable;
}
