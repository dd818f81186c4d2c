/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope clean: removes what killed recorders have left. Whoever still records, or could
 * still be recovered while its program runs, keeps its folder.
 */
#include <stdio.h>

#include "base/text.h"
#include "command/registry.h"
#include "source/sessions.h"

static const char *program_of(const struct cs_session_entry *entry)
{
	return entry->note.command ? entry->note.command : "unknown program";
}

/* Another command may have taken it up in between: then it is not ours to remove. */
static int remove_session(const struct cs_session_entry *entry)
{
	struct cs_session_folder folder;
	int error = cs_session_open(&folder, entry->path, NULL);

	if (error) {
		cs_session_close(&folder);
		return error;
	}
	cs_session_remove(&folder);
	return 0;
}

static void say_line(const struct cs_session_entry *entry, const char *what)
{
	struct cs_sink sink;

	cs_sink_to_file(&sink, stdout, "standard output");
	cs_sink_printf(&sink, "%s %s (%s, ", what, entry->name,
	               cs_text_bytes((double)entry->bytes).s);
	cs_text_safe(&sink, program_of(entry), 60);
	cs_sink_text(&sink, ")\n");
	cs_sink_finish(&sink, NULL);
}

static void clean_one(const struct cs_args *args, const struct cs_session_entry *entry)
{
	bool dry = cs_args_on(args, "dry-run");

	if (entry->recording && args->operand_count)
		say_line(entry, "kept, it is being recorded:");
	if (entry->recording)
		return;
	if (entry->running && !cs_args_on(args, "running"))
		say_line(entry, "kept, its program runs:");
	else if (!dry && remove_session(entry))
		say_line(entry, "kept, somebody reads it:");
	else
		say_line(entry, dry ? "would remove" : "removed");
}

static int run_clean(const struct cs_args *args, struct cs_diag *diag)
{
	struct cs_session_list list;
	const struct cs_session_entry *only = NULL;
	int error = cs_sessions_find(&list);

	if (error)
		return cs_diag_set(diag, error, "list the sessions: out of memory");
	if (args->operand_count) {
		only = cs_sessions_by_name(&list, args->operands[0], diag);
		error = only ? 0 : diag->error;
	}
	for (size_t i = 0; !error && i < list.count; i++)
		if (!only || only == &list.entries[i])
			clean_one(args, &list.entries[i]);
	cs_sessions_free(&list);
	return error;
}

static const struct cs_option options[] = {
	{.name = "dry-run", .letter = 'n', .help = "say what would be removed, and remove nothing"},
	{.name = "running", .help = "also those whose program still runs; it is not disturbed"},
	{0},
};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_clean = {
	.name = "clean",
	.summary = "remove what killed recorders have left in memory",
	.usage = (const char *const[]){"[OPTIONS] [SESSION]", NULL},
	.description =
		"Removes the folders of your sessions whose recorder was killed and whose processes "
		"have ended. What could still be recovered from them is lost. Sessions that are being "
		"recorded are never touched. With SESSION, only that one is looked at.",
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope clean --dry-run", "what there is to remove"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_SESSION,
	.operands_max = 1,
	.run = run_clean,
};
