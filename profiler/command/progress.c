/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program may write to the same terminal: the line is short, drawn in one write, and
 * stays where the cursor is.
 */
#include "command/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define INTERVAL_NS UINT64_C(250000000)
#define FIRST_NS UINT64_C(500000000)
#define CLEAR "\r\033[K"

void cs_progress_start(struct cs_progress *progress, const struct cs_args *args)
{
	const char *terminal = getenv("TERM");

	memset(progress, 0, sizeof(*progress));
	progress->on = !args->quiet && isatty(STDERR_FILENO) && terminal && terminal[0] &&
	               strcmp(terminal, "dumb") != 0;
	progress->next_ns = FIRST_NS;
}

static void draw(struct cs_progress *progress, const char *text)
{
	char line[256];
	int length = snprintf(line, sizeof(line), CLEAR "%s", text);

	if (length > 0 && write(STDERR_FILENO, line, strnlen(line, sizeof(line))) > 0)
		progress->drawn = true;
}

void cs_progress_text(struct cs_progress *progress, const char *format, ...)
{
	char text[200];
	va_list list;

	if (!progress->on)
		return;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	draw(progress, text);
}

void cs_progress_clear(struct cs_progress *progress)
{
	if (progress->drawn && write(STDERR_FILENO, CLEAR, strlen(CLEAR)) > 0)
		progress->drawn = false;
}

void cs_progress_show(struct cs_progress *progress, const struct cs_collector *collector,
                      const struct cs_model *model, uint64_t now_ns)
{
	struct cs_collector_stats stats;
	uint64_t in_use = 0;
	double rate;

	if (!progress->on || now_ns < progress->next_ns)
		return;
	cs_collector_stats(collector, &stats);
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++) {
		const struct cs_process *process = cs_model_process_at(model, id);
		if (!process->ended)
			in_use += process->inuse_bytes;
	}
	rate = (double)(stats.events - progress->last_events) * 1e9 /
	       (double)(now_ns - progress->last_ns);
	progress->last_events = stats.events;
	progress->last_ns = now_ns;
	progress->next_ns = now_ns + INTERVAL_NS;
	cs_progress_text(progress, "recording %s: heap %s, %s events/s, %s lost",
	                 cs_text_duration(now_ns).s, cs_text_bytes((double)in_use).s,
	                 cs_text_count(rate).s,
	                 stats.lost ? cs_text_count((double)stats.lost).s : "none");
}
