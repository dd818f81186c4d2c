/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Characters of foreign text come here and nowhere else: what leaves is printable and takes
 * the columns that the grid thinks it takes.
 */
#include "canvas/canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"

/* Larger than any screen; keeps width * height far from an overflow. */
#define SIDE_MAX 4096
#define ELLIPSIS 0x2026u

int csv_canvas_resize(struct csv_canvas *canvas, int width, int height)
{
	struct csv_cell *cells;

	width = width < 1 ? 1 : width > SIDE_MAX ? SIDE_MAX : width;
	height = height < 1 ? 1 : height > SIDE_MAX ? SIDE_MAX : height;
	cells = calloc((size_t)width * (size_t)height, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	free(canvas->cells);
	canvas->cells = cells;
	canvas->width = width;
	canvas->height = height;
	csv_canvas_clear(canvas);
	return 0;
}

void csv_canvas_release(struct csv_canvas *canvas)
{
	free(canvas->cells);
	canvas->cells = NULL;
	canvas->width = canvas->height = 0;
}

void csv_canvas_clear(struct csv_canvas *canvas)
{
	csv_fill(canvas, (struct csv_area){0, 0, canvas->width, canvas->height}, ' ',
	         CSV_ROLE_PLAIN);
}

struct csv_cell *csv_canvas_at(const struct csv_canvas *canvas, int x, int y)
{
	if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height)
		return NULL;
	return &canvas->cells[y * canvas->width + x];
}

/* ---- characters ---- */

/* What may stand for CHARACTER here, and how wide it is. */
static uint32_t presentable(const struct csv_canvas *canvas, uint32_t character, int *columns)
{
	int width = 1;

	*columns = 1;
	if (cs_text_steers(character))
		return '?';
	if (character < 0x7f)
		return character;
	if (!canvas->unicode)
		return character == ELLIPSIS ? '~' : '?';
	width = wcwidth((wchar_t)character);
	if (width < 1 || width > 2) /* combining, or unknown to this system */
		return '?';
	*columns = width;
	return character;
}

/* A wide character that loses one half loses the other. */
static void clear_halves(struct csv_canvas *canvas, int x, int y)
{
	struct csv_cell *cell = csv_canvas_at(canvas, x, y);
	struct csv_cell *left = csv_canvas_at(canvas, x - 1, y);
	struct csv_cell *right = csv_canvas_at(canvas, x + 1, y);

	if (cell && !cell->character && left)
		left->character = ' ';
	if (right && !right->character)
		right->character = ' ';
}

int csv_put_character(struct csv_canvas *canvas, int x, int y, uint32_t character,
                      enum csv_role role)
{
	struct csv_cell *cell = csv_canvas_at(canvas, x, y);
	int columns;

	character = presentable(canvas, character, &columns);
	if (!cell || x + columns > canvas->width)
		return 0;
	clear_halves(canvas, x, y);
	*cell = (struct csv_cell){character, (uint8_t)role};
	if (columns == 2) {
		clear_halves(canvas, x + 1, y);
		cell[1] = (struct csv_cell){0, (uint8_t)role};
	}
	return columns;
}

int csv_text_columns(const struct csv_canvas *canvas, const char *text)
{
	int total = 0;

	while (*text) {
		int columns;

		presentable(canvas, cs_text_decode(&text), &columns);
		total += columns;
	}
	return total;
}

int csv_put(struct csv_canvas *canvas, int x, int y, int columns, enum csv_role role,
            const char *text)
{
	int used = 0;
	bool cut = csv_text_columns(canvas, text) > columns;

	while (*text && used < columns) {
		const char *next = text;
		int width;
		uint32_t character = presentable(canvas, cs_text_decode(&next), &width);

		if (used + width > columns - cut) {
			csv_put_character(canvas, x + used, y, ELLIPSIS, role);
			return used + 1;
		}
		csv_put_character(canvas, x + used, y, character, role);
		used += width;
		text = next;
	}
	return used;
}

