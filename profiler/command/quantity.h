/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers with units, as people type them.
 */
#ifndef CS_COMMAND_QUANTITY_H
#define CS_COMMAND_QUANTITY_H

#include <stdint.h>

#define CS_SIZE_FORMS "4096, 64k, 512KiB, 1M, 1.5G (units are powers of 1024)"
#define CS_DURATION_FORMS "10 (seconds), 1.5s, 250ms, 1m30s, 2h"

/* Each 0, or -EINVAL (not in this form), or -ERANGE (too large). */
int cs_parse_count(const char *text, uint64_t *count);
int cs_parse_size(const char *text, uint64_t *bytes);
int cs_parse_duration(const char *text, uint64_t *ns);

#endif
