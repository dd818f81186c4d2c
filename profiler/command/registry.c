/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands, in the order in which the help lists them: first what makes a trace, then
 * what reads one, then what explains coroscope itself.
 */
#include "command/registry.h"

#include <string.h>

#include "command/command.h"

const struct cs_command *const cs_commands[] = {
	/* clang-format off: one a line */
	&cs_command_record,     &cs_command_snapshot, &cs_command_ps,
	&cs_command_top,        &cs_command_heap,     &cs_command_fold,
	&cs_command_diff,       &cs_command_info,     &cs_command_dump,
	&cs_command_symbolize,  &cs_command_list,     &cs_command_recover,
	&cs_command_clean,      &cs_command_doctor,   &cs_command_help,
	&cs_command_completion, &cs_command_version,  NULL,
	/* clang-format on */
};

const struct cs_command *cs_command_find(const char *name)
{
	for (const struct cs_command *const *command = cs_commands; *command; command++)
		if (strcmp((*command)->name, name) == 0)
			return *command;
	return NULL;
}
