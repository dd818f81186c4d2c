/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope list: the sessions on this machine, and what can be done about each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"
#include "command/registry.h"
#include "command/selection.h"
#include "source/sessions.h"

static const char *state_of(const struct cs_session_entry *entry)
{
	return entry->recording ? "recording" : "recoverable";
}

/* ---- for people ---- */

static void put_since(struct cs_sink *sink, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	struct tm parts;
	char text[32] = "?";

	if (wall_ns && localtime_r(&seconds, &parts))
		strftime(text, sizeof(text), "%m-%d %H:%M:%S", &parts);
	cs_sink_printf(sink, "%-14s  ", text);
}

static void put_line(struct cs_sink *sink, const struct cs_session_entry *entry)
{
	const struct cs_note *note = &entry->note;

	cs_sink_printf(sink, "%-27s  %-11s  ", entry->name, state_of(entry));
	put_since(sink, note->wall_start_ns);
	cs_sink_printf(sink, "%3" PRIu32 " of %-4" PRIu32 "  %10s  ", entry->running, entry->images,
	               cs_text_bytes((double)entry->bytes).s);
	cs_text_safe(sink, note->command ? note->command : "?", 60);
	cs_sink_char(sink, '\n');
}

static void write_text(const struct cs_session_list *list, struct cs_sink *sink)
{
	size_t left = 0;

	if (!list->count) {
		cs_sink_text(sink, "no sessions\n");
		return;
	}
	cs_sink_printf(sink, "%-27s  %-11s  %-14s  %-11s  %10s  %s\n", "SESSION", "STATE", "SINCE",
	               "RUNNING", "SIZE", "PROGRAM");
	for (size_t i = 0; i < list->count; i++) {
		put_line(sink, &list->entries[i]);
		left += !list->entries[i].recording;
	}
	if (left)
		cs_sink_text(sink, "\nThe recorders of recoverable sessions were killed. "
		                   "'coroscope recover SESSION' makes a trace\n"
		                   "of what is left, 'coroscope clean' removes it.\n");
}

/* ---- for scripts ---- */

/* 0 is not known. */
static void put_known(struct cs_json *json, const char *key, uint64_t value)
{
	if (value)
		cs_json_uint(json, key, value);
	else
		cs_json_null(json, key);
}

static void write_json(const struct cs_session_list *list, struct cs_sink *sink)
{
	struct cs_json json;

	cs_json_start(&json, sink);
	cs_json_object(&json, NULL);
	cs_json_uint(&json, "schema", 1);
	cs_json_array(&json, "sessions");
	for (size_t i = 0; i < list->count; i++) {
		const struct cs_session_entry *entry = &list->entries[i];
		const struct cs_note *note = &entry->note;

		cs_json_object(&json, NULL);
		cs_json_string(&json, "session", entry->name);
		cs_json_string(&json, "path", entry->path);
		cs_json_string(&json, "state", state_of(entry));
		cs_json_bool(&json, "recorder_alive", entry->recording);
		put_known(&json, "recorder_pid", note->pid);
		put_known(&json, "pid", note->root_pid);
		put_known(&json, "wall_start_ns", note->wall_start_ns);
		cs_json_string(&json, "command", note->command);
		cs_json_string(&json, "trace", note->trace);
		cs_json_uint(&json, "images", entry->images);
		cs_json_uint(&json, "running", entry->running);
		cs_json_uint(&json, "bytes", entry->bytes);
		cs_json_object_end(&json);
	}
	cs_json_array_end(&json);
	cs_json_object_end(&json);
	cs_json_finish(&json);
}

static int run_list(const struct cs_args *args, struct cs_diag *diag)
{
	struct cs_session_list list;
	struct cs_sink sink;
	int error = cs_sessions_find(&list);

	if (error)
		return cs_diag_set(diag, error, "list the sessions: out of memory");
	cs_sink_to_file(&sink, stdout, "standard output");
	(cs_args_on(args, "json") ? write_json : write_text)(&list, &sink);
	error = cs_sink_finish(&sink, diag);
	cs_sessions_free(&list);
	return error;
}

static const struct cs_option options[] = {CS_OPTION_JSON, {0}};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_list = {
	.name = "list",
	.summary = "show the sessions that are recording, and those that can be recovered",
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.description =
		"Shows your sessions on this machine: which program is recorded since when, how many "
		"of its process images still run, and the memory that they share with the recorder. "
		"A session whose recorder was killed stays until it is recovered or cleaned.",
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.run = run_list,
};
