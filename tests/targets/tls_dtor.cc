/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: TLS destroyed before a thread's last free. Blocks are freed and allocated in
 * destructors of pthread keys (all four rounds), of thread_local objects, and by the main
 * thread after main.
 */
#include <atomic>
#include <pthread.h>
#include <string>
#include <thread>
#include <vector>

#include "target.h"

static std::atomic<unsigned> rounds, destroyed;
static pthread_key_t key;

SITE void *site_tls(size_t n)
{
	return malloc(n);
}

static void key_destructor(void *value)
{
	uintptr_t *block = static_cast<uintptr_t *>(value);
	uintptr_t left = *block;

	rounds++;
	free(block);
	if (left > 1) { /* set again: glibc calls once more */
		block = static_cast<uintptr_t *>(site_tls(200));
		*block = left - 1;
		pthread_setspecific(key, block);
	}
}

struct holder {
	std::vector<std::string> texts;
	void *block = nullptr;

	~holder()
	{
		free(block);
		texts.emplace_back(500, 'x');
		free(site_tls(77));
		destroyed++;
	}
};

static thread_local holder held;

static void thread_main()
{
	uintptr_t *block = static_cast<uintptr_t *>(site_tls(100));

	*block = 4;
	pthread_setspecific(key, block);
	held.block = site_tls(64);
	held.texts.emplace_back(1000, 'y');
}

int main()
{
	check(pthread_key_create(&key, key_destructor) == 0);
	for (int i = 0; i < 100; i++) {
		std::thread a(thread_main), b(thread_main);

		a.join();
		b.join();
	}
	say("threads: %u rounds of key destructors, %u objects destroyed\n", rounds.load(),
	    destroyed.load());
	thread_main(); /* main's own are destroyed after main returns */
	return 0;
}
