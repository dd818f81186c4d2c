/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of candidates, three times: for people, for scripts, for the viewer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "command/candidates.h"
#include "model/model.h"

static struct cs_text count_text(const struct cs_candidate *one)
{
	struct cs_text text = {"?"};

	if (one->coroutines != CS_UNKNOWN)
		text = cs_text_count((double)one->coroutines);
	return text;
}

void cs_candidates_text(const struct cs_candidates *list, struct cs_sink *sink)
{
	size_t refused = 0;

	for (size_t i = 0; i < list->count; i++)
		refused += list->all[i].refusal[0] != 0;
	if (list->count > refused)
		cs_sink_printf(sink, "%8s  %-12s  %-6s  %-12s  %10s  %s\n", "PID", "USER", "KIND",
		               "VERSION", "AT MOST", "COMMAND");
	for (size_t i = 0; i < list->count - refused; i++) {
		const struct cs_candidate *one = &list->all[i];

		cs_sink_printf(sink, "%8" PRIu32 "  %-12s  %-6s  %-12s  %10s  ", one->pid,
		               one->user, one->kind, one->version[0] ? one->version : "",
		               one->kind && !strcmp(one->kind, "go") ? count_text(one).s : "");
		cs_text_safe(sink, one->command, 100);
		cs_sink_char(sink, '\n');
	}
	if (list->count == refused)
		cs_sink_text(sink, "no running process can be watched: none is a Go program that "
		                   "may be read, or is being recorded\n");
	if (refused)
		cs_sink_printf(sink,
		               "%zu more can't be read, or want to be left alone: --json says "
		               "which, and why\n",
		               refused);
}

void cs_candidates_json(const struct cs_candidates *list, struct cs_sink *sink)
{
	struct cs_json json;

	cs_json_start(&json, sink);
	cs_json_object(&json, NULL);
	cs_json_uint(&json, "schema", 1);
	cs_json_array(&json, "processes");
	for (size_t i = 0; i < list->count; i++) {
		const struct cs_candidate *one = &list->all[i];

		cs_json_object(&json, NULL);
		cs_json_uint(&json, "pid", one->pid);
		cs_json_string(&json, "user", one->user);
		cs_json_string(&json, "kind", one->kind);
		cs_json_string(&json, "version", one->version[0] ? one->version : NULL);
		if (one->coroutines == CS_UNKNOWN)
			cs_json_null(&json, "coroutines_at_most");
		else
			cs_json_uint(&json, "coroutines_at_most", one->coroutines);
		cs_json_string(&json, "command", one->command);
		cs_json_string(&json, "refusal", one->refusal[0] ? one->refusal : NULL);
		cs_json_object_end(&json);
	}
	cs_json_array_end(&json);
	cs_json_object_end(&json);
	cs_json_finish(&json);
}

/* A field of a line: what would end it becomes a blank. */
static void put_field(struct cs_sink *sink, const char *text, char end)
{
	for (; *text; text++)
		cs_sink_char(sink, *text == '\t' || *text == '\n' ? ' ' : *text);
	cs_sink_char(sink, end);
}

void cs_candidates_lines(const struct cs_candidates *list, struct cs_sink *sink)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct cs_candidate *one = &list->all[i];
		char number[24] = "";

		if (one->coroutines != CS_UNKNOWN)
			snprintf(number, sizeof(number), "%" PRIu64, one->coroutines);
		cs_sink_printf(sink, "%" PRIu32 "\t", one->pid);
		put_field(sink, one->user, '\t');
		put_field(sink, one->kind ? one->kind : "", '\t');
		put_field(sink, one->version, '\t');
		put_field(sink, number, '\t');
		put_field(sink, one->refusal, '\t');
		put_field(sink, one->command, '\n');
	}
}
