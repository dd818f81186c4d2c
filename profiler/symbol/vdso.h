/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code that the kernel maps into every process has no file; ours is the same as theirs
 * on one machine, which the build id proves.
 */
#ifndef CS_SYMBOL_VDSO_H
#define CS_SYMBOL_VDSO_H

/* A descriptor of a copy, or -errno. */
int cs_vdso_open(void);

#endif
