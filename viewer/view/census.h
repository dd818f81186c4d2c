/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where coroutines stood at an earlier moment: what is kept of it are numbers, so that its model
 * need not be.
 */
#ifndef CSV_VIEW_CENSUS_H
#define CSV_VIEW_CENSUS_H

#include "view/scene.h"

/* 0 or -ENOMEM; CENSUS is then unknown. Replaces what was there. */
int csv_census_take(struct csv_census *census, const struct cs_model *model);
void csv_census_release(struct csv_census *census);

#endif
