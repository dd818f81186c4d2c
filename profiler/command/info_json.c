/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info for scripts. Keys stay; new ones may come. What is not known is null.
 */
#include <stdio.h>
#include <sys/wait.h>

#include "base/json.h"
#include "command/counters.h"
#include "command/info.h"
#include "export/figures.h"

static void put_session(struct cs_json *json, const struct cs_trace *trace)
{
	const struct cs_trace_session *session = cs_trace_session(trace);

	cs_json_object(json, "session");
	cs_json_string(json, "command", session->command);
	cs_json_uint(json, "wall_start_ns", session->wall_start_ns);
	cs_json_uint(json, "mean_sample_bytes", session->heap_mean_bytes);
	cs_json_uint(json, "tick_ns", session->tick_ns);
	cs_json_string(json, "host", session->host);
	cs_json_string(json, "kernel", session->kernel);
	cs_json_string(json, "arch", session->arch);
	cs_json_string(json, "recorder", session->recorder);
	cs_json_uint(json, "kept_from_ns", session->kept_from_ns);
	cs_json_uint(json, "max_bytes", session->max_bytes);
	cs_json_uint(json, "last_ns", session->last_ns);
	cs_json_object_end(json);
}

static void put_status(struct cs_json *json, int status)
{
	if (status != -1 && WIFEXITED(status))
		cs_json_int(json, "exit_status", WEXITSTATUS(status));
	else
		cs_json_null(json, "exit_status");
	if (status != -1 && WIFSIGNALED(status))
		cs_json_int(json, "signal", WTERMSIG(status));
	else
		cs_json_null(json, "signal");
}

static void put_summary(struct cs_json *json, const struct cs_trace *trace)
{
	const struct cs_trace_summary *summary = cs_trace_summary(trace);

	if (!summary) {
		cs_json_null(json, "summary");
		return;
	}
	cs_json_object(json, "summary");
	cs_json_string(json, "ended_by", summary->ended_by);
	put_status(json, summary->exit_status);
	cs_json_uint(json, "events", summary->events);
	cs_json_uint(json, "lost", summary->lost);
	cs_json_uint(json, "late", summary->late);
	cs_json_uint(json, "recorder_cpu_ns", summary->reader_cpu_ns);
	cs_json_uint(json, "recorder_rss_bytes", summary->reader_rss_bytes);
	cs_json_object_end(json);
}

