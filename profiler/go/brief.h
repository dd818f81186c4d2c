/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Go process in a few words, for lists of them: its tables are found, no goroutine is read.
 */
#ifndef CS_GO_BRIEF_H
#define CS_GO_BRIEF_H

#include <stdint.h>

#include "base/diag.h"
#include "go/version.h"

struct cs_go_brief {
	struct cs_go_version version;
	uint64_t goroutines; /* structs of them, those that have ended included; CS_UNKNOWN */
};

/* 0 or -errno with DIAG: it can't be read, and why. */
int cs_go_brief(struct cs_go_brief *brief, uint32_t pid, struct cs_diag *diag);

#endif
