/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands as text: on the terminal, as manual pages and for shells.
 */
#ifndef CS_COMMAND_HELP_H
#define CS_COMMAND_HELP_H

#include <stdio.h>

#include "command/command.h"

void cs_help_overview(FILE *out);
void cs_help_command(FILE *out, const struct cs_command *command);

/* The synopsis of an option, such as "-n, --limit N" or "--heap[=BYTES]", into TEXT. */
void cs_help_option(char *text, size_t bytes, const struct cs_option *option);
/* What follows its help: "(valid: a, b; default: a)", or "". */
void cs_help_values(char *text, size_t bytes, const struct cs_option *option);

/* The page coroscope(1), or coroscope-COMMAND(1), in the language of man(7). */
void cs_man_overview(FILE *out);
void cs_man_command(FILE *out, const struct cs_command *command);

#endif