void csv_put_right(struct csv_canvas *canvas, int x, int y, int columns, enum csv_role role,
                   const char *text)
{
	int width = csv_text_columns(canvas, text);

	if (width < columns) {
		x += columns - width;
		columns = width;
	}
	csv_put(canvas, x, y, columns, role, text);
}

int csv_putf(struct csv_canvas *canvas, int x, int y, int columns, enum csv_role role,
             const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return csv_put(canvas, x, y, columns, role, line);
}

/* ---- areas ---- */

void csv_fill(struct csv_canvas *canvas, struct csv_area area, uint32_t character,
              enum csv_role role)
{
	for (int y = area.y; y < area.y + area.height; y++) {
		for (int x = area.x; x < area.x + area.width; x++) {
			struct csv_cell *cell = csv_canvas_at(canvas, x, y);

			if (!cell)
				continue;
			clear_halves(canvas, x, y);
			*cell = (struct csv_cell){character, (uint8_t)role};
		}
	}
}

void csv_paint(struct csv_canvas *canvas, struct csv_area area, enum csv_role role)
{
	for (int y = area.y; y < area.y + area.height; y++) {
		for (int x = area.x; x < area.x + area.width; x++) {
			struct csv_cell *cell = csv_canvas_at(canvas, x, y);

			if (cell)
				cell->role = (uint8_t)role;
		}
	}
}

/* ---- glyphs ---- */

static const struct {
	uint32_t unicode;
	char ascii;
} glyphs[CSV_GLYPHS] = {
	[CSV_GLYPH_LINE] = {0x2500, '-'},   [CSV_GLYPH_BAR] = {0x2588, '#'},
	[CSV_GLYPH_UP] = {0x25b2, '^'},     [CSV_GLYPH_DOWN] = {0x25bc, 'v'},
	[CSV_GLYPH_OPEN] = {0x25be, '-'},   [CSV_GLYPH_CLOSED] = {0x25b8, '+'},
	[CSV_GLYPH_BRANCH] = {0x251c, '|'}, [CSV_GLYPH_LAST] = {0x2514, '`'},
	[CSV_GLYPH_PIPE] = {0x2502, '|'},   [CSV_GLYPH_CURSOR] = {0x2503, '!'},
	[CSV_GLYPH_PEAK] = {0x25c6, '*'},
};

uint32_t csv_glyph(const struct csv_canvas *canvas, enum csv_glyph glyph)
{
	return canvas->unicode ? glyphs[glyph].unicode : (uint32_t)glyphs[glyph].ascii;
}

uint32_t csv_glyph_level(const struct csv_canvas *canvas, int eighths)
{
	if (eighths <= 0)
		return ' ';
	if (eighths > 8)
		eighths = 8;
	if (canvas->unicode)
		return 0x2580u + (uint32_t)eighths;
	return (uint32_t) "..::||##"[eighths - 1];
}

/* ---- the picture as text ---- */

static void put_utf8(struct cs_sink *sink, uint32_t c)
{
	if (c < 0x80) {
		cs_sink_char(sink, (char)c);
		return;
	}
	if (c < 0x800) {
		cs_sink_char(sink, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			cs_sink_char(sink, (char)(0xe0 | c >> 12));
		} else {
			cs_sink_char(sink, (char)(0xf0 | c >> 18));
			cs_sink_char(sink, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		cs_sink_char(sink, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	cs_sink_char(sink, (char)(0x80 | (c & 0x3f)));
}

void csv_canvas_write(const struct csv_canvas *canvas, struct cs_sink *sink)
{
	for (int y = 0; y < canvas->height; y++) {
		const struct csv_cell *row = &canvas->cells[y * canvas->width];
		int end = canvas->width;

		while (end > 0 && row[end - 1].character == ' ')
			end--;
		for (int x = 0; x < end; x++)
			if (row[x].character)
				put_utf8(sink, row[x].character);
		cs_sink_char(sink, '\n');
	}
}
