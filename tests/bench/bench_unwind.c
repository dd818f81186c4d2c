/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What naming a stack of 20 frames without frame pointers costs, in ns: the median of many
 * batches. Links the agent's sources and tests/unit/agent/stack/scene.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "stack/modules.h"
#include "stack/rules.h"
#include "unit/agent/stack/scene.h"

#define BATCHES 401
#define CALLS 2000

enum way { RECOGNISED, REPEATED, CHANGED, ANEW, MISSED, WAYS };

static const char *const titles[WAYS] = {
	"20 frames, recognised", "20 frames, as last time", "20 frames, innermost 5 changed",
	"20 frames, no reuse",   "one rule, not cached",
};

static double results[WAYS][BATCHES];
static struct csa_frame other; /* an inner frame that is not on the stack now */
static volatile uint64_t sink;

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double batch(enum way way, const struct csa_frame *at)
{
	struct csa_walk *walk = &scene.thread.walk;
	double start;

	if (way == MISSED) {
		start = now_ns();
		for (int i = 0; i < CALLS; i++)
			sink += csa_modules_rule(walk->frames[3 + i % 16].pc);
		return (now_ns() - start) / CALLS;
	}
	start = now_ns();
	for (int i = 0; i < CALLS; i++) {
		if (way == RECOGNISED) {
			sink += csa_stack_name(&scene.thread, at);
			continue;
		}
		if (way == CHANGED) /* what a walk finds when five inner frames are new to it */
			walk->reusable = walk->count - 5;
		else if (way == ANEW)
			walk->reusable = 0;
		sink += csa_walk(walk, at, scene.thread.stack_low, scene.thread.stack_high);
	}
	return (now_ns() - start) / CALLS;
}

__attribute__((noinline)) static void measure(void)
{
	struct csa_frame at;

	SCENE_CALLER(at);
	for (int i = 0; i < 2; i++)
		sink += csa_stack_name(&scene.thread, &at);
	printf("frames: %u\n", scene.thread.walk.count);
	for (int i = 0; i < BATCHES; i++)
		for (enum way way = 0; way < WAYS; way++)
			results[way][i] = batch(way, &at);
}

__attribute__((noinline)) static void deeper(unsigned more)
{
	volatile uint64_t room[6] = {more};

	if (more)
		deeper(more - 1);
	else
		measure();
	sink += room[0] + other.pc;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	scene_start(16 << 20, 128, true);
	deeper(15);
	for (enum way way = 0; way < WAYS; way++) {
		qsort(results[way], BATCHES, sizeof(double), by_value);
		printf("%-32s median %6.1f  fastest %6.1f\n", titles[way],
		       results[way][BATCHES / 2], results[way][0]);
	}
	return 0;
}
