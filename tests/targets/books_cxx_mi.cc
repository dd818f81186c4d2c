/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: every new and delete is counted when mimalloc brings its own; they do not call malloc. */
/* cs-cflags: -std=c++17 -fsized-deallocation */
/* cs-link: -lmimalloc */
#define BOOKS_FAILING_NEW 0
#include "books_cxx.cc"
