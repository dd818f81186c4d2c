/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions: everything that a key can do, by name. One table gives the keys, the help, the
 * config file's words and the scripts' words; views are handed actions, never keys.
 */
#ifndef CSV_WIDGET_ACTION_H
#define CSV_WIDGET_ACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"

enum csv_action {
	CSV_ACTION_NONE,
	/* moving */
	CSV_ACTION_UP,
	CSV_ACTION_DOWN,
	CSV_ACTION_LEFT,
	CSV_ACTION_RIGHT,
	CSV_ACTION_PAGE_UP,
	CSV_ACTION_PAGE_DOWN,
	CSV_ACTION_FIRST,
	CSV_ACTION_LAST,
	CSV_ACTION_OPEN,
	CSV_ACTION_DETAIL_UP,
	CSV_ACTION_DETAIL_DOWN,
	CSV_ACTION_BACK,
	/* views */
	CSV_ACTION_NEXT_VIEW,
	CSV_ACTION_PREVIOUS_VIEW,
	CSV_ACTION_VIEW_1,
	CSV_ACTION_VIEW_9 = CSV_ACTION_VIEW_1 + 8,
	CSV_ACTION_HELP,
	/* what a view shows */
	CSV_ACTION_MODE,
	CSV_ACTION_METRIC,
	CSV_ACTION_SORT_NEXT,
	CSV_ACTION_SORT_PREVIOUS,
	CSV_ACTION_REVERSE,
	CSV_ACTION_SYSTEM,
	CSV_ACTION_FOLLOW,
	CSV_ACTION_EXPAND,
	/* finding */
	CSV_ACTION_SEARCH,
	CSV_ACTION_SEARCH_NEXT,
	CSV_ACTION_SEARCH_PREVIOUS,
	CSV_ACTION_FILTER,
	CSV_ACTION_CLEAR_FILTER,
	/* time */
	CSV_ACTION_PAUSE,
	CSV_ACTION_MARK,
	CSV_ACTION_STEP_BACK,
	CSV_ACTION_STEP_FORWARD,
	CSV_ACTION_JUMP_BACK,
	CSV_ACTION_JUMP_FORWARD,
	CSV_ACTION_PEAK,
	CSV_ACTION_GROWTH,
	CSV_ACTION_START,
	CSV_ACTION_END,
	CSV_ACTION_FASTER,
	CSV_ACTION_SLOWER,
	/* out */
	CSV_ACTION_SAVE,
	CSV_ACTION_COPY,
	CSV_ACTION_SNAPSHOT,
	CSV_ACTION_RECORD,
	CSV_ACTION_CHOOSE,
	CSV_ACTION_AGAIN,
	CSV_ACTION_REDRAW,
	CSV_ACTION_QUIT,
	CSV_ACTIONS
};

/* What an action did to what is shown. */
enum csv_effect {
	CSV_NOT_MINE, /* nothing: ask somebody else */
	CSV_MOVED,    /* the picture: draw it again */
	CSV_CHANGED,  /* what is in it: update, then draw */
};

struct csv_action_info {
	const char *name;    /* "search-next" */
	const char *section; /* heading in the help */
	const char *keys;    /* names of its keys, by default, parted by spaces */
	const char *help;    /* lower case, no full stop */
};
extern const struct csv_action_info csv_actions[CSV_ACTIONS];

enum csv_action csv_action_by_name(const char *name); /* CSV_ACTION_NONE: none is called so */

#define CSV_KEYS_MAX 4

/* Which keys do what; starts as the table says. */
struct csv_keymap {
	uint32_t keys[CSV_ACTIONS][CSV_KEYS_MAX]; /* 0 ends */
};

void csv_keymap_default(struct csv_keymap *map);
enum csv_action csv_keymap_action(const struct csv_keymap *map, uint32_t key);
/* Only these keys (names parted by spaces) do ACTION now; others lose them. 0 or -EINVAL. */
int csv_keymap_bind(struct csv_keymap *map, enum csv_action action, const char *keys,
                    struct cs_diag *diag);
/* "up k": the keys of an action as text. */
void csv_keymap_text(const struct csv_keymap *map, enum csv_action action, char *text,
                     unsigned bytes);

#endif
