/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope recover: a trace of a session whose recorder was killed. Its own trace has all up
 * to its last tick, the checkpoint says where in the rings it was then, and the rings have the
 * rest: what has been written over meanwhile is counted, not guessed.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "command/registry.h"
#include "command/written.h"
#include "source/collector.h"
#include "source/sessions.h"
#include "symbol/resolver.h"

/* A thread that was about to publish a record when recording was switched off has done so. */
#define SETTLE_US 20000

struct recovery {
	const struct cs_args *args;
	const struct cs_session_entry *entry;
	char path[PATH_MAX];
	struct cs_session_folder folder;
	struct cs_checkpoint *checkpoint; /* NULL: none */
	struct cs_trace *trace;           /* the recorder's; NULL: gone, or another one's */
	bool followed;                    /* nothing is missing between the two and the rings */
	struct cs_clock clock;
	struct cs_model *model;
	struct cs_symbols *names;
	struct cs_trace_writer *writer;
	struct cs_collector *collector;
	struct cs_collector_stats stats;
	uint64_t kept_ns; /* up to here its own trace was used */
};

static void tell(const struct cs_diag *diag)
{
	cs_warn("cannot %s", diag->text);
	if (diag->hint[0])
		cs_hint("%s", diag->hint);
}

/* ---- what there is ---- */

/* The trace whose path is in the note, if it is still that of this session. */
static void open_trace(struct recovery *recovery)
{
	const struct cs_note *note = &recovery->entry->note;
	const struct cs_trace_session *session;
	struct cs_diag diag = {0};

	if (!note->trace)
		return;
	recovery->trace = cs_trace_open(note->trace, &diag);
	session = recovery->trace ? cs_trace_session(recovery->trace) : NULL;
	if (session && session->wall_start_ns == note->wall_start_ns &&
	    session->mono_start_ns == note->mono_start_ns)
		return;
	cs_warn("%s: it is not the trace of this session any more; only what is in the rings is "
	        "recovered",
	        note->trace);
	cs_trace_close(recovery->trace);
	recovery->trace = NULL;
}

/* How far its own trace is to be used: up to the checkpoint, if the rings go on from there. */
static uint64_t choose_time(struct recovery *recovery)
{
	uint64_t time_ns;

	if (!recovery->checkpoint)
		return UINT64_MAX;
	time_ns = cs_checkpoint_time(recovery->checkpoint);
	bool inside = time_ns >= cs_trace_session(recovery->trace)->kept_from_ns &&
	              time_ns <= cs_trace_duration_ns(recovery->trace);

	recovery->followed =
		cs_checkpoint_is_followed(recovery->checkpoint, inside ? recovery->folder.fd : -1);
	return recovery->followed ? time_ns : UINT64_MAX;
}

static int name_output(struct recovery *recovery, struct cs_diag *diag)
{
	const char *trace = recovery->entry->note.trace;
	const char *name = trace ? cs_text_basename(trace) : recovery->entry->name;
	size_t length = strlen(name);
	char *old;
	bool same;
	int error = cs_written_path(recovery->path, recovery->args, diag);

	if (error)
		return error;
	if (length > 5 && !strcmp(name + length - 5, ".coro"))
		length -= 5;
	if (!recovery->path[0])
		snprintf(recovery->path, sizeof(recovery->path), "%.*s.recovered.coro", (int)length,
		         name);
	old = realpath(recovery->path, NULL);
	same = old && trace && !strcmp(old, trace);
	free(old);
	if (!same)
		return 0;
	cs_diag_set(diag, -EEXIST, "write %s: it is what the recorder left, and is read",
	            recovery->path);
	return cs_diag_hint(diag, "name another file with -o");
}

/* ---- reading ---- */

