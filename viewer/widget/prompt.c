/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursor stands between two characters of UTF-8, never within one, and the text ends within
 * its room.
 */
#include "widget/prompt.h"

#include <stdio.h>
#include <string.h>

enum { CTRL_A = 1, CTRL_E = 5, CTRL_G = 7, BACKSPACE = 8, RETURN = 13, CTRL_U = 21, CTRL_W = 23 };

void csv_prompt_open(struct csv_prompt *prompt, const char *label, const char *text)
{
	snprintf(prompt->label, sizeof(prompt->label), "%s", label);
	snprintf(prompt->text, sizeof(prompt->text), "%s", text);
	prompt->before = NULL;
	prompt->length = prompt->cursor = (unsigned)strlen(prompt->text);
}

static bool is_inner(char byte)
{
	return (byte & 0xc0) == 0x80;
}

static unsigned before(const struct csv_prompt *prompt, unsigned at)
{
	if (at)
		at--;
	while (at && is_inner(prompt->text[at]))
		at--;
	return at;
}

static unsigned after(const struct csv_prompt *prompt, unsigned at)
{
	if (at < prompt->length)
		at++;
	while (at < prompt->length && is_inner(prompt->text[at]))
		at++;
	return at;
}

static void cut(struct csv_prompt *prompt, unsigned from, unsigned to)
{
	memmove(prompt->text + from, prompt->text + to, prompt->length - to + 1);
	prompt->length -= to - from;
	prompt->cursor = from;
}

static void cut_word(struct csv_prompt *prompt)
{
	unsigned from = prompt->cursor;

	while (from && prompt->text[from - 1] == ' ')
		from--;
	while (from && prompt->text[from - 1] != ' ')
		from--;
	cut(prompt, from, prompt->cursor);
}

static void insert(struct csv_prompt *prompt, uint32_t key)
{
	struct csv_key_name character = {""};
	unsigned bytes;

	if (key == ' ')
		character.s[0] = ' ';
	else if (key < 0x10000 && key > ' ' && key != 0x7f)
		character = csv_key_name(key);
	bytes = (unsigned)strlen(character.s);
	if (!bytes || prompt->length + bytes >= sizeof(prompt->text))
		return;
	memmove(prompt->text + prompt->cursor + bytes, prompt->text + prompt->cursor,
	        prompt->length - prompt->cursor + 1);
	memcpy(prompt->text + prompt->cursor, character.s, bytes);
	prompt->length += bytes;
	prompt->cursor += bytes;
}

/* What was answered last, to be changed: a wrong filter is not typed twice. */
static void recall(struct csv_prompt *prompt)
{
	if (!prompt->before || !prompt->before[0])
		return;
	snprintf(prompt->text, sizeof(prompt->text), "%s", prompt->before);
	prompt->length = prompt->cursor = (unsigned)strlen(prompt->text);
}

enum csv_prompt_end csv_prompt_key(struct csv_prompt *prompt, uint32_t key)
{
	switch (key) {
	case CSV_KEY_ENTER:
	case RETURN:
		return CSV_PROMPT_DONE;
	case CSV_KEY_ESCAPE:
	case CTRL_G:
		return CSV_PROMPT_CANCELLED;
	case CSV_KEY_LEFT:
		prompt->cursor = before(prompt, prompt->cursor);
		break;
	case CSV_KEY_RIGHT:
		prompt->cursor = after(prompt, prompt->cursor);
		break;
	case CSV_KEY_UP:
		recall(prompt);
		break;
	case CSV_KEY_HOME:
	case CTRL_A:
		prompt->cursor = 0;
		break;
	case CSV_KEY_END:
	case CTRL_E:
		prompt->cursor = prompt->length;
		break;
	case CSV_KEY_BACKSPACE:
	case BACKSPACE:
	case 0x7f:
		cut(prompt, before(prompt, prompt->cursor), prompt->cursor);
		break;
	case CSV_KEY_DELETE:
		cut(prompt, prompt->cursor, after(prompt, prompt->cursor));
		break;
	case CTRL_U:
		cut(prompt, 0, prompt->cursor);
		break;
	case CTRL_W:
		cut_word(prompt);
		break;
	default:
		insert(prompt, key);
	}
	return CSV_PROMPT_GOES_ON;
}

static int columns_before_cursor(const struct csv_prompt *prompt, const struct csv_canvas *canvas,
                                 unsigned from)
{
	char head[sizeof(prompt->text)];

	snprintf(head, sizeof(head), "%.*s", (int)(prompt->cursor - from), prompt->text + from);
	return csv_text_columns(canvas, head);
}

void csv_prompt_draw(const struct csv_prompt *prompt, struct csv_canvas *canvas,
                     struct csv_area area)
{
	int x = area.x, columns;
	unsigned from = 0;

	csv_fill(canvas, (struct csv_area){area.x, area.y, area.width, 1}, ' ', CSV_ROLE_PROMPT);
	/* Where there is little room, what is typed matters more than the question. */
	x += csv_put(canvas, x, area.y, area.width / 2, CSV_ROLE_PROMPT, prompt->label);
	columns = columns_before_cursor(prompt, canvas, from);
	while (columns > 0 && columns >= area.x + area.width - x) {
		from = after(prompt, from);
		columns = columns_before_cursor(prompt, canvas, from);
	}
	csv_put(canvas, x, area.y, area.x + area.width - x, CSV_ROLE_PROMPT, prompt->text + from);
	csv_paint(canvas, (struct csv_area){x + columns, area.y, 1, 1}, CSV_ROLE_SELECTED);
}
