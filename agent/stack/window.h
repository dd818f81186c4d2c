/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window on memory that is not known to be readable: stacks of coroutines whose bounds
 * nobody told us.
 */
#ifndef CSA_STACK_WINDOW_H
#define CSA_STACK_WINDOW_H

#include "stack/walk.h"

/*
 * The word at ADDRESS, a multiple of 8, through WALK's window. false: it can't be read, the
 * system refuses, or this walk has copied its share. Async-signal-safe.
 */
bool csa_window_load(struct csa_walk *walk, uint64_t address, uint64_t *value);

#endif
