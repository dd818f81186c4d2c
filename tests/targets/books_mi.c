/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: exact mode agrees with the program's books when mimalloc is linked in and serves them. */
/* cs-link: -lmimalloc */
#define BOOKS_PVALLOC 0
#include "books.c"
