/* SPDX-License-Identifier: Apache-2.0 */
/* Opened as for a whole look, and closed again. */
#include "go/brief.h"

#include "go/process.h"
#include "model/model.h"

int cs_go_brief(struct cs_go_brief *brief, uint32_t pid, struct cs_diag *diag)
{
	struct cs_go *go = cs_go_open(pid, diag);
	uint64_t count;

	*brief = (struct cs_go_brief){.goroutines = CS_UNKNOWN};
	if (!go)
		return diag->error;
	brief->version = go->version;
	if (go->variables.allglen && cs_go_read_u64(&go->memory, go->variables.allglen, &count))
		brief->goroutines = count;
	cs_go_close(go);
	return 0;
}
