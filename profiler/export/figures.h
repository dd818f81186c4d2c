/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runtimes say of themselves (scheduler, memory, collector), as text and JSON.
 */
#ifndef CS_EXPORT_FIGURES_H
#define CS_EXPORT_FIGURES_H

#include "base/json.h"
#include "base/sink.h"
#include "model/model.h"

/* A line each below TITLE; nothing where there are none. */
void cs_figures_text(const struct cs_model *model, const char *title, struct cs_sink *sink);
/* The array "figures". */
void cs_figures_json(const struct cs_model *model, struct cs_json *json);

#endif
