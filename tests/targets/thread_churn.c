/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: thread-local state and lanes of threads that come and go: 10,000 short threads, each
 * allocating, some leaving a block behind that another thread frees.
 */
#include <pthread.h>

#include "target.h"

SITE void *site_churn(size_t n)
{
	return malloc(n);
}

static void *short_life(void *argument)
{
	uintptr_t number = (uintptr_t)argument;
	void *left = site_churn(32 + number % 100);

	free(site_churn(1000));
	return left;
}

int main(int argc, char **argv)
{
	enum { AT_ONCE = 8 };
	unsigned count = (unsigned)argument(argc, argv, 1, 10000);
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i += AT_ONCE) {
		pthread_t threads[AT_ONCE];

		for (unsigned j = 0; j < AT_ONCE; j++)
			check(pthread_create(&threads[j], NULL, short_life,
			                     (void *)(uintptr_t)(i + j)) == 0);
		for (unsigned j = 0; j < AT_ONCE; j++) {
			void *left;

			check(pthread_join(threads[j], &left) == 0 && left != NULL);
			if ((i + j) % 100 != 0)
				free(left);
			else
				kept += 32;
		}
	}
	say("{\"threads\": %u, \"kept\": %u}\n", count, kept);
	return 0;
}
