/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here waits: what was asked for is seen in what the recorder then does. */
#include "app/steer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/session.h"

#define LOOKS_MIN_NS UINT64_C(50000000)
#define LOOKS_MAX_NS UINT64_C(60000000000)

/* The file is never seen half: it gets its name when it is whole. */
static int tell(const struct csv_steer *steer)
{
	char path[4096], text[128] = "";
	int used = 0, fd, error = 0;

	if (steer->looks_ns)
		used = snprintf(text, sizeof(text), "interval %" PRIu64 "ms\n",
		                steer->looks_ns / 1000000);
	if (steer->recording[0])
		used += snprintf(text + used, sizeof(text) - (size_t)used, "hold\n");
	snprintf(path, sizeof(path), "%s.new", steer->control);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)used) != used)
		error = -EIO;
	close(fd);
	return error ? error : rename(path, steer->control) ? -errno : 0;
}

bool csv_steer_looks(struct csv_steer *steer, bool faster)
{
	uint64_t before = steer->looks_ns;

	if (!steer->control || !before)
		return false;
	steer->looks_ns = faster ? before / 2 : before * 2;
	if (steer->looks_ns < LOOKS_MIN_NS)
		steer->looks_ns = LOOKS_MIN_NS;
	if (steer->looks_ns > LOOKS_MAX_NS)
		steer->looks_ns = LOOKS_MAX_NS;
	if (!tell(steer))
		return true;
	steer->looks_ns = before;
	return false;
}

int csv_steer_start(struct csv_steer *steer, struct csv_session *session, const char *path,
                    struct cs_diag *diag)
{
	int error;

	if (!access(path, F_OK))
		return cs_diag_set(diag, -EEXIST, "record to %s: it is there already", path);
	if (strlen(path) >= sizeof(steer->recording))
		return cs_diag_set(diag, -ENAMETOOLONG, "record to %s: the name is too long", path);
	snprintf(steer->recording, sizeof(steer->recording), "%s", path);
	error = tell(steer);
	if (error) {
		steer->recording[0] = 0;
		return cs_diag_set(diag, error, "record to %s: the recorder can't be told: %s",
		                   path, strerror(-error));
	}
	steer->recorded_ns = csv_session_scene(session)->to_ns;
	return 0;
}

int csv_steer_end(struct csv_steer *steer, struct csv_session *session, struct cs_diag *diag)
{
	int error = csv_session_copy(session, steer->recording, diag);

	if (error)
		return error;
	steer->recording[0] = 0;
	(void)tell(steer); /* it only keeps more than it needs to */
	return 0;
}

bool csv_steer_next(const struct csv_steer *steer, char *text, unsigned bytes)
{
	FILE *file = steer->next ? fopen(steer->next, "re") : NULL;
	char line[64] = "";
	uint64_t pid;

	if (file && !fgets(line, sizeof(line), file))
		line[0] = 0;
	if (file)
		fclose(file);
	if (sscanf(line, "%" SCNu64, &pid) == 1)
		snprintf(text, bytes, "r watches process %" PRIu64 ", which runs the same program",
		         pid);
	else if (!strncmp(line, "again", 5))
		snprintf(text, bytes, "r starts it again");
	else
		return false;
	return true;
}
