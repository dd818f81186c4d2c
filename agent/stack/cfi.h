/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the unwind information that a module carries (.eh_frame_hdr, .eh_frame) to a rule.
 *
 * Pure: reads nothing but the given ranges and trusts nothing in them, allocates nothing.
 * Async-signal-safe. Uses under 2 KiB of stack.
 */
#ifndef CSA_STACK_CFI_H
#define CSA_STACK_CFI_H

#include <stdbool.h>
#include <stdint.h>

struct csa_cfi {
	const uint8_t *header; /* of .eh_frame_hdr; NULL: the module has none */
	const uint8_t *table;  /* its sorted table, NULL: .eh_frame is searched in order */
	uint64_t table_count;
	const uint8_t *frames;     /* .eh_frame, as the header says … */
	const uint8_t *frames_low; /* … and the mapped range that holds it, set by the caller */
	const uint8_t *frames_high;
	const uint8_t *text_low; /* code that may be read, to recognise signal returns */
	const uint8_t *text_high;
};

/*
 * Reads the .eh_frame_hdr in [HEADER, HEADER_END) into *CFI, all but the three ranges.
 * false: it is of no use.
 */
bool csa_cfi_open(struct csa_cfi *cfi, const uint8_t *header, const uint8_t *header_end);

/* The rule of the code at ADDRESS (not a return address): rules.h. Never CSA_RULE_EMPTY. */
uint64_t csa_cfi_rule(const struct csa_cfi *cfi, uint64_t address);

/* Where the function begins that holds ADDRESS; 0 unknown. */
uint64_t csa_cfi_function(const struct csa_cfi *cfi, uint64_t address);

#endif
