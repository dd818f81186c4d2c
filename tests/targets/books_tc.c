/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: exact mode agrees with the program's books when tcmalloc is linked in and serves them. */
/* cs-link: -ltcmalloc */
#define BOOKS_PVALLOC 1
#include "books.c"
