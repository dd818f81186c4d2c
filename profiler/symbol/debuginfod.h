/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug files from the servers that DEBUGINFOD_URLS names. libdebuginfod is loaded when it is
 * asked for and not before: without the user's word nothing here reaches the network.
 */
#ifndef CS_SYMBOL_DEBUGINFOD_H
#define CS_SYMBOL_DEBUGINFOD_H

#include <stdint.h>

struct cs_debuginfod;

/* NULL: the library is not installed, or no memory. */
struct cs_debuginfod *cs_debuginfod_new(void);
void cs_debuginfod_free(struct cs_debuginfod *debuginfod);

/* A file descriptor of the debug file with that build id, or -errno. May take minutes. */
int cs_debuginfod_find(struct cs_debuginfod *debuginfod, const uint8_t *build_id, uint32_t bytes);

#endif
