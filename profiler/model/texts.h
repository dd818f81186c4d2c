/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short texts that recur, and the runtimes of processes: append-only definitions.
 */
#ifndef CS_MODEL_TEXTS_H
#define CS_MODEL_TEXTS_H

#include "model/model.h"

/* A runtime in a process: "go" with version "go1.22.12". The same key gives the same id. */
struct cs_runtime {
	uint32_t process;
	char *name;    /* cli.md: go, gccgo, ucontext, boost-context, state-threads, … */
	char *version; /* NULL unknown */
};
uint32_t cs_model_runtime(struct cs_model *model, uint32_t process, const char *name,
                          const char *version); /* 0: no memory */
uint32_t cs_model_runtime_count(const struct cs_model *model);
const struct cs_runtime *cs_model_runtime_at(const struct cs_model *model, uint32_t id);

/* Short texts that recur (wait reasons, figures' names, labels of tallies); append-only. */
uint32_t cs_model_text(struct cs_model *model, const char *text); /* 0: no memory, or "" */
uint32_t cs_model_text_count(const struct cs_model *model);
const char *cs_model_text_at(const struct cs_model *model, uint32_t id); /* NULL: no such id */

#endif
