/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/canvas_text.h"
#include "support/unit.h"
#include "widget/chart.h"
#include "widget/flame.h"
#include "widget/grid.h"
#include "widget/prompt.h"

struct scene {
	struct csv_canvas canvas;
	struct csv_grid grid;
};

static int begin(void **state)
{
	static struct scene scene;

	setlocale(LC_CTYPE, "C.UTF-8");
	memset(&scene, 0, sizeof(scene));
	scene.canvas.unicode = true;
	assert_int_equal(csv_canvas_resize(&scene.canvas, 24, 5), 0);
	*state = &scene;
	return 0;
}

static int end(void **state)
{
	struct scene *scene = *state;

	csv_canvas_release(&scene->canvas);
	csv_grid_release(&scene->grid);
	return 0;
}

/* What was drawn since the last time. */
static const char *shown(struct scene *scene)
{
	const char *text = canvas_text(&scene->canvas);

	csv_canvas_clear(&scene->canvas);
	return text;
}

static const struct csv_area whole = {0, 0, 24, 5};

/* ---- sorting ---- */

static void numbers_and_texts_sort_as_people_expect(void **state)
{
	(void)state;
	assert_true(csv_sort_number(NAN) < csv_sort_number(-INFINITY));
	assert_true(csv_sort_number(-2) < csv_sort_number(-1));
	assert_true(csv_sort_number(-1) < csv_sort_number(0));
	assert_true(csv_sort_number(0) < csv_sort_number(1e-9));
	assert_true(csv_sort_number(1) < csv_sort_number(1e300));
	assert_true(csv_sort_text("a") < csv_sort_text("ab"));
	assert_true(csv_sort_text("ab") < csv_sort_text("b"));
}

static void fill(struct csv_order *order, uint32_t count, uint64_t (*key)(uint32_t row))
{
	assert_int_equal(csv_order_reserve(order, count), 0);
	for (uint32_t i = 0; i < count; i++)
		order->rows[i] = (struct csv_sort_row){key(i), i};
	order->count = count;
	csv_order_restart(order, false);
}

static uint64_t scattered(uint32_t row)
{
	return (row + 1) * UINT64_C(6364136223846793005) >> 50; /* many are equal */
}

static uint64_t same(uint32_t row)
{
	(void)row;
	return 7;
}

static uint64_t falling(uint32_t row)
{
	return UINT64_MAX - row;
}

static int by_order(const void *a, const void *b)
{
	return csv_sort_before(a, b) ? -1 : csv_sort_before(b, a);
}

/* Wherever one looks, in whatever order, there stand the rows that stand there when all are sorted. */
static void places_do_not_depend_on_who_looked(void **state)
{
	enum { COUNT = 30000 };
	static uint64_t (*const keys[])(uint32_t) = {scattered, same, falling};
	static struct csv_sort_row sorted[COUNT];
	uint64_t seed = 7;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct csv_order order = {0};

		fill(&order, COUNT, keys[k]);
		memcpy(sorted, order.rows, sizeof(sorted));
		qsort(sorted, COUNT, sizeof(*sorted), by_order);
		for (int look = 0; look < 60; look++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			uint32_t from = look ? (uint32_t)(seed >> 40) % COUNT : 0;
			uint32_t to = from + (look % 10 ? 50 : 5000);

			csv_order_settle(&order, from, to);
			for (uint32_t i = from; i < to && i < COUNT; i++)
				assert_int_equal(order.rows[i].row, sorted[i].row);
		}
		assert_int_equal(csv_order_place(&order, sorted[12345]), 12345);
		csv_order_settle(&order, 0, COUNT + 1);
		assert_memory_equal(order.rows, sorted, sizeof(sorted));
		assert_int_equal(order.piece_count, 1);
		csv_order_release(&order);
	}
}

/* A screenful of many must not cost a sort of all: what it was made for. */
static void a_screenful_leaves_the_rest_unsorted(void **state)
{
	enum { COUNT = 30000 };
	struct csv_order order = {0};
	uint32_t unsettled = 0;

	(void)state;
	fill(&order, COUNT, scattered);
	csv_order_settle(&order, 15000, 15050);
	for (uint32_t i = 0; i < order.piece_count; i++) {
		uint32_t end = i + 1 < order.piece_count ? order.pieces[i + 1].start : COUNT;

		unsettled += order.pieces[i].settled ? 0 : end - order.pieces[i].start;
	}
	assert_true(unsettled > COUNT * 9 / 10);
	csv_order_release(&order);
}

