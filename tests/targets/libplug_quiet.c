/* SPDX-License-Identifier: Apache-2.0 */
/* For dlopen.c: allocates nothing until it is asked, so that nobody has met its code. */
#include <stdlib.h>

void *plug_quiet(void *theirs)
{
	void *block;

	free(theirs);
	block = malloc(1000);
	*(volatile char *)block = 1; /* not by a jump: the frame is ours */
	return block;
}
