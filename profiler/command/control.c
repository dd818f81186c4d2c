/* SPDX-License-Identifier: Apache-2.0 */
/* The file is small: it is read whole when it is another one by its number, size or time. */
#include "command/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command/quantity.h"

#define INTERVAL_MIN_NS UINT64_C(10000000)

static void read_line(struct cs_control *control, char *line)
{
	uint64_t ns;

	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, "hold"))
		control->hold = true;
	if (!strncmp(line, "interval ", 9) && !cs_parse_duration(line + 9, &ns) &&
	    ns >= INTERVAL_MIN_NS)
		control->interval_ns = ns;
}

static void read_file(struct cs_control *control)
{
	FILE *file = fopen(control->path, "re");
	char line[128];

	control->hold = false;
	control->interval_ns = 0;
	while (file && fgets(line, sizeof(line), file))
		read_line(control, line);
	if (file)
		fclose(file);
}

bool cs_control_look(struct cs_control *control, uint64_t now_ns)
{
	struct stat status = {0};
	uint64_t changed_ns;

	if (!control->path || now_ns < control->due_ns)
		return false;
	control->due_ns = now_ns + CS_CONTROL_EVERY_NS;
	if (stat(control->path, &status))
		memset(&status, 0, sizeof(status));
	changed_ns = (uint64_t)status.st_mtim.tv_sec * UINT64_C(1000000000) +
	             (uint64_t)status.st_mtim.tv_nsec;
	if (changed_ns == control->changed_ns && (uint64_t)status.st_size == control->bytes &&
	    status.st_ino == control->inode)
		return false;
	control->changed_ns = changed_ns;
	control->bytes = (uint64_t)status.st_size;
	control->inode = status.st_ino;
	read_file(control);
	return true;
}
