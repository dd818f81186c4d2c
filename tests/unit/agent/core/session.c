/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/thread.h"
#include "support/unit.h"

static char folder[64];

void session_begin(uint64_t lane_bytes, uint32_t flags)
{
	session_begin_heap(lane_bytes, flags, CS_HEAP_OFF);
}

void session_begin_heap(uint64_t lane_bytes, uint32_t flags, uint64_t heap_mean_bytes)
{
	char path[128];
	struct cs_session session = {
		.magic = CS_SESSION_MAGIC,
		.version = CS_WIRE_VERSION,
		.bytes = sizeof(session),
		.heap_mean_bytes = heap_mean_bytes,
		.lane_bytes = lane_bytes,
		.stack_table_bytes = 1 << 16,
		.flags = flags | CS_SESSION_CHILDREN,
		.depth_max = CS_STACK_DEPTH_DEFAULT,
		.enabled = 1,
	};

	strcpy(folder, "/tmp/coroscope-unit-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/%s", folder, CS_SESSION_FILE);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	assert_int_equal(write(fd, &session, sizeof(session)), sizeof(session));
	close(fd);
	setenv(CS_ENV_SESSION, folder, 1);
	memset(&csa_tls, 0, sizeof(csa_tls));
	memset(&csa_agent, 0, sizeof(csa_agent));
	assert_true(csa_agent_start());
}

void session_end(void)
{
	char command[128];

	atomic_store(&csa_agent.session->enabled, 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

struct csa_thread *session_thread(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	csa_tls.busy = here;
	return csa_thread_self(here);
}
