/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Touching memory that another process may take away: a target that shortens its ring while
 * we read it makes the kernel send us SIGBUS. Inside a guard that is a plain failure.
 */
#ifndef CS_SOURCE_GUARD_H
#define CS_SOURCE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* Installs the handler of SIGBUS, once in the process; a fault outside of a guard still
 * ends the process as before. 0 or -errno. */
int cs_guard_install(void);

/*
 * Calls FN(ARG); false if it touched memory that is not there any more, FN is then left
 * where it was: it may do loads, stores and copies, and nothing that needs an end. Guards
 * don't nest. Costs some 10 ns. Any thread.
 */
bool cs_guard_call(void (*fn)(void *arg), void *arg);

/* Copies BYTES; false if they are not all there. */
bool cs_guard_copy(void *to, const void *from, size_t bytes);

#endif
