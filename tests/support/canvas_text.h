/* SPDX-License-Identifier: Apache-2.0 */
/* What a canvas shows, as text to be compared. For tests of the viewer, each of one thread. */
#ifndef CS_SUPPORT_CANVAS_TEXT_H
#define CS_SUPPORT_CANVAS_TEXT_H

#include "base/sink.h"
#include "canvas/canvas.h"

/* A line for each row, without spaces at its end. Stands until the next call. */
static inline const char *canvas_text(const struct csv_canvas *canvas)
{
	static struct cs_sink text;

	cs_sink_release(&text);
	cs_sink_to_memory(&text);
	csv_canvas_write(canvas, &text);
	return text.data;
}

#endif
