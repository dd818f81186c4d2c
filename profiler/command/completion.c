/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion scripts from the table of commands. docs/completion keeps what this writes for
 * the installation; a test compares. The scripts know the table by heart and never run
 * coroscope, so that a key press costs nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/options.h"
#include "command/registry.h"

static bool takes_argument(const struct cs_option *option)
{
	return option->kind != CS_OPTION_FLAG && !option->optional;
}

static void put_choices(const char *const *choices)
{
	for (const char *const *choice = choices; choice && *choice; choice++)
		printf("%s%s", choice == choices ? "" : " ", *choice);
}

static void put_commands(void)
{
	for (const struct cs_command *const *command = cs_commands; *command; command++)
		printf("%s%s", command == cs_commands ? "" : " ", (*command)->name);
}

/* ---- bash ---- */

static void bash_options(const struct cs_command *command)
{
	const struct cs_option *option;

	for (size_t i = 0; (option = cs_option_at(command, i)); i++) {
		printf("%s--%s%s", i ? " " : "", option->name, option->optional ? "=" : "");
		if (option->optional)
			printf(" --%s", option->name);
		if (option->negatable)
			printf(" --no-%s", option->name);
	}
}

/* The patterns of the words behind which an option's argument stands. */
static void bash_taking(const struct cs_command *command)
{
	const struct cs_option *option;

	for (size_t i = 0; (option = cs_option_at(command, i)); i++) {
		if (!takes_argument(option))
			continue;
		printf(" --%s", option->name);
		if (option->letter)
			printf(" -%c", option->letter);
	}
}

static void bash_arguments(const struct cs_command *command)
{
	const struct cs_option *option;

	for (size_t i = 0; (option = cs_option_at(command, i)); i++) {
		bool file = option->complete == CS_OPERAND_FILE ||
		            option->complete == CS_OPERAND_TRACE;

		if (option->kind == CS_OPTION_FLAG || (!option->choices && !file))
			continue;
		printf("\t%s:--%s=", command->name, option->name);
		if (takes_argument(option))
			printf(" | %s:--%s", command->name, option->name);
		if (takes_argument(option) && option->letter)
			printf(" | %s:-%c", command->name, option->letter);
		if (file) {
			puts(") operand=\"file\" ;;");
			continue;
		}
		printf(") choices=\"");
		put_choices(option->choices);
		puts("\" ;;");
	}
}

static void bash_command(const struct cs_command *command)
{
	static const char *const operands[] = {
		[CS_OPERAND_NONE] = "none",       [CS_OPERAND_TRACE] = "file",
		[CS_OPERAND_FILE] = "file",       [CS_OPERAND_PROGRAM] = "program",
		[CS_OPERAND_COMMAND] = "choices", [CS_OPERAND_CHOICE] = "choices",
		[CS_OPERAND_SESSION] = "session",
	};

	printf("\t%s)\n\t\toptions=\"", command->name);
	bash_options(command);
	printf("\"\n\t\ttaking=\"");
	bash_taking(command);
	printf(" \"\n\t\toperand=\"%s\"\n", operands[command->operand]);
	if (command->operand == CS_OPERAND_COMMAND) {
		printf("\t\tchoices=$commands\n");
	} else if (command->operand == CS_OPERAND_CHOICE) {
		printf("\t\tchoices=\"");
		put_choices(command->operand_choices);
		puts("\"");
	}
	puts("\t\t;;");
}

/* The first words of the lines that begin with a session. */
#define SESSIONS "coroscope list 2>/dev/null | grep -o '^[0-9]*-[0-9a-f]*'"

static const char bash_start[] =
	"# bash completion for coroscope; written by 'coroscope completion bash'.\n"
	"_coroscope()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal options=\"\" taking=\"\" operand=\"none\" choices=\"\" i\n"
	"\tlocal command=${COMP_WORDS[1]}\n";

static const char bash_first_word[] =
	"\tCOMPREPLY=()\n"
	"\tif ((COMP_CWORD == 1)); then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$commands --help --version\" -- \"$cur\")\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcase $command in\n";

/* Behind the first operand of record, completion is the program's own affair. */
static const char bash_program[] =
	"\tesac\n"
	"\tif [[ $operand == program ]]; then\n"
	"\t\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	"\t\t\tif [[ ${COMP_WORDS[i]} == -- ]]; then\n"
	"\t\t\t\t((i++))\n"
	"\t\t\t\tbreak\n"
	"\t\t\telif [[ $taking == *\" ${COMP_WORDS[i]} \"* ]]; then\n"
	"\t\t\t\t((i++))\n"
	"\t\t\telif [[ ${COMP_WORDS[i]} != -* && ${COMP_WORDS[i - 1]} != \"=\" &&\n"
	"\t\t\t\t${COMP_WORDS[i]} != \"=\" ]]; then\n"
	"\t\t\t\tbreak\n"
	"\t\t\tfi\n"
	"\t\tdone\n"
	"\t\tif ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then\n"
	"\t\t\t_command_offset \"$i\"\n"
	"\t\t\treturn\n"
	"\t\tfi\n"
	"\tfi\n"
	"\tif [[ $cur == \"=\" ]]; then\n"
	"\t\tcur=\"\" prev+=\"=\"\n"
	"\telif [[ $prev == \"=\" ]]; then\n"
	"\t\tprev=\"${COMP_WORDS[COMP_CWORD - 2]}=\"\n"
	"\tfi\n"
	"\tif [[ $prev == *= || $taking == *\" $prev \"* ]]; then\n"
	"\t\toperand=\"none\" choices=\"\"\n"
	"\tfi\n"
	"\tcase $command:$prev in\n";

