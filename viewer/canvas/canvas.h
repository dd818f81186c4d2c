/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canvas: a grid of characters with roles, which views draw on. It knows no terminal: the
 * same picture goes to ncurses, to a file, or into a test.
 *
 * All text that is put on it is foreign: what could steer a terminal or take no column becomes
 * '?', and a character of two columns never stands half outside. Drawing outside of the grid
 * is cut, never an error.
 */
#ifndef CSV_CANVAS_CANVAS_H
#define CSV_CANVAS_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sink.h"
#include "canvas/role.h"

struct csv_cell {
	uint32_t character; /* 0: the right half of the wide one before it */
	uint8_t role;       /* enum csv_role */
};

struct csv_canvas {
	int width, height;
	bool unicode; /* else everything beyond ASCII becomes '?' and glyphs have plain forms */
	struct csv_cell *cells;
};

struct csv_area {
	int x, y, width, height;
};

/* 0 or -ENOMEM, the canvas is then as it was. Clears it. */
int csv_canvas_resize(struct csv_canvas *canvas, int width, int height);
void csv_canvas_release(struct csv_canvas *canvas);
void csv_canvas_clear(struct csv_canvas *canvas);

struct csv_cell *csv_canvas_at(const struct csv_canvas *canvas, int x, int y); /* NULL: outside */

/* One character; returns the columns it takes: 1 or 2, 0 if there is no room. */
int csv_put_character(struct csv_canvas *canvas, int x, int y, uint32_t character,
                      enum csv_role role);
/* TEXT from (X, Y), at most COLUMNS wide, cut with "…". Returns the columns used. */
int csv_put(struct csv_canvas *canvas, int x, int y, int columns, enum csv_role role,
            const char *text);
/* The same, ending at column X + COLUMNS; what is cut is cut at its end. */
void csv_put_right(struct csv_canvas *canvas, int x, int y, int columns, enum csv_role role,
                   const char *text);
int csv_putf(struct csv_canvas *canvas, int x, int y, int columns, enum csv_role role,
             const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Columns that csv_put() would use without a limit. */
int csv_text_columns(const struct csv_canvas *canvas, const char *text);

void csv_fill(struct csv_canvas *canvas, struct csv_area area, uint32_t character,
              enum csv_role role);
/* Gives cells another role and leaves their characters. */
void csv_paint(struct csv_canvas *canvas, struct csv_area area, enum csv_role role);

/* What is drawn with besides text; each has a plain form. */
enum csv_glyph {
	CSV_GLYPH_LINE,
	CSV_GLYPH_BAR,
	CSV_GLYPH_UP,
	CSV_GLYPH_DOWN,
	CSV_GLYPH_OPEN,
	CSV_GLYPH_CLOSED,
	CSV_GLYPH_BRANCH,
	CSV_GLYPH_LAST,
	CSV_GLYPH_PIPE,
	CSV_GLYPH_CURSOR,
	CSV_GLYPH_PEAK,
	CSV_GLYPHS
};
uint32_t csv_glyph(const struct csv_canvas *canvas, enum csv_glyph glyph);
/* EIGHTHS (0 to 8) of a cell, filled from below. */
uint32_t csv_glyph_level(const struct csv_canvas *canvas, int eighths);

/* The picture as text, one line a row, without blanks at the ends of lines. */
void csv_canvas_write(const struct csv_canvas *canvas, struct cs_sink *sink);

#endif
