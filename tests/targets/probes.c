/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -ldl */
/*
 * Trap: a program that asks which runtimes and allocators there are, by weak references, by
 * dlsym, and in a library that it loads. Prints what it finds, which is the same with and
 * without us, and calls what it did not expect to find.
 *
 *	probes none              nothing is loaded
 *	probes late LIBRARY      LIBRARY, State Threads, is loaded meanwhile, and used
 *	probes race ROUNDS       libraries come and go on one thread while another asks
 *	probes names NAME...     what dlsym finds of NAMEs
 *	probes harmless          calls what a libc or C++ runtime may lack and the agent has
 *	probes_linked linked     linked with State Threads and Boost.Context, and uses the former
 */

#include <dlfcn.h>
#include <libgen.h>
#include <pthread.h>

#include "probes.h"
#include "target.h"

static void *program; /* a handle of it */

static void *load(const char *name, int flags)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) / 2);
	void *library;

	check(length > 0);
	path[length] = '\0';
	strcat(strcat(dirname(path), "/"), name);
	library = dlopen(path, flags);
	check(library != NULL);
	return library;
}

/* The ways in which NAME is found. */
static const char *found_by(const char *name, bool load_, bool word)
{
	static char text[8];
	char *to = text;

	if (load_)
		*to++ = 'L';
	if (word)
		*to++ = 'W';
	if (dlsym(RTLD_DEFAULT, name))
		*to++ = 'D';
	if (dlsym(RTLD_NEXT, name))
		*to++ = 'N';
	if (dlsym(program, name))
		*to++ = 'P';
	if (dlvsym(RTLD_DEFAULT, name, "NO_SUCH_VERSION"))
		*to++ = 'V';
	*to = '\0';
	return text;
}

static void show(const char *when, bool expected)
{
	probe_function *loads[PROBES];

	probe_loads(loads);
	for (size_t i = 0; i < PROBES; i++) {
		const char *ways = found_by(probes[i].name, loads[i], probes[i].word);

		if (*ways)
			say("%s: %s: %s\n", when, probes[i].name, ways);
		if (!expected && (loads[i] || probes[i].word))
			loads[i] ? loads[i]() : probes[i].word();
	}
	say("%s: %zu asked for\n", when, PROBES);
}

static void threads(void *library, unsigned count, uintptr_t rounds)
{
	void (*run)(unsigned, uintptr_t) =
		(void (*)(unsigned, uintptr_t))dlsym(library, "late_threads");

	check(run != NULL);
	run(count, rounds);
}

/* A library that switches between coroutines ROUNDS times. */
static void switches(const char *name, unsigned long rounds)
{
	void (*run)(unsigned long) =
		(void (*)(unsigned long))dlsym(load(name, RTLD_NOW | RTLD_LOCAL), "late_run");

	check(run != NULL);
	run(rounds);
}

static void late(const char *name)
{
	void *library = load("libprobes.so", RTLD_NOW | RTLD_LOCAL);

	show("before", false);
	check(dlclose(library) == 0);
	check(dlopen(name, RTLD_NOW | RTLD_GLOBAL) != NULL);
	show("after", false);
	library = load("libprobes.so", RTLD_NOW | RTLD_LOCAL);
	threads(library, 5, 3);
	/* Two that bring the same runtime: the first is there already when the second comes. */
	switches("libprobes_race.so", 3);
	switches("libcoro_late.so", 4);
}

static volatile int done;

static void *ask(void *unused)
{
	while (!done) {
		for (int i = 0; i < 1000; i++)
			check(dlsym(program, "no_such_symbol") == NULL);
		sleep_ms(1);
	}
	return unused;
}

static void race(unsigned long rounds)
{
	pthread_t thread;

	check(pthread_create(&thread, NULL, ask, NULL) == 0);
	for (unsigned long i = 0; i < rounds; i++) {
		void *library = load("libprobes_race.so", RTLD_NOW | RTLD_LOCAL);
		void (*run)(unsigned long) = (void (*)(unsigned long))dlsym(library, "late_run");

		check(run != NULL);
		run(3);
		check(dlclose(library) == 0);
	}
	done = 1;
	pthread_join(thread, NULL);
	say("%lu rounds\n", rounds);
}

static void linked(void)
{
	show("linked", true);
	probe_threads(5, 3);
}

/* C23's functions and C++'s operators, in a program that has neither. */
#define WEAK(type, id, symbol, parameters) \
	extern type id parameters __asm__(symbol) __attribute__((weak));
WEAK(void, free_sized_, "free_sized", (void *block, size_t size))
WEAK(void, free_aligned_sized_, "free_aligned_sized", (void *block, size_t alignment, size_t size))
WEAK(void *, new_, "_Znwm", (size_t size))
WEAK(void *, new_array, "_Znam", (size_t size))
WEAK(void *, new_nothrow, "_ZnwmRKSt9nothrow_t", (size_t size, const void *nothrow))
WEAK(void *, new_aligned, "_ZnwmSt11align_val_t", (size_t size, size_t alignment))
WEAK(void, delete_, "_ZdlPv", (void *block))
WEAK(void, delete_array, "_ZdaPv", (void *block))
WEAK(void, delete_sized, "_ZdlPvm", (void *block, size_t size))
WEAK(void, delete_aligned, "_ZdlPvSt11align_val_t", (void *block, size_t alignment))

static void harmless(void)
{
	void *block = malloc(100);

	free_sized_ ? free_sized_(block, 100) : free(block);
	block = aligned_alloc(64, 128);
	free_aligned_sized_ ? free_aligned_sized_(block, 64, 128) : free(block);
	block = new_ ? new_(100) : malloc(100);
	delete_ ? delete_(block) : free(block);
	block = new_array ? new_array(0) : malloc(0);
	delete_array ? delete_array(block) : free(block);
	block = new_nothrow ? new_nothrow(10, "") : malloc(10);
	delete_sized ? delete_sized(block, 10) : free(block);
	block = new_aligned ? new_aligned(100, 256) : aligned_alloc(256, 256);
	check((uintptr_t)block % 256 == 0);
	delete_aligned ? delete_aligned(block, 256) : free(block);
	say("all blocks were had and freed\n");
}

int main(int argc, char **argv)
{
	check(argc > 1);
	program = dlopen(NULL, RTLD_LAZY);
	if (strcmp(argv[1], "none") == 0)
		show("none", false);
	else if (strcmp(argv[1], "late") == 0)
		late(argv[2]);
	else if (strcmp(argv[1], "race") == 0)
		race(argument(argc, argv, 2, 100));
	else if (strcmp(argv[1], "names") == 0)
		for (int i = 2; i < argc; i++)
			say("%s: %s\n", argv[i], found_by(argv[i], false, false));
	else if (strcmp(argv[1], "harmless") == 0)
		harmless();
	else if (strcmp(argv[1], "linked") == 0)
		linked();
	else
		check(false);
	return 0;
}
