/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crash gives the terminal back, and leaves a report of what we were and where it was: enough
 * to find it, and nothing of the target.
 */
#ifndef CSV_TERMINAL_CRASH_H
#define CSV_TERMINAL_CRASH_H

#include <stdint.h>

/* From now on. VERSION is kept. */
void csv_crash_catch(const char *version);
/* What is being done, for a report: the view's name (kept) and the last event. */
void csv_crash_note(const char *view, uint32_t kind, uint32_t key);

#endif
