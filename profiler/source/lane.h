/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ring.c and merge.c do to a lane beside what ring.h offers to all.
 */
#ifndef CS_SOURCE_LANE_H
#define CS_SOURCE_LANE_H

#include "source/ring.h"

/* Reads pending and head; a damaged lane is emptied. Pending that stands still for too long
 * is taken for 0. */
void cs_lane_look(struct cs_lane_reader *lane, uint64_t now_ns);

#endif
