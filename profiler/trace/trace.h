/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace file, version 1 (docs/trace-format.md): chunks, each with a kind, a length, a
 * checksum and a zstd-compressed payload of length-prefixed records:
 *
 *   SESSION   what was recorded, where, when, clock anchors
 *   DEFS      definitions of processes, threads, modules, frames, nodes, cells; append-only
 *   DELTAS    what changed in an interval: cells' sums, states, names, readings
 *   KEYFRAME  all sums and states at a time: a reader starts at any of them
 *   SYMBOLS   names of frames
 *   SUMMARY   the end: how it ended, what it cost
 *   INDEX     where the chunks are; rebuilt from the chunks when missing
 *   LOSSES    intervals in which events were lost
 *   EVENTS    what happened to coroutines, one by one, if it was asked for
 *
 * To know the state at T a reader takes all DEFS before T, the last KEYFRAME at or before T,
 * and the DELTAS from there to T. Resolution in time is the writer's tick.
 */
#ifndef CS_TRACE_TRACE_H
#define CS_TRACE_TRACE_H

#include "base/diag.h"
#include "base/pace.h"
#include "model/model.h"
#include "model/symbols.h"

#define CS_TRACE_VERSION 1u

struct cs_trace_session {
	uint64_t wall_start_ns; /* CLOCK_REALTIME at the session's start */
	uint64_t mono_start_ns; /* CLOCK_MONOTONIC at the session's start */
	uint64_t heap_mean_bytes;
	uint64_t tick_ns;
	char *command; /* what was recorded, as typed; NULL left out */
	char *host;    /* node name, kernel release, architecture */
	char *kernel;
	char *arch;
	char *recorder; /* "coroscope 0.1.0" */
	/* A trace that keeps its end: see cs_trace_create(). 0: it keeps everything. */
	uint64_t kept_from_ns; /* the first time whose state can be had; sums are since the start */
	uint64_t max_bytes;
	uint64_t last_ns;
};

struct cs_trace_summary {
	uint64_t duration_ns;
	int32_t exit_status; /* as waitpid gives it; -1 unknown */
	uint64_t reader_cpu_ns;
	uint64_t reader_rss_bytes;
	uint64_t events; /* read from all rings */
	uint64_t lost;
	uint64_t late;  /* events that came after their time had been closed */
	char *ended_by; /* "program ended", "interrupted", "duration", … */
};

/* ---- writing ---- */
struct cs_trace_writer;

/*
 * Creates PATH (0600; an existing regular file is replaced). NULL: DIAG says why. With
 * SESSION's max_bytes the file is never larger (else -EFBIG), with last_ns it keeps at least
 * that much time and at most half as much again: the oldest is dropped, at any time the file
 * under this name is a whole trace.
 */
struct cs_trace_writer *cs_trace_create(const char *path, const struct cs_trace_session *session,
                                        struct cs_diag *diag);
/* Definitions since the last call, then the changes of the interval that ends now. Flushed to
 * the file before it returns: what is written survives the recorder. 0 or -errno (disk full …);
 * after an error the file is whole up to the last good chunk and further calls return it. */
int cs_trace_write_tick(struct cs_trace_writer *writer, struct cs_model *model);
int cs_trace_write_keyframe(struct cs_trace_writer *writer, struct cs_model *model);
/* Whether a keyframe, asked for every few seconds, makes reading faster than it makes the file
 * long: what was written since the last one is as much again, or that one was small. */
bool cs_trace_keyframe_pays(const struct cs_trace_writer *writer);
int cs_trace_write_symbols(struct cs_trace_writer *writer, const struct cs_model *model,
                           const struct cs_symbols *symbols);
/* An interval in which EVENTS of PROCESS were lost. */
int cs_trace_write_loss(struct cs_trace_writer *writer, uint32_t process, uint64_t from_ns,
                        uint64_t to_ns, uint64_t events);

