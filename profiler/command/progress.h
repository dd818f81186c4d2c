/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line on the terminal that says how a recording goes.
 */
#ifndef CS_COMMAND_PROGRESS_H
#define CS_COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "command/command.h"
#include "model/model.h"
#include "source/collector.h"

struct cs_progress {
	bool on;          /* stderr is a terminal, and nobody asked us to be quiet */
	bool drawn;       /* the line is there */
	uint64_t next_ns; /* when it is drawn again */
	uint64_t last_ns, last_events;
};

void cs_progress_start(struct cs_progress *progress, const struct cs_args *args);

/* Draws it anew, a few times a second. NOW_NS is the session's time. */
void cs_progress_show(struct cs_progress *progress, const struct cs_collector *collector,
                      const struct cs_model *model, uint64_t now_ns);

/* A line of other words in its place. */
void cs_progress_text(struct cs_progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Takes it away, before anything else is printed. */
void cs_progress_clear(struct cs_progress *progress);

#endif
