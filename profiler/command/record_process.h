/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record -p and snapshot: what was typed becomes a cs_watch.
 */
#ifndef CS_COMMAND_RECORD_PROCESS_H
#define CS_COMMAND_RECORD_PROCESS_H

#include "command/watch.h"

/* What both commands have: -p, -o, --level, --heap, --args, --symbols, --debuginfod. */
int cs_watch_read(struct cs_watch *watch, const struct cs_args *args, struct cs_diag *diag);

/* coroscope record -p PID. An exit status, or -errno with DIAG. */
int cs_record_process(const struct cs_args *args, struct cs_diag *diag);

#endif
