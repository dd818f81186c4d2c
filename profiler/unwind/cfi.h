/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file with code, opened for its unwind information. Its contents are believed for nothing
 * but the stacks that run through it: damaged information gives rules that cut.
 */
#ifndef CS_UNWIND_CFI_H
#define CS_UNWIND_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind/rule.h"

struct cs_cfi;

/* Takes FD. NULL: not an ELF file that can be read, or no memory. */
struct cs_cfi *cs_cfi_open(int fd);
void cs_cfi_close(struct cs_cfi *cfi);

/* The rule at ADDRESS, one of the file's own. Expressions go into BOOK. */
void cs_cfi_rule(struct cs_cfi *cfi, uint64_t address, struct cs_rule_book *book,
                 struct cs_rule *rule);

/*
 * Run-time address minus the file's own, of a mapping at START that shows the file from
 * OFFSET on; false: no code of the file lies there.
 */
bool cs_cfi_bias(const struct cs_cfi *cfi, uint64_t start, uint64_t offset, uint64_t *bias);

/* A part of the file that is mapped unchanged and differs between builds: to be compared with
 * what is in memory. NULL: there is none. */
const uint8_t *cs_cfi_print(const struct cs_cfi *cfi, uint64_t *address, uint32_t *bytes);

/* At most 32 bytes are kept, as in the model. */
const uint8_t *cs_cfi_build_id(const struct cs_cfi *cfi, uint32_t *bytes);

#endif
