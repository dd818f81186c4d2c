/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the words of the command line to an exit status; the one place that prints errors
 * and decides what a failed write to stdout means.
 */
#include "command/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sink.h"
#include "base/text.h"
#include "command/help.h"
#include "command/options.h"
#include "command/words.h"

/*
 * Names of files and programs are in it, and may hold anything; the terminal is to see none of
 * that. Lines are written whole, however many of us write.
 */
static void put_safe(const char *prefix, const char *text)
{
	struct cs_sink line;

	cs_sink_to_memory(&line);
	cs_sink_text(&line, prefix);
	cs_text_safe(&line, text, 0);
	cs_sink_char(&line, '\n');
	if (!cs_sink_error(&line))
		fwrite(line.data, 1, line.size, stderr);
	cs_sink_release(&line);
}

__attribute__((format(printf, 2, 0))) static void put_format(const char *prefix, const char *format,
                                                             va_list list)
{
	char *whole = NULL;

	if (vasprintf(&whole, format, list) >= 0)
		put_safe(prefix, whole);
	free(whole);
}

int cs_report(const struct cs_diag *diag)
{
	fflush(stdout); /* what was found so far comes before what stopped us */
	put_safe("coroscope: cannot ", diag->text[0] ? diag->text : "go on");
	if (diag->hint[0])
		cs_hint("%s", diag->hint);
	return CS_EXIT_FAILED;
}

void cs_hint(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	put_format("hint: ", format, list);
	va_end(list);
}

void cs_warn(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	put_format("coroscope: ", format, list);
	va_end(list);
}

void cs_say(const struct cs_args *args, const char *format, ...)
{
	va_list list;

	if (args->quiet)
		return;
	va_start(list, format);
	put_format("", format, list);
	va_end(list);
}

static void ignore(int signal)
{
	(void)signal;
}

/* A handler, not SIG_IGN: that would be handed on to the programs we start. */
static void catch_what_writing_raises(void)
{
	static const int raised[] = {SIGPIPE, SIGXFSZ}; /* a closed pipe, 'ulimit -f' */
	struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART}, old;

	for (size_t i = 0; i < sizeof(raised) / sizeof(raised[0]); i++)
		if (sigaction(raised[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(raised[i], &action, NULL);
}

/* Whether whoever reads our output has gone away. */
static bool reader_is_gone(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

/*
 * Data that could not be written is a failure, but for a reader who has seen enough. When
 * a write in the middle failed, the last one may succeed and tell nothing of the reason.
 */
static int finish_output(int status)
{
	struct cs_diag diag;
	bool fine = !ferror(stdout);

	errno = 0;
	fine = fflush(stdout) == 0 && fine;
	int error = errno;
	if (fine || status == CS_EXIT_FAILED)
		return status;
	if (error == EPIPE || reader_is_gone())
		return CS_EXIT_DONE;
	cs_diag_set(&diag, -EIO, "write standard output: %s",
	            error ? strerror(error) : "some of it was lost");
	return cs_report(&diag);
}

static int run(const struct cs_command *command, int argc, char **argv)
{
	struct cs_diag diag = {0};
	struct cs_args args;
	int status = cs_args_read(&args, command, argc, argv, &diag);

	if (status == 0 && args.help)
		cs_help_command(stdout, command);
	else if (status == 0)
		status = command->run(&args, &diag);
	cs_args_free(&args);
	if (status == -EPIPE)
		return CS_EXIT_DONE;
	return status < 0 ? cs_report(&diag) : status;
}

static int refuse_command(const char *typed)
{
	bool option = typed[0] == '-';
	struct cs_words words;
	struct cs_diag diag;

	cs_words_begin(&words, typed);
	for (const struct cs_command *const *command = cs_commands; *command; command++)
		cs_words_add(&words, "", (*command)->name);
	if (option) {
		cs_diag_set(&diag, -EINVAL, "understand %s: a command comes first", typed);
		cs_diag_hint(&diag, "commands are %s; without one, --help and --version are valid",
		             words.text);
		return cs_report(&diag);
	}
	cs_diag_set(&diag, -EINVAL, "run '%s': there is no such command", typed);
	if (words.best[0])
		cs_diag_hint(&diag, "did you mean %s? Commands are %s", words.best, words.text);
	else
		cs_diag_hint(&diag, "commands are %s", words.text);
	return cs_report(&diag);
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		cs_help_overview(stderr);
		return CS_EXIT_FAILED;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";

	const struct cs_command *command = cs_command_find(name);
	return command ? run(command, argc - 2, argv + 2) : refuse_command(name);
}

int cs_command_main(int argc, char **argv)
{
	catch_what_writing_raises();
	return finish_output(dispatch(argc, argv));
}
