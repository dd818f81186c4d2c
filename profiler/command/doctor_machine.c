/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: kernel, agent, room for a session, and settings that other tools need.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "base/text.h"
#include "command/agent_file.h"
#include "command/doctor.h"
#include "kernel/perf_events.h"
#include "source/session.h"

#define KERNEL_MAJOR 5
#define KERNEL_MINOR 10

/* A session as small as they come: what is asked is whether there is a place for one. */
#define PROBE_LANE_BYTES (UINT64_C(64) << 10)

static void judge_kernel(struct cs_doctor *doctor)
{
	struct utsname system;
	int major = 0, minor = 0;

	if (uname(&system) || sscanf(system.release, "%d.%d", &major, &minor) != 2)
		cs_doctor_note(doctor, "the kernel does not say which one it is");
	else if (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR))
		cs_doctor_problem(doctor, "kernel %s is older than %d.%d", system.release,
		                  KERNEL_MAJOR, KERNEL_MINOR);
	else
		cs_doctor_fine(doctor, "kernel %s, %s", system.release, system.machine);
}

static void judge_agent(struct cs_doctor *doctor)
{
	char path[4096];
	struct cs_diag diag = {0};

	if (cs_agent_file(path, sizeof(path), &diag))
		cs_doctor_diag(doctor, &diag);
	else
		cs_doctor_fine(doctor, "the agent is %s", path);
}

static void judge_session(struct cs_doctor *doctor)
{
	struct cs_session_config config = {
		.heap_mean_bytes = CS_HEAP_MEAN_DEFAULT,
		.lane_bytes = PROBE_LANE_BYTES,
	};
	struct cs_session_folder folder = {.fd = -1, .base_fd = -1};
	struct cs_diag diag = {0};
	struct statvfs room;

	if (cs_session_create(&folder, &config, &diag)) {
		cs_doctor_diag(doctor, &diag);
	} else if (statvfs(folder.path, &room)) {
		cs_doctor_fine(doctor, "sessions are made in %.*s",
		               (int)(strlen(folder.path) - strlen(folder.name)), folder.path);
	} else {
		double bytes = (double)room.f_bavail * (double)room.f_frsize;

		cs_doctor_fine(doctor, "sessions are made in %.*s, with %s free",
		               (int)(strlen(folder.path) - strlen(folder.name)), folder.path,
		               cs_text_bytes(bytes).s);
	}
	cs_session_remove(&folder);
}

/* A number in a file of /proc/sys, as a fact. */
static void note_setting(struct cs_doctor *doctor, const char *path, const char *name,
                         const char *use)
{
	char value[32] = "";
	FILE *file = fopen(path, "re");

	if (file && fgets(value, sizeof(value), file)) {
		value[strcspn(value, "\n")] = 0;
		cs_doctor_note(doctor, "%s is %s (%s)", name, value, use);
	}
	if (file)
		fclose(file);
}

/* No problem of the heap's: a note, with the way out. */
static void judge_cpu_samples(struct cs_doctor *doctor)
{
	struct cs_diag diag = {0};

	if (!cs_perf_probe(&diag)) {
		cs_doctor_fine(doctor, "the kernel takes CPU samples for us");
		return;
	}
	cs_doctor_note(doctor, "cannot %s (not needed for heap)", diag.text);
	if (diag.hint[0])
		cs_doctor_advice(doctor, "%s", diag.hint);
}

static void judge_environment(struct cs_doctor *doctor)
{
	const char *disable = getenv("COROSCOPE_DISABLE"), *preload = getenv("LD_PRELOAD");

	if (disable && strcmp(disable, "1") == 0) {
		cs_doctor_problem(doctor, "COROSCOPE_DISABLE=1 is set here: programs started from "
		                          "here are left alone");
		cs_doctor_advice(doctor, "unset COROSCOPE_DISABLE");
	}
	if (preload && preload[0])
		cs_doctor_note(doctor, "LD_PRELOAD is set: %s; the agent is put beside it",
		               preload);
}

void cs_doctor_machine(struct cs_doctor *doctor)
{
	judge_kernel(doctor);
	judge_agent(doctor);
	judge_session(doctor);
	judge_cpu_samples(doctor);
	judge_environment(doctor);
	note_setting(doctor, "/proc/sys/kernel/yama/ptrace_scope", "ptrace_scope",
	             "not needed for programs that coroscope starts");
}
