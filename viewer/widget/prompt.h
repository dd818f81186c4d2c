/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of input, with the keys of readline that people's fingers know.
 */
#ifndef CSV_WIDGET_PROMPT_H
#define CSV_WIDGET_PROMPT_H

#include <stdbool.h>

#include "canvas/canvas.h"
#include "canvas/key.h"

struct csv_prompt {
	char label[48];
	char text[512];
	unsigned length, cursor; /* bytes */
	const char *before;      /* what the up arrow brings; NULL: nothing */
};

enum csv_prompt_end { CSV_PROMPT_GOES_ON, CSV_PROMPT_DONE, CSV_PROMPT_CANCELLED };

void csv_prompt_open(struct csv_prompt *prompt, const char *label, const char *text);
enum csv_prompt_end csv_prompt_key(struct csv_prompt *prompt, uint32_t key);
void csv_prompt_draw(const struct csv_prompt *prompt, struct csv_canvas *canvas,
                     struct csv_area area);

#endif
