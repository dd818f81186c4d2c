/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals while a program is recorded. What the terminal sends has reached the program as
 * well; what somebody sent to us alone is passed on to it. Nothing ends us at once: the trace
 * is to be finished.
 */
#ifndef CS_COMMAND_INTERRUPTS_H
#define CS_COMMAND_INTERRUPTS_H

#include <stdint.h>
#include <sys/types.h>

/* From now on; signals that were ignored (nohup) stay so. */
void cs_interrupts_catch(void);

/* Back to how they were: for the time after the recording. */
void cs_interrupts_release(void);

/* Who is to get signals that were meant for it; 0 nobody. */
void cs_interrupts_forward_to(pid_t pid);

/* SIGINT, SIGTERM, SIGHUP and SIGQUIT so far. */
unsigned cs_interrupts_count(void);

#endif
