/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info for people: sections with a heading, one fact a line. Names of programs are foreign
 * text and never reach the terminal as they are.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/text.h"
#include "command/counters.h"
#include "command/info.h"
#include "export/figures.h"
#include "export/table.h"

#define MODULE_ID_CHARS 12

static void put_fact(struct cs_sink *sink, const char *name)
{
	cs_sink_printf(sink, "  %-12s", name);
}

static void put_text_fact(struct cs_sink *sink, const char *name, const char *text)
{
	if (!text || !text[0])
		return;
	put_fact(sink, name);
	cs_text_safe(sink, text, 0);
	cs_sink_char(sink, '\n');
}

/* ---- the recording ---- */

static void put_date(struct cs_sink *sink, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	struct tm parts;
	char text[64];

	if (!localtime_r(&seconds, &parts) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &parts))
		return;
	put_fact(sink, "recorded");
	cs_sink_printf(sink, "%s\n", text);
}

static void put_mode(struct cs_sink *sink, uint64_t mean_bytes)
{
	put_fact(sink, "heap");
	if (mean_bytes == 0)
		cs_sink_text(sink, "not recorded\n");
	else if (mean_bytes == 1)
		cs_sink_text(sink, "every allocation\n");
	else
		cs_sink_printf(sink, "sampled, one block for every %s on average\n",
		               cs_text_bytes((double)mean_bytes).s);
}

static void put_end(struct cs_sink *sink, const struct cs_trace_summary *summary)
{
	int status = summary->exit_status;

	put_fact(sink, "ended");
	cs_text_safe(sink, summary->ended_by ? summary->ended_by : "unknown", 0);
	if (status != -1 && WIFEXITED(status))
		cs_sink_printf(sink, ", exit status %d", WEXITSTATUS(status));
	else if (status != -1 && WIFSIGNALED(status))
		cs_sink_printf(sink, ", killed by signal %d (%s)", WTERMSIG(status),
		               strsignal(WTERMSIG(status)));
	cs_sink_char(sink, '\n');
}

static void put_summary(struct cs_sink *sink, const struct cs_trace_summary *summary)
{
	put_end(sink, summary);
	put_fact(sink, "events");
	cs_sink_printf(sink, "%s read, ", cs_text_count((double)summary->events).s);
	cs_sink_printf(sink, "%s lost", cs_text_count((double)summary->lost).s);
	if (summary->late)
		cs_sink_printf(sink, ", %s late", cs_text_count((double)summary->late).s);
	cs_sink_char(sink, '\n');
	put_fact(sink, "recorder");
	cs_sink_printf(sink, "used %s of CPU time", cs_text_duration(summary->reader_cpu_ns).s);
	cs_sink_printf(
		sink, " (%s of one core)",
		cs_text_percent((double)summary->reader_cpu_ns, (double)summary->duration_ns).s);
	cs_sink_printf(sink, " and %s of memory\n",
	               cs_text_bytes((double)summary->reader_rss_bytes).s);
}

/* A flight recorder's trace: what it was told to keep, and what that has cost. */
static void put_kept(struct cs_sink *sink, const struct cs_trace_session *session)
{
	if (!session->max_bytes && !session->last_ns)
		return;
	put_fact(sink, "kept");
	if (session->kept_from_ns)
		cs_sink_printf(sink, "from @%.3fs on, what came before was dropped",
		               (double)session->kept_from_ns / 1e9);
	else
		cs_sink_text(sink, "all of it so far");
	cs_sink_text(sink, " (recorded with");
	if (session->last_ns)
		cs_sink_printf(sink, " --last %s", cs_text_duration(session->last_ns).s);
	if (session->max_bytes)
		cs_sink_printf(sink, " --max-size %s", cs_text_bytes((double)session->max_bytes).s);
	cs_sink_text(sink, ")\n");
}

static void put_recording(const struct cs_info *info, struct cs_sink *sink)
{
	const struct cs_trace *trace = info->target.trace;
	const struct cs_trace_session *session = cs_trace_session(trace);
	const struct cs_trace_summary *summary = cs_trace_summary(trace);

	cs_text_safe(sink, info->target.path, 0);
	cs_sink_printf(sink, ": %s\n", cs_text_bytes((double)info->file_bytes).s);
	put_text_fact(sink, "MISSING", cs_trace_warning(trace));
	put_text_fact(sink, "command", session->command);
	if (session->wall_start_ns) /* else the part that says it is damaged */
		put_date(sink, session->wall_start_ns);
	put_fact(sink, "duration");
	cs_sink_printf(sink, "%s, in steps of ", cs_text_duration(cs_trace_duration_ns(trace)).s);
	cs_sink_printf(sink, "%s\n", cs_text_duration(session->tick_ns).s);
	put_kept(sink, session);
	put_text_fact(sink, "host", session->host);
	put_text_fact(sink, "kernel", session->kernel);
	put_text_fact(sink, "machine", session->arch);
	put_text_fact(sink, "written by", session->recorder);
	put_mode(sink, session->heap_mean_bytes);
	put_fact(sink, "names");
	if (cs_trace_has_symbols(trace))
		cs_sink_text(sink, "in the trace\n");
	else if (!cs_model_module_count(info->moment.model))
		cs_sink_text(sink, "none: it holds no stacks\n");
	else
		cs_sink_text(sink, "not in the trace; 'coroscope symbolize' adds them\n");
	if (summary)
		put_summary(sink, summary);
}

