/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins: modules of Go code beside the program, known by where they are mapped.
 */
#ifndef CS_GO_PLUGIN_H
#define CS_GO_PLUGIN_H

#include <stdint.h>

#include "go/module.h"
#include "model/model.h"

/* Sets module and bias of MODULE from the mappings of PID; without any, a module of no file. */
void cs_go_plugin_name(struct cs_go_module *module, uint32_t pid, struct cs_model *model);

#endif
