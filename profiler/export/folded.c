/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded stacks: one line for all stacks of the same names, root first, frames joined by ';',
 * then a space and the value; what flamegraph.pl, inferno and speedscope read. A comparison has
 * two values, before and now, as difffolded.pl writes them.
 *
 * Invariant: the lines add up to the rollup's total.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "base/list.h"
#include "base/text.h"
#include "export/export.h"

/* ';' ends a frame and a newline ends a stack: a name may hold neither. */
static void put_name(struct cs_sink *sink, const char *name)
{
	while (*name) {
		const char *start = name;
		/* Most names are plain: in one piece. */
		while (*name >= 0x20 && *name < 0x7f && *name != ';')
			name++;
		cs_sink_bytes(sink, start, (size_t)(name - start));
		if (!*name)
			break;
		start = name;
		uint32_t c = cs_text_decode(&name);
		if (c == ';' || cs_text_steers(c))
			cs_sink_char(sink, '_');
		else if (c == 0xfffd)
			cs_sink_text(sink, "\xef\xbf\xbd");
		else
			cs_sink_bytes(sink, start, (size_t)(name - start));
	}
}

/* ---- lines ---- */

/* A stack by its names alone: from which line of a function a call comes makes no difference. */
struct path {
	uint32_t caller; /* path + 1; 0: outermost */
	uint32_t line;   /* + 1; 0: nothing ends here */
	const char *name;
};

struct line {
	const struct cs_stack *stack; /* one of those that look like that; NULL: LABEL instead */
	const char *label;
	int64_t value, base;
	uint32_t rank; /* of its first entry */
};

struct lines {
	struct cs_list paths, lines;
	struct cs_index index; /* of paths */
};

/* The path of a stack, outermost call first: CALLS are its own, innermost first. 0: no memory. */
static uint32_t find_path(struct lines *lines, const struct cs_call *const *calls, uint32_t depth)
{
	uint32_t caller = 0;

	while (depth-- > 0) {
		const char *name = calls[depth]->function;
		uint32_t hash = cs_hash_pair(caller, cs_hash_bytes(name, strlen(name)));
		struct cs_probe probe = cs_index_probe(&lines->index, hash);
		struct path *path;
		uint32_t id;

		while ((id = cs_probe_next(&probe))) {
			path = cs_list_at(&lines->paths, id - 1);
			if (path->caller == caller && strcmp(path->name, name) == 0)
				break;
		}
		if (!id) {
			path = cs_list_push(&lines->paths);
			id = lines->paths.count;
			if (!path || cs_index_add(&lines->index, hash, id))
				return 0;
			*path = (struct path){.caller = caller, .name = name};
		}
		caller = id;
	}
	return caller;
}

/* CALLS has room for the deepest stack. */
static uint32_t calls_of(const struct cs_stack *stack, const struct cs_call **calls)
{
	uint32_t depth = 0;

	for (; stack; stack = stack->caller)
		calls[depth++] = stack->call;
	return depth;
}

/* The line that ENTRY belongs to; NULL: no memory. */
static struct line *find_line(struct lines *lines, const struct cs_entry *entry,
                              const struct cs_call **calls)
{
	struct path *path = NULL;
	struct line *line;

	if (entry->stack) {
		uint32_t id = find_path(lines, calls, calls_of(entry->stack, calls));

		if (!id)
			return NULL;
		path = cs_list_at(&lines->paths, id - 1);
		if (path->line)
			return cs_list_at(&lines->lines, path->line - 1);
	}
	line = cs_list_push(&lines->lines);
	if (!line)
		return NULL;
	*line = (struct line){
		.stack = entry->stack, .label = entry->label, .rank = lines->lines.count};
	if (path)
		path->line = lines->lines.count;
	return line;
}

static int make_lines(struct lines *lines, const struct cs_rollup *rollup,
                      const struct cs_call **calls)
{
	for (uint32_t i = 0; i < rollup->count; i++) {
		const struct cs_entry *entry = &rollup->entries[i];
		int64_t base = rollup->base ? entry->base : 0;
		struct line *line;

		if (entry->value == 0 && base == 0)
			continue;
		line = find_line(lines, entry, calls);
		if (!line)
			return -ENOMEM;
		line->value += entry->value;
		line->base += base;
	}
	return 0;
}

/* ---- writing ---- */

static uint64_t size_of(const struct line *line)
{
	int64_t change = line->value - line->base;

	return change < 0 ? -(uint64_t)change : (uint64_t)change;
}

/* As entries are: the largest first (change, with a base). */
static int by_size(const void *a, const void *b)
{
	const struct line *first = *(const struct line *const *)a;
	const struct line *second = *(const struct line *const *)b;
	uint64_t first_size = size_of(first), second_size = size_of(second);

	if (first_size != second_size)
		return first_size > second_size ? -1 : 1;
	return first->rank < second->rank ? -1 : 1;
}

/* The stack, or what else the line is about. */
static void put_line(struct cs_sink *sink, const struct line *line, const struct cs_call **calls,
                     bool compare)
{
	uint32_t depth = calls_of(line->stack, calls);

	if (!line->stack)
		put_name(sink, line->label);
	while (depth-- > 0) {
		put_name(sink, calls[depth]->function);
		if (depth > 0)
			cs_sink_char(sink, ';');
	}
	if (compare)
		cs_sink_printf(sink, " %" PRId64, line->base);
	cs_sink_printf(sink, " %" PRId64 "\n", line->value);
}

static int put_lines(const struct lines *lines, uint32_t limit, bool compare, struct cs_sink *sink,
                     const struct cs_call **calls)
{
	uint32_t count = lines->lines.count;
	const struct line **sorted = calloc((size_t)count + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = cs_list_at(&lines->lines, i);
	qsort(sorted, count, sizeof(*sorted), by_size);
	for (uint32_t i = 0; i < count && (!limit || i < limit) && !cs_sink_error(sink); i++)
		put_line(sink, sorted[i], calls, compare);
	free(sorted);
	return 0;
}

static uint32_t deepest(const struct cs_rollup *rollup)
{
	uint32_t depth = 0;

	for (uint32_t i = 0; i < rollup->count; i++)
		if (rollup->entries[i].stack && rollup->entries[i].stack->depth > depth)
			depth = rollup->entries[i].stack->depth;
	return depth;
}

static int folded_write(const struct cs_rollup *rollup, const struct cs_export_style *style,
                        struct cs_sink *sink, struct cs_diag *diag)
{
	const struct cs_call **calls = calloc(deepest(rollup) + 1, sizeof(struct cs_call *));
	struct lines lines = {0};
	int error = calls ? 0 : -ENOMEM;

	cs_list_init(&lines.paths, sizeof(struct path), 10);
	cs_list_init(&lines.lines, sizeof(struct line), 8);
	if (!error)
		error = make_lines(&lines, rollup, calls);
	if (!error)
		error = put_lines(&lines, style->limit, rollup->base != NULL, sink, calls);
	cs_index_free(&lines.index);
	cs_list_free(&lines.lines);
	cs_list_free(&lines.paths);
	free(calls);
	return error ? cs_diag_set(diag, error, "write folded stacks: out of memory") : 0;
}

const struct cs_export cs_export_folded = {
	.needs_stacks = true,
	.write = folded_write,
};
