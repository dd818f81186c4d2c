/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of actions. Keys are those of vi and less, and the arrows; digits choose views.
 */
#include "widget/action.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "canvas/key.h"

static const char moving[] = "Moving";
static const char views[] = "Views";
static const char showing[] = "What is shown";
static const char finding[] = "Finding";
static const char times[] = "Time";
static const char out[] = "Out";

/* clang-format off */
const struct csv_action_info csv_actions[CSV_ACTIONS] = {
	[CSV_ACTION_NONE] = {"none", "", "", ""},
	[CSV_ACTION_UP] = {"up", moving, "up k", "one row up"},
	[CSV_ACTION_DOWN] = {"down", moving, "down j", "one row down"},
	[CSV_ACTION_LEFT] = {"left", moving, "left h", "fold a branch, or to the left"},
	[CSV_ACTION_RIGHT] = {"right", moving, "right l", "unfold a branch, or to the right"},
	[CSV_ACTION_PAGE_UP] = {"page-up", moving, "pgup ctrl-b", "one page up"},
	[CSV_ACTION_PAGE_DOWN] = {"page-down", moving, "pgdn ctrl-f", "one page down"},
	[CSV_ACTION_FIRST] = {"first", moving, "home g", "to the first row"},
	[CSV_ACTION_LAST] = {"last", moving, "end G", "to the last row"},
	[CSV_ACTION_OPEN] = {"open", moving, "enter", "details of the row; zoom into a frame"},
	[CSV_ACTION_DETAIL_UP] = {"detail-up", moving, "K", "scroll the details up"},
	[CSV_ACTION_DETAIL_DOWN] = {"detail-down", moving, "J", "scroll the details down"},
	[CSV_ACTION_BACK] = {"back", moving, "esc backspace", "close the details; zoom out"},
	[CSV_ACTION_NEXT_VIEW] = {"next-view", views, "tab", "the next view"},
	[CSV_ACTION_PREVIOUS_VIEW] = {"previous-view", views, "backtab", "the view before"},
	[CSV_ACTION_VIEW_1] = {"view-1", views, "1", "coroutines"},
	[CSV_ACTION_VIEW_1 + 1] = {"view-2", views, "2", "threads"},
	[CSV_ACTION_VIEW_1 + 2] = {"view-3", views, "3", "heap"},
	[CSV_ACTION_VIEW_1 + 3] = {"view-4", views, "4", "stacks"},
	[CSV_ACTION_VIEW_1 + 4] = {"view-5", views, "5", "scheduler"},
	[CSV_ACTION_VIEW_1 + 5] = {"view-6", views, "6", "timeline"},
	[CSV_ACTION_VIEW_1 + 6] = {"view-7", views, "7", ""},
	[CSV_ACTION_VIEW_1 + 7] = {"view-8", views, "8", ""},
	[CSV_ACTION_VIEW_9] = {"view-9", views, "9", ""},
	[CSV_ACTION_HELP] = {"help", views, "? f1", "this help"},
	[CSV_ACTION_MODE] = {"mode", showing, "t", "the next way to show it: list, tree, groups …"},
	[CSV_ACTION_METRIC] = {"metric", showing, "M", "the next metric"},
	[CSV_ACTION_SORT_NEXT] = {"sort-next", showing, "> .", "sort by the next column"},
	[CSV_ACTION_SORT_PREVIOUS] = {"sort-previous", showing, "< ,", "sort by the column before"},
	[CSV_ACTION_REVERSE] = {"reverse", showing, "I", "the other way round"},
	[CSV_ACTION_SYSTEM] = {"system", showing, "S", "show or hide the runtime's own coroutines"},
	[CSV_ACTION_FOLLOW] = {"follow", showing, "F", "stay on this row wherever it is sorted to"},
	[CSV_ACTION_EXPAND] = {"expand", showing, "space", "fold or unfold"},
	[CSV_ACTION_SEARCH] = {"search", finding, "/", "search as you type"},
	[CSV_ACTION_SEARCH_NEXT] = {"search-next", finding, "n", "the next match"},
	[CSV_ACTION_SEARCH_PREVIOUS] = {"search-previous", finding, "N", "the match before"},
	[CSV_ACTION_FILTER] = {"filter", finding, "f \\", "filter: state = waiting and age > 10s …"},
	[CSV_ACTION_CLEAR_FILTER] = {"clear-filter", finding, "c", "show everything again"},
	[CSV_ACTION_PAUSE] = {"pause", times, "p", "hold the picture; play a recording"},
	[CSV_ACTION_MARK] = {"mark", times, "m", "mark this moment; differences are shown to it"},
	[CSV_ACTION_STEP_BACK] = {"step-back", times, "[", "one step back"},
	[CSV_ACTION_STEP_FORWARD] = {"step-forward", times, "]", "one step forward"},
	[CSV_ACTION_JUMP_BACK] = {"jump-back", times, "{", "ten steps back"},
	[CSV_ACTION_JUMP_FORWARD] = {"jump-forward", times, "}", "ten steps forward"},
	[CSV_ACTION_PEAK] = {"peak", times, "P", "to the peak of the heap"},
	[CSV_ACTION_GROWTH] = {"growth", times, "B", "to where the heap grew most"},
	[CSV_ACTION_START] = {"start", times, "^", "to the start of the recording"},
	[CSV_ACTION_END] = {"end", times, "$", "to its end, or to the present"},
	[CSV_ACTION_FASTER] = {"faster", times, "+", "look at the target more often; play faster"},
	[CSV_ACTION_SLOWER] = {"slower", times, "-", "look at it less often; play slower"},
	[CSV_ACTION_SAVE] = {"save", out, "s", "save what is shown: text, JSON or folded by suffix"},
	[CSV_ACTION_COPY] = {"copy", out, "y", "copy it to the terminal's clipboard"},
	[CSV_ACTION_SNAPSHOT] = {"snapshot", out, "w", "write a trace of what there is up to now"},
	[CSV_ACTION_RECORD] = {"record", out, "R", "start a recording that is kept, or end it"},
	[CSV_ACTION_CHOOSE] = {"choose", out, "o", "choose another process"},
	[CSV_ACTION_AGAIN] = {"again", out, "r", "watch what runs the same program now"},
	[CSV_ACTION_REDRAW] = {"redraw", out, "ctrl-l", "draw the screen anew"},
	[CSV_ACTION_QUIT] = {"quit", out, "q", "leave"},
};
/* clang-format on */

