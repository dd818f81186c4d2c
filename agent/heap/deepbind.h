/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries loaded with RTLD_DEEPBIND search themselves and their own dependencies first, so
 * they find libc's malloc before ours: their blocks would be unseen, and blocks of others that
 * they free would stay in the books for ever. After such a dlopen their relocation slots are
 * bound to what the rest of the program calls.
 */
#ifndef CSA_HEAP_DEEPBIND_H
#define CSA_HEAP_DEEPBIND_H

#include <stdbool.h>
#include <stdint.h>

/* Such a library is about to be loaded. */
void csa_deepbind_ask(void);

/* Binds what was loaded; as csa_part.loaded. */
bool csa_deepbind_bind(uint64_t loads);

#endif
