/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: a runtime that is loaded late, and unloaded, again and again: usage: coro_late LOADS
 * SWITCHES.
 */
#include <dlfcn.h>
#include <libgen.h>

#include "target.h"

int main(int argc, char **argv)
{
	unsigned long loads = argument(argc, argv, 1, 5), rounds = argument(argc, argv, 2, 4);
	char program[4096], path[4200];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	check(length > 0);
	program[length] = '\0';
	snprintf(path, sizeof(path), "%s/libcoro_late.so", dirname(program));
	for (unsigned long i = 0; i < loads; i++) {
		void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

		check(library != NULL);
		void (*run)(unsigned long) = (void (*)(unsigned long))dlsym(library, "late_run");

		check(run != NULL);
		run(rounds);
		check(dlclose(library) == 0);
	}
	say("{\"created\": %lu, \"switches\": %lu, \"freed\": %lu}\n", loads, loads * rounds,
	    loads);
	return 0;
}
