/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source files are only read to show a line of them: regular files, one line, a bounded way in.
 */
#include "view/lines.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define SOURCE_BYTES_MAX (4 << 20)

static bool is_visible(const struct csv_lines *lines)
{
	return lines->y >= lines->area.y && lines->y < lines->area.y + lines->area.height;
}

void csv_lines_begin(struct csv_lines *lines, struct csv_canvas *canvas, struct csv_area area,
                     uint32_t top)
{
	csv_fill(canvas, (struct csv_area){area.x, area.y, area.width, 1},
	         csv_glyph(canvas, CSV_GLYPH_LINE), CSV_ROLE_FAINT);
	area.y++;
	area.height--;
	*lines = (struct csv_lines){canvas, area, area.y - (int)top, area.y - (int)top};
}

/* "▼ 6 more lines" on the ruler. */
static void say_more(const struct csv_lines *lines, int more)
{
	char text[48];
	int columns =
		snprintf(text, sizeof(text), "   %d more line%s ", more, more == 1 ? "" : "s");
	int x = lines->area.x + lines->area.width - columns - 1, y = lines->area.y - 1;

	if (x <= lines->area.x)
		return;
	csv_put(lines->canvas, x, y, columns, CSV_ROLE_FAINT, text);
	csv_put_character(lines->canvas, x + 1, y, csv_glyph(lines->canvas, CSV_GLYPH_DOWN),
	                  CSV_ROLE_FAINT);
}

void csv_lines_end(const struct csv_lines *lines, uint32_t *top)
{
	int beyond = lines->y - lines->first - lines->area.height;
	int more = lines->y - lines->area.y - lines->area.height;

	if (beyond <= 0)
		*top = 0;
	else if (*top > (uint32_t)beyond)
		*top = (uint32_t)beyond;
	if (more > 0)
		say_more(lines, more);
}

void csv_lines_put(struct csv_lines *lines, int x, enum csv_role role, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (is_visible(lines))
		csv_put(lines->canvas, lines->area.x + x, lines->y, lines->area.width - x, role,
		        text);
	lines->y++;
}

/* LINE of FILE without its indentation; false: it can't be had. */
static bool source_line(const char *path, uint32_t line, char *text, size_t bytes)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *file;
	bool found = false;

	if (fd < 0)
		return false;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_size > SOURCE_BYTES_MAX ||
	    !(file = fdopen(fd, "r"))) {
		close(fd);
		return false;
	}
	/* A long line comes in pieces: only ends of lines count. */
	for (uint32_t at = 1; at <= line && fgets(text, (int)bytes, file);) {
		found = at == line;
		if (found)
			break;
		at += strchr(text, '\n') != NULL;
	}
	fclose(file);
	if (found) {
		size_t blanks = strspn(text, " \t");

		memmove(text, text + blanks, strlen(text + blanks) + 1);
		text[strcspn(text, "\n")] = 0;
	}
	return found;
}

void csv_lines_stack(struct csv_lines *lines, const struct csv_scene *scene, const char *title,
                     uint32_t node, bool source)
{
	const struct cs_stack *at = node ? cs_stacks_get(scene->stacks, scene->now, node) : NULL;
	char text[256];

	csv_lines_put(lines, 0, CSV_ROLE_TITLE, "%s", title);
	if (!at)
		csv_lines_put(lines, 2, CSV_ROLE_FAINT, "unknown");
	for (; at; at = at->caller) {
		const struct cs_call *call = at->call;

		if (call->file)
			csv_lines_put(lines, 2, CSV_ROLE_PLAIN, "%s  %s:%" PRIu32 "%s",
			              call->function, call->file, call->line,
			              call->inlined ? " (inlined)" : "");
		else
			csv_lines_put(lines, 2, CSV_ROLE_PLAIN, "%s  %s", call->function,
			              call->module ? cs_text_basename(call->module) : "");
		/* Only what is on the screen is worth opening a file for. */
		if (source && call->file && call->line && is_visible(lines) &&
		    source_line(call->file, call->line, text, sizeof(text)))
			csv_lines_put(lines, 6, CSV_ROLE_FAINT, "%s", text);
	}
}
