/* SPDX-License-Identifier: Apache-2.0 */
/* Trap: AddressSanitizer wants to be the first library and ends a program where it is not. */
/* cs-cflags: -fsanitize=address */
/* cs-link: -fsanitize=address */
#include "target.h"

int main(void)
{
	for (int i = 0; i < 100; i++)
		free(malloc(100));
	say("asan\n");
	return 0;
}
