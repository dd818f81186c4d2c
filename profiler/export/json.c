/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rollup as JSON: the keys that docs promise to keep. What is not known is null.
 */
#include "base/json.h"

#include "export/export.h"
#include "export/frames.h"

static void put_owner(struct cs_json *json, const struct cs_rollup *rollup,
                      const struct cs_entry *entry)
{
	const struct cs_model *model = rollup->snapshot->model;
	const struct cs_process *process = cs_model_process_at(model, entry->process);
	const struct cs_thread *thread = cs_model_thread_at(model, entry->thread);

	/* Of two traces the numbers are not the same. */
	if (rollup->base && rollup->base->model != model)
		return;
	if (process)
		cs_json_uint(json, "pid", process->pid);
	if (thread)
		cs_json_uint(json, "tid", thread->tid);
}

static void put_entry(struct cs_json *json, const struct cs_rollup *rollup,
                      const struct cs_entry *entry)
{
	cs_json_object(json, NULL);
	cs_json_int(json, "value", entry->value);
	if (rollup->base) {
		cs_json_int(json, "base", entry->base);
		cs_json_int(json, "delta", entry->delta);
	}
	if (rollup->has_objects)
		cs_json_int(json, "objects", entry->objects);
	else
		cs_json_null(json, "objects");
	if (rollup->sampled)
		cs_json_uint(json, "samples", entry->samples);
	if (rollup->by == CS_BY_FUNCTION)
		cs_json_int(json, "cumulative", entry->cumulative);
	if (rollup->by != CS_BY_STACK) {
		cs_json_string(json, "label", entry->label);
		put_owner(json, rollup, entry);
	}
	cs_json_array(json, "stack");
	for (const struct cs_stack *at = entry->stack; at; at = at->caller)
		cs_json_frame(json, at->call, false);
	if (rollup->by == CS_BY_FUNCTION)
		cs_json_frame(json, entry->call, true);
	cs_json_array_end(json);
	cs_json_object_end(json);
}

static const char *certainty(const struct cs_rollup *rollup)
{
	if (rollup->certainty == CS_AT_LEAST)
		return "at least";
	if (rollup->certainty == CS_ABOUT)
		return "about";
	return rollup->sampled ? "estimate" : "exact";
}

static void put_head(struct cs_json *json, const struct cs_rollup *rollup)
{
	cs_json_int(json, "schema", 1);
	cs_json_string(json, "metric", cs_metric_info[rollup->metric].name);
	cs_json_string(json, "unit", cs_metric_info[rollup->metric].unit);
	cs_json_string(json, "by", cs_by_names[rollup->by]);
	cs_json_uint(json, "time_ns", rollup->snapshot->time_ns);
	if (rollup->base)
		cs_json_int(json, "base_total", rollup->base_total);
	cs_json_int(json, "total", rollup->total);
	cs_json_bool(json, "sampled", rollup->sampled);
	if (rollup->sampled) {
		if (rollup->mean_bytes)
			cs_json_uint(json, "mean_sample_bytes", rollup->mean_bytes);
		else
			cs_json_null(json, "mean_sample_bytes");
		cs_json_double(json, "total_low", rollup->low);
		cs_json_double(json, "total_high", rollup->high);
	} else {
		cs_json_null(json, "mean_sample_bytes");
	}
	cs_json_bool(json, "biased", rollup->sampled && rollup->metric == CS_METRIC_PEAK_SPACE);
	cs_json_string(json, "certainty", certainty(rollup));
	cs_json_uint(json, "lost_events", rollup->lost);
}

static int json_write(const struct cs_rollup *rollup, const struct cs_export_style *style,
                      struct cs_sink *sink, struct cs_diag *diag)
{
	uint32_t count = rollup->count;
	struct cs_json json;

	(void)diag;
	if (style->limit && style->limit < count)
		count = style->limit;
	cs_json_start(&json, sink);
	cs_json_object(&json, NULL);
	put_head(&json, rollup);
	cs_json_array(&json, "entries");
	for (uint32_t i = 0; i < count && !cs_sink_error(sink); i++)
		put_entry(&json, rollup, &rollup->entries[i]);
	cs_json_array_end(&json);
	cs_json_object_end(&json);
	cs_json_finish(&json);
	return 0;
}

const struct cs_export cs_export_json = {
	.write = json_write,
};
