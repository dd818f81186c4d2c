/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How views say things: ids, ages, functions, amounts. The unknown is "?", always.
 */
#ifndef CSV_VIEW_WORDS_H
#define CSV_VIEW_WORDS_H

#include <stdint.h>

#include "base/text.h"
#include "canvas/role.h"
#include "model/coroutine.h"
#include "view/scene.h"

/* "go/18". */
struct cs_text csv_words_id(const struct cs_model *model, uint32_t runtime, uint64_t number);
/* CS_UNKNOWN: "?". */
struct cs_text csv_words_duration(uint64_t ns);
struct cs_text csv_words_bytes(uint64_t bytes);
struct cs_text csv_words_count(uint64_t count);
/* Short forms for narrow columns: 12.3s, 4m05s, 3h12m, 5d02h; 12.3K, 1.2M. */
struct cs_text csv_words_short_duration(uint64_t ns);
struct cs_text csv_words_short_bytes(double bytes);

/* A value of a metric in its unit; "?" for NAN. */
struct cs_text csv_words_metric(enum cs_metric metric, double value);
struct cs_text csv_words_metric_change(enum cs_metric metric, double value);

/* Since when it is in its state, in all; CS_UNKNOWN. */
uint64_t csv_coroutine_wait_ns(const struct cs_coroutine *coroutine, uint64_t now_ns);
uint64_t csv_coroutine_age_ns(const struct cs_coroutine *coroutine, uint64_t now_ns);
/* The same as text; ">2.0s" where it may be longer: it was so when it was first seen. */
typedef struct cs_text csv_duration_form(uint64_t ns); /* csv_words_…duration */
struct cs_text csv_coroutine_wait_text(const struct cs_coroutine *coroutine, uint64_t now_ns,
                                       csv_duration_form *form);
struct cs_text csv_coroutine_age_text(const struct cs_coroutine *coroutine, uint64_t now_ns,
                                      csv_duration_form *form);

/* SWITCHES of OF, or of the group that it stands for: ">" where nobody tells of all. */
struct cs_text csv_switches_text(uint64_t switches, const struct cs_coroutine *of);

/* What part of one CPU a thread took between the last two looks at it; NAN: not known. */
double csv_thread_share(const struct csv_scene *scene, uint32_t thread);
enum csv_role csv_role_of_state(enum cs_coroutine_state state);

/*
 * The call that tells a person most about STACK: the innermost one that is not the runtime's
 * own way to park. NULL: there is no stack.
 */
const struct cs_call *csv_telling_call(const struct cs_stack *stack);

/* Its function; of one that has no name of its own (a lambda) also where it is. As snprintf(). */
size_t csv_words_call(const struct cs_call *call, char *text, size_t bytes);

#endif
