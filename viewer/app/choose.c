/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the list is foreign: command lines and names of whoever runs something here. It is
 * put on the canvas and nowhere else.
 */
#include "app/choose.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/list.h"
#include "base/text.h"

enum { PID, USER, KIND, VERSION, COROUTINES, COMMAND };

static const struct csv_column columns[] = {
	{"PID", 8, true, false, 0},      {"USER", 12, false, false, 50},
	{"KIND", 7, false, false, 0},    {"VERSION", 12, false, false, 60},
	{"AT MOST", 10, true, false, 0}, {"COMMAND", 20, false, true, 0},
	{NULL, 0, false, false, 0},
};

#define ROWS_MAX 10000u

/* ---- rows ---- */

static const struct csv_process_row *row_at(const void *context, uint32_t row)
{
	return &((const struct csv_choose *)context)->all[row];
}

static uint64_t identity(const void *context, uint32_t row)
{
	return row_at(context, row)->pid;
}

static uint64_t sort_key(const void *context, uint32_t row, int column)
{
	const struct csv_process_row *one = row_at(context, row);

	switch (column) {
	case USER:
		return csv_sort_text(one->user);
	case KIND:
		return csv_sort_text(one->kind);
	case VERSION:
		return csv_sort_text(one->version);
	case COROUTINES:
		return csv_sort_number(one->coroutines == UINT64_MAX ? (one->refusal[0] ? NAN : -1)
		                                                     : (double)one->coroutines);
	case COMMAND:
		return csv_sort_text(one->command);
	default:
		return one->pid;
	}
}

static enum csv_role cell(const void *context, uint32_t row, int column, char *text, size_t bytes)
{
	const struct csv_process_row *one = row_at(context, row);

	switch (column) {
	case PID:
		snprintf(text, bytes, "%" PRIu32, one->pid);
		break;
	case USER:
		snprintf(text, bytes, "%s", one->user);
		break;
	case KIND:
		snprintf(text, bytes, "%s", one->kind[0] ? one->kind : "-");
		break;
	case VERSION:
		snprintf(text, bytes, "%s", one->version);
		break;
	case COROUTINES:
		if (one->coroutines != UINT64_MAX)
			snprintf(text, bytes, "%s", cs_text_count((double)one->coroutines).s);
		break;
	default:
		snprintf(text, bytes, "%s%s", one->refusal[0] ? "[not permitted] " : "",
		         one->command);
	}
	return one->refusal[0] ? CSV_ROLE_FAINT : CSV_ROLE_PLAIN;
}

static bool matches(const void *context, uint32_t row, const char *needle)
{
	const struct csv_process_row *one = row_at(context, row);
	char pid[16];

	snprintf(pid, sizeof(pid), "%" PRIu32, one->pid);
	return strstr(one->command, needle) || strstr(one->user, needle) || strstr(pid, needle);
}

static struct csv_rows rows_of(const struct csv_choose *choose)
{
	return (struct csv_rows){choose,   choose->count, false, identity,
	                         sort_key, cell,          NULL,  matches};
}

/* ---- the list ---- */

static bool next_field(char **at, char *field, size_t bytes)
{
	char *end = *at ? strchr(*at, '\t') : NULL;

	if (!end)
		return false;
	snprintf(field, bytes, "%.*s", (int)(end - *at), *at);
	*at = end + 1;
	return true;
}

static bool read_row(char *line, struct csv_process_row *row)
{
	char number[24], *at = line;

	memset(row, 0, sizeof(*row));
	line[strcspn(line, "\n")] = 0;
	if (!next_field(&at, number, sizeof(number)))
		return false;
	row->pid = (uint32_t)strtoul(number, NULL, 10);
	if (!next_field(&at, row->user, sizeof(row->user)) ||
	    !next_field(&at, row->kind, sizeof(row->kind)) ||
	    !next_field(&at, row->version, sizeof(row->version)) ||
	    !next_field(&at, number, sizeof(number)) ||
	    !next_field(&at, row->refusal, sizeof(row->refusal)))
		return false;
	row->coroutines = number[0] ? strtoull(number, NULL, 10) : UINT64_MAX;
	snprintf(row->command, sizeof(row->command), "%s", at);
	return row->pid != 0;
}

static int read_list(struct csv_choose *choose)
{
	FILE *file = fopen(choose->path, "re");
	char line[1024];
	int error = 0;

	if (!file)
		return -errno;
	choose->count = 0;
	while (!error && choose->count < ROWS_MAX && fgets(line, sizeof(line), file)) {
		struct csv_process_row row;
		void *all = choose->all;

		if (!read_row(line, &row))
			continue;
		error = cs_array_reserve(&all, &choose->room, sizeof(row), choose->count + 1);
		choose->all = all;
		if (!error)
			choose->all[choose->count++] = row;
	}
	fclose(file);
	if (!error) {
		const struct csv_rows rows = rows_of(choose);

		error = csv_grid_update(&choose->grid, &rows);
	}
	return error;
}