static int make_parts(struct recovery *recovery, struct cs_diag *diag)
{
	const struct cs_note *note = &recovery->entry->note;

	if (!note->pid)
		return cs_diag_set(diag, -ENODATA,
		                   "recover %s: its recorder was killed before it began",
		                   recovery->entry->name);
	if (note->mono_start_ns > cs_clock_monotonic_ns())
		return cs_diag_set(diag, -ESTALE,
		                   "recover %s: it is of a time before this machine was started",
		                   recovery->entry->name);
	cs_clock_resume(&recovery->clock, note->mono_start_ns, note->wall_start_ns,
	                note->start_stamp);
	recovery->model = cs_model_new();
	recovery->names = cs_symbols_new();
	if (!recovery->model || !recovery->names)
		return cs_diag_set(diag, -ENOMEM, "recover: not enough memory");
	return 0;
}

/* Without the recorder's trace there is a new one, and checkpoints speak of what is not there. */
static int begin_anew(struct recovery *recovery, struct cs_diag *diag)
{
	const struct cs_note *note = &recovery->entry->note;
	const struct cs_trace_session session = {
		.wall_start_ns = note->wall_start_ns,
		.mono_start_ns = note->mono_start_ns,
		.heap_mean_bytes = recovery->folder.config.heap_mean_bytes,
		.command = note->command,
	};

	cs_checkpoint_free(recovery->checkpoint);
	recovery->checkpoint = NULL;
	recovery->writer = cs_written_begin(recovery->path, session, diag);
	return recovery->writer ? 0 : diag->error;
}

static int begin(struct recovery *recovery, struct cs_diag *diag)
{
	uint64_t time_ns;
	int error;

	if (!recovery->trace)
		return begin_anew(recovery, diag);
	time_ns = choose_time(recovery);
	error = cs_trace_load(recovery->trace, time_ns, recovery->model, NULL, diag);
	if (error)
		return error;
	recovery->writer =
		cs_trace_continue(recovery->path, recovery->trace, time_ns, recovery->model, diag);
	if (!recovery->writer)
		return diag->error;
	recovery->kept_ns = cs_trace_last_ns(recovery->writer);
	return 0;
}

static int read_rings(struct recovery *recovery, struct cs_diag *diag)
{
	struct cs_collector_options options = {
		.session = &recovery->folder,
		.clock = &recovery->clock,
		.model = recovery->model,
		.writer = recovery->writer,
		.no_readings = true,
		.resume = recovery->checkpoint,
		.gap = !recovery->followed,
		.past = recovery->entry->running == 0,
	};
	struct cs_diag problem;

	recovery->collector = cs_collector_new(&options);
	if (!recovery->collector)
		return cs_diag_set(diag, -ENOMEM, "recover: not enough memory");
	cs_collector_finish(recovery->collector);
	while (cs_collector_problem(recovery->collector, &problem))
		tell(&problem);
	cs_collector_stats(recovery->collector, &recovery->stats);
	return 0;
}

/* ---- the end ---- */

static void write_names(struct recovery *recovery)
{
	struct cs_resolver *resolver = cs_resolver_new(NULL);
	struct cs_diag diag = {0};
	int error = 0;

	if (resolver)
		error = cs_resolver_resolve(resolver, recovery->model, recovery->names, NULL, NULL,
		                            NULL, &diag);
	cs_resolver_free(resolver);
	if (!error)
		error = cs_trace_write_symbols(recovery->writer, recovery->model, recovery->names);
	if (error)
		cs_warn("the names could not be written; 'coroscope symbolize %s' adds them",
		        recovery->path);
}

