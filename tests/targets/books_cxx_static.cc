/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: a program that brings libstdc++ with it is counted by what its new asks of malloc. */
/* cs-cflags: -std=c++17 -fsized-deallocation */
/* cs-link: -static-libstdc++ -static-libgcc */
#include "books_cxx.cc"