enum cs_trace_event_kind {
	CS_EVENT_CREATE = 1, /* node: the spawn stack */
	CS_EVENT_RUN,        /* on thread */
	CS_EVENT_PARK,       /* text: the reason; node: the stack */
	CS_EVENT_WAKE,
	CS_EVENT_FINISH,
	CS_EVENT_GC_BEGIN,
	CS_EVENT_GC_END,
	CS_EVENT_TEXT, /* text: what somebody has to say */
	CS_EVENT_KINDS
};
extern const char *const cs_trace_event_names[CS_EVENT_KINDS]; /* "?" first */

/* Ids are the model's; 0 and number 0: none or unknown. */
struct cs_trace_event {
	uint64_t time_ns;
	uint8_t kind; /* enum cs_trace_event_kind */
	uint32_t process, thread;
	uint32_t runtime; /* with number: the coroutine */
	uint64_t number;
	uint32_t text;
	uint32_t node;
	uint64_t value; /* as kind says; 0 none */
};
/* Ids are defined in the model that the next tick writes. Events of a tick need not be sorted. */
int cs_trace_write_event(struct cs_trace_writer *writer, const struct cs_trace_event *event);
uint64_t cs_trace_bytes(const struct cs_trace_writer *writer);
/* The time of the last tick. */
uint64_t cs_trace_last_ns(const struct cs_trace_writer *writer);
/* The first time whose state is still in the file. */
uint64_t cs_trace_kept_from(const struct cs_trace_writer *writer);
/* HOLD: from now on nothing is dropped for its age, until it is called again. */
void cs_trace_hold(struct cs_trace_writer *writer, bool hold);
/* Nothing but names and the end is coming: drops what need not be kept. */
void cs_trace_ending(struct cs_trace_writer *writer);
/* Writes summary and index, closes, frees, also after errors. */
int cs_trace_finish(struct cs_trace_writer *writer, const struct cs_trace_summary *summary,
                    struct cs_diag *diag);

/*
 * Creates PATH with all that TRACE holds up to UNTIL_NS, and goes on behind it; MODEL was
 * loaded from it at that time. Bounds are not taken over. NULL: DIAG says why.
 */
struct cs_trace;
struct cs_trace_writer *cs_trace_continue(const char *path, struct cs_trace *trace,
                                          uint64_t until_ns, const struct cs_model *model,
                                          struct cs_diag *diag);

/* Appends SYMBOLS to a finished trace (symbolize). */
int cs_trace_append_symbols(const char *path, const struct cs_model *model,
                            const struct cs_symbols *symbols, struct cs_diag *diag);

/* ---- reading; files are untrusted ---- */
struct cs_trace;

struct cs_trace_chunk {
	uint32_t kind;
	uint64_t offset, stored_bytes, raw_bytes;
	uint64_t from_ns, to_ns;
};

struct cs_trace_loss {
	uint32_t process;
	uint64_t from_ns, to_ns, events;
};

/* Opens and checks, rebuilding the index if need be. NULL: not a trace, or nothing usable. */
struct cs_trace *cs_trace_open(const char *path, struct cs_diag *diag);
/* The same of an open file, which is taken over, also on failure; NAME is what messages say. */
struct cs_trace *cs_trace_open_fd(int fd, const char *name, struct cs_diag *diag);
void cs_trace_close(struct cs_trace *trace);
/*
 * Loading from TRACE rests at PACE (NULL: it does not), which must outlive it: -ECANCELED ends it
 * and leaves a model that is of no use. In a rest nothing may be asked of TRACE but what takes a
 * const one.
 */
void cs_trace_pace(struct cs_trace *trace, const struct cs_pace *pace);
const struct cs_trace_session *cs_trace_session(const struct cs_trace *trace);
const struct cs_trace_summary *cs_trace_summary(const struct cs_trace *trace); /* NULL: cut short */
/* "cut short after 72.100 s", "chunk 17 damaged, …": NULL when the file is whole. */
const char *cs_trace_warning(const struct cs_trace *trace);
/* A recorder is writing it right now: what was read is what there was when it was opened. */
bool cs_trace_is_growing(const struct cs_trace *trace);
/* Reads every chunk: what is damaged is added to the warning. Gives how many are. */
uint32_t cs_trace_check(struct cs_trace *trace);
uint64_t cs_trace_duration_ns(const struct cs_trace *trace);
uint32_t cs_trace_chunk_count(const struct cs_trace *trace);
const struct cs_trace_chunk *cs_trace_chunk_at(const struct cs_trace *trace, uint32_t index);
const char *cs_trace_chunk_name(uint32_t kind);
bool cs_trace_has_symbols(const struct cs_trace *trace);
uint32_t cs_trace_losses(const struct cs_trace *trace, const struct cs_trace_loss **losses);

