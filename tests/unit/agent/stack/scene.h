/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of the agent without the rest of it, and a reader of what it emits: definitions
 * are checked as a real reader checks them, and stacks are looked up by name.
 */
#ifndef TEST_SCENE_H
#define TEST_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/thread.h"
#include "stack/stack.h"

#define SCENE_FRAMES 300

struct scene_stack {
	size_t count;
	uint64_t pcs[SCENE_FRAMES]; /* innermost first, marks included */
};

struct scene_module {
	uint32_t generation;
	bool gone;
	uint64_t bias;
	uint64_t start;
	uint64_t end;
	uint32_t build_id_bytes;
	char path[4096];
};

struct scene {
	struct csa_thread thread;
	bool full;             /* the ring has no room */
	uint32_t refused;      /* no room for records of these kinds: bits */
	uint32_t refused_once; /* the same, for the next one only */
	uint32_t room;         /* not 0: for so many records minus 1 */
	void (*on_gone)(void); /* before a MODULE_GONE; the table of modules is locked */
	uint64_t stacks_told;  /* STACK records */
	uint64_t frames_told;  /* and pcs in them */
	uint64_t counters[32];
	size_t module_count;
	struct scene_module modules[1024];
};

extern struct scene scene;

/* Starts the stack part, and a reader that knows nothing. The thread has the caller's bounds. */
void scene_start(size_t table_bytes, uint32_t depth_max, bool find_object);

/* The bounds of the running thread's stack. */
void scene_own_bounds(uint64_t *low, uint64_t *high);

/* What the reader takes NAME for; count 0: it was never told. */
void scene_stack(uint64_t name, struct scene_stack *stack);

/* Whether the reader knows a module, not gone, that holds PC; NULL no. */
const struct scene_module *scene_module_of(uint64_t pc);

/* A function of the libc itself: under a sanitizer dlsym() finds its interceptors first. */
void *scene_libc(const char *function);

/* The frame that the present function returns to. */
#define SCENE_CALLER(frame)                                   \
	do {                                                  \
		uint64_t *base_ = __builtin_frame_address(0); \
		(frame).pc = base_[1];                        \
		(frame).sp = (uint64_t)(base_ + 2);           \
		(frame).bp = base_[0];                        \
	} while (0)

#endif