static void put_metrics(struct cs_json *json, const struct cs_info *info)
{
	static const char *const certainty[] = {
		[CS_CERTAIN] = "exact", [CS_AT_LEAST] = "at least", [CS_ABOUT] = "about"};

	cs_json_array(json, "metrics");
	for (int metric = 0; metric < CS_METRIC_COUNT; metric++) {
		const struct cs_rollup *rollup = info->totals[metric];

		if (!rollup)
			continue;
		cs_json_object(json, NULL);
		cs_json_string(json, "metric", cs_metric_info[metric].name);
		cs_json_string(json, "unit", cs_metric_info[metric].unit);
		cs_json_int(json, "total", rollup->total);
		cs_json_bool(json, "sampled", rollup->sampled);
		cs_json_double(json, "low", rollup->low);
		cs_json_double(json, "high", rollup->high);
		cs_json_string(json, "certainty", certainty[rollup->certainty]);
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

static void put_id(struct cs_json *json, const char *key, uint32_t id)
{
	if (id)
		cs_json_uint(json, key, id);
	else
		cs_json_null(json, key);
}

static void put_memory(struct cs_json *json, const struct cs_memory *memory)
{
	if (!memory) {
		cs_json_null(json, "memory");
		return;
	}
	cs_json_object(json, "memory");
	cs_json_uint(json, "time_ns", memory->time_ns);
	cs_json_uint(json, "rss_bytes", memory->rss);
	cs_json_uint(json, "allocator_bytes", memory->allocator);
	cs_json_uint(json, "file_bytes", memory->files);
	cs_json_uint(json, "stack_bytes", memory->stacks);
	cs_json_uint(json, "program_map_bytes", memory->program_maps);
	cs_json_uint(json, "coroscope_bytes", memory->coroscope);
	cs_json_uint(json, "mappings", memory->maps);
	cs_json_object_end(json);
}

static void put_counters(struct cs_json *json, const struct cs_process *process)
{
	cs_json_object(json, "counters");
	for (uint32_t i = 0; i < sizeof(process->counters) / sizeof(*process->counters); i++) {
		const struct cs_counter_info *counter = cs_counter_info(i);
		char number[32];

		snprintf(number, sizeof(number), "counter_%u", (unsigned)i);
		if (counter || process->counters[i])
			cs_json_uint(json, counter ? counter->name : number, process->counters[i]);
	}
	cs_json_object_end(json);
}

static void put_process(struct cs_json *json, const struct cs_model *model, uint32_t id)
{
	const struct cs_process *process = cs_model_process_at(model, id);

	cs_json_object(json, NULL);
	cs_json_uint(json, "process", id);
	cs_json_uint(json, "pid", process->pid);
	put_id(json, "parent", process->parent);
	put_id(json, "exec_of", process->exec_of);
	cs_json_bool(json, "forked", process->forked);
	cs_json_string(json, "program", process->executable);
	cs_json_string(json, "arguments", process->arguments);
	cs_json_string(json, "refusal", process->refusal);
	cs_json_uint(json, "start_ns", process->start_ns);
	if (process->ended)
		cs_json_uint(json, "end_ns", process->end_ns);
	else
		cs_json_null(json, "end_ns");
	cs_json_bool(json, "end_seen", process->end_seen);
	cs_json_uint(json, "mean_sample_bytes", process->heap_mean_bytes);
	cs_json_uint(json, "events", process->emitted);
	cs_json_uint(json, "lost", process->lost);
	cs_json_uint(json, "inuse_bytes", process->inuse_bytes);
	cs_json_uint(json, "peak_bytes", process->peak_bytes);
	cs_json_uint(json, "peak_ns", process->peak_ns);
	cs_json_uint(json, "inherited_bytes", process->inherited_bytes);
	cs_json_uint(json, "mapped_bytes", process->mapped_bytes);
	put_counters(json, process);
	put_memory(json, process->memory);
	cs_json_object_end(json);
}

static void put_threads(struct cs_json *json, const struct cs_model *model)
{
	cs_json_array(json, "threads");
	for (uint32_t id = 1; id <= cs_model_thread_count(model); id++) {
		const struct cs_thread *thread = cs_model_thread_at(model, id);

		cs_json_object(json, NULL);
		cs_json_uint(json, "process", thread->process);
		cs_json_uint(json, "tid", thread->tid);
		cs_json_string(json, "name", thread->name[0] ? thread->name : NULL);
		cs_json_uint(json, "start_ns", thread->start_ns);
		if (thread->end_ns)
			cs_json_uint(json, "end_ns", thread->end_ns);
		else
			cs_json_null(json, "end_ns");
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

static void put_modules(struct cs_json *json, const struct cs_model *model)
{
	cs_json_array(json, "modules");
	for (uint32_t id = 1; id <= cs_model_module_count(model); id++) {
		const struct cs_module *module = cs_model_module_at(model, id);
		char text[2 * sizeof(module->build_id) + 1] = "";

		for (uint32_t i = 0; i < module->build_id_bytes && i < sizeof(module->build_id);
		     i++)
			snprintf(text + 2 * i, 3, "%02x", module->build_id[i]);
		cs_json_object(json, NULL);
		cs_json_string(json, "path", module->path);
		cs_json_string(json, "build_id", text[0] ? text : NULL);
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

static void put_losses(struct cs_json *json, const struct cs_trace *trace)
{
	const struct cs_trace_loss *losses;
	uint32_t count = cs_trace_losses(trace, &losses);

	cs_json_array(json, "losses");
	for (uint32_t i = 0; i < count; i++) {
		cs_json_object(json, NULL);
		cs_json_uint(json, "process", losses[i].process);
		cs_json_uint(json, "from_ns", losses[i].from_ns);
		cs_json_uint(json, "to_ns", losses[i].to_ns);
		cs_json_uint(json, "events", losses[i].events);
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

static void put_chunks(struct cs_json *json, const struct cs_trace *trace)
{
	cs_json_array(json, "chunks");
	for (uint32_t i = 0; i < cs_trace_chunk_count(trace); i++) {
		const struct cs_trace_chunk *chunk = cs_trace_chunk_at(trace, i);

		cs_json_object(json, NULL);
		cs_json_string(json, "kind", cs_trace_chunk_name(chunk->kind));
		cs_json_uint(json, "offset", chunk->offset);
		cs_json_uint(json, "stored_bytes", chunk->stored_bytes);
		cs_json_uint(json, "raw_bytes", chunk->raw_bytes);
		cs_json_uint(json, "from_ns", chunk->from_ns);
		cs_json_uint(json, "to_ns", chunk->to_ns);
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}

void cs_info_json(const struct cs_info *info, struct cs_sink *sink)
{
	const struct cs_trace *trace = info->target.trace;
	const struct cs_model *model = info->moment.model;
	struct cs_json json;

	cs_json_start(&json, sink);
	cs_json_object(&json, NULL);
	cs_json_uint(&json, "schema", 1);
	cs_json_string(&json, "file", info->target.path);
	cs_json_uint(&json, "file_bytes", info->file_bytes);
	cs_json_string(&json, "warning", cs_trace_warning(trace));
	cs_json_uint(&json, "duration_ns", cs_trace_duration_ns(trace));
	cs_json_uint(&json, "time_ns", info->moment.snapshot->time_ns);
	cs_json_bool(&json, "symbols", cs_trace_has_symbols(trace));
	put_session(&json, trace);
	put_summary(&json, trace);
	put_metrics(&json, info);
	cs_json_array(&json, "processes");
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++)
		put_process(&json, model, id);
	cs_json_array_end(&json);
	put_threads(&json, model);
	cs_figures_json(model, &json);
	put_modules(&json, model);
	put_losses(&json, trace);
	put_chunks(&json, trace);
	cs_json_object_end(&json);
	cs_json_finish(&json);
}
