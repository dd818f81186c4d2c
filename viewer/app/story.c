/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The past of one coroutine: its events where the trace has them (--sched=all), else its state at
 * each tick. That reads the trace from its beginning, so it is done while that is quick; then
 * each new moment adds to it.
 */
#include <errno.h>
#include <string.h>

#include "app/session_private.h"
#include "model/coroutine.h"
#include "view/living.h"

/* What takes a tenth of a second or so: bytes of the file, looks at slots. */
#define BYTES_MAX (UINT64_C(4) << 20)
#define LOOKS_MAX UINT64_C(10000000)

static void add(struct csv_story *story, const struct csv_story_row *row)
{
	const struct csv_story_row *last = story->count ? &story->rows[story->count - 1] : NULL;

	if (last && last->state == row->state && last->reason == row->reason &&
	    (last->time_ns == row->time_ns || row->observed))
		return;
	if (last && (int64_t)(row->time_ns - last->time_ns) < 0)
		return; /* it is known already */
	if (story->count == CSV_STORY_MAX) {
		memmove(story->rows, story->rows + 1, (CSV_STORY_MAX - 1) * sizeof(*story->rows));
		story->count--;
		story->dropped++;
	}
	story->rows[story->count++] = *row;
}

static void add_state(struct csv_story *story, const struct cs_coroutine *coroutine,
                      uint64_t time_ns)
{
	const bool observed = coroutine->flags & CS_COROUTINE_OBSERVED;
	const struct csv_story_row row = {
		.time_ns = coroutine->since_ns == CS_UNKNOWN ? time_ns : coroutine->since_ns,
		.reason = coroutine->reason,
		.thread = coroutine->thread,
		.state = coroutine->ended_ns ? CS_COROUTINE_DEAD : coroutine->state,
		.observed = observed || coroutine->since_ns == CS_UNKNOWN,
	};

	add(story, &row);
}

static bool is_who(const struct csv_who *who, const struct cs_coroutine *coroutine)
{
	return coroutine && coroutine->number == who->number &&
	       coroutine->runtime == who->runtime && coroutine->process == who->process;
}

/* ---- by events ---- */

static int visit_event(void *context, const struct cs_trace_event *event)
{
	static const uint8_t states[CS_EVENT_KINDS] = {
		[CS_EVENT_CREATE] = CS_COROUTINE_NEW,   [CS_EVENT_RUN] = CS_COROUTINE_RUNNING,
		[CS_EVENT_PARK] = CS_COROUTINE_WAITING, [CS_EVENT_WAKE] = CS_COROUTINE_RUNNABLE,
		[CS_EVENT_FINISH] = CS_COROUTINE_DEAD,
	};
	struct csv_story *story = context;

	if (event->number == story->who.number && event->runtime == story->who.runtime &&
	    event->process == story->who.process && event->kind < CS_EVENT_KINDS &&
	    states[event->kind]) {
		const struct csv_story_row row = {
			.time_ns = event->time_ns,
			.reason = event->kind == CS_EVENT_PARK ? event->text : 0,
			.thread = event->thread,
			.state = states[event->kind],
		};

		add(story, &row);
	}
	return 0;
}

/* ---- by ticks ---- */

struct walk {
	struct csv_story *story;
	uint32_t slot; /* where it was last */
	uint64_t looks;
};

static int visit_tick(void *context, const struct cs_model *model, uint64_t time_ns)
{
	struct walk *walk = context;
	const struct csv_who *who = &walk->story->who;
	uint32_t slots = cs_model_coroutine_slots(model);

	if (!is_who(who, cs_model_coroutine_at(model, walk->slot))) {
		for (walk->slot = 1; walk->slot <= slots; walk->slot++)
			if (is_who(who, cs_model_coroutine_at(model, walk->slot)))
				break;
		walk->looks += slots;
	}
	if (walk->slot <= slots)
		add_state(walk->story, cs_model_coroutine_at(model, walk->slot), time_ns);
	return walk->looks > LOOKS_MAX ? -E2BIG : 0;
}

static uint64_t bytes_of(const struct cs_trace *trace)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < cs_trace_chunk_count(trace); i++)
		bytes += cs_trace_chunk_at(trace, i)->stored_bytes;
	return bytes;
}

static int read_past(struct csv_session *session, struct csv_story *story, struct cs_diag *diag)
{
	struct walk walk = {.story = story};
	struct cs_model *model;
	int error;

	error = cs_trace_events(session->trace, 0, UINT64_MAX, visit_event, story, diag);
	if (error || story->count) {
		story->source = error ? CSV_STORY_NONE : CSV_STORY_EVENTS;
		return error;
	}
	model = cs_model_new();
	if (!model)
		return csv_session_no_memory(session, diag);
	error = cs_trace_series(session->trace, model, visit_tick, &walk, diag);
	cs_model_free(model);
	if (!error)
		story->source = CSV_STORY_STATES;
	else
		story->count = 0;
	return error == -E2BIG ? 0 : error;
}

/* ---- what is asked for ---- */

void csv_session_tell_story(struct csv_session *session)
{
	struct csv_scene *scene = &session->now.scene;
	uint32_t id = 0;

	if (scene->story.who.process && session->now.at_end)
		id = csv_living_find(&scene->living, session->now.moment.model, &scene->story.who);
	if (id)
		add_state(&scene->story, cs_model_coroutine_at(session->now.moment.model, id),
		          session->now.moment.time_ns);
}

int csv_session_story(struct csv_session *session, const struct csv_who *who, struct cs_diag *diag)
{
	struct csv_story *story = &session->now.scene.story;
	int error = 0;

	if (who && story->who.process == who->process && story->who.runtime == who->runtime &&
	    story->who.number == who->number)
		return 0;
	if (!who && !story->who.process)
		return 0;
	*story = (struct csv_story){0};
	if (!who)
		return 1;
	story->who = *who;
	if (bytes_of(session->trace) <= BYTES_MAX)
		error = read_past(session, story, diag);
	if (error == -ECANCELED)
		*story = (struct csv_story){0}; /* as if nobody had asked */
	else
		csv_session_tell_story(session);
	return error ? error : 1;
}
