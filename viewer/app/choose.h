/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of processes to choose one from. Who finds them is the command that started us: it
 * writes the list, and writes it anew now and then (profiler/command/candidates.h); we show it,
 * and write down which one was chosen.
 */
#ifndef CSV_APP_CHOOSE_H
#define CSV_APP_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "canvas/canvas.h"
#include "canvas/key.h"
#include "widget/action.h"
#include "widget/grid.h"
#include "widget/prompt.h"

struct csv_process_row {
	uint32_t pid;
	uint64_t coroutines; /* at most; UINT64_MAX: not known */
	char user[33], kind[16], version[64], refusal[160], command[256];
};

struct csv_choose {
	const char *path;
	struct csv_keymap keymap;
	struct csv_canvas canvas;
	struct csv_grid grid;
	struct csv_process_row *all;
	uint32_t count;
	size_t room;
	uint64_t changed_ns; /* of the list that was read last */
	struct csv_area table;
	struct csv_prompt prompt;
	bool searching;
	char message[224];
	uint32_t chosen; /* 0: nobody, yet */
	bool quit, redraw;
};

/* 0 or -errno with DIAG. Release it in either case. */
int csv_choose_open(struct csv_choose *choose, const char *path, struct cs_diag *diag);
void csv_choose_release(struct csv_choose *choose);

/* Reads the list if it is another. True: draw again. */
bool csv_choose_tick(struct csv_choose *choose);
void csv_choose_event(struct csv_choose *choose, const struct csv_event *event);
/* 0 or -ENOMEM. */
int csv_choose_draw(struct csv_choose *choose, int width, int height);

#endif
