/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Themes: how each role looks, for terminals of 256 and of 16 colours, and without colour.
 */
#ifndef CSV_CANVAS_THEME_H
#define CSV_CANVAS_THEME_H

#include <stdint.h>

#include "canvas/role.h"

#define CSV_COLOUR_DEFAULT (-1)

enum csv_attribute {
	CSV_BOLD = 1u << 0,
	CSV_FAINT = 1u << 1,
	CSV_REVERSE = 1u << 2,
	CSV_UNDERLINE = 1u << 3,
};

struct csv_look {
	int16_t front, back;     /* of 256; CSV_COLOUR_DEFAULT: the terminal's own */
	int16_t front16, back16; /* of 16 */
	uint8_t attributes;      /* with colour */
	uint8_t plain;           /* attributes without colour */
};

struct csv_theme {
	const char *name;
	struct csv_look looks[CSV_ROLES];
};

extern const struct csv_theme *const csv_themes[]; /* NULL-terminated; the first is the default */
const struct csv_theme *csv_theme_by_name(const char *name); /* NULL: no such theme */

#endif
