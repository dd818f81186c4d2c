/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getopt_long() knows neither what a value may look like nor what else the user could have
 * meant; this does, from the command's table, and therefore explains every refusal.
 */
#include "command/options.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command/quantity.h"
#include "command/words.h"

static const struct cs_option general[] = {
	{.name = "help", .letter = 'h', .help = "show this help"},
	{.name = "quiet",
         .letter = 'q',
         .help = "no progress and no summary; errors and warnings stay"},
	{.name = "verbose", .letter = 'v', .help = "say more about what is done"},
	{0},
};

static const struct cs_option_group general_options = {"General options", general};

/* What is being read: the line, and where we are in it. */
struct reader {
	struct cs_args *args;
	int argc;
	char **argv;
	int next; /* of argv */
	struct cs_diag *diag;
};

const struct cs_option_group *cs_group_at(const struct cs_command *command, size_t index)
{
	size_t own = 0;

	while (command->groups && command->groups[own]) {
		if (own == index)
			return command->groups[own];
		own++;
	}
	return index == own ? &general_options : NULL;
}

const struct cs_option *cs_option_at(const struct cs_command *command, size_t index)
{
	const struct cs_option_group *group;

	for (size_t i = 0; (group = cs_group_at(command, i)); i++) {
		for (const struct cs_option *option = group->options; option->name; option++) {
			if (index == 0)
				return option;
			index--;
		}
	}
	return NULL;
}

static struct cs_value *value_of(const struct cs_args *args, const char *name)
{
	const struct cs_option *option;

	for (size_t i = 0; (option = cs_option_at(args->command, i)); i++)
		if (strcmp(option->name, name) == 0)
			return &args->values[i];
	return NULL;
}

/* ---- refusals ---- */

static const char *command_name(const struct reader *reader)
{
	return reader->args->command->name;
}

static int refuse_unknown(const struct reader *reader, const char *typed, const char *name)
{
	const struct cs_option *option;
	struct cs_words words;

	cs_words_begin(&words, name);
	for (size_t i = 0; (option = cs_option_at(reader->args->command, i)); i++)
		cs_words_add(&words, "--", option->name);
	cs_diag_set(reader->diag, -EINVAL, "understand %s: '%s' has no such option", typed,
	            command_name(reader));
	if (words.best[0])
		return cs_diag_hint(reader->diag, "did you mean --%s? Options are %s", words.best,
		                    words.text);
	return cs_diag_hint(reader->diag, "options are %s; see 'coroscope help %s'", words.text,
	                    command_name(reader));
}

static int refuse_choice(const struct reader *reader, const struct cs_option *option,
                         const char *text)
{
	struct cs_words words;

	cs_words_begin(&words, text);
	for (const char *const *choice = option->choices; *choice; choice++)
		cs_words_add(&words, "", *choice);
	cs_diag_set(reader->diag, -EINVAL, "understand --%s %s: it has no such value", option->name,
	            text);
	if (words.best[0])
		return cs_diag_hint(reader->diag, "did you mean %s? Valid are %s", words.best,
		                    words.text);
	return cs_diag_hint(reader->diag, "valid are %s", words.text);
}

static int refuse_number(const struct reader *reader, const struct cs_option *option,
                         const char *text, int error)
{
	static const char *const what[] = {
		[CS_OPTION_COUNT] = "not a whole number",
		[CS_OPTION_SIZE] = "not a size",
		[CS_OPTION_DURATION] = "not a duration",
	};
	static const char *const forms[] = {
		[CS_OPTION_COUNT] = "10",
		[CS_OPTION_SIZE] = CS_SIZE_FORMS,
		[CS_OPTION_DURATION] = CS_DURATION_FORMS,
	};
	struct cs_words words;

	cs_diag_set(reader->diag, -EINVAL, "understand --%s '%s': %s", option->name, text,
	            error == -ERANGE ? "too large" : what[option->kind]);
	if (!option->choices)
		return cs_diag_hint(reader->diag, "valid is e.g. %s", forms[option->kind]);
	cs_words_begin(&words, NULL);
	for (const char *const *choice = option->choices; *choice; choice++)
		cs_words_add(&words, "", *choice);
	return cs_diag_hint(reader->diag, "valid is e.g. %s; or %s", forms[option->kind],
	                    words.text);
}

/* ---- one option ---- */

static bool is_choice(const struct cs_option *option, const char *text)
{
	for (const char *const *choice = option->choices; choice && *choice; choice++)
		if (strcmp(*choice, text) == 0)
			return true;
	return false;
}

static int read_value(struct reader *reader, const struct cs_option *option, const char *text,
                      struct cs_value *value)
{
	value->text = text;
	if (is_choice(option, text))
		return 0;
	int error = 0;
	switch (option->kind) {
	case CS_OPTION_COUNT:
		error = cs_parse_count(text, &value->number);
		break;
	case CS_OPTION_SIZE:
		error = cs_parse_size(text, &value->number);
		break;
	case CS_OPTION_DURATION:
		error = cs_parse_duration(text, &value->number);
		break;
	case CS_OPTION_TEXT:
	case CS_OPTION_FLAG:
		return option->choices ? refuse_choice(reader, option, text) : 0;
	}
	return error ? refuse_number(reader, option, text, error) : 0;
}

static void note_general(struct cs_args *args, const struct cs_option *option)
{
	if (option == &general[0])
		args->help = true;
	else if (option == &general[1])
		args->quiet = true;
	else if (option == &general[2])
		args->verbose++;
}

