/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a recording from outside. What goes wrong with the process ends the recording, not
 * the trace: what was seen until then is written.
 */
#include "command/watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "command/interrupts.h"
#include "model/coroutine.h"
#include "source/collector.h"

/* ---- opening ---- */

static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static int make_parts(struct cs_watch *watch, struct cs_diag *diag)
{
	struct cs_resolver_options options = {.debuginfod = watch->written.debuginfod};

	watch->model = cs_model_new();
	watch->names = cs_symbols_new();
	watch->resolver = cs_resolver_new(&options);
	if (!watch->model || !watch->names || !watch->resolver)
		return cs_diag_set(diag, -ENOMEM, "record: not enough memory");
	return 0;
}

static void forget_arguments(struct cs_watch *watch)
{
	const struct cs_process *process = cs_model_process_at(watch->model, watch->live.process);

	/* They may hold what nobody else should read. */
	if (!watch->written.arguments && process->arguments)
		process->arguments[0] = '\0';
}

static int open_trace(struct cs_watch *watch, struct cs_diag *diag)
{
	const struct cs_process *process = cs_model_process_at(watch->model, watch->live.process);

	if (!watch->written.path[0])
		snprintf(watch->written.path, sizeof(watch->written.path), "%.200s.%u.coro",
		         cs_text_basename(process->executable ? process->executable : "process"),
		         watch->pid);
	const struct cs_trace_session session = {
		.wall_start_ns = watch->clock.wall_start_ns,
		.mono_start_ns = watch->clock.mono_start_ns,
		.heap_mean_bytes = process->heap_mean_bytes,
		.command = watch->written.arguments ? process->arguments : NULL,
		.kept_from_ns = watch->begun_ns,
		.max_bytes = watch->max_bytes,
		.last_ns = watch->last_ns,
	};
	watch->writer = cs_written_begin(watch->written.path, session, diag);
	return watch->writer ? 0 : diag->error;
}

static void keep_module(void *context, uint32_t module, int fd, const char *path)
{
	struct cs_watch *watch = context;

	if (fd >= 0)
		cs_resolver_add_module(watch->resolver, module, fd, path);
}

static int open_cpu(struct cs_watch *watch, struct cs_diag *diag)
{
	struct cs_watch_cpu_options options = {
		.hz = watch->cpu_hz,
		.live = &watch->live,
		.on_module = keep_module,
		.context = watch,
	};

	if (!watch->cpu_hz)
		return 0;
	watch->cpu = cs_watch_cpu_new(&options, &watch->cpu_refusal);
	if (watch->cpu || !watch->cpu_asked)
		return 0;
	*diag = watch->cpu_refusal;
	return diag->error;
}

/*
 * One time for looks, samples and trace. What another recorder has written is in the model
 * already, with its times and its sums: ours go on from there, as those of a trace do whose
 * beginning was dropped.
 */
static void start_clock(struct cs_watch *watch)
{
	uint64_t recalled_ns = cs_model_now(watch->model);

	cs_clock_start(&watch->clock);
	if (recalled_ns && watch->live.start_ns < watch->clock.mono_start_ns) {
		cs_clock_set_start(&watch->clock, watch->live.start_ns);
		watch->begun_ns = cs_clock_now_ns(&watch->clock);
	}
	watch->live.start_ns = watch->clock.mono_start_ns;
}

int cs_watch_open(struct cs_watch *watch, struct cs_diag *diag)
{
	int error;

	watch->pidfd = -1;
	raise_file_limit();
	error = make_parts(watch, diag);
	if (!error)
		error = cs_live_open(&watch->live, watch->pid, watch->model, watch->names, diag);
	if (error)
		return error;
	start_clock(watch);
	forget_arguments(watch);
	watch->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)watch->pid, 0);
	error = open_cpu(watch, diag);
	/* What the first look sees is known before the trace begins: its heap's sampling rate. */
	if (!error)
		error = cs_watch_look(watch, diag);
	if (!error)
		error = open_trace(watch, diag);
	return error;
}

/* ---- looking ---- */

/* Without those that the runtime keeps for itself. */
static uint64_t count_coroutines(const struct cs_watch *watch)
{
	uint64_t count = 0;

	for (uint32_t slot = 1; slot <= cs_model_coroutine_slots(watch->model); slot++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(watch->model, slot);

		count += coroutine && !coroutine->ended_ns &&
		         !(coroutine->flags & CS_COROUTINE_SYSTEM);
	}
	return count;
}

static void count_look(struct cs_watch *watch, const struct cs_observe_result *result)
{
	watch->looks++;
	watch->look_ns += result->duration_ns;
	if (result->duration_ns > watch->longest_look_ns)
		watch->longest_look_ns = result->duration_ns;
	if (result->frozen_ns > watch->frozen_ns)
		watch->frozen_ns = result->frozen_ns;
	watch->coroutines = count_coroutines(watch);
	if (watch->coroutines > watch->most_coroutines)
		watch->most_coroutines = watch->coroutines;
	watch->unstable += result->unstable;
	watch->rejected += result->rejected;
	if (result->warning[0] && !watch->warning[0])
		snprintf(watch->warning, sizeof(watch->warning), "%s", result->warning);
}

