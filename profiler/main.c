/* SPDX-License-Identifier: Apache-2.0 */
#include "command/command.h"

int main(int argc, char **argv)
{
	return cs_command_main(argc, argv);
}