static int end_trace(struct recovery *recovery, struct cs_diag *diag)
{
	struct rusage usage = {0};
	int error;

	write_names(recovery);
	getrusage(RUSAGE_SELF, &usage);
	const struct cs_trace_summary summary = {
		.duration_ns = cs_trace_last_ns(recovery->writer),
		.exit_status = -1,
		.reader_cpu_ns =
			(uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
			(uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u,
		.reader_rss_bytes = (uint64_t)usage.ru_maxrss * 1024,
		.events = recovery->stats.events,
		.lost = recovery->stats.lost,
		.late = recovery->stats.late,
		.ended_by = (char *)"recorder killed; recovered from its session",
	};

	error = cs_trace_finish(recovery->writer, &summary, diag);
	recovery->writer = NULL;
	return error;
}

static void say_result(const struct recovery *recovery)
{
	const struct cs_args *args = recovery->args;
	uint32_t processes = cs_model_process_count(recovery->model);
	struct stat status = {0};

	stat(recovery->path, &status);
	cs_say(args, "%s (%s): %s, %" PRIu32 " process%s; %s events, %s lost", recovery->path,
	       cs_text_bytes((double)status.st_size).s,
	       cs_text_duration(cs_model_now(recovery->model)).s, processes,
	       processes == 1 ? "" : "es", cs_text_count((double)recovery->stats.events).s,
	       recovery->stats.lost ? cs_text_count((double)recovery->stats.lost).s : "none");
	if (!recovery->trace)
		cs_say(args, "  only what was in the rings: the recorder's trace is gone");
	else if (!recovery->followed)
		cs_say(args,
		       "  from @%.3fs until the recorder was killed events may be missing: they "
		       "were written over; figures are at least / at most",
		       (double)recovery->kept_ns / 1e9);
	if (recovery->entry->running)
		cs_say(args, "  its program still runs and is recorded no further");
	cs_say(args, "next:");
	cs_written_say(args, "info", recovery->path, "");
}

static int recover(struct recovery *recovery, struct cs_diag *diag)
{
	int error = name_output(recovery, diag);

	if (!error)
		error = cs_session_open(&recovery->folder, recovery->entry->path, diag);
	if (!error)
		error = make_parts(recovery, diag);
	if (error)
		return error;
	cs_session_disable(&recovery->folder);
	usleep(SETTLE_US);
	recovery->checkpoint = cs_checkpoint_read(recovery->folder.fd);
	open_trace(recovery);
	error = begin(recovery, diag);
	if (!error)
		error = read_rings(recovery, diag);
	if (!error)
		error = end_trace(recovery, diag);
	if (error)
		return error;
	say_result(recovery);
	/* All that was in it is in the trace now. */
	cs_session_remove(&recovery->folder);
	return 0;
}

static void release(struct recovery *recovery)
{
	if (recovery->writer) {
		cs_trace_finish(recovery->writer, NULL, NULL);
		unlink(recovery->path);
	}
	cs_collector_free(recovery->collector);
	cs_checkpoint_free(recovery->checkpoint);
	cs_trace_close(recovery->trace);
	cs_session_close(&recovery->folder);
	cs_symbols_free(recovery->names);
	cs_model_free(recovery->model);
}

static int run_recover(const struct cs_args *args, struct cs_diag *diag)
{
	static struct recovery recovery; /* large: clock pairs, paths */
	struct cs_session_list list;
	int error = cs_sessions_find(&list);

	if (error)
		return cs_diag_set(diag, error, "list the sessions: out of memory");
	memset(&recovery, 0, sizeof(recovery));
	recovery.args = args;
	recovery.folder.fd = recovery.folder.base_fd = recovery.folder.note_fd = -1;
	recovery.entry = cs_sessions_by_name(&list, args->operands[0], diag);
	error = recovery.entry ? recover(&recovery, diag) : diag->error;
	release(&recovery);
	cs_sessions_free(&list);
	return error;
}

static const struct cs_option options[] = {
	CS_OPTION_OUTPUT("NAME.recovered.coro"),
	{0},
};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_recover = {
	.name = "recover",
	.summary = "make a trace of a session whose recorder was killed",
	.usage = (const char *const[]){"[OPTIONS] SESSION", NULL},
	.description =
		"Takes what a killed recorder had written, and what the program has left in its rings "
		"since, and makes one whole trace of both. Events that found no room in the rings, or "
		"that were written over, are counted as lost. SESSION is a name that 'coroscope list' "
		"shows, or the beginning of one.\n\n"
		"If the program still runs, it is left alone: what it has recorded so far is taken, and "
		"it records no more. Afterwards the session is removed.",
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope recover 4711", "the session of the recorder with PID 4711"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_SESSION,
	.operands_min = 1,
	.operands_max = 1,
	.run = run_recover,
};
