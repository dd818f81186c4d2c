/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording that is steered while it runs, by a small file that whoever started it writes
 * anew (with another name first, so that it is never seen half): lines
 *
 *     interval 250ms    with -p: look so often from now on
 *     hold              with --last: drop nothing until this line is gone
 *
 * A line that is not understood is passed over; a file that is not there says nothing.
 */
#ifndef CS_COMMAND_CONTROL_H
#define CS_COMMAND_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

struct cs_control {
	const char *path;     /* NULL: nobody steers; borrowed */
	uint64_t interval_ns; /* 0: nothing is said */
	bool hold;
	uint64_t due_ns;                   /* of the next look at the file */
	uint64_t changed_ns, bytes, inode; /* of the file that was read last */
};

#define CS_CONTROL_EVERY_NS UINT64_C(200000000)

/* Looks at the file if it is time to. True: it says something else than before. */
bool cs_control_look(struct cs_control *control, uint64_t now_ns);

#endif
