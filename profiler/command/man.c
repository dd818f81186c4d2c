/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manual pages from the table of commands. docs/man keeps what this writes; a test compares.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "command/help.h"
#include "command/options.h"

/*
 * Text as troff shows it unchanged, whatever encoding it expects. At the start of a line '.'
 * and ''' are requests.
 */
static void put_text(FILE *out, const char *text)
{
	bool start = true;

	while (*text) {
		if (text[0] == '\n' && text[1] == '\n') {
			fputs("\n.PP\n", out);
			text += 2;
			start = true;
			continue;
		}
		uint32_t character = cs_text_decode(&text);
		if (start && (character == '.' || character == '\''))
			fputs("\\&", out);
		if (character == '\\')
			fputs("\\e", out);
		else if (character == '-')
			fputs("\\-", out);
		else if (character >= 0x80)
			fprintf(out, "\\[u%04" PRIX32 "]", character);
		else
			fputc((int)character, out);
		start = character == '\n';
	}
}

static void put_line(FILE *out, const char *text)
{
	put_text(out, text);
	fputc('\n', out);
}

static void put_title(FILE *out, const char *name)
{
	fputs(".\\\" Written by 'coroscope help \\-\\-man': change the table of commands instead.\n"
	      ".TH ",
	      out);
	for (const char *c = name; *c; c++)
		fputc(toupper((unsigned char)*c), out);
	fputs(" 1 \"\" \"coroscope " CS_VERSION "\" \"User Commands\"\n.nh\n.ad l\n", out);
}

static void put_option(FILE *out, const struct cs_option *option)
{
	char left[96], values[640];

	cs_help_option(left, sizeof(left), option);
	cs_help_values(values, sizeof(values), option);
	fputs(".TP\n.B ", out);
	put_line(out, left + strspn(left, " "));
	put_text(out, option->help);
	put_line(out, values);
}

static void put_options(FILE *out, const struct cs_command *command)
{
	const struct cs_option_group *group;

	fputs(".SH OPTIONS\n", out);
	for (size_t i = 0; (group = cs_group_at(command, i)); i++) {
		if (group->title) {
			fputs(".SS ", out);
			put_line(out, group->title);
		}
		for (const struct cs_option *option = group->options; option->name; option++)
			put_option(out, option);
	}
}

static void put_examples(FILE *out, const struct cs_example *example)
{
	fputs(".SH EXAMPLES\n", out);
	for (; example->line; example++) {
		fputs(".TP\n.B ", out);
		put_line(out, example->line);
		put_line(out, example->does);
	}
}

void cs_man_command(FILE *out, const struct cs_command *command)
{
	char name[64];

	snprintf(name, sizeof(name), "coroscope-%s", command->name);
	put_title(out, name);
	fputs(".SH NAME\n", out);
	put_text(out, name);
	fputs(" \\- ", out);
	put_line(out, command->summary);
	fputs(".SH SYNOPSIS\n", out);
	for (const char *const *usage = command->usage; *usage; usage++) {
		fprintf(out, ".B coroscope %s\n", command->name);
		if ((*usage)[0])
			put_line(out, *usage);
		if (usage[1])
			fputs(".br\n", out);
	}
	if (command->description) {
		fputs(".SH DESCRIPTION\n", out);
		put_line(out, command->description);
	}
	put_options(out, command);
	fputs(".SH \"EXIT STATUS\"\n", out);
	put_line(out, command->status ? command->status : "0 done, 2 anything failed.");
	if (command->examples)
		put_examples(out, command->examples);
	fputs(".SH \"SEE ALSO\"\n.BR coroscope (1)\n", out);
}

void cs_man_overview(FILE *out)
{
	put_title(out, "coroscope");
	fputs(".SH NAME\ncoroscope \\- what a program's memory and coroutines do\n"
	      ".SH SYNOPSIS\n.B coroscope\n.I COMMAND\n[OPTIONS] TARGET\n"
	      ".SH DESCRIPTION\n"
	      "Records what a program does with its memory, without changing the program, and\n"
	      "shows it. Each command has a page of its own.\n"
	      ".SH COMMANDS\n",
	      out);
	for (const struct cs_command *const *command = cs_commands; *command; command++) {
		fprintf(out, ".TP\n.BR coroscope\\-%s (1)\n", (*command)->name);
		put_line(out, (*command)->summary);
	}
	fputs(".SH TARGET\n"
	      "A recorded trace is named by its file:\n.I FILE\nis its end,\n.I FILE@TIME\n"
	      "its state at that time: 12.5s after the start, \\-10s before the end, or at its\n"
	      "peak. A file whose own name contains an @ is found first.\n"
	      ".SH \"EXIT STATUS\"\n"
	      "0 done, 1 what was asked for was found, 2 anything failed.\n"
	      ".SH ENVIRONMENT\n"
	      ".TP\n.B COROSCOPE_DISABLE\nset to 1 in a program's environment: it is left alone.\n"
	      ".TP\n.B COROSCOPE_AGENT\nthe agent library, if it is not where it was installed.\n"
	      ".TP\n.B NO_COLOR\nif it is not empty, tables have no colours.\n",
	      out);
}
