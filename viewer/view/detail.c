/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of one coroutine, or of a group of them, as lines that can be scrolled.
 */
#include "view/detail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/query.h"
#include "view/lines.h"
#include "view/living.h"
#include "view/words.h"

void csv_detail_open(struct csv_detail *detail, const struct cs_coroutine *coroutine)
{
	*detail = (struct csv_detail){
		.open = true,
		.who = {coroutine->process, coroutine->runtime, coroutine->number},
	};
}

static const struct cs_coroutine *find(const struct csv_detail *detail,
                                       const struct csv_scene *scene)
{
	uint32_t id = csv_living_find(&scene->living, scene->now->model, &detail->who);

	return id ? cs_model_coroutine_at(scene->now->model, id) : NULL;
}

/* What it allocated and who has not been freed yet, by whomever. */
static void put_heap(struct csv_lines *lines, const struct cs_coroutine *coroutine)
{
	const struct cs_coroutine_heap *heap = coroutine->heap;

	if (!(coroutine->flags & CS_COROUTINE_HEAP))
		csv_lines_put(lines, 2, CSV_ROLE_PLAIN, "heap ?");
	else if (!heap)
		csv_lines_put(lines, 2, CSV_ROLE_PLAIN, "heap 0 B");
	else
		csv_lines_put(lines, 2, CSV_ROLE_PLAIN,
		              "heap %s in %s objects, of %s in %s allocated",
		              cs_text_bytes((double)heap->inuse_bytes).s,
		              cs_text_count((double)heap->inuse_objects / CS_OBJECT).s,
		              cs_text_bytes((double)heap->alloc_bytes).s,
		              cs_text_count((double)heap->alloc_objects / CS_OBJECT).s);
}

/* Where it waits, in the program's own terms. */
static void put_wait(struct csv_lines *lines, const struct csv_scene *scene,
                     const struct cs_coroutine *coroutine)
{
	const struct cs_call *call =
		coroutine->stack ? csv_telling_call(cs_stacks_get(scene->stacks, scene->now,
	                                                          coroutine->stack))
				 : NULL;
	const char *reason = cs_model_text_at(scene->now->model, coroutine->reason);

	if (coroutine->state != CS_COROUTINE_WAITING || (!call && !reason))
		return;
	csv_lines_put(lines, 2, CSV_ROLE_PLAIN, "waits%s%s%s%s", reason ? " for " : "",
	              reason ? reason : "", call ? reason ? ", in " : " in " : "",
	              call ? call->function : "");
}

static void put_facts(struct csv_lines *lines, const struct csv_scene *scene,
                      const struct cs_coroutine *coroutine)
{
	const struct cs_model *model = scene->now->model;
	const struct cs_thread *thread = cs_model_thread_at(model, coroutine->thread);
	const char *reason = cs_model_text_at(model, coroutine->reason);
	uint64_t now_ns = scene->now->time_ns;
	char labels[256];

	csv_lines_put(lines, 0, CSV_ROLE_STRONG, "%s%s%s  %s%s%s for %s%s",
	              csv_words_id(model, coroutine->runtime, coroutine->number).s,
	              coroutine->name ? "  " : "", coroutine->name ? coroutine->name : "",
	              cs_coroutine_state_names[coroutine->state], reason ? ": " : "",
	              reason ? reason : "",
	              csv_coroutine_wait_text(coroutine, now_ns, csv_words_duration).s,
	              coroutine->flags & CS_COROUTINE_OBSERVED ? " (as seen)" : "");
	csv_lines_put(lines, 2, CSV_ROLE_PLAIN, "age %s   cpu %s   waited before %s   switches %s",
	              csv_coroutine_age_text(coroutine, now_ns, csv_words_duration).s,
	              csv_words_duration(coroutine->cpu_ns).s,
	              csv_words_duration(coroutine->wait_ns).s,
	              csv_switches_text(coroutine->switches, coroutine).s);
	put_heap(lines, coroutine);
	csv_lines_put(lines, 2, CSV_ROLE_PLAIN, "stack %s of %s, resident %s, highest %s",
	              csv_words_bytes(coroutine->stack_used).s,
	              csv_words_bytes(cs_coroutine_stack_bytes(coroutine)).s,
	              csv_words_bytes(coroutine->stack_resident).s,
	              csv_words_bytes(coroutine->stack_peak).s);
	csv_lines_put(
		lines, 2, CSV_ROLE_PLAIN, "parent %s   thread %s",
		coroutine->parent_number
			? csv_words_id(model, coroutine->parent_runtime, coroutine->parent_number).s
			: "?",
		thread && thread->name[0] ? thread->name
		: thread                  ? "(unnamed)"
					  : "-");
	put_wait(lines, scene, coroutine);
	if (!coroutine->labels)
		return;
	snprintf(labels, sizeof(labels), "%s", coroutine->labels);
	for (char *c = labels; *c; c++)
		if (*c == '\n')
			*c = ' ';
	csv_lines_put(lines, 2, CSV_ROLE_PLAIN, "labels %s", labels);
}

