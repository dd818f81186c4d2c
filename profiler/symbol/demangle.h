/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as they were written: symbols of C++, Rust and gccgo demangled. Symbols come from untrusted
 * files: what would grow without end is cut off.
 */
#ifndef CS_SYMBOL_DEMANGLE_H
#define CS_SYMBOL_DEMANGLE_H

#include <stddef.h>

/*
 * The readable form of SYMBOL: demangled, without Rust's hash and without a symbol version;
 * SYMBOL itself when it is none of these. Freed by the caller. NULL: no memory.
 */
char *cs_demangle(const char *symbol);

#endif
