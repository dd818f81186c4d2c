/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocates on 2048 different stacks, again and again, in a known number on each: a heap whose
 * trace grows all the time. Nothing depends on how fast it runs.
 *
 * paths STEPS PAUSE_MS
 */
#include "target.h"

#define DEPTH 11

static uint64_t dice = 1;

SITE void site_leaf(void)
{
	void *block = malloc(16 + random_below(&dice, 5000));

	if (random_below(&dice, 8))
		free(block);
}

SITE void left(int depth);

SITE void right(int depth)
{
	if (depth == 0) {
		site_leaf();
		return;
	}
	left(depth - 1);
	right(depth - 1);
}

SITE void left(int depth)
{
	if (depth == 0) {
		site_leaf();
		return;
	}
	left(depth - 1);
	right(depth - 1);
}

int main(int argc, char **argv)
{
	unsigned long steps = argument(argc, argv, 1, 100);
	unsigned pause_ms = (unsigned)argument(argc, argv, 2, 0);

	for (unsigned long step = 0; step < steps; step++) {
		left(DEPTH);
		sleep_ms(pause_ms);
	}
	say("%lu steps\n", steps);
	return 0;
}
