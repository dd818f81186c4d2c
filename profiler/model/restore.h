/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a trace rebuilds a model: definitions come with their numbers, in order, so each call
 * appends; sums are set, not added. Values may be hostile.
 *
 * Each gives 0, -ENOMEM, or -EINVAL for a value that can't be: then nothing has changed.
 * Strings are copied.
 */
#ifndef CS_MODEL_RESTORE_H
#define CS_MODEL_RESTORE_H

#include "model/coroutine.h"
#include "model/model.h"
#include "model/tally.h"

int cs_model_restore_process(struct cs_model *model, const struct cs_process *process);
int cs_model_restore_thread(struct cs_model *model, const struct cs_thread *thread);
int cs_model_restore_module(struct cs_model *model, const struct cs_module *module);
int cs_model_restore_frame(struct cs_model *model, const struct cs_frame *frame);
int cs_model_restore_node(struct cs_model *model, const struct cs_node *node);
int cs_model_restore_cell(struct cs_model *model, const struct cs_cell *key); /* its ids only */

int cs_model_restore_text(struct cs_model *model, const char *text);
int cs_model_restore_runtime(struct cs_model *model, const struct cs_runtime *runtime);
int cs_model_restore_tally(struct cs_model *model, const struct cs_tally *key);
int cs_model_restore_figure(struct cs_model *model, const struct cs_figure *key);
int cs_model_restore_tally_sum(struct cs_model *model, uint32_t id, uint64_t value,
                               uint64_t samples);
int cs_model_restore_figure_value(struct cs_model *model, uint32_t id, double value,
                                  uint64_t time_ns);

/* A coroutine of FROM's key; *ID is its slot. What changes of it is unknown. */
int cs_model_restore_coroutine(struct cs_model *model, const struct cs_coroutine *from,
                               uint32_t *id);
/* What hardly changes, of the same key. */
int cs_model_restore_coroutine_facts(struct cs_model *model, uint32_t id,
                                     const struct cs_coroutine *from);
int cs_model_restore_coroutine_state(struct cs_model *model, uint32_t id,
                                     const struct cs_coroutine *from);
int cs_model_restore_coroutine_heap(struct cs_model *model, uint32_t id,
                                    const struct cs_coroutine_heap *heap);
/* Its slot is given back. */
void cs_model_restore_coroutine_gone(struct cs_model *model, uint32_t id);

/* The sums and the peak of FROM become those of cell ID; the process is left alone. */
int cs_model_restore_sum(struct cs_model *model, uint32_t id, const struct cs_cell *from);

/*
 * Takes away what each cell and tally had in BASE, an earlier state of the same trace: sums become
 * those of the interval. `in use` can become negative and must be held at 0 by who shows it;
 * peaks stay those of the whole time.
 */
void cs_model_subtract(struct cs_model *model, const struct cs_model *base);

#endif
