/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -Wl,--no-as-needed -lboost_context -Wl,-z,now */
/*
 * For probes: a library that takes the loader long to relocate, in a part that is read-only
 * then, and that has a runtime behind it as libcoro_late has.
 */
#include "libcoro_late.c"
#include "probes.h"

__attribute__((visibility("default"))) const struct probe *late_probes(void)
{
	probe_function *loads[PROBES];

	probe_loads(loads);
	return &probes[loads[0] != NULL];
}
