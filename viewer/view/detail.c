/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source files are only read to show a line of them: regular files, one line, a bounded way in.
 */
#include "view/detail.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "view/words.h"

#define SOURCE_BYTES_MAX (4 << 20)

void csv_detail_open(struct csv_detail *detail, const struct cs_coroutine *coroutine)
{
	*detail = (struct csv_detail){
		.open = true,
		.process = coroutine->process,
		.runtime = coroutine->runtime,
		.number = coroutine->number,
	};
}

static const struct cs_coroutine *find(const struct csv_detail *detail,
                                       const struct csv_scene *scene)
{
	const struct cs_model *model = scene->now->model;

	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		if (coroutine && coroutine->number == detail->number &&
		    coroutine->runtime == detail->runtime && coroutine->process == detail->process)
			return coroutine;
	}
	return NULL;
}

void csv_detail_update(struct csv_detail *detail, const struct csv_scene *scene)
{
	const struct cs_coroutine *coroutine = detail->open ? find(detail, scene) : NULL;
	struct csv_seen_state *last;

	if (!coroutine)
		return;
	last = detail->seen_count ? &detail->seen[detail->seen_count - 1] : NULL;
	if (last && last->time_ns > scene->now->time_ns)
		detail->seen_count = 0; /* time was travelled back */
	else if (last && last->state == coroutine->state && last->reason == coroutine->reason)
		return;
	if (detail->seen_count == CSV_DETAIL_STATES) {
		memmove(detail->seen, detail->seen + 1,
		        (CSV_DETAIL_STATES - 1) * sizeof(*detail->seen));
		detail->seen_count--;
	}
	detail->seen[detail->seen_count++] = (struct csv_seen_state){
		.time_ns = scene->now->time_ns,
		.reason = coroutine->reason,
		.state = coroutine->state,
	};
}

/* ---- lines ---- */

struct lines {
	struct csv_canvas *canvas;
	struct csv_area area;
	int y;
};

