/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person does: keys, by code and by name, and the mouse. A code is a character, or one
 * of those below, which lie beyond all characters. Names are what the config file, scripts and
 * the help call them: "a", "G", "up", "ctrl-d", "f1", "space".
 */
#ifndef CSV_CANVAS_KEY_H
#define CSV_CANVAS_KEY_H

#include <stdint.h>

enum csv_key {
	CSV_KEY_NONE = 0,
	CSV_KEY_TAB = '\t',
	CSV_KEY_ENTER = '\n',
	CSV_KEY_ESCAPE = 27,
	CSV_KEY_SPACE = ' ',
	CSV_KEY_UP = 0x110000,
	CSV_KEY_DOWN,
	CSV_KEY_LEFT,
	CSV_KEY_RIGHT,
	CSV_KEY_PAGE_UP,
	CSV_KEY_PAGE_DOWN,
	CSV_KEY_HOME,
	CSV_KEY_END,
	CSV_KEY_BACKTAB,
	CSV_KEY_BACKSPACE,
	CSV_KEY_DELETE,
	CSV_KEY_F1, /* to F12 = F1 + 11 */
	CSV_KEY_F12 = CSV_KEY_F1 + 11,
};

enum csv_event_kind {
	CSV_EVENT_NONE, /* the time is up */
	CSV_EVENT_KEY,
	CSV_EVENT_CLICK, /* x, y; clicks: 1 or 2 */
	CSV_EVENT_WHEEL, /* x, y; clicks: -1 up, 1 down */
	CSV_EVENT_RESIZE,
	CSV_EVENT_HANGUP, /* the terminal is gone, or we were told to end */
};

struct csv_event {
	enum csv_event_kind kind;
	uint32_t key;
	int x, y, clicks;
};

/* CSV_KEY_NONE: no key is called so. */
uint32_t csv_key_by_name(const char *name);

struct csv_key_name {
	char s[16];
};
struct csv_key_name csv_key_name(uint32_t key);

#endif
