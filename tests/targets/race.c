/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: the record of a free or of a moved realloc written after the real one: another thread
 * gets the address first, and a live block vanishes from the books. All threads use one size
 * class and exchange blocks through a few shared slots, so addresses change hands at once. What
 * vanishes comes back when its address is used again: so some blocks are kept for good.
 *
 * race THREADS OPERATIONS; without glibc's caches of each thread (GLIBC_TUNABLES).
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "target.h"

#define SLOTS 64
#define KEPT 8 /* one of so many is never freed */

static _Atomic(void *) slots[SLOTS];
static unsigned long operations;

SITE void *site_race(size_t n)
{
	return malloc(n);
}

SITE void *site_race_realloc(void *p, size_t n)
{
	return realloc(p, n);
}

static void *work(void *argument)
{
	uint64_t random = (uintptr_t)argument + 1;

	for (unsigned long i = 0; i < operations; i++) {
		uint64_t dice = random_next(&random) >> 32;
		void *mine = site_race(48);

		if (i % KEPT == 0)
			continue;
		if (dice & 0x100)
			mine = site_race_realloc(mine, 48 + (dice & 0xff) * 16);
		mine = atomic_exchange(&slots[dice % SLOTS], mine);
		free(mine);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 4);
	pthread_t threads[64];

	operations = argument(argc, argv, 2, 100000);
	check(count <= 64);
	mallopt(M_ARENA_MAX, 1); /* one arena: what one thread frees another one gets */
	for (unsigned long i = 0; i < count; i++)
		check(pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i) == 0);
	for (unsigned long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < SLOTS; i++) {
		free(slots[i]);
		slots[i] = site_race(48);
	}
	unsigned long live = SLOTS + count * ((operations + KEPT - 1) / KEPT);

	say("{\"objects\": %lu, \"bytes\": %lu, \"operations\": %lu}\n", live, live * 48,
	    count * operations + SLOTS);
	return 0;
}
