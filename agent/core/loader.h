/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader's list of modules, under its lock: but a fork waits, as long as that is bearable,
 * until none of us has the lock, and a child of fork does not wait for a thread that did not
 * come along.
 *
 * fork copies that lock as it is, and nobody gives it back in the child. What the program's own
 * threads had of it there (they were in dlopen, or unwound an exception) keeps modules from being
 * loaded in the child, as without us; but its first allocation, with us in it, must not wait.
 */
#ifndef CSA_CORE_LOADER_H
#define CSA_CORE_LOADER_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * As dl_iterate_phdr, of which it takes 0.1 to 1 microsecond for each module; with all signals
 * blocked, so that nobody jumps out of it. Keeps errno.
 */
typedef int csa_loader_visit(struct dl_phdr_info *info, size_t bytes, void *context);
int csa_loader_each(csa_loader_visit *visit, void *context);

/* Nobody can load or unload modules in this process any more. */
bool csa_loader_is_stuck(void);

/* Finds the lock. Once, in a process that is no child. */
void csa_loader_start(void);

/* Around fork; the last two instead of each other. */
void csa_loader_before_fork(void);
void csa_loader_after_fork(void);
void csa_loader_in_child(void);

#endif