/* What it did up to the moment that is shown, the last of it first. */
static void put_story(struct csv_lines *lines, const struct csv_scene *scene)
{
	static const char *const titles[] = {
		[CSV_STORY_NONE] = "States since this was opened",
		[CSV_STORY_STATES] = "States, as they were seen",
		[CSV_STORY_EVENTS] = "What it did",
	};
	const struct csv_story *story = &scene->story;
	const struct cs_model *model = scene->now->model;
	uint64_t later = 0;

	csv_lines_put(lines, 0, CSV_ROLE_TITLE, "%s", titles[story->source]);
	for (uint32_t i = story->count; i-- > 0;) {
		const struct csv_story_row *row = &story->rows[i];
		const struct cs_thread *thread = cs_model_thread_at(model, row->thread);
		const char *reason = cs_model_text_at(model, row->reason);
		int64_t time_ns = (int64_t)row->time_ns; /* may be before the recording */

		if (time_ns > (int64_t)scene->now->time_ns) {
			later++;
			continue;
		}
		csv_lines_put(lines, 2, csv_role_of_state((enum cs_coroutine_state)row->state),
		              "%c%12s  %-9s %s%s%s", time_ns < 0 ? '-' : ' ',
		              cs_text_duration((uint64_t)(time_ns < 0 ? -time_ns : time_ns)).s,
		              cs_coroutine_state_names[row->state], reason ? reason : "",
		              thread && row->state == CS_COROUTINE_RUNNING ? "on " : "",
		              thread && row->state == CS_COROUTINE_RUNNING ? thread->name : "");
	}
	if (story->dropped)
		csv_lines_put(lines, 2, CSV_ROLE_FAINT, "%" PRIu64 " older ones are not shown",
		              story->dropped);
	if (later)
		csv_lines_put(lines, 2, CSV_ROLE_FAINT, "%" PRIu64 " came later", later);
}

void csv_detail_draw(struct csv_detail *detail, const struct csv_scene *scene,
                     struct csv_canvas *canvas, struct csv_area area)
{
	const struct cs_coroutine *coroutine = find(detail, scene);
	struct csv_lines lines;

	csv_lines_begin(&lines, canvas, area, detail->top);
	if (coroutine) {
		put_facts(&lines, scene, coroutine);
		csv_lines_stack(&lines, scene, "Stack", coroutine->stack, true);
		csv_lines_stack(&lines, scene, "Created at", coroutine->spawn, true);
	} else {
		csv_lines_put(
			&lines, 0, CSV_ROLE_WARN, "%s is not alive at this time",
			csv_words_id(scene->now->model, detail->who.runtime, detail->who.number).s);
	}
	put_story(&lines, scene);
	csv_lines_end(&lines, &detail->top);
}

/* ---- groups ---- */

static void put_counts(struct csv_lines *lines, const struct csv_scene *scene,
                       const struct cs_group *group)
{
	char text[256] = "";
	size_t used = 0;

	for (int i = 0; i < CS_COROUTINE_STATES && used < sizeof(text); i++)
		if (group->states[i])
			used += (size_t)snprintf(text + used, sizeof(text) - used, "  %s %s",
			                         cs_coroutine_state_names[i],
			                         cs_text_count((double)group->states[i]).s);
	csv_lines_put(lines, 0, CSV_ROLE_STRONG, "%s coroutine%s%s",
	              cs_text_count((double)group->count).s, group->count == 1 ? "" : "s", text);
	text[0] = 0;
	used = 0;
	for (uint32_t i = 0; i < group->reason_count && used < sizeof(text); i++) {
		const char *reason = cs_model_text_at(scene->now->model, group->reasons[i].text);

		if (reason)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "  %s %s",
			                         reason,
			                         cs_text_count((double)group->reasons[i].count).s);
	}
	if (text[0])
		csv_lines_put(lines, 2, CSV_ROLE_PLAIN, "they wait for%s", text);
}

/* A sum, and what comes on each; of those of whom it is known. */
static struct cs_text mean_bytes(uint64_t sum, uint32_t count)
{
	return csv_words_bytes(sum == CS_UNKNOWN ? sum : sum / count);
}

void csv_detail_draw_group(struct csv_detail *detail, const struct csv_scene *scene,
                           const struct csv_groups *groups, uint32_t row, struct csv_canvas *canvas,
                           struct csv_area area)
{
	const struct cs_group *group = &groups->groups.groups[row];
	const struct cs_coroutine *example =
		cs_model_coroutine_at(scene->now->model, group->example);
	uint64_t now_ns = scene->now->time_ns;
	struct csv_lines lines;

	csv_lines_begin(&lines, canvas, area, detail->top);
	put_counts(&lines, scene, group);
	csv_lines_put(&lines, 2, CSV_ROLE_PLAIN, "%s %s   over the last minute %s",
	              scene->mark_census.known ? "since the mark" : "since the start",
	              csv_groups_change(groups, row, false).s,
	              csv_groups_change(groups, row, true).s);
	csv_lines_put(&lines, 2, CSV_ROLE_PLAIN, "longest wait %s   greatest age %s",
	              csv_coroutine_wait_text(example, now_ns, csv_words_duration).s,
	              group->age_ns == CS_UNKNOWN
	                      ? csv_coroutine_age_text(example, now_ns, csv_words_duration).s
	                      : csv_words_duration(group->age_ns).s);
	csv_lines_put(&lines, 2, CSV_ROLE_PLAIN, "heap %s, each %s   stacks %s, each %s, in use %s",
	              csv_words_bytes(group->heap_bytes).s,
	              mean_bytes(group->heap_bytes, group->count).s,
	              csv_words_bytes(group->stack_bytes).s,
	              mean_bytes(group->stack_bytes, group->count).s,
	              csv_words_bytes(group->stack_used).s);
	csv_lines_put(&lines, 2, CSV_ROLE_PLAIN, "cpu %s   switches %s   for example %s",
	              csv_words_duration(group->cpu_ns).s,
	              csv_switches_text(group->switches, example).s,
	              csv_words_id(scene->now->model, example->runtime, example->number).s);
	csv_lines_stack(&lines, scene, "Stack", group->node, true);
	csv_lines_stack(&lines, scene,
	                group->spawn ? "All created at" : "Created at several places", group->spawn,
	                true);
	csv_lines_end(&lines, &detail->top);
}
