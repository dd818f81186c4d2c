/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the agent of a program may not have been heard of: what can be told from here. A session
 * is open to the recorder's user alone: who has changed that can make no ring and no lane.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/text.h"
#include "command/recording.h"
#include "source/proc.h"
#include "source/recorded.h"
#include "wire/ring.h"
#include "wire/session.h"

/* The limit of its files, if no ring fits into it; else 0. */
static uint64_t file_limit(const struct cs_recording *recording)
{
	uint64_t need = CS_RING_HEADER_BYTES + CS_LANE_HEADER_BYTES + recording->config.lane_bytes;
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < need ? limit.rlim_cur : 0;
}

void cs_recording_why_silent(const struct cs_recording *recording, struct cs_diag *diag)
{
	const char *program = recording->args->operands[0];
	const char *disable = getenv(CS_ENV_DISABLE);
	uint64_t bytes = file_limit(recording);

	if (disable && !strcmp(disable, "1")) {
		cs_diag_set(diag, -ENOTSUP, "record %s: " CS_ENV_DISABLE "=1 is in its environment",
		            program);
		cs_diag_hint(diag, "unset " CS_ENV_DISABLE);
		return;
	}
	if (bytes) {
		cs_diag_set(diag, -ENOTSUP,
		            "record %s: its files may have %" PRIu64 " bytes, too few for a ring",
		            program, bytes);
		cs_diag_hint(diag, "raise the limit (ulimit -f), or name a smaller --buffer");
		return;
	}
	if (cs_proc_self() != (uint32_t)getpid()) {
		cs_diag_set(diag, -ENOTSUP,
		            "tell which process is %s: /proc is that of another PID namespace",
		            program);
		cs_diag_hint(diag, "what it tells is recorded; with its own /proc (unshare "
		                   "--mount-proc) its end is known as well");
		return;
	}
	cs_diag_set(diag, -ENOTSUP, "record %s: its agent %s", program,
	            recording->root_ended ? "was never heard of"
	                                  : "has not been heard of in a second");
	cs_diag_hint(diag,
	             "did the program start another one without its environment, or in a "
	             "container? 'coroscope doctor %s' looks for reasons",
	             program);
}

/* ---- other users, other programs ---- */

#define LOOK_NS UINT64_C(500000000)
#define LOOK_MAX_NS UINT64_C(8000000000) /* all of /proc is read */
#define STRANGE_LOOKS 3                  /* an image that has just begun has told nothing yet */

/* Whose rights PID has; the recorder's own user if that is not known. */
static uint32_t user_of(uint32_t pid)
{
	uint32_t user;

	return cs_proc_user(pid, &user) ? user : (uint32_t)geteuid();
}

static void tell_stranger(struct cs_recording *recording, uint32_t pid, const char *program)
{
	uint32_t user = user_of(pid);
	struct cs_diag diag = {0};

	cs_diag_set(&diag, -ENOTSUP, "record process %" PRIu32 " (%s): its agent is not heard of",
	            pid, cs_text_basename(program));
	if (user != geteuid())
		cs_diag_hint(&diag,
		             "it has become user %u, and the session is open to user %u alone: "
		             "let that user start coroscope",
		             user, (unsigned)geteuid());
	else
		cs_diag_hint(&diag,
		             "was it started without its environment, or in a container? "
		             "'coroscope doctor -p %" PRIu32 "' looks for reasons",
		             pid);
	cs_recording_tell(recording, &diag);
}

/* The process has told of the program that it runs. Paths may differ by what each calls root. */
static bool is_heard(const struct cs_recording *recording, uint32_t pid, const char *program)
{
	const struct cs_recorded *recorded =
		cs_collector_recorded(recording->collector, pid, UINT64_MAX);
	const struct cs_process *process =
		recorded ? cs_model_process_at(recording->model, recorded->agent->process) : NULL;

	return process && (!process->executable || !strcmp(cs_text_basename(process->executable),
	                                                   cs_text_basename(program)));
}

void cs_recording_look_at_image(struct cs_recording *recording, uint64_t now_ns)
{
	uint32_t pid = (uint32_t)recording->launch.pid;
	char program[PATH_MAX];

	if (recording->said_image || recording->root_ended || !recording->root ||
	    recording->said_silent || now_ns < recording->image_ns ||
	    !(recording->config.flags & CS_SESSION_CHILDREN))
		return;
	recording->image_ns = now_ns + LOOK_NS;
	if (!cs_proc_program(pid, program, sizeof(program)) || is_heard(recording, pid, program)) {
		recording->strange_looks = 0;
		return;
	}
	if (++recording->strange_looks < STRANGE_LOOKS)
		return;
	recording->said_image = true;
	tell_stranger(recording, pid, program);
}

static void look_at_user(void *context, uint32_t pid)
{
	struct cs_recording *recording = context;
	char program[PATH_MAX];

	if (user_of(pid) != geteuid() && cs_proc_program(pid, program, sizeof(program)) &&
	    !cs_collector_recorded(recording->collector, pid, UINT64_MAX))
		tell_stranger(recording, pid, program);
}

static void look_at_foreigner(void *context, uint32_t pid)
{
	struct cs_recording *recording = context;
	struct cs_proc proc = {.pid = pid, .same_ids = true};
	char program[PATH_MAX];

	if (recording->said_image)
		return;
	/* Another user's is not ours to read; its name is. */
	if (!cs_proc_program(pid, program, sizeof(program)) &&
	    !cs_proc_thread_name(&proc, pid, program, sizeof(program)))
		return;
	recording->said_image = true;
	tell_stranger(recording, pid, program);
}

/*
 * Whom root starts as another user has made its ring before. Of others' programs, setuid ones,
 * the loader does not take our agent.
 */
void cs_recording_look_for_foreigners(struct cs_recording *recording, uint64_t now_ns)
{
	if (geteuid() == 0 || recording->said_image || recording->root_ended ||
	    now_ns < recording->foreign_ns || !(recording->config.flags & CS_SESSION_CHILDREN))
		return;
	recording->foreign_wait_ns = recording->foreign_wait_ns == 0 ? LOOK_NS
	                             : recording->foreign_wait_ns < LOOK_MAX_NS
	                                     ? 2 * recording->foreign_wait_ns
	                                     : LOOK_MAX_NS;
	recording->foreign_ns = now_ns + recording->foreign_wait_ns;
	cs_proc_each_foreigner((uint32_t)recording->launch.pid, look_at_foreigner, recording);
}

void cs_recording_look_for_strangers(struct cs_recording *recording)
{
	cs_proc_each_user(recording->folder.path, look_at_user, recording);
}
