/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands that write a trace are asked about it, where it goes and what it holds besides
 * what was seen; how it begins, and what they say of it.
 */
#ifndef CS_COMMAND_WRITTEN_H
#define CS_COMMAND_WRITTEN_H

#include <limits.h>
#include <stdbool.h>

#include "command/command.h"
#include "trace/trace.h"

/* One option each, to be put into a command's own group. */
#define CS_OPTION_OUTPUT(name_of_it)                                                   \
	{                                                                              \
		.name = "output", .letter = 'o', .kind = CS_OPTION_TEXT,               \
		.complete = CS_OPERAND_FILE, .argument = "FILE", .preset = name_of_it, \
		.help = "write the trace to FILE"                                      \
	}
#define CS_OPTION_SYMBOLS                                                                \
	{                                                                                \
		.name = "symbols", .negatable = true,                                    \
		.help = "look up function names of native code at the end (the default)" \
	}
#define CS_OPTION_ARGS                                                  \
	{                                                               \
		.name = "args", .negatable = true,                      \
		.help = "keep command lines in the trace (the default)" \
	}
#define CS_OPTION_DEBUGINFOD                                                                   \
	{                                                                                      \
		.name = "debuginfod",                                                          \
		.help = "ask the servers in DEBUGINFOD_URLS for debug files that are not here" \
	}

/* What is recorded. */
#define CS_OPTION_HEAP                                                                        \
	{                                                                                     \
		.name = "heap", .negatable = true, .optional = true, .kind = CS_OPTION_SIZE,  \
		.argument = "BYTES", .choices = cs_heap_choices, .preset = "512KiB",          \
		.help = "sample allocations, one every BYTES on average; 1 or all: every one" \
	}
#define CS_OPTION_CPU                                                                        \
	{                                                                                    \
		.name = "cpu", .negatable = true, .optional = true, .kind = CS_OPTION_COUNT, \
		.argument = "HZ", .preset = "99",                                            \
		.help = "sample where CPU time goes as well, HZ times in each second of it"  \
	}
#define CS_OPTION_WALL                                                                                      \
	{                                                                                                   \
		.name = "wall", .optional = true, .kind = CS_OPTION_COUNT, .argument = "HZ",                \
		.preset = "20",                                                                             \
		.help = "with -p: where coroutines spend their time, on a CPU or not, by HZ looks a second" \
	}
extern const char *const cs_heap_choices[]; /* "all" */

struct cs_written {
	char path[PATH_MAX]; /* "": named after the program */
	bool symbols, arguments, debuginfod;
};

/* What --output says, or "". 0, or -ENAMETOOLONG with DIAG. */
int cs_written_path(char path[PATH_MAX], const struct cs_args *args, struct cs_diag *diag);
/* ARGS are of a command with all four options. 0, or -ENAMETOOLONG with DIAG. */
int cs_written_read(struct cs_written *written, const struct cs_args *args, struct cs_diag *diag);

/* Begins the trace at PATH with what SESSION says, and on which machine, by whom. NULL with DIAG. */
struct cs_trace_writer *cs_written_begin(const char *path, struct cs_trace_session session,
                                         struct cs_diag *diag);

/* A command to try next on PATH, at TIME ("": its end), as a shell takes it. */
void cs_written_say(const struct cs_args *args, const char *command, const char *path,
                    const char *time);

#endif
