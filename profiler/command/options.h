/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one reader of options: every command's line is read by the same rules.
 *
 *   --name VALUE, --name=VALUE, -x VALUE, -xVALUE, -abc, --no-name; "--" ends the options
 *   an option whose argument may be left out takes it as --name=VALUE only
 *   options and operands mix, but where a program's own command line begins, ours has ended
 *   given twice, the last one counts
 */
#ifndef CS_COMMAND_OPTIONS_H
#define CS_COMMAND_OPTIONS_H

#include "command/command.h"

/*
 * Reads ARGV (without "coroscope" and the command's name). Stops early at --help. Values and
 * operands borrow the strings of ARGV. 0 or -errno; cs_args_free() in either case.
 */
int cs_args_read(struct cs_args *args, const struct cs_command *command, int argc, char **argv,
                 struct cs_diag *diag);
void cs_args_free(struct cs_args *args);

/* Options of COMMAND, its own and the general ones; NULL: INDEX is past the last. */
const struct cs_option *cs_option_at(const struct cs_command *command, size_t index);
/* Their groups; NULL: past the last. The general options are the last group. */
const struct cs_option_group *cs_group_at(const struct cs_command *command, size_t index);

#endif