/*
 * Brings MODEL (new and empty) to the state at TIME_NS (UINT64_MAX: the end) and SYMBOLS
 * (may be NULL) to all names. Damaged chunks are passed over with a warning. 0 or -errno.
 */
int cs_trace_load(struct cs_trace *trace, uint64_t time_ns, struct cs_model *model,
                  struct cs_symbols *symbols, struct cs_diag *diag);

/*
 * A trace that is being recorded: looks for what was appended since it was opened or refreshed.
 * 1: there is more, 0: there is not, and cs_trace_is_growing() says whether there may be;
 * -ESTALE: its recorder has replaced the file, open it again; -errno.
 */
int cs_trace_refresh(struct cs_trace *trace, struct cs_diag *diag);
/* How far a model has come in a trace, and what has to be remembered to go on from there. */
struct cs_trace_place;
struct cs_trace_place *cs_trace_place_new(void); /* at the beginning; NULL: no memory */
void cs_trace_place_free(struct cs_trace_place *place);

/* As cs_trace_load() at the end, with PLACE (at the beginning) brought there as well. */
int cs_trace_load_place(struct cs_trace *trace, struct cs_trace_place *place,
                        struct cs_model *model, struct cs_symbols *symbols, struct cs_diag *diag);
/*
 * Brings MODEL from PLACE to the state of the first CHUNKS chunks, and SYMBOLS (may be NULL) to
 * the names in between. Costs what has changed, not what there is. PLACE belongs to one model.
 */
int cs_trace_load_more(struct cs_trace *trace, struct cs_trace_place *place, uint32_t chunks,
                       struct cs_model *model, struct cs_symbols *symbols, struct cs_diag *diag);

/*
 * Sums of the interval (FROM, TO]: alloc and free of it alone; for --from/--to. What snapshots
 * call in use is then the growth (never below 0); processes and peaks are as at TO.
 */
int cs_trace_load_interval(struct cs_trace *trace, uint64_t from_ns, uint64_t to_ns,
                           struct cs_model *model, struct cs_symbols *symbols,
                           struct cs_diag *diag);

/*
 * Events of (FROM, TO] through VISIT, in the order in which they were written; its result, if
 * not 0, ends it and is returned. Ids are those of a model loaded at TO or later; what a
 * damaged file makes of them must be checked.
 */
typedef int cs_trace_event_visit(void *context, const struct cs_trace_event *event);
int cs_trace_events(struct cs_trace *trace, uint64_t from_ns, uint64_t to_ns,
                    cs_trace_event_visit *visit, void *context, struct cs_diag *diag);

/*
 * The whole trace tick by tick, for series over time: MODEL (new and empty) is brought to each
 * tick in turn, and VISIT called; its result, if not 0, ends it and is returned. Only processes
 * with their sums, threads, coroutines and figures are kept: sums by cell and tally stay 0, so
 * that hours are read in seconds.
 */
typedef int cs_trace_series_visit(void *context, const struct cs_model *model, uint64_t time_ns);
int cs_trace_series(struct cs_trace *trace, struct cs_model *model, cs_trace_series_visit *visit,
                    void *context, struct cs_diag *diag);

/*
 * "12.5s", "-10s", "1m30s", "250ms", "peak": 0 or -errno with a DIAG that lists the forms.
 * peak: the end of the tick with the highest point of the process whose peak is highest; load
 * that time and take cs_snapshot_take_peak().
 */
int cs_trace_time(struct cs_trace *trace, const char *text, uint64_t *time_ns,
                  struct cs_diag *diag);

/* One line for each raw record of each chunk, through VISIT; for `dump`. */
typedef int cs_trace_visit(void *context, const struct cs_trace_chunk *chunk, const char *line);
int cs_trace_dump(struct cs_trace *trace, cs_trace_visit *visit, void *context,
                  struct cs_diag *diag);

#endif
