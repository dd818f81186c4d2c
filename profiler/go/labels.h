/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels that a program puts on its goroutines (runtime/pprof). Goroutines share them with
 * those that they start, so each set is read once in a look.
 */
#ifndef CS_GO_LABELS_H
#define CS_GO_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "go/memory.h"

struct cs_go_label_set;

struct cs_go_labels {
	struct cs_go_label_set *sets; /* by address; open addressing */
	uint32_t mask, count;
	struct cs_arena texts;
};

/* What was read in an earlier look may have been freed since. */
void cs_go_labels_forget(struct cs_go_labels *labels);
void cs_go_labels_free(struct cs_go_labels *labels);

/*
 * "key=value" joined by '\n', sorted; NULL: none, or what lies there are no labels (programs
 * put other things in that place as well). MINOR is Go's version. Holds until forgotten.
 */
const char *cs_go_labels_get(struct cs_go_labels *labels, struct cs_go_memory *memory,
                             uint32_t minor, uint64_t address);

#endif
