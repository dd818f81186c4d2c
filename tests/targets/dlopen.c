/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps: dlclose of a module that holds recorded addresses, another one loaded at the same
 * place; modules loaded later and with RTLD_DEEPBIND; allocation in their constructors; the
 * loader's lock held by one thread while others allocate.
 */
/* cs-link: -ldl */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>

#include "target.h"

static char folder[400];
static volatile int done;
static unsigned same_place;

SITE void *site_program(size_t n)
{
	return malloc(n);
}

static void *load(const char *name, int flags)
{
	char path[500];
	void *handle;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	handle = dlopen(path, flags);
	if (handle == NULL)
		fprintf(stderr, "%s\n", dlerror());
	check(handle != NULL);
	return handle;
}

/* Loads, works, unloads; two blocks a round, one of which the program frees. */
static void round_trip(const char *name, int flags)
{
	static uintptr_t last_place;
	void *handle = load(name, flags);
	void *(*work)(void *) = (void *(*)(void *))dlsym(handle, "plug_work");
	struct link_map *map;
	void *kept;

	check(work != NULL && dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0);
	same_place += (uintptr_t)map->l_addr == last_place;
	last_place = (uintptr_t)map->l_addr;
	kept = work(site_program(50));
	free(work(site_program(60)));
	check(kept != NULL);
	check(dlclose(handle) == 0);
}

static void *noise(void *unused)
{
	while (!done) {
		free(site_program(10));
		free(malloc(100000));
	}
	return unused;
}

static int visit(struct dl_phdr_info *info, size_t size, void *count)
{
	(void)size;
	free(malloc(strlen(info->dlpi_name) + 1)); /* while the loader's lock is held */
	*(int *)count += 1;
	return 0;
}

static sem_t locked, worked;

/* Code that nobody has met yet allocates, while the loader's lock is another thread's. */
static void *work_elsewhere(void *work)
{
	sem_wait(&locked);
	free(((void *(*)(void *))work)(site_program(70)));
	sem_post(&worked);
	return NULL;
}

static int wait_for_it(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info;
	(void)size;
	(void)unused;
	sem_post(&locked);
	sem_wait(&worked);
	return 1;
}

/* The loader's lock first, then what the other thread holds: it must not want the former. */
static void locks_in_order(void)
{
	void *handle = load("libplug_quiet.so", RTLD_NOW);
	pthread_t thread;

	sem_init(&locked, 0, 0);
	sem_init(&worked, 0, 0);
	check(pthread_create(&thread, NULL, work_elsewhere, dlsym(handle, "plug_quiet")) == 0);
	check(dl_iterate_phdr(wait_for_it, NULL) == 1);
	pthread_join(thread, NULL);
	check(dlclose(handle) == 0);
}

int main(int argc, char **argv)
{
	unsigned rounds = (unsigned)argument(argc, argv, 1, 200);
	ssize_t bytes = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	pthread_t threads[2];
	int modules = 0;

	check(bytes > 0);
	*strrchr(folder, '/') = '\0';
	/* An older loader has no way to ask it without its lock. */
	if (dlsym(RTLD_DEFAULT, "_dl_find_object"))
		locks_in_order();
	for (int i = 0; i < 2; i++)
		check(pthread_create(&threads[i], NULL, noise, NULL) == 0);
	for (unsigned i = 0; i < rounds; i++) {
		round_trip("libplug_a.so", RTLD_NOW);
		round_trip("libplug_b.so", RTLD_NOW | RTLD_LOCAL);
		check(dlsym(RTLD_DEFAULT, "no_such_symbol") == NULL && dlerror() != NULL);
		dl_iterate_phdr(visit, &modules);
	}
	for (unsigned i = 0; i < rounds; i++)
		round_trip("libplug_a.so", RTLD_LAZY | RTLD_DEEPBIND);
	done = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	fprintf(stderr, "same place: %u\n", same_place);
	check(modules > 0);
	say("{\"rounds\": %u, \"kept_a\": %u, \"kept_b\": %u}\n", rounds, 2 * rounds * 1000,
	    rounds * 1000);
	return 0;
}
