/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recognising stacks, as a function.
 */
#include "stack/recognise.h"

CSA_RAW uint64_t csa_memo_find(const struct csa_frame *at, uint64_t low, uint64_t high,
                               uint64_t epoch, struct csa_memo_place *place)
{
	return csa_memo_recognise(at, low, high, epoch, place);
}
