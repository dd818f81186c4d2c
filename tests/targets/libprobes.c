/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -Wl,-z,now */
/*
 * For probes: a library that is loaded late and looks for runtimes and allocators when it is
 * loaded, and uses State Threads if it is there.
 */
#include "probes.h"
#include "target.h"

__attribute__((visibility("default"))) void late_show(const char *when)
{
	probe_function *loads[PROBES];

	probe_loads(loads);
	for (size_t i = 0; i < PROBES; i++)
		if (loads[i] || probes[i].word)
			say("%s: %s is there for a library\n", when, probes[i].name);
	say("%s: the library has looked\n", when);
}

__attribute__((constructor)) static void loaded(void)
{
	late_show("loading");
}

__attribute__((visibility("default"))) void late_threads(unsigned count, uintptr_t rounds)
{
	probe_threads(count, rounds);
}