/* ---- metrics ---- */

static void put_metrics(const struct cs_info *info, struct cs_sink *sink)
{
	bool titled = false;

	for (int metric = 0; metric < CS_METRIC_COUNT; metric++) {
		const struct cs_rollup *rollup = info->totals[metric];

		if (!rollup)
			continue;
		cs_sink_text(sink, titled ? "" : "\nMetrics\n");
		titled = true;
		const char *about = rollup->certainty == CS_AT_LEAST ? " at least"
		                    : rollup->certainty == CS_ABOUT  ? " about"
		                                                     : "";
		cs_sink_printf(sink, "  %-18s%s %s", cs_metric_info[metric].name, about,
		               cs_metric_text((enum cs_metric)metric, (double)rollup->total).s);
		if (rollup->sampled) {
			cs_sink_printf(sink, " (95 %%: %s",
			               cs_metric_text((enum cs_metric)metric, rollup->low).s);
			cs_sink_printf(sink, " to %s)",
			               cs_metric_text((enum cs_metric)metric, rollup->high).s);
		}
		cs_sink_char(sink, '\n');
	}
}

/* ---- processes ---- */

static void put_counter(struct cs_sink *sink, uint32_t number, uint64_t value)
{
	const struct cs_counter_info *counter = cs_counter_info(number);

	cs_sink_text(sink, "      ");
	if (!counter)
		cs_sink_printf(sink, "%" PRIu64 " of counter %" PRIu32 ", which is not known here",
		               value, number);
	else if (counter->unit == CS_COUNTER_BYTES)
		cs_sink_printf(sink, "%s %s", cs_text_bytes((double)value).s, counter->words);
	else if (counter->unit == CS_COUNTER_NS)
		cs_sink_printf(sink, "%s %s", cs_text_duration(value).s, counter->words);
	else
		cs_sink_printf(sink, "%s %s", cs_text_count((double)value).s, counter->words);
	cs_sink_char(sink, '\n');
}

static void put_part(struct cs_sink *sink, const char *what, uint64_t bytes)
{
	if (bytes)
		cs_sink_printf(sink, "; %s %s", cs_text_bytes((double)bytes).s, what);
}

/* The kernel's view beside ours: what of the resident memory is heap, and what is not. */
static void put_memory(struct cs_sink *sink, const struct cs_process *process)
{
	const struct cs_memory *memory = process->memory;

	cs_sink_printf(sink, "      resident at %s", cs_text_duration(memory->time_ns).s);
	cs_sink_printf(sink, ": %s", cs_text_bytes((double)memory->rss).s);
	cs_sink_printf(sink, "; %s of the allocator", cs_text_bytes((double)memory->allocator).s);
	cs_sink_printf(sink, " (%s in use now)", cs_text_bytes((double)process->inuse_bytes).s);
	put_part(sink, "of files", memory->files);
	put_part(sink, "of stacks", memory->stacks);
	put_part(sink, "mapped by the program", memory->program_maps);
	put_part(sink, "of coroscope", memory->coroscope);
	cs_sink_char(sink, '\n');
}

static bool replaced(const struct cs_model *model, uint32_t id)
{
	for (uint32_t next = id + 1; next <= cs_model_process_count(model); next++)
		if (cs_model_process_at(model, next)->exec_of == id)
			return true;
	return false;
}

static void put_life(struct cs_sink *sink, const struct cs_model *model, uint32_t id)
{
	const struct cs_process *process = cs_model_process_at(model, id);

	if (process->exec_of)
		cs_sink_printf(sink, ", exec of #%" PRIu32, process->exec_of);
	else if (process->forked)
		cs_sink_printf(sink, ", forked from #%" PRIu32, process->parent);
	else if (process->parent)
		cs_sink_printf(sink, ", child of #%" PRIu32, process->parent);
	cs_sink_printf(sink, ", from %s", cs_text_duration(process->start_ns).s);
	if (!process->ended) {
		cs_sink_text(sink, " on");
		return;
	}
	cs_sink_printf(sink, " to %s", cs_text_duration(process->end_ns).s);
	if (!process->end_seen)
		cs_sink_text(sink, replaced(model, id) ? " (replaced by exec)"
		                                       : " (killed, or ended by _exit)");
}

static void put_heap(struct cs_sink *sink, const struct cs_process *process)
{
	cs_sink_printf(sink, "      %s in use", cs_text_bytes((double)process->inuse_bytes).s);
	if (process->peak_bytes) {
		cs_sink_printf(sink, ", peak %s", cs_text_bytes((double)process->peak_bytes).s);
		cs_sink_printf(sink, " at %s", cs_text_duration(process->peak_ns).s);
	}
	put_part(sink, "inherited from its parent", process->inherited_bytes);
	put_part(sink, "in mappings of its own", process->mapped_bytes);
	cs_sink_char(sink, '\n');
}

