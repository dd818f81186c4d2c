/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules that are loaded later: what has to be done in them is done at the next dlsym or
 * dlopen, before the program has a way to call them. dlopen itself can't be wrapped: it looks
 * at its caller.
 *
 * Only modules that are whole may be touched: the loader maps one, lists it, relocates it and
 * makes a part of it read-only, on a thread that may not be ours. It counts what it lists and
 * holds its lock until all is done, the lock that dlsym and dlopen take anyway.
 */
#ifndef CSA_CORE_LATE_H
#define CSA_CORE_LATE_H

#include <stdbool.h>
#include <stdint.h>

struct csa_image;

/* In the agent's constructor, on a stack that is large. */
void csa_late_start(void);

/* How many modules have ever been loaded. */
uint64_t csa_late_loads(void);

/* Inside csa_lookup_each(): whether all modules were whole when LOADS had been loaded. */
bool csa_late_whole(const struct csa_image *image, uint64_t loads);

#endif
