/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script drives the viewer as a person would, at a fixed size, and saves screens:
 *
 *     size 80 24
 *     key tab               by name, several in one line
 *     type state = waiting  characters, as typed
 *     action sort-next      by name, whatever key does it
 *     seek peak             a time, as in FILE@TIME
 *     wait 500ms            lets time pass (live targets, playing)
 *     wait-end 20s          until the target has ended, at most so long
 *     clock NAME            prints NAME and the milliseconds since the last one
 *     save-screen FILE      "-": standard output
 *     # comment
 */
#ifndef CSV_APP_SCRIPT_H
#define CSV_APP_SCRIPT_H

#include "app/app.h"

/* 0, or -errno with DIAG: which line failed, and why. */
int csv_script_run(struct csv_app *app, const char *path, struct cs_diag *diag);

#endif
