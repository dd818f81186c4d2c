/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From one entry of the call frame information to a rule (rules.h). Private to cfi.c.
 */
#ifndef CSA_STACK_CFA_H
#define CSA_STACK_CFA_H

#include "stack/reader.h"

/* An FDE with what its CIE says. */
struct csa_cfi_entry {
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding;
	bool augmented;
	uint64_t begin;
	uint64_t bytes;
	struct csa_reader setup; /* instructions of the CIE */
	struct csa_reader body;  /* and of the FDE */
};

/* The rule at ADDRESS, which ENTRY covers. HEADER: what datarel pointers are relative to. */
uint64_t csa_cfa_rule(const struct csa_cfi_entry *entry, const uint8_t *header, uint64_t address);

#endif
