/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: every new and delete is counted when tcmalloc brings its own; they do not call malloc. */
/* cs-cflags: -std=c++17 -fsized-deallocation */
/* cs-link: -ltcmalloc */
#include "books_cxx.cc"