enum csv_action csv_action_by_name(const char *name)
{
	for (int i = 1; i < CSV_ACTIONS; i++)
		if (!strcmp(csv_actions[i].name, name))
			return (enum csv_action)i;
	return CSV_ACTION_NONE;
}

/* The next word of *TEXT into WORD; false: there is none. */
static bool next_word(const char **text, char *word, size_t bytes)
{
	size_t length;

	*text += strspn(*text, " \t");
	length = strcspn(*text, " \t");
	if (!length)
		return false;
	snprintf(word, bytes, "%.*s", (int)length, *text);
	*text += length;
	return true;
}

static void take_away(struct csv_keymap *map, uint32_t key)
{
	for (int action = 0; action < CSV_ACTIONS; action++) {
		uint32_t *keys = map->keys[action];
		int kept = 0;

		for (int i = 0; i < CSV_KEYS_MAX; i++)
			if (keys[i] && keys[i] != key)
				keys[kept++] = keys[i];
		while (kept < CSV_KEYS_MAX)
			keys[kept++] = CSV_KEY_NONE;
	}
}

int csv_keymap_bind(struct csv_keymap *map, enum csv_action action, const char *keys,
                    struct cs_diag *diag)
{
	uint32_t wanted[CSV_KEYS_MAX] = {0};
	char word[32];
	int count = 0;

	while (next_word(&keys, word, sizeof(word))) {
		uint32_t key = csv_key_by_name(word);

		if (!key || count == CSV_KEYS_MAX) {
			cs_diag_set(diag, -EINVAL, "bind %s to '%s': %s", csv_actions[action].name,
			            word, key ? "at most four keys" : "there is no such key");
			return cs_diag_hint(diag, "keys are called a, G, ctrl-d, up, pgdn, f1, "
			                          "space, enter, esc …");
		}
		wanted[count++] = key;
	}
	for (int i = 0; i < count; i++)
		take_away(map, wanted[i]);
	memcpy(map->keys[action], wanted, sizeof(wanted));
	return 0;
}

void csv_keymap_default(struct csv_keymap *map)
{
	memset(map, 0, sizeof(*map));
	for (int i = 1; i < CSV_ACTIONS; i++)
		(void)csv_keymap_bind(map, (enum csv_action)i, csv_actions[i].keys, NULL);
}

enum csv_action csv_keymap_action(const struct csv_keymap *map, uint32_t key)
{
	for (int action = 1; key && action < CSV_ACTIONS; action++)
		for (int i = 0; i < CSV_KEYS_MAX; i++)
			if (map->keys[action][i] == key)
				return (enum csv_action)action;
	return CSV_ACTION_NONE;
}

void csv_keymap_text(const struct csv_keymap *map, enum csv_action action, char *text,
                     unsigned bytes)
{
	unsigned used = 0;

	text[0] = 0;
	for (int i = 0; i < CSV_KEYS_MAX && map->keys[action][i] && used < bytes; i++)
		used += (unsigned)snprintf(text + used, bytes - used, "%s%s", used ? " " : "",
		                           csv_key_name(map->keys[action][i]).s);
}
