/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares what a Go program's debug information says of the runtime's structs with the table:
 *
 *     go_layout FILE MINOR
 *
 * Prints every field that differs, then how many are the same.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "go/debug.h"

int main(int argc, char **argv)
{
	struct cs_go_layout table, debug;
	uint32_t same = 0;
	int fd = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || cs_go_layout_of(&table, (uint32_t)strtoul(argv[2], NULL, 10)))
		return 2;
	/* A pattern that no field can have: what debug information does not tell stays so. */
	memset(&debug, 0xa5, sizeof(debug));
	if (cs_go_debug_layout(fd, &debug))
		return 3;
	for (uint32_t i = 0; i < cs_go_field_count(); i++) {
		struct cs_go_field field = cs_go_field_at(i);
		uint32_t wanted = *cs_go_layout_field(&table, i);
		uint32_t got = *cs_go_layout_field(&debug, i);
		bool absent = got == UINT32_C(0xa5a5a5a5);

		if (got == wanted || (absent && wanted == CS_GO_ABSENT))
			same++;
		else
			printf("%s.%s %" PRId32 " %" PRId32 "\n", field.type,
			       field.field ? field.field : "", (int32_t)wanted,
			       absent ? -1 : (int32_t)got);
	}
	printf("same %" PRIu32 " of %" PRIu32 "\n", same, cs_go_field_count());
	return 0;
}
