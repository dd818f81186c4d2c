/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What views show, as data: with the keys of `ps --json` and `heap --json`, or as the folded
 * stacks of `fold`; so whoever reads those can read what was saved or copied here.
 *
 * Each returns 0, -ENOTSUP: not in this form, -ENOMEM or the sink's error.
 */
#ifndef CSV_VIEW_SAVE_H
#define CSV_VIEW_SAVE_H

#include "base/json.h"
#include "base/sink.h"
#include "model/group.h"
#include "model/rollup.h"
#include "view/scene.h"
#include "widget/grid.h"

enum csv_form { CSV_FORM_TEXT, CSV_FORM_JSON, CSV_FORM_FOLDED, CSV_FORMS };
extern const char *const csv_form_names[CSV_FORMS + 1]; /* "text" …; ended by NULL */

/* The coroutines in the COUNT SLOTS of the scene's model, whose snapshot is whole. */
int csv_save_coroutines(const struct csv_scene *scene, const uint32_t *slots, uint32_t count,
                        enum csv_form form, struct cs_sink *sink);
/* GROUPS with slots as examples, in the order of GRID. */
int csv_save_groups(const struct csv_scene *scene, const struct cs_groups *groups,
                    struct csv_grid *grid, enum csv_form form, struct cs_sink *sink);
/* The threads IDS of the model, and nothing of coroutines. */
int csv_save_threads(const struct csv_scene *scene, const uint32_t *ids, uint32_t count,
                     enum csv_form form, struct cs_sink *sink);
/* The entries of ROLLUP that GRID shows, in its order; NULL: all. */
int csv_save_rollup(const struct cs_rollup *rollup, struct csv_grid *grid, enum csv_form form,
                    struct cs_sink *sink);

/* The head that all of them have: schema and time. */
void csv_save_begin(struct cs_json *json, const struct csv_scene *scene, struct cs_sink *sink);

#endif
