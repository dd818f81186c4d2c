/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps as JSON: the keys that docs promise to keep. What is not known is null.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "export/figures.h"
#include "export/frames.h"
#include "export/ps.h"

static void put_known(struct cs_json *json, const char *key, uint64_t value)
{
	if (value == CS_UNKNOWN)
		cs_json_null(json, key);
	else
		cs_json_uint(json, key, value);
}

static void put_processes(struct cs_json *json, const struct cs_model *model)
{
	cs_json_array(json, "processes");
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++) {
		const struct cs_process *process = cs_model_process_at(model, id);

		cs_json_object(json, NULL);
		cs_json_uint(json, "process", id);
		cs_json_uint(json, "pid", process->pid);
		cs_json_string(json, "program", process->executable);
		cs_json_bool(json, "ended", process->ended);
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

static void put_runtimes(struct cs_json *json, const struct cs_snapshot *snapshot)
{
	const struct cs_model *model = snapshot->model;

	cs_json_array(json, "runtimes");
	for (uint32_t id = 1; id <= cs_model_runtime_count(model); id++) {
		const struct cs_runtime *runtime = cs_model_runtime_at(model, id);
		uint64_t count = 0;

		for (uint32_t i = 0; i < snapshot->coroutine_count; i++)
			count += snapshot->coroutines[i].runtime == id &&
			         !snapshot->coroutines[i].ended_ns;
		cs_json_object(json, NULL);
		cs_json_uint(json, "process", runtime->process);
		cs_json_string(json, "name", runtime->name);
		cs_json_string(json, "version", runtime->version);
		cs_json_uint(json, "coroutines", count);
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

static void put_id(struct cs_json *json, const char *key, const struct cs_model *model,
                   uint32_t runtime, uint64_t number)
{
	cs_json_string(json, key, runtime ? cs_coroutine_id(model, runtime, number).s : NULL);
}

static void put_threads(struct cs_json *json, const struct cs_ps *ps)
{
	const struct cs_snapshot *snapshot = ps->snapshot;
	uint32_t count = ps->threads ? ps->thread_count : snapshot->thread_count;

	cs_json_array(json, "threads");
	for (uint32_t i = 0; i < count; i++) {
		const struct cs_thread *thread =
			&snapshot->threads[ps->threads ? ps->threads[i] - 1 : i];
		const struct cs_coroutine *runs =
			thread->coroutine ? &snapshot->coroutines[thread->coroutine - 1] : NULL;

		if (thread->end_ns)
			continue;
		cs_json_object(json, NULL);
		cs_json_uint(json, "process", thread->process);
		cs_json_uint(json, "tid", thread->tid);
		cs_json_string(json, "name", thread->name[0] ? thread->name : NULL);
		cs_json_string(json, "state",
		               thread->state ? cs_thread_state_names[thread->state] : NULL);
		put_id(json, "coroutine", snapshot->model, runs ? runs->runtime : 0,
		       runs ? runs->number : 0);
		put_known(json, "cpu_ns", thread->cpu_ns);
		put_known(json, "delayed_ns", thread->wait_ns);
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

/* "key=value" by '\n'. A text without '=' is a key without a value. */
static void put_labels(struct cs_json *json, const char *labels)
{
	cs_json_object(json, "labels");
	for (const char *at = labels; at && *at;) {
		size_t length = strcspn(at, "\n");
		size_t key = strcspn(at, "=");
		char *text = strndup(at, length);

		if (text && key < length) {
			text[key] = '\0';
			cs_json_string(json, text, text + key + 1);
		} else if (text) {
			cs_json_string(json, text, "");
		}
		free(text);
		at += length + (at[length] != '\0');
	}
	cs_json_object_end(json);
}

static int put_stack(struct cs_json *json, const struct cs_ps *ps, const char *key, uint32_t node)
{
	const struct cs_stack *stack = node ? cs_stacks_get(ps->stacks, ps->snapshot, node) : NULL;

	if (node && !stack)
		return -ENOMEM;
	cs_json_stack(json, key, stack);
	return 0;
}

static void put_entry(struct cs_json *json, const struct cs_ps *ps,
                      const struct cs_coroutine *coroutine)
{
	const struct cs_name *names;
	uint32_t count = coroutine->entry && ps->snapshot->symbols
	                         ? cs_symbols_get(ps->snapshot->symbols, coroutine->entry, &names)
	                         : 0;

	cs_json_string(json, "entry", count ? names[count - 1].function : NULL);
}

static void put_numbers(struct cs_json *json, const struct cs_ps *ps,
                        const struct cs_coroutine *coroutine)
{
	put_known(json, "waiting_ns", cs_coroutine_wait_ns(ps->snapshot, coroutine));
	put_known(json, "age_ns", cs_coroutine_age_ns(ps->snapshot, coroutine));
	put_known(json, "stack_bytes", cs_coroutine_stack_bytes(coroutine));
	put_known(json, "stack_used_bytes", coroutine->stack_used);
	put_known(json, "stack_resident_bytes", coroutine->stack_resident);
	put_known(json, "stack_peak_bytes", coroutine->stack_peak);
	put_known(json, "stack_age_ns", cs_coroutine_stack_age_ns(ps->snapshot, coroutine));
	put_known(json, "heap_bytes", cs_coroutine_heap_bytes(coroutine));
	put_known(json, "cpu_ns", coroutine->cpu_ns);
	put_known(json, "switches", coroutine->switches);
	cs_json_bool(json, "switches_at_least", coroutine->flags & CS_COROUTINE_UNTOLD);
}

static int put_coroutine(struct cs_json *json, const struct cs_ps *ps,
                         const struct cs_coroutine *coroutine)
{
	const struct cs_model *model = ps->snapshot->model;
	const struct cs_runtime *runtime = cs_model_runtime_at(model, coroutine->runtime);
	const struct cs_thread *thread = cs_model_thread_at(model, coroutine->thread);
	int error;

	cs_json_object(json, NULL);
	cs_json_uint(json, "process", coroutine->process);
	put_id(json, "id", model, coroutine->runtime, coroutine->number);
	cs_json_string(json, "runtime", runtime->name);
	cs_json_string(json, "name", coroutine->name);
	cs_json_string(json, "state",
	               coroutine->state ? cs_coroutine_state_names[coroutine->state] : NULL);
	cs_json_string(json, "reason", cs_model_text_at(model, coroutine->reason));
	put_numbers(json, ps, coroutine);
	if (thread)
		cs_json_uint(json, "thread", thread->tid);
	else
		cs_json_null(json, "thread");
	put_id(json, "parent", model, coroutine->parent_runtime, coroutine->parent_number);
	put_entry(json, ps, coroutine);
	put_labels(json, coroutine->labels);
	cs_json_bool(json, "system", coroutine->flags & CS_COROUTINE_SYSTEM);
	cs_json_bool(json, "unstable", coroutine->flags & CS_COROUTINE_UNSTABLE);
	cs_json_bool(json, "stack_is_old",
	             coroutine->stack && coroutine->flags & CS_COROUTINE_STACK_SAMPLED);
	cs_json_bool(json, "shared_stack", coroutine->flags & CS_COROUTINE_SHARED_STACK);
	cs_json_bool(json, "guessed_stack", coroutine->flags & CS_COROUTINE_GUESSED);
	cs_json_bool(json, "locked", coroutine->flags & CS_COROUTINE_LOCKED);
	cs_json_bool(json, "leaked", coroutine->flags & CS_COROUTINE_LEAKED);
	error = put_stack(json, ps, "spawn", coroutine->spawn);
	if (!error)
		error = put_stack(json, ps, "stack", coroutine->stack);
	cs_json_object_end(json);
	return error;
}

static int put_group(struct cs_json *json, const struct cs_ps *ps, const struct cs_group *group)
{
	const struct cs_model *model = ps->snapshot->model;
	const struct cs_coroutine *example = &ps->snapshot->coroutines[group->example];
	int error;

	cs_json_object(json, NULL);
	cs_json_uint(json, "process", group->process);
	cs_json_string(json, "runtime", cs_model_runtime_at(model, group->runtime)->name);
	cs_json_uint(json, "count", group->count);
	cs_json_object(json, "states");
	for (int state = 0; state < CS_COROUTINE_STATES; state++)
		if (group->states[state])
			cs_json_uint(json, state ? cs_coroutine_state_names[state] : "unknown",
			             group->states[state]);
	cs_json_object_end(json);
	cs_json_object(json, "reasons");
	for (uint32_t i = 0; i < group->reason_count; i++)
		if (group->reasons[i].text)
			cs_json_uint(json, cs_model_text_at(model, group->reasons[i].text),
			             group->reasons[i].count);
	cs_json_object_end(json);
	put_id(json, "example", model, example->runtime, example->number);
	put_known(json, "waiting_ns", group->wait_ns);
	put_known(json, "age_ns", group->age_ns);
	put_known(json, "heap_bytes", group->heap_bytes);
	put_known(json, "cpu_ns", group->cpu_ns);
	put_known(json, "switches", group->switches);
	cs_json_bool(json, "switches_at_least", example->flags & CS_COROUTINE_UNTOLD);
	put_known(json, "stack_bytes", group->stack_bytes);
	put_known(json, "stack_used_bytes", group->stack_used);
	error = put_stack(json, ps, "spawn", group->spawn);
	if (!error)
		error = put_stack(json, ps, "stack", group->node);
	cs_json_object_end(json);
	return error;
}

static int put_rows(struct cs_json *json, const struct cs_ps *ps,
                    const struct cs_export_style *style, struct cs_sink *sink)
{
	uint32_t shown = cs_ps_shown(style, ps->groups ? ps->groups->count : ps->count);
	int error = 0;

	cs_json_array(json, ps->groups ? "groups" : "coroutines");
	for (uint32_t i = 0; i < shown && !error && !cs_sink_error(sink); i++)
		error = ps->groups
		                ? put_group(json, ps, &ps->groups->groups[i])
		                : put_coroutine(json, ps, &ps->snapshot->coroutines[ps->rows[i]]);
	cs_json_array_end(json);
	return error;
}

int cs_ps_json(const struct cs_ps *ps, const struct cs_export_style *style, struct cs_sink *sink,
               struct cs_diag *diag)
{
	struct cs_json json;
	int error;

	cs_json_start(&json, sink);
	cs_json_object(&json, NULL);
	cs_json_int(&json, "schema", 1);
	cs_json_uint(&json, "time_ns", ps->snapshot->time_ns);
	cs_json_uint(&json, "lost_events", ps->snapshot->lost);
	cs_json_uint(&json, "unstable", cs_ps_unstable(ps->snapshot));
	if (ps->is_live) {
		cs_json_uint(&json, "duration_ns", ps->duration_ns);
		cs_json_uint(&json, "frozen_ns", ps->frozen_ns);
	}
	put_processes(&json, ps->snapshot->model);
	put_runtimes(&json, ps->snapshot);
	put_threads(&json, ps);
	cs_figures_json(ps->snapshot->model, &json);
	error = put_rows(&json, ps, style, sink);
	cs_json_object_end(&json);
	cs_json_finish(&json);
	return error ? cs_diag_set(diag, error, "list coroutines: %s", strerror(-error)) : 0;
}
