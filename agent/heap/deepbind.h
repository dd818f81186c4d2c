/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries loaded with RTLD_DEEPBIND search themselves and their own dependencies first, so
 * they find libc's malloc before ours: their blocks would be unseen, and blocks of others that
 * they free would stay in the books for ever. After such a dlopen their relocation slots are
 * bound to what the rest of the program calls. dlopen itself can't be wrapped (it looks at its
 * caller), so this happens at the next dlsym, before the library is first called.
 */
#ifndef CSA_HEAP_DEEPBIND_H
#define CSA_HEAP_DEEPBIND_H

/* Behind entry_dl.S: finds the real functions, and binds if a dlopen asked for it. */
void csa_deepbind_bind(void);

#endif
