/* SPDX-License-Identifier: Apache-2.0 */
/* Fact: blocks of 4 GiB and more are counted with their size, to the byte. */
#include <sys/mman.h>

#include "target.h"

SITE void *site_big(size_t n)
{
	return malloc(n);
}

int main(void)
{
	size_t bytes = ((size_t)5 << 30) + 123;
	void *reserved = mmap(NULL, (size_t)1 << 42, PROT_NONE,
	                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *block = site_big(bytes); /* never touched: no memory is used */

	check(reserved != MAP_FAILED);
	check(block != NULL);
	block[0] = block[bytes - 1] = 1;
	free(site_big((size_t)6 << 30));
	say("{\"kept\": %zu, \"all\": %zu}\n", bytes, bytes + ((size_t)6 << 30));
	return 0;
}
