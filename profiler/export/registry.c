/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of formats. A new one is a file of its own and a line here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "export/export.h"

const struct cs_export *const cs_exports[] = {
	&cs_export_folded,
	&cs_export_json,
	&cs_export_text,
	NULL,
};

const struct cs_export *cs_export_by_name(const char *name, struct cs_diag *diag)
{
	char valid[256] = "";
	size_t used = 0;

	for (unsigned i = 0; cs_exports[i]; i++) {
		if (strcmp(cs_exports[i]->name, name) == 0)
			return cs_exports[i];
		if (used < sizeof(valid))
			used += (size_t)snprintf(valid + used, sizeof(valid) - used, "%s%s",
			                         used ? ", " : "", cs_exports[i]->name);
	}
	cs_diag_set(diag, -EINVAL, "write format '%s': there is none of that name", name);
	cs_diag_hint(diag, "formats: %s", valid);
	return NULL;
}
