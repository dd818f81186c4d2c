/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same words twice are one problem: a hostile process can repeat itself for ever.
 */
#include "source/problems.h"

#include <string.h>

void cs_problems_add(struct cs_problems *problems, const struct cs_diag *diag)
{
	for (uint32_t i = 0; i < problems->count; i++)
		if (!strcmp(problems->list[i].text, diag->text))
			return;
	if (problems->count < CS_PROBLEMS_MAX)
		problems->list[problems->count++] = *diag;
}

bool cs_problems_next(struct cs_problems *problems, struct cs_diag *diag)
{
	if (problems->told == problems->count)
		return false;
	*diag = problems->list[problems->told++];
	return true;
}
