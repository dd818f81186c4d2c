/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope doctor: what can be observed here, what can't, why, and the way out. It asks the
 * same functions that record asks before it starts a program, so the two never disagree.
 */
#include "command/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command/program.h"
#include "command/registry.h"

static void __attribute__((format(printf, 3, 0)))
put(struct cs_doctor *doctor, const char *mark, const char *format, va_list list)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, list);
	cs_sink_printf(&doctor->sink, "  %-5s ", mark);
	cs_text_safe(&doctor->sink, text, 0);
	cs_sink_char(&doctor->sink, '\n');
}

void cs_doctor_fine(struct cs_doctor *doctor, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	put(doctor, "ok", format, list);
	va_end(list);
}

void cs_doctor_note(struct cs_doctor *doctor, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	put(doctor, "note", format, list);
	va_end(list);
}

void cs_doctor_problem(struct cs_doctor *doctor, const char *format, ...)
{
	va_list list;

	doctor->problems++;
	va_start(list, format);
	put(doctor, "NO", format, list);
	va_end(list);
}

void cs_doctor_advice(struct cs_doctor *doctor, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	put(doctor, "  do:", format, list);
	va_end(list);
}

void cs_doctor_diag(struct cs_doctor *doctor, const struct cs_diag *diag)
{
	cs_doctor_problem(doctor, "cannot %s", diag->text);
	if (diag->hint[0])
		cs_doctor_advice(doctor, "%s", diag->hint);
}

/* ---- a program ---- */

static void judge_malloc(struct cs_doctor *doctor, const struct cs_program *program)
{
	if (program->own_malloc_exported) {
		cs_doctor_problem(doctor, "heap: malloc is defined in the program itself, so that "
		                          "ours is never called");
		cs_doctor_advice(doctor, "link its allocator as a shared library");
	} else if (program->own_malloc) {
		cs_doctor_problem(doctor,
		                  "heap: a malloc is linked into the program, out of the "
		                  "loader's sight; only its libraries' allocations are seen");
		cs_doctor_advice(doctor, "link its allocator as a shared library");
	} else if (program->allocator[0]) {
		cs_doctor_fine(doctor, "heap: malloc is that of %s, which stays in service",
		               program->allocator);
	} else {
		cs_doctor_fine(doctor, "heap: malloc is that of its libraries");
	}
	if (program->sanitizer[0]) {
		cs_doctor_problem(doctor, "it is built with %s, which must come first in a process",
		                  program->sanitizer);
		cs_doctor_advice(doctor, "use a build without sanitizers");
	}
}

void cs_doctor_program(struct cs_doctor *doctor, const struct cs_program *program)
{
	struct cs_diag diag = {0};

	if (program->script[0])
		cs_doctor_note(doctor, "it is a script: what runs is its interpreter %s",
		               program->path);
	if (cs_program_check(program, &diag)) {
		cs_doctor_diag(doctor, &diag);
		return;
	}
	cs_doctor_fine(doctor, "a 64-bit x86-64 program, loaded by glibc's %s", program->loader);
	if (program->go)
		cs_doctor_note(doctor,
		               "a Go program: what its C code allocates is recorded; its "
		               "goroutines and Go's own heap are read while it runs, with -p PID");
	judge_malloc(doctor, program);
}

static int examine_program(struct cs_doctor *doctor, const char *name, struct cs_diag *diag)
{
	struct cs_program program;
	int error = cs_program_find(&program, name, diag);

	if (error)
		return error;
	cs_sink_text(&doctor->sink, "Program ");
	cs_text_safe(&doctor->sink, program.script[0] ? program.script : program.path, 0);
	cs_sink_char(&doctor->sink, '\n');
	cs_doctor_program(doctor, &program);
	return 0;
}

/* ---- coroscope doctor ---- */

static int examine(struct cs_doctor *doctor, const struct cs_args *args, struct cs_diag *diag)
{
	bool process = cs_args_on(args, "pid");
	int error = 0;

	if (process && args->operand_count > 0) {
		cs_diag_set(diag, -EINVAL, "examine a process and a program at once");
		return cs_diag_hint(diag, "either -p PID or %s", args->operands[0]);
	}
	if (process)
		error = cs_doctor_process(doctor, cs_args_number(args, "pid", 0), diag);
	else if (args->operand_count > 0)
		error = examine_program(doctor, args->operands[0], diag);
	if (error)
		return error;
	cs_sink_text(&doctor->sink, "Machine\n");
	cs_doctor_machine(doctor);
	return 0;
}

static int run_doctor(const struct cs_args *args, struct cs_diag *diag)
{
	struct cs_doctor doctor = {.problems = 0};

	cs_sink_to_file(&doctor.sink, stdout, "standard output");
	int error = examine(&doctor, args, diag);
	int end = cs_sink_finish(&doctor.sink, error ? NULL : diag);

	if (error || end)
		return error ? error : end;
	return doctor.problems ? CS_EXIT_FOUND : CS_EXIT_DONE;
}

static const struct cs_option options[] = {
	{.name = "pid",
         .letter = 'p',
         .kind = CS_OPTION_COUNT,
         .argument = "PID",
         .help = "examine this running process"},
	{0},
};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_doctor = {
	.name = "doctor",
	.summary = "tell what can and can't be observed here, why, and what to do",
	.usage = (const char *const[]){"", "PROGRAM", "-p PID", NULL},
	.description = "Examines the machine, and a program or a running process if one is named. "
		       "Nothing is started, stopped or changed.",
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope doctor /usr/bin/redis-server", "before recording it"},
			{NULL, NULL},
		},
	.status = "0 everything can be observed, 1 something can't, 2 anything failed.",
	.operand = CS_OPERAND_FILE,
	.operands_max = 1,
	.run = run_doctor,
};
