/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of runtimes that a program may or may not have. The agent must not export such
 * names: a program that looks for one, by a weak reference or by dlsym, is to find what it finds
 * without us. So the relocation slots through which modules call them are bound to ours, and
 * only where the runtime is there: when the agent starts, and when modules have been loaded.
 */
#ifndef CSA_COROUTINE_HOOKS_H
#define CSA_COROUTINE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSA_HOOKS_MAX 128u

struct csa_hook {
	const char *name;
	/* What the runtime's library defines as well: others may have a function of this name. */
	const char *mark;
	void *function; /* ours */
	/* Holds the one that ours passes on to, if that is pinned; else it asks at each call. */
	void *const *real;
};

/* All of them, those of one mark together (entry_hooks.c, which unit tests do not link). */
extern const struct csa_hook csa_hooks[] __attribute__((weak, visibility("hidden")));
extern const size_t csa_hook_count __attribute__((weak, visibility("hidden")));

/* Which modules need not be looked at again; all 0 at first. */
struct csa_hooks_bound {
	uint64_t there[CSA_HOOKS_MAX / 64]; /* a bit for each hook whose runtime is there */
	uint64_t unloads;
	uint32_t modules; /* the first so many: the loader puts new ones behind them */
};

/*
 * Binds the slots of all modules but those of *BOUND to HOOKS, where they are there. False: more
 * than LOADS modules have been loaded, and some may not be whole: it is to be done again.
 */
bool csa_hooks_bind(const struct csa_hook *hooks, size_t count, uint64_t loads,
                    struct csa_hooks_bound *bound);

/*
 * With csa_hooks, if coroutines are followed at all: when the agent starts, and as
 * csa_part.loaded. At the start nobody is waited for, so that is not remembered.
 */
void csa_hooks_start(void);
bool csa_hooks_loaded(uint64_t loads);

#endif
