/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saved contexts: where each kind of switch leaves the registers of what it has switched away
 * from. One table; a new kind is one line of it.
 */
#ifndef CS_UNWIND_CONTEXT_H
#define CS_UNWIND_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind/registers.h"

enum cs_context_kind {
	CS_CONTEXT_NONE,       /* nothing is saved that we know of */
	CS_CONTEXT_UCONTEXT,   /* at: ucontext_t */
	CS_CONTEXT_FCONTEXT,   /* at: fcontext_t of Boost to 1.79, which is a stack pointer */
	CS_CONTEXT_FCONTEXT_2, /* at: the same of Boost since 1.80 */
	CS_CONTEXT_JMP_BUF,    /* at: glibc's jmp_buf, three of its words mangled */
	CS_CONTEXT_PLAIN_BUF,  /* at: the same words, not mangled (State Threads) */
	CS_CONTEXT_GCCGO,      /* at: libgo's own, not mangled */
	CS_CONTEXT_CALLER,     /* at: sp of the switch's caller; where it goes on lies below */
	CS_CONTEXT_KINDS
};

#define CS_CONTEXT_BYTES_MAX 192u

/* Where the bytes to decode lie, of a context at AT. *BYTES 0: no such kind. */
void cs_context_where(enum cs_context_kind kind, uint64_t at, uint64_t *address, uint32_t *bytes);

/*
 * The registers as they are when it is switched to. GUARD: the process's pointer guard.
 * False: it holds nothing that could be a context.
 */
bool cs_context_decode(enum cs_context_kind kind, uint64_t at, const void *bytes, uint64_t guard,
                       struct cs_registers *registers);

/* The pointer guard of PID, as glibc derives it. 0 or -errno. */
int cs_context_guard(uint32_t pid, uint64_t *guard);

#endif