/* TEXT is what stood behind '=' or the letter, NULL if nothing did. */
static int take(struct reader *reader, size_t index, const char *text)
{
	const struct cs_option *option = cs_option_at(reader->args->command, index);
	struct cs_value value = {.given = true};
	int error = 0;

	if (option->kind != CS_OPTION_FLAG && !text && !option->optional) {
		if (reader->next == reader->argc) {
			cs_diag_set(reader->diag, -EINVAL, "understand --%s: its %s is missing",
			            option->name, option->argument);
			return cs_diag_hint(reader->diag, "--%s %s: %s", option->name,
			                    option->argument, option->help);
		}
		text = reader->argv[reader->next++];
	}
	if (text)
		error = read_value(reader, option, text, &value);
	reader->args->values[index] = value;
	note_general(reader->args, option);
	return error;
}

static int read_long(struct reader *reader, const char *typed)
{
	char name[64];
	const char *body = typed + 2, *equals = strchr(body, '=');
	size_t length = equals ? (size_t)(equals - body) : strlen(body);
	const struct cs_option *option;

	if (length >= sizeof(name))
		return refuse_unknown(reader, typed, body);
	memcpy(name, body, length);
	name[length] = 0;
	for (size_t i = 0; (option = cs_option_at(reader->args->command, i)); i++) {
		if (strcmp(option->name, name) == 0) {
			if (!equals || option->kind != CS_OPTION_FLAG)
				return take(reader, i, equals ? equals + 1 : NULL);
			return cs_diag_set(reader->diag, -EINVAL,
			                   "understand %s: --%s takes no argument", typed, name);
		}
		if (option->negatable && !equals && strncmp(name, "no-", 3) == 0 &&
		    strcmp(option->name, name + 3) == 0) {
			reader->args->values[i] = (struct cs_value){.given = true, .negated = true};
			return 0;
		}
	}
	return refuse_unknown(reader, typed, name);
}

static int read_letters(struct reader *reader, const char *typed)
{
	for (const char *letter = typed + 1; *letter; letter++) {
		char name[] = {*letter, 0};
		const struct cs_option *option;
		size_t index = 0;

		while ((option = cs_option_at(reader->args->command, index)) &&
		       option->letter != *letter)
			index++;
		if (!option)
			return refuse_unknown(reader, typed, name);
		if (option->kind != CS_OPTION_FLAG && !option->optional)
			return take(reader, index, letter[1] ? letter + 1 : NULL);
		int error = take(reader, index, NULL);
		if (error || reader->args->help)
			return error;
	}
	return 0;
}

/* ---- the line ---- */

static int read_line(struct reader *reader)
{
	struct cs_args *args = reader->args;
	bool program = args->command->operand == CS_OPERAND_PROGRAM;
	bool ended = false;

	while (reader->next < reader->argc && !args->help) {
		char *word = reader->argv[reader->next++];
		int error = 0;

		if (ended || word[0] != '-' || !word[1]) {
			args->operands[args->operand_count++] = word;
			ended = ended || program;
		} else if (strcmp(word, "--") == 0) {
			ended = true;
		} else if (word[1] == '-') {
			error = read_long(reader, word);
		} else {
			error = read_letters(reader, word);
		}
		if (error)
			return error;
	}
	return 0;
}

static int check_operands(const struct reader *reader)
{
	const struct cs_command *command = reader->args->command;
	unsigned count = reader->args->operand_count;

	if (reader->args->help || command->operand == CS_OPERAND_PROGRAM)
		return 0;
	if (count > command->operands_max)
		cs_diag_set(reader->diag, -EINVAL, "run '%s': '%s' is one argument too many",
		            command->name, reader->args->operands[command->operands_max]);
	else if (count < command->operands_min)
		cs_diag_set(reader->diag, -EINVAL, "run '%s': %s", command->name,
		            count ? "an argument is missing" : "it needs an argument");
	else
		return 0;
	return cs_diag_hint(reader->diag, "usage: coroscope %s%s%s", command->name,
	                    command->usage[0][0] ? " " : "", command->usage[0]);
}

int cs_args_read(struct cs_args *args, const struct cs_command *command, int argc, char **argv,
                 struct cs_diag *diag)
{
	struct reader reader = {.args = args, .argc = argc, .argv = argv, .diag = diag};
	size_t options = 0; /* at least the general ones */

	while (cs_option_at(command, options))
		options++;
	*args = (struct cs_args){.command = command};
	args->values = calloc(options + 1, sizeof(*args->values));
	args->operands = calloc((size_t)argc + 1, sizeof(*args->operands));
	if (!args->values || !args->operands)
		return cs_diag_set(diag, -ENOMEM, "read the command line: out of memory");

	int error = read_line(&reader);
	return error ? error : check_operands(&reader);
}

void cs_args_free(struct cs_args *args)
{
	free(args->values);
	free(args->operands);
	*args = (struct cs_args){0};
}

/* ---- what was typed ---- */

const struct cs_value *cs_args_get(const struct cs_args *args, const char *name)
{
	const struct cs_value *value = value_of(args, name);

	assert(value && "a command asks for an option that it has not");
	return value;
}

bool cs_args_on(const struct cs_args *args, const char *name)
{
	const struct cs_value *value = cs_args_get(args, name);

	return value->given && !value->negated;
}

const char *cs_args_text(const struct cs_args *args, const char *name, const char *preset)
{
	const struct cs_value *value = cs_args_get(args, name);

	return value->text ? value->text : preset;
}

uint64_t cs_args_number(const struct cs_args *args, const char *name, uint64_t preset)
{
	const struct cs_value *value = cs_args_get(args, name);

	return value->text ? value->number : preset;
}
