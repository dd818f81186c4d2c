/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layouts from a program's debug information, where it has some: for versions of Go that the
 * table does not know, and for runtimes that somebody has changed.
 */
#ifndef CS_GO_DEBUG_H
#define CS_GO_DEBUG_H

#include "go/layout.h"

/*
 * Sets the fields that the debug information of the file FD tells; others stay as they are. 0, or
 * -ENOENT: it does not tell of goroutines, and nothing has changed.
 */
int cs_go_debug_layout(int fd, struct cs_go_layout *layout);

#endif
