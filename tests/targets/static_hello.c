/* SPDX-License-Identifier: Apache-2.0 */
/* A static program: nothing can be preloaded into it, which has to be said. */
/* cs-cflags: -fno-pie */
/* cs-link: -static -no-pie */
#include "target.h"

int main(void)
{
	free(malloc(100));
	say("static\n");
	return 6;
}
