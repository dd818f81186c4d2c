/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small trace for tests of commands, and a way to run them as a shell does.
 *
 * Two processes, "server" (pid 100, threads 100 "main" and 101 "worker") and its child
 * "helper" (pid 200). In bytes and objects in use, at these times:
 *
 *                                     1 s        2 s (peak)   3 s, the end
 *   server main    main;parse;grow    1000 / 10  4000 / 40    1000 / 10
 *   server worker  work;parse                    500 / 5      500 / 5
 *   helper         main;send                                  96 / 3
 *
 * What is gone was freed: 3000 bytes in 30 objects were, after 2 s.
 */
#ifndef CS_TEST_SCENE_H
#define CS_TEST_SCENE_H

#include <stdbool.h>

struct scene {
	char folder[32];
	char path[64]; /* of the trace */
	char *out;     /* of the last command */
	char *err;
	int status;
};

/* EXACT: every allocation; else sampled, with a mean of 512 KiB. */
void scene_begin(struct scene *scene, bool exact);
void scene_end(struct scene *scene);

/* Runs LINE, words parted by spaces, as "coroscope LINE"; "%" stands for the trace's path. */
void scene_run(struct scene *scene, const char *line);

/* Leaves the first PERCENT of the trace. */
void scene_cut(struct scene *scene, int percent);

#endif
