/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help on the terminal, and the commands that print what coroscope says about itself.
 */
#include "command/help.h"

#include <errno.h>
#include <string.h>

#include "command/options.h"
#include "command/registry.h"
#include "command/words.h"

#define WIDTH 80
#define OPTION_COLUMN 26

/* TEXT from column AT on, broken at spaces and continued at column INDENT; ends the line. */
static void put_wrapped(FILE *out, const char *text, int indent, int at)
{
	while (*text) {
		size_t word = strcspn(text, " \n");
		size_t next = strcspn(text + word + strspn(text + word, " "), " \n");

		fwrite(text, 1, word, out);
		at += (int)word;
		text += word;
		if (text[0] == '\n' && text[1] == '\n') {
			fprintf(out, "\n\n%*s", indent, "");
			at = indent;
			text += 2;
		} else if (*text) {
			bool fits = at + 1 + (int)next <= WIDTH;

			if (fits)
				fputc(' ', out);
			else
				fprintf(out, "\n%*s", indent, "");
			at = fits ? at + 1 : indent;
			text++;
		}
	}
	fputc('\n', out);
}

void cs_help_option(char *text, size_t bytes, const struct cs_option *option)
{
	char letter[8] = "    ";
	char argument[40] = "";

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	if (option->argument && option->optional)
		snprintf(argument, sizeof(argument), "[=%s]", option->argument);
	else if (option->argument)
		snprintf(argument, sizeof(argument), " %s", option->argument);
	snprintf(text, bytes, "%s--%s%s%s", letter, option->negatable ? "[no-]" : "", option->name,
	         argument);
}

void cs_help_values(char *text, size_t bytes, const struct cs_option *option)
{
	struct cs_words words;

	text[0] = 0;
	cs_words_begin(&words, NULL);
	for (const char *const *choice = option->choices; choice && *choice; choice++)
		cs_words_add(&words, "", *choice);
	if (words.length && option->preset)
		snprintf(text, bytes, " (%s%s; default: %s)",
		         option->kind == CS_OPTION_TEXT ? "" : "or ", words.text, option->preset);
	else if (words.length)
		snprintf(text, bytes, " (%s%s)", option->kind == CS_OPTION_TEXT ? "" : "or ",
		         words.text);
	else if (option->preset)
		snprintf(text, bytes, " (default: %s)", option->preset);
}

static void put_option(FILE *out, const struct cs_option *option)
{
	char left[96], values[640], right[1024];

	cs_help_option(left, sizeof(left), option);
	cs_help_values(values, sizeof(values), option);
	snprintf(right, sizeof(right), "%s%s", option->help, values);

	int at = fprintf(out, "  %s", left);
	if (at >= OPTION_COLUMN) {
		fputc('\n', out);
		at = 0;
	}
	at += fprintf(out, "%*s", OPTION_COLUMN - at, "");
	put_wrapped(out, right, OPTION_COLUMN, at);
}

void cs_help_command(FILE *out, const struct cs_command *command)
{
	const struct cs_option_group *group;

	int at = fprintf(out, "coroscope %s: ", command->name);
	put_wrapped(out, command->summary, 4, at);
	fputc('\n', out);
	for (const char *const *usage = command->usage; *usage; usage++)
		fprintf(out, "%s coroscope %s%s%s\n", usage == command->usage ? "Usage:" : "      ",
		        command->name, (*usage)[0] ? " " : "", *usage);
	if (command->description) {
		fputc('\n', out);
		put_wrapped(out, command->description, 0, 0);
	}
	for (size_t i = 0; (group = cs_group_at(command, i)); i++) {
		fprintf(out, "\n%s:\n", group->title ? group->title : "Options");
		for (const struct cs_option *option = group->options; option->name; option++)
			put_option(out, option);
	}
	if (command->examples)
		fputs("\nExamples:\n", out);
	for (const struct cs_example *example = command->examples; example && example->line;
	     example++)
		fprintf(out, "  %s\n      %s\n", example->line, example->does);
	if (command->status) {
		fputs("\nExit status: ", out);
		put_wrapped(out, command->status, 0, 13);
	}
}

void cs_help_overview(FILE *out)
{
	fputs("coroscope: what a program's memory and coroutines do\n\n"
	      "Usage: coroscope COMMAND [OPTIONS] TARGET\n\n"
	      "Commands:\n",
	      out);
	for (const struct cs_command *const *command = cs_commands; *command; command++) {
		int at = fprintf(out, "  %-11s ", (*command)->name);
		put_wrapped(out, (*command)->summary, at, at);
	}
	fputs("\n'coroscope help COMMAND' explains one of them.\n", out);
}

/* ---- coroscope help, coroscope version ---- */

static int find_command(const char *name, const struct cs_command **found, struct cs_diag *diag)
{
	struct cs_words words;

	*found = cs_command_find(name);
	if (*found)
		return 0;
	cs_words_begin(&words, name);
	for (const struct cs_command *const *command = cs_commands; *command; command++)
		cs_words_add(&words, "", (*command)->name);
	cs_diag_set(diag, -ENOENT, "explain '%s': there is no such command", name);
	if (words.best[0])
		return cs_diag_hint(diag, "did you mean %s? Commands are %s", words.best,
		                    words.text);
	return cs_diag_hint(diag, "commands are %s", words.text);
}

static int run_help(const struct cs_args *args, struct cs_diag *diag)
{
	const struct cs_command *command;
	bool manual = cs_args_on(args, "man");

	if (args->operand_count == 0) {
		(manual ? cs_man_overview : cs_help_overview)(stdout);
		return CS_EXIT_DONE;
	}
	int error = find_command(args->operands[0], &command, diag);
	if (error)
		return error;
	(manual ? cs_man_command : cs_help_command)(stdout, command);
	return CS_EXIT_DONE;
}

static int run_version(const struct cs_args *args, struct cs_diag *diag)
{
	(void)args;
	(void)diag;
	printf("coroscope %s\n", CS_VERSION);
	return CS_EXIT_DONE;
}

static const struct cs_option help_options[] = {
	{.name = "man", .help = "write the manual page's source instead, for man -l -"},
	{0},
};
static const struct cs_option_group help_group = {NULL, help_options};

const struct cs_command cs_command_help = {
	.name = "help",
	.summary = "explain coroscope or one of its commands",
	.usage = (const char *const[]){"[COMMAND]", NULL},
	.groups = (const struct cs_option_group *const[]){&help_group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope help heap", "what heap does and which options it has"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_COMMAND,
	.operands_max = 1,
	.run = run_help,
};

const struct cs_command cs_command_version = {
	.name = "version",
	.summary = "print the version; --version does the same",
	.usage = (const char *const[]){"", NULL},
	.run = run_version,
};
