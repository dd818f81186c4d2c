/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Go built the program: from its build information, or where that was taken out, from
 * the runtime's own variable.
 */
#ifndef CS_GO_VERSION_H
#define CS_GO_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "go/image.h"
#include "go/memory.h"
#include "go/module.h"

struct cs_go_version {
	char text[96];  /* "go1.22.12"; "" unknown */
	uint32_t minor; /* 22; 0 unknown */
	bool modified;  /* not a release: "devel", an experiment "X:…" */
};

/* False: unknown. */
bool cs_go_version_find(struct cs_go_version *version, const struct cs_go_image *image,
                        const struct cs_go_module *module, struct cs_go_memory *memory);

#endif
