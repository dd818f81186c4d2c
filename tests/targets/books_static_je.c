/* SPDX-License-Identifier: Apache-2.0 */
/* Trap: jemalloc linked statically: its malloc is the executable's own. */
/* cs-link: -Wl,-Bstatic -ljemalloc -Wl,-Bdynamic -lm -ldl */
#define BOOKS_PVALLOC 0
#include "books.c"
