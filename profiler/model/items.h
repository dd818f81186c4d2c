/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a snapshot is not the heap.
 */
#ifndef CS_MODEL_ITEMS_H
#define CS_MODEL_ITEMS_H

#include "model/snapshot.h"

/* Fills SNAPSHOT's others from tallies and coroutines. 0 or -ENOMEM. */
int cs_snapshot_take_others(struct cs_snapshot *snapshot, const struct cs_model *model);
/* Its coroutines, threads and figures. Likewise. */
int cs_snapshot_take_states(struct cs_snapshot *snapshot, const struct cs_model *model);

#endif
