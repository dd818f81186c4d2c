/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CPU samples of a recording: when they are asked for, because they are not free. An
 * event that follows a thread costs some 0.4 us at each switch to and from it, and one that
 * follows processes some 0.1 ms for each CPU at each fork.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "command/recording.h"

int cs_recording_read_cpu(struct cs_recording *recording, const struct cs_args *args,
                          struct cs_diag *diag)
{
	const struct cs_value *cpu = cs_args_get(args, "cpu");

	recording->cpu_hz = cpu->given && !cpu->negated ? CS_PERF_HZ_DEFAULT : 0;
	if (!recording->cpu_hz || !cpu->text)
		return 0;
	if (cpu->number >= 1 && cpu->number <= CS_PERF_HZ_MAX) {
		recording->cpu_hz = (uint32_t)cpu->number;
		return 0;
	}
	cs_diag_set(diag, -EINVAL, "take %s samples a second", cpu->text);
	return cs_diag_hint(diag, "1 to %u can be had; --no-cpu takes none", CS_PERF_HZ_MAX);
}

int cs_recording_start_cpu(struct cs_recording *recording, cs_code_module *on_module,
                           struct cs_diag *diag)
{
	struct cs_launch_cpu_options options = {
		.hz = recording->cpu_hz,
		.children = (recording->config.flags & CS_SESSION_CHILDREN) != 0,
		.model = recording->model,
		.clock = &recording->clock,
		.on_module = on_module,
		.context = recording,
	};

	if (!options.hz)
		return 0;
	recording->cpu = cs_launch_cpu_new(&options, diag);
	if (!recording->cpu)
		return diag->error;
	return cs_launch_cpu_attach(recording->cpu, (uint32_t)recording->launch.pid, diag);
}

void cs_recording_say_cpu(const struct cs_recording *recording)
{
	struct cs_launch_cpu_stats stats;
	char guessed[80] = "";

	if (!recording->cpu)
		return;
	cs_launch_cpu_stats(recording->cpu, &stats);
	if (stats.guessed)
		snprintf(guessed, sizeof(guessed), "; callers of %s are guesses",
		         cs_text_count((double)stats.guessed).s);
	cs_say(recording->args, "  cpu          %s%s in %s samples, %" PRIu32 " a second%s",
	       cs_text_duration(stats.charged_ns).s, stats.perf.user_only ? " of user code" : "",
	       cs_text_count((double)(stats.perf.samples - stats.strangers)).s, stats.hz, guessed);
	if (stats.perf.lost)
		cs_say(recording->args, "  LOST         %s samples: cpu is too low by as many",
		       cs_text_count((double)stats.perf.lost).s);
	if (stats.strangers)
		cs_say(recording->args,
		       "  left out     %s samples of processes that are not recorded",
		       cs_text_count((double)stats.strangers).s);
}
