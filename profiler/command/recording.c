/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of things: the session, the program's process (waiting), the trace named after
 * it, then the program is let go and everything is collected until it ends. Whatever fails
 * before that leaves no program behind; whatever fails after it leaves the program alone.
 */
#include "command/recording.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "command/interrupts.h"

#define POLL_NS UINT64_C(100000000)
#define SILENT_NS UINT64_C(1000000000)
#define PATIENCE_NS UINT64_C(3000000000)
#define OTHERS_NS UINT64_C(300000000)
#define SAY_NS UINT64_C(500000000) /* many programs leave helpers behind for a moment */
#define PRIORITY 4

/* ---- before ---- */

/* Many processes, many rings and modules: as many files as we may have. */
static void raise_file_limit(struct rlimit *before)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, before))
		*before = (struct rlimit){1024, 1024};
	most = *before;
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
}

static void name_trace(struct cs_recording *recording)
{
	const char *program = cs_text_basename(recording->args->operands[0]);

	if (!recording->written.path[0])
		snprintf(recording->written.path, sizeof(recording->written.path), "%.200s.%d.coro",
		         program, (int)recording->launch.pid);
}

/* The command line as typed, joined by spaces. NULL: no memory. */
static char *join(char **words)
{
	size_t bytes = 1;
	char *text, *at;

	for (char **word = words; *word; word++)
		bytes += strlen(*word) + 1;
	text = at = calloc(1, bytes);
	for (char **word = words; text && *word; word++)
		at += sprintf(at, "%s%s", word == words ? "" : " ", *word);
	return text;
}

static int open_trace(struct cs_recording *recording, struct cs_diag *diag)
{
	char *command = recording->written.arguments ? join(recording->args->operands) : NULL;

	const struct cs_trace_session session = {
		.wall_start_ns = recording->clock.wall_start_ns,
		.mono_start_ns = recording->clock.mono_start_ns,
		.heap_mean_bytes = recording->config.heap_mean_bytes,
		.command = command,
		.max_bytes = recording->max_bytes,
		.last_ns = recording->last_ns,
	};
	recording->writer = cs_written_begin(recording->written.path, session, diag);
	free(command);
	return recording->writer ? 0 : diag->error;
}

/* For those who find the session when we have been killed. */
static int leave_note(struct cs_recording *recording, struct cs_diag *diag)
{
	struct cs_note note = {
		.pid = (uint32_t)getpid(),
		.root_pid = (uint32_t)recording->launch.pid,
		.wall_start_ns = recording->clock.wall_start_ns,
		.mono_start_ns = recording->clock.mono_start_ns,
		.start_stamp = recording->clock.pairs[0].stamp,
		.command = recording->written.arguments ? join(recording->args->operands) : NULL,
		.trace = realpath(recording->written.path, NULL),
	};
	int error = cs_session_tell(&recording->folder, &note, diag);

	cs_note_free(&note);
	return error;
}

/* While the file can still be opened: names are looked up at the end. */
static void keep_module(void *context, uint32_t module, int fd, const char *path)
{
	struct cs_recording *recording = context;

	if (fd < 0)
		return;
	if (recording->resolver && recording->written.symbols)
		cs_resolver_add_module(recording->resolver, module, fd, path);
	else
		close(fd);
}

static int make_parts(struct cs_recording *recording, struct cs_diag *diag)
{
	struct cs_resolver_options options = {.debuginfod = recording->written.debuginfod};

	cs_clock_start(&recording->clock);
	recording->model = cs_model_new();
	recording->names = cs_symbols_new();
	recording->resolver = cs_resolver_new(&options);
	if (!recording->model || !recording->names || !recording->resolver)
		return cs_diag_set(diag, -ENOMEM, "record: not enough memory");
	return 0;
}

static int make_collector(struct cs_recording *recording, struct cs_diag *diag)
{
	struct cs_collector_options options = {
		.session = &recording->folder,
		.clock = &recording->clock,
		.model = recording->model,
		.writer = recording->writer,
		.checkpoints = true,
		.on_module = keep_module,
		.context = recording,
	};

	recording->collector = cs_collector_new(&options);
	return recording->collector ? 0 : cs_diag_set(diag, -ENOMEM, "record: not enough memory");
}

/*
 * Threads that wait for us when their buffer is full wait the shorter the sooner we run. Only
 * root may do that; the program, whose process is there already, keeps its own priority.
 */
static void raise_priority(const struct cs_recording *recording)
{
	if (recording->config.flags & CS_SESSION_BLOCK)
		setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) - PRIORITY);
}

static int start(struct cs_recording *recording, const char *agent, struct cs_diag *diag)
{
	struct rlimit files;
	int error;

	raise_file_limit(&files);
	error = make_parts(recording, diag);
	if (!error)
		error = cs_session_create(&recording->folder, &recording->config, diag);
	if (!error)
		error = cs_launch_prepare(&recording->launch, recording->args->operands, agent,
		                          recording->folder.path, &files, diag);
	if (error)
		return error;
	raise_priority(recording);
	name_trace(recording);
	error = open_trace(recording, diag);
	if (!error)
		error = leave_note(recording, diag);
	if (!error)
		error = make_collector(recording, diag);
	if (!error)
		error = cs_recording_start_cpu(recording, keep_module, diag);
	if (error) {
		cs_launch_cancel(&recording->launch);
		return error;
	}
	cs_session_publish(&recording->folder, (uint32_t)recording->launch.pid);
	error = cs_launch_go(&recording->launch, diag);
	recording->cannot_start = error != 0;
	return error;
}

