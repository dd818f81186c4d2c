/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running process, from what /proc says of it; it is neither stopped nor touched.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "command/doctor.h"
#include "command/live.h"
#include "model/coroutine.h"

#define STATUS_BYTES 4096
#define ENVIRON_BYTES (1u << 20)

/* /proc/PID/NAME, as far as it fits, and a NUL behind it. NULL: errno says why. */
static char *read_proc(uint64_t pid, const char *name, size_t bytes, size_t *length)
{
	char path[64];
	char *text = malloc(bytes + 1);

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/%s", pid, name);
	FILE *file = text ? fopen(path, "re") : NULL;
	if (!file) {
		free(text);
		return NULL;
	}
	*length = fread(text, 1, bytes, file);
	text[*length] = 0;
	bool failed = ferror(file);
	fclose(file);
	if (failed) {
		free(text);
		return NULL;
	}
	return text;
}

/* What stands behind "KEY:" in STATUS, up to the end of the line. */
static const char *status_value(const char *status, const char *key, char *value, size_t bytes)
{
	size_t length = strlen(key);

	value[0] = 0;
	for (const char *line = status; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ':') {
			line += length + 1 + strspn(line + length + 1, " \t");
			snprintf(value, bytes, "%.*s", (int)strcspn(line, "\n"), line);
			break;
		}
	}
	return value;
}

static void judge_status(struct cs_doctor *doctor, const char *status)
{
	char value[128];

	status_value(status, "State", value, sizeof(value));
	if (strchr("TtZX", value[0]))
		cs_doctor_problem(doctor, "its state is %s", value);
	else
		cs_doctor_fine(doctor, "its state is %s", value);

	status_value(status, "TracerPid", value, sizeof(value));
	if (strcmp(value, "0") != 0 && value[0])
		cs_doctor_note(doctor, "it is traced by process %s", value);

	status_value(status, "Seccomp", value, sizeof(value));
	if (strcmp(value, "0") != 0 && value[0])
		cs_doctor_note(doctor, "a seccomp filter is on: system calls of the agent may be "
		                       "refused");

	status_value(status, "Uid", value, sizeof(value));
	if (geteuid() != 0 && strtoul(value, NULL, 10) != (unsigned long)geteuid())
		cs_doctor_problem(doctor, "it belongs to user %lu, you are %lu",
		                  strtoul(value, NULL, 10), (unsigned long)geteuid());
}

static bool left_alone(uint64_t pid)
{
	static const char wanted[] = "COROSCOPE_DISABLE=1";
	size_t length = 0, at = 0;
	char *text = read_proc(pid, "environ", ENVIRON_BYTES, &length);
	bool found = false;

	while (text && at < length && !found) {
		found = strcmp(text + at, wanted) == 0;
		at += strlen(text + at) + 1;
	}
	free(text);
	return found;
}

/* 1 loaded, 0 not, -errno unknown. */
static int has_agent(uint64_t pid)
{
	char path[64], *line = NULL;
	size_t room = 0;
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/maps", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	while (!found && getline(&line, &room, file) > 0)
		found = strstr(line, "/libcoroscope-agent.so") != NULL;
	free(line);
	fclose(file);
	return found;
}

static void judge_agent(struct cs_doctor *doctor, uint64_t pid)
{
	int loaded = has_agent(pid);

	if (loaded == 1) {
		cs_doctor_fine(doctor, "the agent is in it: it was started by coroscope");
	} else if (loaded == 0) {
		cs_doctor_problem(doctor,
		                  "heap: the agent is not in it, and this version can't put "
		                  "it into a running process");
		cs_doctor_advice(doctor, "start it with: coroscope record -- PROGRAM");
	} else {
		cs_doctor_problem(doctor, "its mappings can't be read: %s", strerror(-loaded));
		cs_doctor_advice(doctor, "ask as its user, or as root");
	}
	if (left_alone(pid))
		cs_doctor_problem(doctor, "COROSCOPE_DISABLE=1 is in its environment: it is left "
		                          "alone");
}

/* Whether it can be read as it runs, without an agent; tried, not guessed. */
static bool judge_live(struct cs_doctor *doctor, uint64_t pid)
{
	struct cs_model *model = cs_model_new();
	struct cs_symbols *symbols = cs_symbols_new();
	const struct cs_observer *observer = NULL;
	const struct cs_runtime *runtime;
	struct cs_live live = {0};
	struct cs_diag why = {0};

	if (model && symbols)
		observer = cs_live_probe((uint32_t)pid, &why);
	if (observer && cs_live_open(&live, (uint32_t)pid, model, symbols, &why) == 0) {
		runtime = cs_model_runtime_at(model, 1);
		cs_doctor_fine(
			doctor,
			"coroutines, heap and figures are read from outside, with -p %" PRIu64
			" (%s)",
			pid, runtime && runtime->version ? runtime->version : observer->name);
	} else if (observer) {
		cs_doctor_diag(doctor, &why);
	}
	cs_live_close(&live);
	cs_symbols_free(symbols);
	cs_model_free(model);
	return observer != NULL;
}

int cs_doctor_process(struct cs_doctor *doctor, uint64_t pid, struct cs_diag *diag)
{
	char path[64], name[64];
	size_t length;
	struct cs_program program;
	struct cs_diag why = {0};
	char *status = read_proc(pid, "status", STATUS_BYTES, &length);

	if (!status) {
		cs_diag_set(diag, -ESRCH, "examine process %" PRIu64 ": there is no such process",
		            pid);
		return cs_diag_hint(diag, "'ps -e' lists those that there are");
	}
	status_value(status, "Name", name, sizeof(name));
	cs_sink_printf(&doctor->sink, "Process %" PRIu64 " (", pid);
	cs_text_safe(&doctor->sink, name, 0);
	cs_sink_text(&doctor->sink, ")\n");
	judge_status(doctor, status);
	/* A kernel thread, or one that has ended: no memory, no files, nothing to be advised. */
	bool empty = !status_value(status, "VmSize", path, sizeof(path))[0];
	free(status);
	if (empty) {
		cs_doctor_problem(doctor, "it has no memory: it has ended, or is the kernel's own");
		return 0;
	}

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/exe", pid);
	bool live = judge_live(doctor, pid);

	if (cs_program_read(&program, path, &why))
		cs_doctor_diag(doctor, &why);
	else if (!live || cs_program_check(&program, &why) == 0)
		cs_doctor_program(doctor, &program);
	if (!live)
		judge_agent(doctor, pid);
	return 0;
}
