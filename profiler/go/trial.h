/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a layout fits: goroutines are read in it, and every value must be possible.
 */
#ifndef CS_GO_TRIAL_H
#define CS_GO_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "go/layout.h"
#include "go/locate.h"
#include "go/memory.h"
#include "go/module.h"

/*
 * MODULE is the program. 0; -ENOTSUP with DIAG: it does not fit. Also finds what has changed
 * within a minor version: the list of all m, and what depends on it; where no offset fits, the
 * list counts as absent.
 */
int cs_go_trial(struct cs_go_memory *memory, struct cs_go_layout *layout,
                struct cs_go_variables *variables, const struct cs_go_module *module,
                struct cs_diag *diag);

/*
 * Whether G, of CS_GO_G_BYTES, is a goroutine with a number in that layout; LAST_GOID 0: unknown.
 */
bool cs_go_trial_fits(const unsigned char *g, const struct cs_go_layout *layout,
                      const struct cs_go_module *module, uint64_t last_goid);

#endif