/* ---- while it runs ---- */

void cs_recording_tell(struct cs_recording *recording, const struct cs_diag *diag)
{
	cs_progress_clear(&recording->progress);
	cs_warn("cannot %s", diag->text);
	if (diag->hint[0])
		cs_hint("%s", diag->hint);
}

static void tell_problems(struct cs_recording *recording)
{
	struct cs_diag diag;

	while (cs_collector_problem(recording->collector, &diag))
		cs_recording_tell(recording, &diag);
}

/* A program that does not speak to us: once, why. */
static void look_for_root(struct cs_recording *recording, uint64_t now_ns)
{
	const char *program = recording->args->operands[0];
	const struct cs_process *process;
	struct cs_diag diag = {0};

	if (recording->said_silent)
		return;
	if (!recording->root)
		recording->root =
			cs_collector_find(recording->collector, (uint32_t)recording->launch.pid);
	process = cs_model_process_at(recording->model, recording->root);
	if (process && process->refusal) {
		cs_diag_set(&diag, -ENOTSUP, "record %s: %s", program, process->refusal);
		cs_diag_hint(&diag, "'coroscope doctor %s' says what can be done", program);
	} else if (!process && (now_ns > SILENT_NS || recording->root_ended)) {
		cs_recording_why_silent(recording, &diag);
	}
	if (!diag.error)
		return;
	recording->said_silent = true;
	cs_recording_tell(recording, &diag);
}

static void reap(struct cs_recording *recording)
{
	int status;

	if (recording->root_ended ||
	    waitpid(recording->launch.pid, &status, WNOHANG) != recording->launch.pid)
		return;
	recording->status = status;
	recording->root_ended = true;
	recording->root_end_ns = cs_clock_now_ns(&recording->clock);
	cs_interrupts_forward_to(0);
	cs_collector_hurry(recording->collector);
	cs_collector_poll(recording->collector, 0);
}

/* The program is gone: are others left that it started? */
static void look_for_others(struct cs_recording *recording, uint64_t now_ns)
{
	uint32_t others = cs_collector_alive(recording->collector);
	bool heard = others > 0;

	if (others == 0 && now_ns >= recording->others_ns) {
		others = cs_collector_expected(recording->collector);
		recording->others_ns = now_ns + OTHERS_NS;
		if (others == 0) {
			recording->ended_by = "program ended";
			return;
		}
	}
	if (recording->said_others || others == 0 || now_ns < recording->root_end_ns + SAY_NS)
		return;
	recording->said_others = true;
	cs_progress_clear(&recording->progress);
	cs_say(recording->args,
	       "%s has ended; %" PRIu32 " process%s that it started %s, Ctrl-C finishes",
	       recording->args->operands[0], others, others == 1 ? "" : "es",
	       heard         ? others == 1 ? "is still recorded" : "are still recorded"
	       : others == 1 ? "still runs and has recorded nothing"
	                     : "still run and have recorded nothing");
	if (!heard)
		cs_recording_look_for_strangers(recording);
}

/*
 * The first signal leaves the program time to end, and its end is recorded; the second one,
 * or patience, finishes the file.
 */
static void look_at_signals(struct cs_recording *recording, uint64_t now_ns)
{
	unsigned count = cs_interrupts_count();

	if (count == recording->signals_seen)
		goto patience;
	if (recording->root_ended || recording->signals_seen > 0)
		recording->ended_by = "interrupted";
	recording->signals_seen = count;
	if (!recording->hurry_ns)
		recording->hurry_ns = now_ns + PATIENCE_NS;
patience:
	if (recording->hurry_ns && now_ns >= recording->hurry_ns)
		recording->ended_by = "interrupted";
}

static void collect(struct cs_recording *recording)
{
	while (!recording->ended_by) {
		uint64_t now_ns = cs_clock_now_ns(&recording->clock);
		uint64_t wait_ns = POLL_NS;

		if (recording->duration_ns) {
			uint64_t left = recording->duration_ns > now_ns
			                        ? recording->duration_ns - now_ns
			                        : 0;
			wait_ns = left < wait_ns ? left : wait_ns;
		}
		cs_collector_poll(recording->collector, wait_ns);
		cs_launch_cpu_drain(recording->cpu, recording->collector);
		tell_problems(recording);
		reap(recording);
		look_for_root(recording, now_ns);
		cs_recording_look_at_image(recording, now_ns);
		cs_recording_look_for_foreigners(recording, now_ns);
		if (recording->root_ended)
			look_for_others(recording, now_ns);
		look_at_signals(recording, now_ns);
		if (cs_control_look(&recording->control, now_ns))
			cs_trace_hold(recording->writer, recording->control.hold);
		if (cs_collector_failed(recording->collector))
			recording->ended_by = "the trace could not be written";
		else if (recording->duration_ns && now_ns >= recording->duration_ns &&
		         !recording->ended_by)
			recording->ended_by = "duration";
		cs_progress_show(&recording->progress, recording->collector, recording->model,
		                 now_ns);
	}
}