/* ---- grid ---- */

static const struct {
	const char *name;
	int size;
} things[] = {{"delta", 5}, {"alpha", 20}, {"charlie", 20}, {"bravo", 1}, {"echo", 9}, {"fox", 3}};

static uint64_t identity(const void *context, uint32_t row)
{
	(void)context;
	return row + 100;
}

static uint64_t sort_key(const void *context, uint32_t row, int column)
{
	(void)context;
	return column == 0 ? csv_sort_text(things[row].name) : csv_sort_number(things[row].size);
}

static enum csv_role cell(const void *context, uint32_t row, int column, char *text, size_t bytes)
{
	(void)context;
	if (column == 0)
		snprintf(text, bytes, "%s", things[row].name);
	else
		snprintf(text, bytes, "%d", things[row].size);
	return CSV_ROLE_PLAIN;
}

static bool small_ones(const void *context, uint32_t row)
{
	(void)context;
	return things[row].size < 10;
}

static bool matches(const void *context, uint32_t row, const char *needle)
{
	(void)context;
	return strstr(things[row].name, needle) != NULL;
}

static const struct csv_column columns[] = {
	{"NAME", 9, false, false, 0}, {"SIZE", 6, true, false, 0}, {NULL, 0, false, false, 0}};

static struct csv_rows rows = {NULL, 6, false, identity, sort_key, cell, NULL, matches};

static uint32_t selected(const struct scene *scene)
{
	uint32_t row = UINT32_MAX;

	csv_grid_row(&scene->grid, &row);
	return row;
}

static void a_grid_sorts_scrolls_and_shows_its_place(void **state)
{
	struct scene *scene = *state;

	csv_grid_init(&scene->grid, columns, 1);
	assert_int_equal(csv_grid_update(&scene->grid, &rows), 0);
	csv_grid_draw(&scene->grid, &rows, &scene->canvas, whole);
	assert_string_equal(shown(scene), "NAME       SIZE▼\n"
	                                  "alpha         20\n"
	                                  "charlie       20\n"
	                                  "echo           9\n"
	                                  "delta          5\n");
	csv_grid_move(&scene->grid, &rows, 100);
	csv_grid_draw(&scene->grid, &rows, &scene->canvas, whole);
	assert_string_equal(shown(scene), "NAME       SIZE▼\n"
	                                  "echo           9\n"
	                                  "delta          5\n"
	                                  "fox            3\n"
	                                  "bravo          1\n");
	assert_int_equal(selected(scene), 3);
}

static void a_click_on_a_head_sorts_and_on_a_row_selects(void **state)
{
	struct scene *scene = *state;

	csv_grid_init(&scene->grid, columns, 1);
	csv_grid_update(&scene->grid, &rows);
	csv_grid_draw(&scene->grid, &rows, &scene->canvas, whole);
	assert_true(csv_grid_click(&scene->grid, &rows, whole, 2, 0));
	csv_grid_update(&scene->grid, &rows);
	assert_int_equal(scene->grid.sort_column, 0);
	assert_true(csv_grid_click(&scene->grid, &rows, whole, 2, 2));
	assert_string_equal(things[selected(scene)].name, "bravo");
	assert_true(csv_grid_click(&scene->grid, &rows, whole, 2, 0)); /* the other way round */
	csv_grid_update(&scene->grid, &rows);
	csv_grid_move(&scene->grid, &rows, -100);
	assert_string_equal(things[selected(scene)].name, "fox");
	assert_false(csv_grid_click(&scene->grid, &rows, whole, 30, 2));
}

static void filters_and_searches_see_the_rows_that_pass(void **state)
{
	struct scene *scene = *state;
	struct csv_rows some = rows;

	some.passes = small_ones;
	csv_grid_init(&scene->grid, columns, 1);
	csv_grid_update(&scene->grid, &some);
	assert_int_equal(scene->grid.count, 4);
	/* echo, where it stands */
	assert_true(csv_grid_search(&scene->grid, &some, "o", 1, true));
	assert_string_equal(things[selected(scene)].name, "echo");
	assert_true(csv_grid_search(&scene->grid, &some, "o", 1, false));
	assert_string_equal(things[selected(scene)].name, "fox");
	assert_true(csv_grid_search(&scene->grid, &some, "o", -1, false));
	/* round the top */
	assert_true(csv_grid_search(&scene->grid, &some, "o", -1, false));
	assert_string_equal(things[selected(scene)].name, "bravo");
	assert_false(csv_grid_search(&scene->grid, &some, "alpha", 1, true));
}