static void put(struct lines *lines, int x, enum csv_role role, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void put(struct lines *lines, int x, enum csv_role role, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (lines->y >= lines->area.y && lines->y < lines->area.y + lines->area.height)
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

static void put_stack(struct lines *lines, const struct csv_scene *scene, const char *title,
                      uint32_t node, bool source)
{
	const struct cs_stack *at = node ? cs_stacks_get(scene->stacks, scene->now, node) : NULL;
	char text[256];

	put(lines, 0, CSV_ROLE_TITLE, "%s", title);
	if (!at)
		put(lines, 2, CSV_ROLE_FAINT, "unknown");
	for (; at; at = at->caller) {
		const struct cs_call *call = at->call;

		if (call->file)
			put(lines, 2, CSV_ROLE_PLAIN, "%s  %s:%" PRIu32 "%s", call->function,
			    call->file, call->line, call->inlined ? " (inlined)" : "");
		else
			put(lines, 2, CSV_ROLE_PLAIN, "%s  %s", call->function,
			    call->module ? cs_text_basename(call->module) : "");
		/* Only what is on the screen is worth opening a file for. */
		if (source && call->file && call->line && lines->y >= lines->area.y &&
		    lines->y < lines->area.y + lines->area.height &&
		    source_line(call->file, call->line, text, sizeof(text)))
			put(lines, 6, CSV_ROLE_FAINT, "%s", text);
	}
}

static void put_facts(struct lines *lines, const struct csv_scene *scene,
                      const struct cs_coroutine *coroutine)
{
	const struct cs_model *model = scene->now->model;
	const struct cs_thread *thread = cs_model_thread_at(model, coroutine->thread);
	const char *reason = cs_model_text_at(model, coroutine->reason);
	uint64_t now_ns = scene->now->time_ns;
	char labels[256];

	put(lines, 0, CSV_ROLE_STRONG, "%s%s%s  %s%s%s for %s%s",
	    csv_words_id(model, coroutine->runtime, coroutine->number).s,
	    coroutine->name ? "  " : "", coroutine->name ? coroutine->name : "",
	    cs_coroutine_state_names[coroutine->state], reason ? ": " : "", reason ? reason : "",
	    csv_coroutine_wait_text(coroutine, now_ns).s,
	    coroutine->flags & CS_COROUTINE_OBSERVED ? " (as seen)" : "");
	put(lines, 2, CSV_ROLE_PLAIN, "age %s   cpu %s   waited %s   switches %s",
	    csv_coroutine_age_text(coroutine, now_ns).s, csv_words_duration(coroutine->cpu_ns).s,
	    csv_words_duration(coroutine->wait_ns).s, csv_words_count(coroutine->switches).s);
	put(lines, 2, CSV_ROLE_PLAIN, "heap %s   stack %s of %s, resident %s, highest %s",
	    csv_words_bytes(csv_coroutine_heap_bytes(coroutine)).s,
	    csv_words_bytes(coroutine->stack_used).s,
	    csv_words_bytes(coroutine->stack_high ? coroutine->stack_high - coroutine->stack_low
	                                          : CS_UNKNOWN)
	            .s,
	    csv_words_bytes(coroutine->stack_resident).s, csv_words_bytes(coroutine->stack_peak).s);
	put(lines, 2, CSV_ROLE_PLAIN, "parent %s   thread %s",
	    coroutine->parent_number
	            ? csv_words_id(model, coroutine->parent_runtime, coroutine->parent_number).s
	            : "?",
	    thread && thread->name[0] ? thread->name
	    : thread                  ? "(unnamed)"
	                              : "-");
	if (!coroutine->labels)
		return;
	snprintf(labels, sizeof(labels), "%s", coroutine->labels);
	for (char *c = labels; *c; c++)
		if (*c == '\n')
			*c = ' ';
	put(lines, 2, CSV_ROLE_PLAIN, "labels %s", labels);
}

static void put_history(const struct csv_detail *detail, struct lines *lines,
                        const struct csv_scene *scene)
{
	if (detail->seen_count < 2)
		return;
	put(lines, 0, CSV_ROLE_TITLE, "States seen since this was opened");
	for (uint32_t i = detail->seen_count; i-- > 0;) {
		const struct csv_seen_state *seen = &detail->seen[i];
		const char *reason = cs_model_text_at(scene->now->model, seen->reason);

		put(lines, 2, csv_role_of_state((enum cs_coroutine_state)seen->state),
		    "%10s  %s %s", cs_text_duration(seen->time_ns).s,
		    cs_coroutine_state_names[seen->state], reason ? reason : "");
	}
}

void csv_detail_draw(struct csv_detail *detail, const struct csv_scene *scene,
                     struct csv_canvas *canvas, struct csv_area area)
{
	const struct cs_coroutine *coroutine = find(detail, scene);
	struct lines lines = {canvas, area, area.y - (int)detail->top};
	int total;

	csv_fill(canvas, (struct csv_area){area.x, area.y, area.width, 1},
	         csv_glyph(canvas, CSV_GLYPH_LINE), CSV_ROLE_FAINT);
	lines.area.y++;
	lines.area.height--;
	lines.y++;
	if (!coroutine) {
		put(&lines, 0, CSV_ROLE_WARN, "%s is not alive at this time",
		    csv_words_id(scene->now->model, detail->runtime, detail->number).s);
		put_history(detail, &lines, scene);
		return;
	}
	put_facts(&lines, scene, coroutine);
	put_stack(&lines, scene, "Stack", coroutine->stack, true);
	put_stack(&lines, scene, "Created at", coroutine->spawn, true);
	put_history(detail, &lines, scene);
	total = lines.y - area.y + (int)detail->top;
	if (total <= area.height)
		detail->top = 0;
	else if ((int)detail->top > total - area.height)
		detail->top = (uint32_t)(total - area.height);
}