bool csv_choose_tick(struct csv_choose *choose)
{
	struct stat status;
	uint64_t changed_ns;

	if (stat(choose->path, &status))
		return false;
	changed_ns = (uint64_t)status.st_mtim.tv_sec * UINT64_C(1000000000) +
	             (uint64_t)status.st_mtim.tv_nsec;
	if (changed_ns == choose->changed_ns)
		return false;
	choose->changed_ns = changed_ns;
	(void)read_list(choose);
	return true;
}

int csv_choose_open(struct csv_choose *choose, const char *path, struct cs_diag *diag)
{
	int error;

	memset(choose, 0, sizeof(*choose));
	choose->path = path;
	csv_keymap_default(&choose->keymap);
	csv_grid_init(&choose->grid, columns, COROUTINES);
	choose->grid.follow = true;
	error = read_list(choose);
	return error ? cs_diag_set(diag, error, "read the processes: %s", strerror(-error)) : 0;
}

void csv_choose_release(struct csv_choose *choose)
{
	csv_grid_release(&choose->grid);
	csv_canvas_release(&choose->canvas);
	free(choose->all);
	choose->all = NULL;
}

/* ---- doing ---- */

static void take(struct csv_choose *choose)
{
	const struct csv_process_row *one;
	uint32_t row;

	if (!csv_grid_row(&choose->grid, &row))
		return;
	one = &choose->all[row];
	if (one->refusal[0]) {
		snprintf(choose->message, sizeof(choose->message), "cannot %s", one->refusal);
		return;
	}
	choose->chosen = one->pid;
	choose->quit = true;
}

static void do_action(struct csv_choose *choose, enum csv_action action)
{
	const struct csv_rows rows = rows_of(choose);

	switch (action) {
	case CSV_ACTION_OPEN:
		take(choose);
		break;
	case CSV_ACTION_QUIT:
	case CSV_ACTION_BACK:
		choose->quit = true;
		break;
	case CSV_ACTION_REDRAW:
		choose->redraw = true;
		break;
	case CSV_ACTION_SEARCH:
		choose->searching = true;
		csv_prompt_open(&choose->prompt, "search: ", "");
		break;
	case CSV_ACTION_SEARCH_NEXT:
	case CSV_ACTION_SEARCH_PREVIOUS:
		csv_grid_search(&choose->grid, &rows, choose->grid.needle,
		                action == CSV_ACTION_SEARCH_NEXT ? 1 : -1, false);
		break;
	default:
		if (csv_grid_action(&choose->grid, &rows, action, choose->table.width) ==
		    CSV_CHANGED)
			(void)csv_grid_update(&choose->grid, &rows);
	}
}

static void search_key(struct csv_choose *choose, uint32_t key)
{
	const struct csv_rows rows = rows_of(choose);
	enum csv_prompt_end end = csv_prompt_key(&choose->prompt, key);

	csv_grid_search(&choose->grid, &rows,
	                end == CSV_PROMPT_CANCELLED ? "" : choose->prompt.text, 1, true);
	choose->searching = end == CSV_PROMPT_GOES_ON;
}

void csv_choose_event(struct csv_choose *choose, const struct csv_event *event)
{
	const struct csv_rows rows = rows_of(choose);

	choose->message[0] = 0;
	if (event->kind == CSV_EVENT_HANGUP)
		choose->quit = true;
	if (event->kind == CSV_EVENT_WHEEL)
		csv_grid_move(&choose->grid, &rows, 3 * event->clicks);
	if (event->kind == CSV_EVENT_CLICK &&
	    csv_grid_click(&choose->grid, &rows, choose->table, event->x, event->y)) {
		if (event->y == choose->table.y)
			(void)csv_grid_update(&choose->grid, &rows);
		else if (event->clicks > 1)
			take(choose);
	}
	if (event->kind != CSV_EVENT_KEY)
		return;
	if (choose->searching)
		search_key(choose, event->key);
	else
		do_action(choose, csv_keymap_action(&choose->keymap, event->key));
}

/* ---- drawing ---- */

int csv_choose_draw(struct csv_choose *choose, int width, int height)
{
	const struct csv_rows rows = rows_of(choose);
	struct csv_canvas *canvas = &choose->canvas;
	int y = height - 1;

	if ((canvas->width != width || canvas->height != height) &&
	    csv_canvas_resize(canvas, width, height))
		return -ENOMEM;
	csv_canvas_clear(canvas);
	csv_put(canvas, 0, 0, width, CSV_ROLE_TITLE, "coroscope  which process?");
	choose->table = (struct csv_area){0, 1, width, height - 2};
	if (choose->table.height > 0)
		csv_grid_draw(&choose->grid, &rows, canvas, choose->table);
	if (!choose->count)
		csv_put(canvas, 0, 2, width, CSV_ROLE_FAINT,
		        "none can be watched: no Go program that may be read runs, and nothing is "
		        "being recorded");
	if (choose->searching) {
		csv_prompt_draw(&choose->prompt, canvas, (struct csv_area){0, y, width, 1});
		return 0;
	}
	csv_fill(canvas, (struct csv_area){0, y, width, 1}, ' ', CSV_ROLE_STATUS);
	csv_put(canvas, 0, y, width, choose->message[0] ? CSV_ROLE_BAD : CSV_ROLE_STATUS,
	        choose->message[0] ? choose->message
	                           : "enter watches it   / searches   > sorts   q leaves");
	return 0;
}
