/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command's constant, each defined in the file of its name. To add one: declare it
 * here, list it in registry.c.
 */
#ifndef CS_COMMAND_REGISTRY_H
#define CS_COMMAND_REGISTRY_H

#include "command/command.h"

extern const struct cs_command cs_command_record;
extern const struct cs_command cs_command_snapshot;
extern const struct cs_command cs_command_top;
extern const struct cs_command cs_command_heap;
extern const struct cs_command cs_command_ps;
extern const struct cs_command cs_command_fold;
extern const struct cs_command cs_command_diff;
extern const struct cs_command cs_command_info;
extern const struct cs_command cs_command_dump;
extern const struct cs_command cs_command_symbolize;
extern const struct cs_command cs_command_list;
extern const struct cs_command cs_command_recover;
extern const struct cs_command cs_command_clean;
extern const struct cs_command cs_command_doctor;
extern const struct cs_command cs_command_help;
extern const struct cs_command cs_command_completion;
extern const struct cs_command cs_command_version;

#endif
