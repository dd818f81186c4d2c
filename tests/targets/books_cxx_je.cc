/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: every new and delete is counted when jemalloc brings its own; they do not call malloc. */
/* cs-cflags: -std=c++17 -fsized-deallocation */
/* cs-link: -ljemalloc */
#include "books_cxx.cc"