/* ---- after ---- */

static void measure_cost(struct cs_recording *recording)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_SELF, &usage);
	recording->summary.reader_cpu_ns =
		(uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * UINT64_C(1000000000) +
		(uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * UINT64_C(1000);
	recording->summary.reader_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

static bool show_naming(void *context, uint64_t done, uint64_t total)
{
	struct cs_recording *recording = context;

	cs_progress_text(&recording->progress, "finding names: %" PRIu64 " of %" PRIu64, done,
	                 total);
	/* Who asks twice more is not interested in names. */
	return cs_interrupts_count() < recording->signals_seen + 2;
}

static void find_names(struct cs_recording *recording)
{
	struct cs_diag diag = {0};
	int error;

	if (!recording->written.symbols || cs_collector_failed(recording->collector))
		return;
	error = cs_resolver_resolve(recording->resolver, recording->model, recording->names,
	                            show_naming, recording, &recording->resolved, &diag);
	cs_progress_clear(&recording->progress);
	if (error)
		cs_recording_tell(recording, &diag);
	error = cs_trace_write_symbols(recording->writer, recording->model, recording->names);
	if (error == -EFBIG) {
		cs_diag_set(&diag, error, "write the names: they don't fit into --max-size");
		cs_diag_hint(&diag, "'coroscope symbolize' adds them, beyond that size");
	} else if (error) {
		cs_diag_set(&diag, error, "write the names: %s", strerror(-error));
	}
	recording->written.symbols = error == 0;
	if (error)
		cs_recording_tell(recording, &diag);
}

static int finish(struct cs_recording *recording, struct cs_diag *diag)
{
	struct cs_trace_summary *summary = &recording->summary;
	struct stat file;

	cs_session_disable(&recording->folder);
	cs_launch_cpu_drain(recording->cpu, recording->collector);
	cs_collector_finish(recording->collector);
	tell_problems(recording);
	cs_collector_stats(recording->collector, &recording->stats);
	summary->duration_ns = cs_clock_now_ns(&recording->clock);
	summary->exit_status = recording->root_ended ? recording->status : -1;
	summary->events = recording->stats.events;
	summary->lost = recording->stats.lost;
	summary->late = recording->stats.late;
	summary->ended_by = (char *)recording->ended_by;
	cs_trace_ending(recording->writer);
	find_names(recording);
	measure_cost(recording);
	recording->kept_from_ns = cs_trace_kept_from(recording->writer);
	recording->trace_bytes = cs_trace_bytes(recording->writer);
	int error = cs_trace_finish(recording->writer, summary, diag);
	recording->writer = NULL;
	if (stat(recording->written.path, &file) == 0)
		recording->trace_bytes = (uint64_t)file.st_size;
	return error;
}

/* The program goes on without us: its status is what we are to pass on. */
static void wait_for_program(struct cs_recording *recording)
{
	int status;

	if (recording->root_ended)
		return;
	cs_say(recording->args, "the recording is finished; %s goes on without it",
	       recording->args->operands[0]);
	while (waitpid(recording->launch.pid, &status, 0) < 0 && errno == EINTR)
		;
	recording->status = status;
	recording->root_ended = true;
}

static int status_of(const struct cs_recording *recording)
{
	if (WIFSIGNALED(recording->status))
		return 128 + WTERMSIG(recording->status);
	return WEXITSTATUS(recording->status);
}

static void free_parts(struct cs_recording *recording)
{
	struct cs_diag ignored = {0};

	if (recording->writer) {
		/* Nothing ran: an empty trace helps nobody. */
		cs_trace_finish(recording->writer, &recording->summary, &ignored);
		unlink(recording->written.path);
	}
	cs_launch_cpu_free(recording->cpu);
	cs_collector_free(recording->collector);
	cs_session_remove(&recording->folder);
	cs_resolver_free(recording->resolver);
	cs_symbols_free(recording->names);
	cs_model_free(recording->model);
}

int cs_recording_run(struct cs_recording *recording, const char *agent, struct cs_diag *diag)
{
	int error;

	recording->folder.fd = recording->folder.base_fd = recording->folder.note_fd = -1;
	cs_progress_start(&recording->progress, recording->args);
	cs_interrupts_catch();
	error = start(recording, agent, diag);
	if (!error) {
		cs_interrupts_forward_to(recording->launch.pid);
		collect(recording);
		cs_progress_clear(&recording->progress);
		error = finish(recording, diag);
		if (!error)
			cs_recording_summary(recording);
		else
			cs_report(diag);
	}
	bool ran = recording->launch.pid > 0;
	free_parts(recording);
	if (ran)
		wait_for_program(recording);
	cs_interrupts_release();
	return ran ? status_of(recording) : error;
}
