/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of keys: one table for both directions.
 */
#include "canvas/key.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct {
	const char *name;
	uint32_t key;
} names[] = {
	{"up", CSV_KEY_UP},         {"down", CSV_KEY_DOWN},
	{"left", CSV_KEY_LEFT},     {"right", CSV_KEY_RIGHT},
	{"pgup", CSV_KEY_PAGE_UP},  {"pgdn", CSV_KEY_PAGE_DOWN},
	{"home", CSV_KEY_HOME},     {"end", CSV_KEY_END},
	{"enter", CSV_KEY_ENTER},   {"esc", CSV_KEY_ESCAPE},
	{"tab", CSV_KEY_TAB},       {"backtab", CSV_KEY_BACKTAB},
	{"space", CSV_KEY_SPACE},   {"backspace", CSV_KEY_BACKSPACE},
	{"delete", CSV_KEY_DELETE}, {NULL, 0},
};

uint32_t csv_key_by_name(const char *name)
{
	const char *rest = name;
	uint32_t character;

	for (size_t i = 0; names[i].name; i++)
		if (!strcmp(names[i].name, name))
			return names[i].key;
	if (!strncmp(name, "ctrl-", 5) && name[5] >= 'a' && name[5] <= 'z' && !name[6])
		return (uint32_t)name[5] & 0x1f;
	if (name[0] == 'f' && name[1] >= '1' && name[1] <= '9') {
		char *end;
		unsigned long number = strtoul(name + 1, &end, 10);

		return !*end && number <= 12 ? CSV_KEY_F1 + (uint32_t)number - 1 : CSV_KEY_NONE;
	}
	if (!*name)
		return CSV_KEY_NONE;
	character = cs_text_decode(&rest);
	return *rest || cs_text_steers(character) ? CSV_KEY_NONE : character;
}

static void put_character(char *text, uint32_t c)
{
	if (c < 0x80) {
		*text++ = (char)c;
	} else if (c < 0x800) {
		*text++ = (char)(0xc0 | c >> 6);
		*text++ = (char)(0x80 | (c & 0x3f));
	} else {
		*text++ = (char)(0xe0 | (c >> 12 & 0xf));
		*text++ = (char)(0x80 | (c >> 6 & 0x3f));
		*text++ = (char)(0x80 | (c & 0x3f));
	}
	*text = 0;
}

struct csv_key_name csv_key_name(uint32_t key)
{
	struct csv_key_name name = {""};

	for (size_t i = 0; names[i].name; i++) {
		if (names[i].key == key) {
			snprintf(name.s, sizeof(name.s), "%s", names[i].name);
			return name;
		}
	}
	if (key >= CSV_KEY_F1 && key <= CSV_KEY_F12)
		snprintf(name.s, sizeof(name.s), "f%u", key - CSV_KEY_F1 + 1);
	else if (key > 0 && key < 27)
		snprintf(name.s, sizeof(name.s), "ctrl-%c", (int)('a' + key - 1));
	else if (key < 0x10000)
		put_character(name.s, key);
	return name;
}
