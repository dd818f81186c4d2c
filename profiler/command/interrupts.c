/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers only count, and pass on: whoever waits is woken by the signal itself. */
#include "command/interrupts.h"

#include <signal.h>
#include <stddef.h>

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
#define CAUGHT (sizeof(caught) / sizeof(caught[0]))

static struct sigaction before[CAUGHT];
static volatile sig_atomic_t count;
static volatile sig_atomic_t forward_to;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (number == SIGCHLD)
		return; /* it has ended a wait: that is all it is caught for */
	count = count + 1;
	/* The kernel sends what was typed to all of the terminal's foreground group. */
	if (info->si_code != SI_KERNEL && forward_to > 0)
		kill((pid_t)forward_to, number);
}

void cs_interrupts_catch(void)
{
	/* No SA_RESTART: waiting ends when something has happened. */
	struct sigaction action = {.sa_sigaction = on_signal,
	                           .sa_flags = SA_SIGINFO | SA_NOCLDSTOP};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < CAUGHT; i++) {
		sigaction(caught[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN || caught[i] == SIGCHLD)
			sigaction(caught[i], &action, NULL);
	}
}

void cs_interrupts_release(void)
{
	for (size_t i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &before[i], NULL);
}

void cs_interrupts_forward_to(pid_t pid)
{
	forward_to = (sig_atomic_t)pid;
}

unsigned cs_interrupts_count(void)
{
	return (unsigned)count;
}