static uint64_t far_key(const void *context, uint32_t row, int column)
{
	(void)context;
	(void)column;
	return row * UINT64_C(7919) % 100000;
}

static bool every_thousandth(const void *context, uint32_t row, const char *needle)
{
	(void)context;
	(void)needle;
	return row % 1000 == 3;
}

/* Far from the selection rows are not asked in order; what is found is the same. */
static void a_search_far_away_finds_the_next_in_order(void **state)
{
	struct scene *scene = *state;
	struct csv_rows many = rows;
	uint64_t last = 0;

	many.count = 100000;
	many.sort_key = far_key;
	many.matches = every_thousandth;
	csv_grid_init(&scene->grid, columns, 0);
	scene->grid.ascending = true;
	assert_int_equal(csv_grid_update(&scene->grid, &many), 0);
	for (int found = 0; found < 100; found++) {
		assert_true(csv_grid_search(&scene->grid, &many, "x", 1, false));
		assert_int_equal(selected(scene) % 1000, 3);
		assert_true(far_key(NULL, selected(scene), 0) > last);
		last = far_key(NULL, selected(scene), 0);
		assert_int_equal(scene->grid.selected, last);
	}
	assert_true(csv_grid_search(&scene->grid, &many, "x", 1, false)); /* round the end */
	assert_true(far_key(NULL, selected(scene), 0) < last);
	assert_true(csv_grid_search(&scene->grid, &many, "x", -1, false)); /* and back */
	assert_int_equal(far_key(NULL, selected(scene), 0), last);
}

static void a_followed_row_stays_selected_wherever_it_goes(void **state)
{
	struct scene *scene = *state;

	csv_grid_init(&scene->grid, columns, 1);
	csv_grid_update(&scene->grid, &rows);
	csv_grid_select(&scene->grid, &rows, 2); /* echo */
	scene->grid.ascending = true;
	scene->grid.sort_column = 0;
	csv_grid_update(&scene->grid, &rows);
	assert_string_equal(things[selected(scene)].name, "charlie"); /* the place */
	csv_grid_select(&scene->grid, &rows, 4);                      /* echo again */
	scene->grid.follow = true;
	scene->grid.ascending = false;
	csv_grid_update(&scene->grid, &rows);
	assert_string_equal(things[selected(scene)].name, "echo"); /* the row */
}

static void an_empty_grid_has_no_row(void **state)
{
	struct scene *scene = *state;
	struct csv_rows none = rows;

	none.count = 0;
	csv_grid_init(&scene->grid, columns, 0);
	csv_grid_update(&scene->grid, &none);
	csv_grid_move(&scene->grid, &none, 3);
	assert_false(csv_grid_search(&scene->grid, &none, "o", 1, true));
	assert_int_equal(selected(scene), UINT32_MAX);
	csv_grid_draw(&scene->grid, &none, &scene->canvas, whole);
	assert_string_equal(shown(scene), "NAME▼       SIZE\n\n\n\n\n");
}

/* ---- chart ---- */

static void plain_text(double value, char *text, unsigned bytes)
{
	snprintf(text, bytes, "%.0f", value);
}

static void a_chart_keeps_every_peak_and_leaves_gaps(void **state)
{
	struct scene *scene = *state;
	const struct csv_point points[] = {{0, 8}, {10, 8}, {11, 16}, {12, 4}, {20, NAN}, {30, 16}};
	const struct csv_chart chart = {"heap", points, 6, 0, 40, 12, CSV_ROLE_CHART_1, plain_text};

	csv_chart_draw(&chart, &scene->canvas, (struct csv_area){0, 0, 4, 3});
	csv_chart_draw(&chart, &scene->canvas, (struct csv_area){0, 0, 24, 1});
	assert_string_equal(shown(scene), "heap  4  (highest 16)\n"
	                                  "│█ █\n"
	                                  "██ █\n\n\n");
	assert_true(isnan(csv_chart_value(&chart, 25)));
	assert_true(csv_chart_value(&chart, 11) > 15);
}

/* ---- flame ---- */