static const char bash_end[] =
	"\tesac\n"
	"\tif [[ $cur == -* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
	"\t\t[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
	"\telif [[ -n $choices ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$cur\")\n"
	"\telif [[ $operand == file ]]; then\n"
	"\t\tcompopt -o filenames\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\telif [[ $operand == session ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$(" SESSIONS ")\" -- \"$cur\")\n"
	"\telif [[ $operand == program ]]; then\n"
	"\t\tcompopt -o filenames\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -c -- \"$cur\"; compgen -f -- \"$cur\")\n"
	"\tfi\n"
	"}\n"
	"complete -F _coroscope coroscope\n";

static void put_bash(void)
{
	fputs(bash_start, stdout);
	printf("\tlocal commands=\"");
	put_commands();
	puts("\"");
	fputs(bash_first_word, stdout);
	for (const struct cs_command *const *command = cs_commands; *command; command++)
		bash_command(*command);
	fputs(bash_program, stdout);
	for (const struct cs_command *const *command = cs_commands; *command; command++)
		bash_arguments(*command);
	fputs(bash_end, stdout);
}

/* ---- zsh ---- */

/* Inside '[…]' of an _arguments specification within single quotes. */
static void zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr("[]:\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

/* ":what:how to complete it" */
static void zsh_argument(const char *name, enum cs_operand complete, const char *const *choices)
{
	putchar(':');
	zsh_text(name);
	putchar(':');
	if (choices) {
		putchar('(');
		put_choices(choices);
		putchar(')');
	} else if (complete == CS_OPERAND_FILE || complete == CS_OPERAND_TRACE) {
		fputs("_files", stdout);
	}
}

static void zsh_option(const struct cs_option *option)
{
	if (option->negatable) {
		printf("\t\t\t'--no-%s[undo --%s]' \\\n", option->name, option->name);
	}
	if (option->letter && option->kind == CS_OPTION_FLAG)
		printf("\t\t\t{-%c,--%s}'[", option->letter, option->name);
	else if (option->letter)
		printf("\t\t\t{-%c+,--%s=}'[", option->letter, option->name);
	else
		printf("\t\t\t'--%s%s[", option->name,
		       option->kind == CS_OPTION_FLAG ? ""
		       : option->optional             ? "=-"
		                                      : "=");
	zsh_text(option->help);
	putchar(']');
	if (option->argument) {
		if (option->optional)
			putchar(':'); /* the argument may be left out */
		zsh_argument(option->argument, option->complete, option->choices);
	}
	puts("' \\");
}

static void zsh_command(const struct cs_command *command)
{
	const struct cs_option *option;

	printf("\t\t%s)\n\t\t_arguments -s -S : \\\n", command->name);
	for (size_t i = 0; (option = cs_option_at(command, i)); i++)
		zsh_option(option);
	switch (command->operand) {
	case CS_OPERAND_PROGRAM:
		puts("\t\t\t'(-)1:program:_command_names -e' '*::arguments:_normal'");
		break;
	case CS_OPERAND_TRACE:
	case CS_OPERAND_FILE:
		puts("\t\t\t'*:file:_files'");
		break;
	case CS_OPERAND_COMMAND:
		puts("\t\t\t'1:command:($commands)'");
		break;
	case CS_OPERAND_CHOICE:
		printf("\t\t\t'1:argument:(");
		put_choices(command->operand_choices);
		puts(")'");
		break;
	case CS_OPERAND_SESSION:
		puts("\t\t\t\"1:session:{compadd -- \\$(" SESSIONS ")}\"");
		break;
	case CS_OPERAND_NONE:
		puts("\t\t\t':'");
	}
	puts("\t\t;;");
}

static void put_zsh(void)
{
	fputs("#compdef coroscope\n"
	      "# zsh completion for coroscope; written by 'coroscope completion zsh'.\n"
	      "_coroscope() {\n\tlocal -a commands described\n\tcommands=(",
	      stdout);
	put_commands();
	puts(")\n\tdescribed=(");
	for (const struct cs_command *const *command = cs_commands; *command; command++) {
		printf("\t\t'%s:", (*command)->name);
		zsh_text((*command)->summary);
		puts("'");
	}
	fputs("\t)\n"
	      "\tif (( CURRENT == 2 )); then\n"
	      "\t\t_describe command described\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tshift words\n"
	      "\t(( CURRENT-- ))\n"
	      "\tcase $words[1] in\n",
	      stdout);
	for (const struct cs_command *const *command = cs_commands; *command; command++)
		zsh_command(*command);
	fputs("\tesac\n}\n_coroscope \"$@\"\n", stdout);
}

/* ---- coroscope completion ---- */

static int run_completion(const struct cs_args *args, struct cs_diag *diag)
{
	const char *shell = args->operands[0];

	if (strcmp(shell, "bash") == 0) {
		put_bash();
		return CS_EXIT_DONE;
	}
	if (strcmp(shell, "zsh") == 0) {
		put_zsh();
		return CS_EXIT_DONE;
	}
	cs_diag_set(diag, -EINVAL, "complete for '%s': this shell is not known", shell);
	return cs_diag_hint(diag, "known are bash, zsh");
}

const struct cs_command cs_command_completion = {
	.name = "completion",
	.summary = "print the completion script of a shell",
	.usage = (const char *const[]){"bash|zsh", NULL},
	.description =
		"The script completes commands, options, their values and files. An installed "
		"coroscope has it in place already.",
	.examples =
		(const struct cs_example[]){
			{"source <(coroscope completion bash)",
                         "complete in this bash, until it ends"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_CHOICE,
	.operand_choices = (const char *const[]){"bash", "zsh", NULL},
	.operands_min = 1,
	.operands_max = 1,
	.run = run_completion,
};