int cs_watch_look(struct cs_watch *watch, struct cs_diag *diag)
{
	struct cs_observe_result result;
	int error = cs_live_look(&watch->live, &watch->want, &result, diag);

	if (error == -ESTALE)
		error = -ESRCH;
	if (error && error != -ESRCH)
		return error;
	count_look(watch, &result);
	cs_watch_cpu_looked(watch->cpu);
	return error;
}

/* ---- writing ---- */

/*
 * Names that the observer gave are nowhere else to be had: what is in the file must have them
 * should we be killed. All of them again, when they have become a good part more.
 */
static int write_names(struct cs_watch *watch)
{
	uint32_t frames = cs_model_frame_count(watch->model);
	int error;

	if (frames < watch->named_frames + watch->named_frames / 8 + 1)
		return 0;
	watch->named_frames = frames;
	error = cs_trace_write_symbols(watch->writer, watch->model, watch->names);
	return error == -EFBIG ? 0 : error; /* no room is left for them: they come at the end */
}

int cs_watch_write(struct cs_watch *watch, bool keyframe, struct cs_diag *diag)
{
	uint64_t now_ns = cs_clock_now_ns(&watch->clock);
	int error;

	if (now_ns > cs_model_now(watch->model))
		cs_model_set_now(watch->model, now_ns);
	error = cs_trace_write_tick(watch->writer, watch->model);
	if (!error && keyframe && cs_trace_keyframe_pays(watch->writer))
		error = cs_trace_write_keyframe(watch->writer, watch->model);
	if (!error && keyframe)
		error = write_names(watch);
	cs_model_sweep_coroutines(watch->model);
	if (!error)
		return 0;
	watch->failed = true;
	cs_diag_set(diag, error, "write the trace any further: %s", strerror(-error));
	return cs_diag_hint(diag, "what is in the file can be read");
}

static bool show_naming(void *context, uint64_t done, uint64_t total)
{
	struct cs_watch *watch = context;

	cs_progress_text(&watch->progress, "finding names: %llu of %llu", (unsigned long long)done,
	                 (unsigned long long)total);
	return cs_interrupts_count() < 3;
}

static int find_names(struct cs_watch *watch, struct cs_diag *diag)
{
	int error = 0;

	if (watch->failed)
		return 0;
	if (watch->written.symbols)
		error = cs_resolver_resolve(watch->resolver, watch->model, watch->names,
		                            show_naming, watch, &watch->resolved, diag);
	cs_progress_clear(&watch->progress);
	/* Cut short, there are some all the same; those of the runtime itself always. */
	if (error && error != -ECANCELED)
		return error;
	error = cs_trace_write_symbols(watch->writer, watch->model, watch->names);
	return error ? cs_diag_set(diag, error, "write the names: %s", strerror(-error)) : 0;
}

static void measure_cost(struct cs_trace_summary *summary)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_SELF, &usage);
	summary->reader_cpu_ns =
		(uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * UINT64_C(1000000000) +
		(uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * UINT64_C(1000);
	summary->reader_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

int cs_watch_finish(struct cs_watch *watch, struct cs_diag *diag)
{
	struct cs_trace_summary *summary = &watch->summary;
	struct cs_watch_cpu_stats cpu;
	int error = watch->failed ? 0 : cs_watch_write(watch, true, diag);
	int end;

	cs_watch_cpu_stats(watch->cpu, &cpu);
	summary->duration_ns = cs_clock_now_ns(&watch->clock);
	summary->exit_status = -1; /* of somebody else's child */
	summary->events = watch->looks + cpu.perf.samples;
	summary->lost = cpu.perf.lost;
	summary->ended_by = (char *)(watch->ended_by ? watch->ended_by : "done");
	measure_cost(summary);
	if (!error)
		error = find_names(watch, diag);
	watch->trace_bytes = cs_trace_bytes(watch->writer);
	end = cs_trace_finish(watch->writer, summary, error ? NULL : diag);
	watch->writer = NULL;
	return error ? error : end;
}

void cs_watch_close(struct cs_watch *watch)
{
	struct cs_diag ignored = {0};

	if (watch->writer) {
		/* Nothing was seen: an empty trace helps nobody. */
		cs_trace_finish(watch->writer, &watch->summary, &ignored);
		unlink(watch->written.path);
	}
	cs_watch_wall_stop(&watch->wall);
	cs_watch_cpu_free(watch->cpu);
	cs_live_close(&watch->live);
	cs_resolver_free(watch->resolver);
	cs_symbols_free(watch->names);
	cs_model_free(watch->model);
	if (watch->pidfd >= 0)
		close(watch->pidfd);
}