static void frames_are_as_wide_as_their_share(void **state)
{
	struct scene *scene = *state;
	struct csv_flame flame = {0};
	uint32_t root = csv_flame_add(&flame, CSV_FLAME_NONE, 0, "all", 8);
	uint32_t a = csv_flame_add(&flame, root, 1, "alpha", 2);
	uint32_t b = csv_flame_add(&flame, root, 2, "bravo", 4);

	csv_flame_add(&flame, b, 3, "charlie", 4);
	csv_flame_add(&flame, root, 1, "alpha", 2); /* the same frame again */
	csv_flame_add(&flame, a, 4, "delta", 1);
	csv_flame_sort(&flame);
	csv_flame_draw(&flame, &scene->canvas, whole, "");
	assert_string_equal(shown(scene), "all\n"
	                                  "alpha       bravo\n"
	                                  "d…          charlie\n\n\n");
	csv_flame_move(&flame, 0, 1);
	csv_flame_move(&flame, 1, 0);
	csv_flame_zoom(&flame, true);
	csv_flame_draw(&flame, &scene->canvas, whole, "");
	assert_string_equal(shown(scene), "bravo\ncharlie\n\n\n\n");
	csv_flame_zoom(&flame, false);
	assert_true(csv_flame_click(&flame, whole, 1, 1));
	assert_string_equal(flame.frames[flame.selected].name, "alpha");
	assert_false(csv_flame_click(&flame, whole, 1, 4));
	csv_flame_release(&flame);
}

/* ---- prompt ---- */

static void a_prompt_edits_whole_characters(void **state)
{
	struct csv_prompt prompt;

	(void)state;
	csv_prompt_open(&prompt, "filter: ", "aé");
	csv_prompt_key(&prompt, CSV_KEY_BACKSPACE);
	assert_string_equal(prompt.text, "a");
	csv_prompt_key(&prompt, 'x');
	csv_prompt_key(&prompt, CSV_KEY_HOME);
	csv_prompt_key(&prompt, 0xfc);
	csv_prompt_key(&prompt, ' ');
	assert_string_equal(prompt.text, "ü ax");
	csv_prompt_key(&prompt, CSV_KEY_DELETE);
	csv_prompt_key(&prompt, CSV_KEY_END);
	csv_prompt_key(&prompt, 23); /* ctrl-w */
	assert_string_equal(prompt.text, "ü ");
	csv_prompt_key(&prompt, CSV_KEY_F1); /* no character */
	csv_prompt_key(&prompt, CSV_KEY_UP); /* there is nothing to bring back */
	assert_string_equal(prompt.text, "ü ");
	prompt.before = "what was";
	csv_prompt_key(&prompt, CSV_KEY_UP);
	csv_prompt_key(&prompt, '!');
	assert_string_equal(prompt.text, "what was!");
	assert_int_equal(csv_prompt_key(&prompt, CSV_KEY_ENTER), CSV_PROMPT_DONE);
	assert_int_equal(csv_prompt_key(&prompt, CSV_KEY_ESCAPE), CSV_PROMPT_CANCELLED);
	for (int i = 0; i < 2000; i++)
		csv_prompt_key(&prompt, 'y');
	assert_true(strlen(prompt.text) < sizeof(prompt.text));
}

/* Whoever types a long path sees what is being typed. */
static void a_prompt_shows_its_cursor_where_there_is_little_room(void **state)
{
	struct scene *scene = *state;
	struct csv_prompt prompt;

	csv_prompt_open(&prompt, "save to (.txt, .json): ", "");
	for (const char *c = "/var/tmp/a/long/way/to/file"; *c; c++)
		csv_prompt_key(&prompt, (uint32_t)*c);
	csv_prompt_draw(&prompt, &scene->canvas, (struct csv_area){0, 0, 16, 1});
	assert_int_equal(csv_canvas_at(&scene->canvas, 15, 0)->role, CSV_ROLE_SELECTED);
	assert_non_null(strstr(shown(scene), "to/file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_texts_sort_as_people_expect),
		cmocka_unit_test(places_do_not_depend_on_who_looked),
		cmocka_unit_test(a_screenful_leaves_the_rest_unsorted),
		cmocka_unit_test_setup_teardown(a_grid_sorts_scrolls_and_shows_its_place, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(a_click_on_a_head_sorts_and_on_a_row_selects, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(filters_and_searches_see_the_rows_that_pass, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(a_search_far_away_finds_the_next_in_order, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(a_followed_row_stays_selected_wherever_it_goes,
	                                        begin, end),
		cmocka_unit_test_setup_teardown(an_empty_grid_has_no_row, begin, end),
		cmocka_unit_test_setup_teardown(a_chart_keeps_every_peak_and_leaves_gaps, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(frames_are_as_wide_as_their_share, begin, end),
		cmocka_unit_test(a_prompt_edits_whole_characters),
		cmocka_unit_test_setup_teardown(
			a_prompt_shows_its_cursor_where_there_is_little_room, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
