/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives at a moment, and below whom: found out once for each picture, before anybody presses
 * a key, and kept from picture to picture, of which most have most of it in common.
 */
#ifndef CSV_VIEW_LIVING_H
#define CSV_VIEW_LIVING_H

#include "base/pace.h"
#include "view/scene.h"

/*
 * Brings LIVING and COUNTS to MODEL, whichever they were of. 0, -ENOMEM or what a rest at PACE
 * (NULL: none) gave: nobody is known then.
 */
int csv_living_take(struct csv_living *living, struct csv_counts *counts,
                    const struct cs_model *model, const struct cs_pace *pace);
/* The counts of those that are shown: without the runtime's own where these are hidden. */
struct csv_counts csv_counts_shown(const struct csv_scene *scene);
/* The slot of one that lives; 0: it does not. */
uint32_t csv_living_find(const struct csv_living *living, const struct cs_model *model,
                         const struct csv_who *who);
void csv_living_release(struct csv_living *living);

#endif