static void put_process(const struct cs_model *model, uint32_t id, struct cs_sink *sink)
{
	const struct cs_process *process = cs_model_process_at(model, id);

	cs_sink_printf(sink, "  #%-3" PRIu32 " pid %" PRIu32, id, process->pid);
	put_life(sink, model, id);
	cs_sink_text(sink, "\n      ");
	const char *name = process->arguments ? process->arguments : process->executable;
	cs_text_safe(sink, name ? name : "(unknown program)", 0);
	cs_sink_char(sink, '\n');
	if (process->refusal) {
		cs_sink_text(sink, "      NOT RECORDED: ");
		cs_text_safe(sink, process->refusal, 0);
		cs_sink_char(sink, '\n');
	}
	if (process->heap_mean_bytes)
		put_heap(sink, process);
	cs_sink_printf(sink, "      %s events, ", cs_text_count((double)process->emitted).s);
	cs_sink_printf(sink, "%s lost\n", cs_text_count((double)process->lost).s);
	for (uint32_t i = 0; i < sizeof(process->counters) / sizeof(*process->counters); i++)
		if (process->counters[i])
			put_counter(sink, i, process->counters[i]);
	if (process->memory)
		put_memory(sink, process);
}

static void put_processes(const struct cs_info *info, struct cs_sink *sink)
{
	const struct cs_model *model = info->moment.model;
	uint32_t count = cs_model_process_count(model), threads = cs_model_thread_count(model);

	cs_sink_printf(sink, "\nProcesses: %" PRIu32 ", with %" PRIu32 " thread%s\n", count,
	               threads, threads == 1 ? "" : "s");
	for (uint32_t id = 1; id <= count && !cs_sink_error(sink); id++)
		put_process(model, id, sink);
}

/* ---- modules, losses, chunks ---- */

static void put_modules(const struct cs_info *info, struct cs_sink *sink)
{
	const struct cs_model *model = info->moment.model;

	cs_sink_printf(sink, "\nModules: %" PRIu32 "\n", cs_model_module_count(model));
	for (uint32_t id = 1; id <= cs_model_module_count(model); id++) {
		const struct cs_module *module = cs_model_module_at(model, id);
		uint32_t bytes = module->build_id_bytes;

		cs_sink_text(sink, "  ");
		for (uint32_t i = 0; i < MODULE_ID_CHARS / 2; i++) {
			if (i < bytes)
				cs_sink_printf(sink, "%02x", module->build_id[i]);
			else
				cs_sink_text(sink, "--");
		}
		cs_sink_char(sink, ' ');
		cs_text_safe(sink, module->path ? module->path : "(unknown)", 0);
		cs_sink_char(sink, '\n');
	}
}

static void put_losses(const struct cs_info *info, struct cs_sink *sink)
{
	const struct cs_trace_loss *losses;
	uint32_t count = cs_trace_losses(info->target.trace, &losses);

	cs_sink_printf(sink, "\nLosses: %s\n", count ? "" : "none");
	for (uint32_t i = 0; i < count && !cs_sink_error(sink); i++) {
		cs_sink_printf(sink, "  #%" PRIu32 ": %s events", losses[i].process,
		               cs_text_count((double)losses[i].events).s);
		cs_sink_printf(sink, " from %s", cs_text_duration(losses[i].from_ns).s);
		cs_sink_printf(sink, " to %s\n", cs_text_duration(losses[i].to_ns).s);
	}
}

/* One line for each kind, in the order in which they first appear. */
static void put_chunks(const struct cs_info *info, struct cs_sink *sink)
{
	const struct cs_trace *trace = info->target.trace;
	uint32_t count = cs_trace_chunk_count(trace);

	cs_sink_printf(sink, "\nParts of the file: %" PRIu32 "\n", count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t kind = cs_trace_chunk_at(trace, i)->kind, same = 0, first = 0;
		uint64_t stored = 0, raw = 0;

		while (cs_trace_chunk_at(trace, first)->kind != kind)
			first++;
		if (first != i)
			continue;
		for (uint32_t j = i; j < count; j++) {
			const struct cs_trace_chunk *chunk = cs_trace_chunk_at(trace, j);

			if (chunk->kind != kind)
				continue;
			same++;
			stored += chunk->stored_bytes;
			raw += chunk->raw_bytes;
		}
		cs_sink_printf(sink, "  %-10s %6" PRIu32 "  %s", cs_trace_chunk_name(kind), same,
		               cs_text_bytes((double)stored).s);
		cs_sink_printf(sink, ", unpacked %s\n", cs_text_bytes((double)raw).s);
	}
}

void cs_info_text(const struct cs_info *info, struct cs_sink *sink)
{
	put_recording(info, sink);
	put_metrics(info, sink);
	put_processes(info, sink);
	cs_figures_text(info->moment.model, "Figures of the runtime", sink);
	put_modules(info, sink);
	put_losses(info, sink);
	put_chunks(info, sink);
}
