/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command: one constant of struct cs_command, one line in registry.c. From that table come
 * the dispatch, the help, the man pages, the shells' completion and the error messages, so
 * that none of them can tell another story than the others.
 */
#ifndef CS_COMMAND_COMMAND_H
#define CS_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/* As grep and diff: what a command's run function gives back, unless it fails. */
enum cs_exit {
	CS_EXIT_DONE = 0,
	CS_EXIT_FOUND = 1, /* what was asked for was found */
	CS_EXIT_FAILED = 2,
	CS_EXIT_CANNOT_START = 126, /* as a shell: a program that is there, but can't be started */
	CS_EXIT_NO_PROGRAM = 127,
};

enum cs_option_kind {
	CS_OPTION_FLAG,     /* no argument */
	CS_OPTION_TEXT,     /* anything; .choices, if there are any, are all that is valid */
	CS_OPTION_COUNT,    /* value.number: an integer from 0 */
	CS_OPTION_SIZE,     /* value.number: bytes, from "4096", "64k", "512KiB", "1M" */
	CS_OPTION_DURATION, /* value.number: nanoseconds, from "10", "1.5s", "250ms", "1m30s" */
};

/* What a shell completes an argument with. */
enum cs_operand {
	CS_OPERAND_NONE,
	CS_OPERAND_TRACE, /* a file, perhaps with @TIME */
	CS_OPERAND_FILE,
	CS_OPERAND_PROGRAM, /* a command line of its own: our options end where it begins */
	CS_OPERAND_COMMAND,
	CS_OPERAND_SESSION, /* one that 'coroscope list' shows */
	CS_OPERAND_CHOICE,  /* command.operand_choices */
};

struct cs_option {
	const char *name; /* long, without dashes; NULL ends a list */
	char letter;      /* short form, or 0 */
	bool negatable;   /* --no-NAME is valid as well */
	bool optional;    /* the argument may be left out; if given, then as --NAME=VALUE */
	enum cs_option_kind kind;
	enum cs_operand complete;
	const char *argument;       /* what the help calls it: "BYTES"; NULL for flags */
	const char *const *choices; /* NULL-terminated; for numbers: words that are valid besides */
	const char *preset;         /* the default, for the help alone; NULL none */
	const char *help;           /* lower case, no full stop */
};

/* Options under one heading; several commands may share a group. */
struct cs_option_group {
	const char *title; /* "Filters"; NULL: plain "Options" */
	const struct cs_option *options;
};

struct cs_example {
	const char *line; /* whole, with "coroscope" */
	const char *does; /* lower case, no full stop */
};

struct cs_args;

struct cs_command {
	const char *name;
	const char *summary;      /* one line, lower case, no full stop */
	const char *const *usage; /* each without "coroscope NAME"; NULL-terminated */
	const char *description;  /* paragraphs, parted by empty lines; NULL none */
	const struct cs_option_group *const *groups; /* NULL-terminated; or NULL */
	const struct cs_example *examples;           /* ends with a line of NULL; or NULL */
	const char *status; /* exit status in words, where it is not just 0 and 2 */
	enum cs_operand operand;
	const char *const *operand_choices;
	unsigned operands_min, operands_max; /* max 0: none; PROGRAM takes any number */
	/* An exit status, or -errno with DIAG set: the caller prints that and exits with 2. */
	int (*run)(const struct cs_args *args, struct cs_diag *diag);
};

/* ---- what was typed ---- */

struct cs_value {
	bool given;
	bool negated;     /* --no-NAME came last */
	const char *text; /* NULL: no argument */
	uint64_t number;  /* for numeric kinds, when text is no word of .choices */
};

struct cs_args {
	const struct cs_command *command;
	struct cs_value *values; /* one for each option, in the order of the groups */
	char **operands;         /* NULL-terminated, ready for execvp() */
	unsigned operand_count;
	unsigned verbose; /* times --verbose was given */
	bool quiet;
	bool help;
};

/* The value of --NAME, which must be an option of the command; never NULL. */
const struct cs_value *cs_args_get(const struct cs_args *args, const char *name);
/* Given, and not undone by --no-NAME. */
bool cs_args_on(const struct cs_args *args, const char *name);
/* Its text, or PRESET when it was not given. */
const char *cs_args_text(const struct cs_args *args, const char *name, const char *preset);
uint64_t cs_args_number(const struct cs_args *args, const char *name, uint64_t preset);

/* ---- words to the user, on stderr: nothing in them can steer a terminal ---- */

/* "coroscope: cannot TEXT", then "hint: HINT". Returns CS_EXIT_FAILED. */
int cs_report(const struct cs_diag *diag);
/* "coroscope: …": something to know, though the work goes on; --quiet does not hide it. */
void cs_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "hint: …": the way out of what was said before it. */
void cs_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line of progress or summary: nothing under --quiet. */
void cs_say(const struct cs_args *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- the table ---- */

extern const struct cs_command *const cs_commands[];        /* NULL-terminated, in order of help */
const struct cs_command *cs_command_find(const char *name); /* NULL: no such command */

/*
 * Everything that `coroscope` does: finds the command, reads its options, runs it, reports.
 * Returns the exit status. SIGPIPE and SIGXFSZ are caught by a handler that does nothing, so that a
 * program started by exec finds its default again.
 */
int cs_command_main(int argc, char **argv);

#endif
