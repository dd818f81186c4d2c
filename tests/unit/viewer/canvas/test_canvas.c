/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canvas takes any text, whoever it comes from, and puts into each cell what a terminal shows
 * there; themes say how, keys are named.
 */
#include "canvas/canvas.h"

#include <locale.h>
#include <string.h>

#include "canvas/key.h"
#include "canvas/theme.h"
#include "support/canvas_text.h"
#include "support/unit.h"

static int begin(void **state)
{
	static struct csv_canvas canvas;

	setlocale(LC_CTYPE, "C.UTF-8");
	memset(&canvas, 0, sizeof(canvas));
	canvas.unicode = true;
	assert_int_equal(csv_canvas_resize(&canvas, 10, 2), 0);
	*state = &canvas;
	return 0;
}

static int end(void **state)
{
	csv_canvas_release(*state);
	return 0;
}

static void text_is_cut_with_an_ellipsis(void **state)
{
	struct csv_canvas *canvas = *state;

	assert_int_equal(csv_put(canvas, 0, 0, 5, CSV_ROLE_PLAIN, "abcdefgh"), 5);
	assert_int_equal(csv_put(canvas, 0, 1, 5, CSV_ROLE_PLAIN, "abcde"), 5);
	assert_string_equal(canvas_text(canvas), "abcd…\nabcde\n");
}

/* Names come from programs: they must not be able to move our cursor. */
static void what_steers_a_terminal_becomes_a_question_mark(void **state)
{
	struct csv_canvas *canvas = *state;

	csv_put(canvas, 0, 0, 10, CSV_ROLE_PLAIN, "a\033[2Jb\tc\n");
	csv_put(canvas, 0, 1, 10, CSV_ROLE_PLAIN,
	        "\xe2\x80\xae\xff"
	        "e\xcc\x81");
	assert_string_equal(canvas_text(canvas), "a?[2Jb?c?\n?\xef\xbf\xbd"
	                                         "e?\n");
}

static void wide_characters_are_never_halved(void **state)
{
	struct csv_canvas *canvas = *state;

	assert_int_equal(csv_put(canvas, 0, 0, 10, CSV_ROLE_PLAIN, "日本"), 4);
	csv_put(canvas, 1, 0, 1, CSV_ROLE_PLAIN, "x");  /* takes the right half away */
	csv_put(canvas, 9, 1, 5, CSV_ROLE_PLAIN, "日"); /* one column is left */
	assert_string_equal(canvas_text(canvas), " x本\n\n");
	assert_int_equal(csv_put(canvas, 0, 1, 4, CSV_ROLE_PLAIN, "日本語"), 3);
	assert_string_equal(canvas_text(canvas), " x本\n日…\n");
}

static void plain_ascii_terminals_get_plain_ascii(void **state)
{
	struct csv_canvas *canvas = *state;

	canvas->unicode = false;
	csv_put(canvas, 0, 0, 4, CSV_ROLE_PLAIN, "日本ab cdef");
	csv_put_character(canvas, 0, 1, csv_glyph(canvas, CSV_GLYPH_BAR), 0);
	csv_put_character(canvas, 1, 1, csv_glyph_level(canvas, 4), 0);
	for (const char *c = canvas_text(canvas); *c; c++)
		assert_true((unsigned char)*c < 0x80);
	assert_string_equal(canvas_text(canvas), "??a~\n#:\n");
}

static void drawing_outside_is_cut(void **state)
{
	struct csv_canvas *canvas = *state;

	csv_put(canvas, -2, 0, 5, CSV_ROLE_PLAIN, "abcde");
	csv_put(canvas, 8, 1, 10, CSV_ROLE_PLAIN, "abcdef");
	csv_put(canvas, 0, 7, 10, CSV_ROLE_PLAIN, "nowhere");
	csv_fill(canvas, (struct csv_area){-5, -5, 3, 3}, 'x', CSV_ROLE_PLAIN);
	assert_string_equal(canvas_text(canvas), "cde\n        ab\n");
}

static void right_aligned_text_ends_at_its_column(void **state)
{
	struct csv_canvas *canvas = *state;

	csv_put_right(canvas, 0, 0, 6, CSV_ROLE_PLAIN, "12");
	csv_put_right(canvas, 0, 1, 3, CSV_ROLE_PLAIN, "12345");
	assert_string_equal(canvas_text(canvas), "    12\n12…\n");
}

static void keys_have_names_in_both_directions(void **state)
{
	static const char *const names[] = {"a",  "G",   "?",     "up",    "pgdn", "ctrl-l",
	                                    "f1", "f12", "space", "enter", "esc",  "é"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_string_equal(csv_key_name(csv_key_by_name(names[i])).s, names[i]);
	assert_int_equal(csv_key_by_name("f13"), CSV_KEY_NONE);
	assert_int_equal(csv_key_by_name("ctrl-"), CSV_KEY_NONE);
	assert_int_equal(csv_key_by_name("two"), CSV_KEY_NONE);
	assert_int_equal(csv_key_by_name(""), CSV_KEY_NONE);
}

/* Without colour a selection, a head and a warning must still be seen. */
static void every_theme_tells_roles_apart_without_colour(void **state)
{
	static const enum csv_role marked[] = {CSV_ROLE_SELECTED, CSV_ROLE_HEADER,
	                                       CSV_ROLE_TAB_ACTIVE, CSV_ROLE_BAD, CSV_ROLE_STATUS};

	(void)state;
	for (size_t t = 0; csv_themes[t]; t++)
		for (size_t i = 0; i < sizeof(marked) / sizeof(*marked); i++)
			assert_int_not_equal(csv_themes[t]->looks[marked[i]].plain, 0);
	assert_ptr_equal(csv_theme_by_name("dark"), csv_themes[0]);
	assert_null(csv_theme_by_name("pink"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(text_is_cut_with_an_ellipsis, begin, end),
		cmocka_unit_test_setup_teardown(what_steers_a_terminal_becomes_a_question_mark,
	                                        begin, end),
		cmocka_unit_test_setup_teardown(wide_characters_are_never_halved, begin, end),
		cmocka_unit_test_setup_teardown(plain_ascii_terminals_get_plain_ascii, begin, end),
		cmocka_unit_test_setup_teardown(drawing_outside_is_cut, begin, end),
		cmocka_unit_test_setup_teardown(right_aligned_text_ends_at_its_column, begin, end),
		cmocka_unit_test(keys_have_names_in_both_directions),
		cmocka_unit_test(every_theme_tells_roles_apart_without_colour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
