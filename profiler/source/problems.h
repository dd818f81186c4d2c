/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong while recording and a person should hear of: each once, the first few.
 */
#ifndef CS_SOURCE_PROBLEMS_H
#define CS_SOURCE_PROBLEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"

#define CS_PROBLEMS_MAX 8u

struct cs_problems {
	struct cs_diag list[CS_PROBLEMS_MAX];
	uint32_t count, told;
};

void cs_problems_add(struct cs_problems *problems, const struct cs_diag *diag);
/* The next one that was not told yet; false: none. */
bool cs_problems_next(struct cs_problems *problems, struct cs_diag *diag);

#endif
