/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of ps. A column is shown if anything is known for it, and if there is room: where
 * there is not, the least important ones go, so that the last one, where, can be read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "export/ps.h"
#include "export/table.h"
#include "model/where.h"

/* One line: a coroutine, or a group and one of its coroutines. */
struct line {
	const struct cs_coroutine *coroutine;
	const struct cs_group *group; /* NULL: the coroutine alone */
	const struct cs_stack *stack;
};

typedef void put_cell(const struct cs_ps *ps, const struct line *line, char *text, size_t size);

struct column {
	const char *title, *group_title; /* NULL: not in that view */
	put_cell *put;
	bool left;
	uint8_t worth;       /* the lowest go first; 9: never */
	enum cs_order order; /* sorted by this, it stays */
};

#define CELL 64
#define COLUMNS 12
#define WHERE_MIN 28u
#define STACK_INDENT 6u

/* ---- cells ---- */

static const struct cs_model *model_of(const struct cs_ps *ps)
{
	return ps->snapshot->model;
}

static void put_number(uint64_t value, struct cs_text (*as)(double), char *text, size_t size)
{
	snprintf(text, size, "%s", value == CS_UNKNOWN ? "" : as((double)value).s);
}

static void put_time(uint64_t ns, char *text, size_t size)
{
	snprintf(text, size, "%s", ns == CS_UNKNOWN ? "" : cs_text_duration(ns).s);
}

static void put_id(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	const struct cs_coroutine *coroutine = line->coroutine;

	snprintf(text, size, "%s",
	         cs_coroutine_id(model_of(ps), coroutine->runtime, coroutine->number).s);
}

static void put_count(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	(void)ps;
	put_number(line->group->count, cs_text_count, text, size);
}

static void put_pid(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	const struct cs_process *process =
		cs_model_process_at(model_of(ps), line->coroutine->process);

	*text = '\0';
	if (cs_model_process_count(model_of(ps)) > 1 && process)
		snprintf(text, size, "%u", process->pid);
}

/* The most frequent of the group, and how many others are in another one. */
static void put_state(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	const struct cs_group *group = line->group;
	unsigned most = line->coroutine->state;

	(void)ps;
	for (unsigned state = 0; group && state < CS_COROUTINE_STATES; state++)
		if (group->states[state] > group->states[most])
			most = state;
	if (group && group->states[most] < group->count)
		snprintf(text, size, "%s +%u", cs_coroutine_state_names[most],
		         group->count - group->states[most]);
	else
		snprintf(text, size, "%s%s", cs_coroutine_state_names[most],
		         !group && line->coroutine->flags & CS_COROUTINE_UNSTABLE ? "?" : "");
}

static void put_reason(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	const struct cs_group *group = line->group;
	uint32_t id = group ? group->reasons[0].text : line->coroutine->reason;
	const char *reason = cs_model_text_at(model_of(ps), id);

	*text = '\0';
	if (!reason)
		return;
	if (group && group->reasons[0].count < group->count)
		snprintf(text, size, "%.40s +%u", reason, group->count - group->reasons[0].count);
	else
		snprintf(text, size, "%.60s", reason);
}

/* "≥": a reader of memory knows only when it saw it first. */
static void put_wait(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	const struct cs_coroutine *coroutine = line->coroutine;
	uint64_t wait = line->group ? line->group->wait_ns
	                            : cs_coroutine_wait_ns(ps->snapshot, coroutine);

	*text = '\0';
	if (wait != CS_UNKNOWN)
		snprintf(text, size, "%s%s",
		         coroutine->since_after_ns == coroutine->since_ns ? "" : ">",
		         cs_text_duration(wait).s);
}

static void put_age(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	const struct cs_coroutine *coroutine = line->coroutine;
	uint64_t age = line->group ? line->group->age_ns
	                           : cs_coroutine_age_ns(ps->snapshot, coroutine);

	*text = '\0';
	if (age != CS_UNKNOWN)
		snprintf(text, size, "%s%s",
		         coroutine->created_after_ns == coroutine->created_ns ? "" : ">",
		         cs_text_duration(age).s);
}

static void put_heap(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	(void)ps;
	put_number(line->group ? line->group->heap_bytes : cs_coroutine_heap_bytes(line->coroutine),
	           cs_text_bytes, text, size);
}

static void put_cpu(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	(void)ps;
	put_time(line->group ? line->group->cpu_ns : line->coroutine->cpu_ns, text, size);
}

static void put_switches(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	bool at_least = line->coroutine->flags & CS_COROUTINE_UNTOLD;
	uint64_t switches = line->group ? line->group->switches : line->coroutine->switches;

	(void)ps;
	*text = '\0';
	if (switches != CS_UNKNOWN)
		snprintf(text, size, "%s%s", at_least ? ">" : "",
		         cs_text_count((double)switches).s);
}

static void put_stack(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	(void)ps;
	put_number(line->group ? line->group->stack_used : line->coroutine->stack_used,
	           cs_text_bytes, text, size);
}

static void put_thread(const struct cs_ps *ps, const struct line *line, char *text, size_t size)
{
	const struct cs_thread *thread = cs_model_thread_at(model_of(ps), line->coroutine->thread);

	*text = '\0';
	if (thread)
		snprintf(text, size, "%u", thread->tid);
}

static const struct column columns[COLUMNS] = {
	{NULL, "COUNT", put_count, false, 9, CS_ORDER_ID},
	{"PID", "PID", put_pid, false, 8, CS_ORDER_COUNT},
	{"ID", NULL, put_id, true, 9, CS_ORDER_ID},
	{"STATE", "STATE", put_state, true, 9, CS_ORDER_COUNT},
	{"REASON", "REASON", put_reason, true, 7, CS_ORDER_COUNT},
	{"WAITING", "WAITING", put_wait, false, 8, CS_ORDER_WAIT},
	{"AGE", "AGE", put_age, false, 4, CS_ORDER_AGE},
	{"HEAP", "HEAP", put_heap, false, 6, CS_ORDER_HEAP},
	{"CPU", "CPU", put_cpu, false, 5, CS_ORDER_CPU},
	{"SWITCHES", "SWITCHES", put_switches, false, 3, CS_ORDER_SWITCHES},
	{"STACK", "STACK", put_stack, false, 2, CS_ORDER_STACK},
	{"THREAD", NULL, put_thread, false, 1, CS_ORDER_COUNT},
};

/* ---- widths ---- */

struct table {
	const struct cs_ps *ps;
	const struct cs_export_style *style;
	struct cs_colours colours;
	struct line *lines;
	uint32_t shown;
	size_t widths[COLUMNS]; /* 0: not shown */
};

static const char *title_of(const struct table *table, int column)
{
	return table->ps->groups ? columns[column].group_title : columns[column].title;
}

static size_t taken(const struct table *table)
{
	size_t sum = 0;

	for (int i = 0; i < COLUMNS; i++)
		if (table->widths[i])
			sum += table->widths[i] + 2;
	return sum;
}

static void measure(struct table *table)
{
	for (int i = 0; i < COLUMNS; i++) {
		char text[CELL];
		size_t widest = 0;

		if (!title_of(table, i))
			continue;
		for (uint32_t at = 0; at < table->shown; at++) {
			columns[i].put(table->ps, &table->lines[at], text, sizeof(text));
			if (cs_text_width(text) > widest)
				widest = cs_text_width(text);
		}
		if (widest && widest < strlen(title_of(table, i)))
			widest = strlen(title_of(table, i));
		table->widths[i] = widest;
	}
}

static void make_room(struct table *table)
{
	for (uint8_t worth = 1; worth < 8; worth++)
		for (int i = 0; i < COLUMNS; i++)
			if (table->style->width && columns[i].worth == worth &&
			    columns[i].order != table->ps->order &&
			    taken(table) + WHERE_MIN > table->style->width)
				table->widths[i] = 0;
}

/* ---- writing ---- */

static void put_padded(struct cs_sink *sink, const char *text, size_t width, bool left)
{
	size_t columns_used = cs_text_width(text);
	size_t room = width > columns_used ? width - columns_used : 0;

	if (!left)
		cs_sink_spaces(sink, room);
	cs_text_safe(sink, text, width);
	if (left)
		cs_sink_spaces(sink, room);
	cs_sink_text(sink, "  ");
}

static void put_titles(const struct table *table, struct cs_sink *sink)
{
	cs_sink_text(sink, table->colours.strong);
	for (int i = 0; i < COLUMNS; i++)
		if (table->widths[i])
			put_padded(sink, title_of(table, i), table->widths[i], columns[i].left);
	cs_sink_printf(sink, "WHERE%s\n", table->colours.plain);
}

/* A place that does not fit is worth less than the function's name. */
static void add_place(char *text, size_t size, const struct cs_call *call, size_t room)
{
	size_t used = strlen(text);

	if (!call->file || !call->line)
		return;
	snprintf(text + used, size - used, " %s:%u", cs_text_basename(call->file), call->line);
	if (room && cs_text_width(text) > room)
		text[used] = '\0';
}

/* Where it was is never shown as where it is. */
static void add_seen(char *text, size_t size, const struct table *table,
                     const struct cs_coroutine *coroutine)
{
	uint64_t age_ns = cs_coroutine_stack_age_ns(table->ps->snapshot, coroutine);
	size_t used = strlen(text);

	if (!coroutine->stack || !(coroutine->flags & CS_COROUTINE_STACK_SAMPLED))
		return;
	if (age_ns == CS_UNKNOWN)
		snprintf(text + used, size - used, "last seen: ");
	else
		snprintf(text + used, size - used,
		         "last seen %s ago: ", cs_text_duration(age_ns).s);
}

/* "parse app.c:12 < serve < main": from the program's own innermost call outwards. */
static void put_where(const struct table *table, const struct line *line, struct cs_sink *sink)
{
	const struct cs_runtime *runtime =
		cs_model_runtime_at(model_of(table->ps), line->coroutine->runtime);
	const struct cs_stack *at = cs_stack_where(line->stack, runtime ? runtime->name : NULL);
	const char *name = line->group ? NULL : line->coroutine->name;
	size_t width = table->style->width, used = taken(table);
	size_t room = width > used + 8 ? width - used : width ? 8 : 0;
	char text[1024] = "";
	unsigned calls = 0;

	if (name)
		snprintf(text, sizeof(text), "\"%.100s\" ", name);
	if (!line->group)
		add_seen(text, sizeof(text), table, line->coroutine);
	for (; at && calls < 4 && strlen(text) < 300; at = at->caller) {
		size_t length = strlen(text);

		if (at->call->mark && calls)
			continue;
		snprintf(text + length, sizeof(text) - length, "%s%.200s", calls ? " < " : "",
		         at->call->function);
		if (!calls++)
			add_place(text, sizeof(text), at->call, room);
		else if (room && cs_text_width(text) > room)
			text[length] = '\0';
		if (!line->group && !width)
			break; /* a file, or a script, has --stacks and --json */
	}
	cs_text_safe(sink, text, room);
	cs_sink_char(sink, '\n');
}

static void put_call(const struct table *table, const struct cs_call *call, struct cs_sink *sink)
{
	const struct cs_colours *colours = &table->colours;

	cs_sink_spaces(sink, STACK_INDENT);
	cs_text_safe(sink, call->function, 0);
	if (call->file || call->module)
		cs_sink_text(sink, colours->faint);
	if (call->file) {
		cs_sink_char(sink, ' ');
		cs_text_safe(sink, call->file, 0);
		if (call->line)
			cs_sink_printf(sink, ":%u", call->line);
	}
	if (call->module) {
		cs_sink_text(sink, " (");
		cs_text_safe(sink, cs_text_basename(call->module), 0);
		cs_sink_char(sink, ')');
	}
	if (call->inlined)
		cs_sink_text(sink, " [inlined]");
	if (call->file || call->module)
		cs_sink_text(sink, colours->plain);
	cs_sink_char(sink, '\n');
}

static void put_labels(const char *labels, struct cs_sink *sink)
{
	cs_sink_spaces(sink, STACK_INDENT);
	cs_sink_text(sink, "labels: ");
	for (const char *at = labels; *at;) {
		size_t length = strcspn(at, "\n");
		char text[256];

		snprintf(text, sizeof(text), "%.*s", (int)(length < 255 ? length : 255), at);
		cs_text_safe(sink, text, 0);
		at += length;
		if (*at) {
			cs_sink_text(sink, ", ");
			at++;
		}
	}
	cs_sink_char(sink, '\n');
}

/* What is said of one coroutine in words. */
static void put_notes(const struct cs_coroutine *coroutine, struct cs_sink *sink)
{
	static const struct {
		uint16_t flag;
		const char *text;
	} notes[] = {
		{CS_COROUTINE_LOCKED, "locked to its thread"},
		{CS_COROUTINE_LEAKED, "leaked: its runtime has proven it"},
		{CS_COROUTINE_STACK_SAMPLED,
	         "its stack is where it was last seen, not where it is"},
	};

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		if (!(coroutine->flags & notes[i].flag))
			continue;
		cs_sink_spaces(sink, STACK_INDENT);
		cs_sink_printf(sink, "%s\n", notes[i].text);
	}
}

static int put_stacks(const struct table *table, const struct line *line, struct cs_sink *sink)
{
	uint32_t spawn = line->group ? line->group->spawn : line->coroutine->spawn;
	const struct cs_stack *stack;

	if (!line->group)
		put_notes(line->coroutine, sink);
	if (!line->group && line->coroutine->labels && *line->coroutine->labels)
		put_labels(line->coroutine->labels, sink);
	for (stack = line->stack; stack; stack = stack->caller)
		put_call(table, stack->call, sink);
	if (spawn) {
		stack = cs_stacks_get(table->ps->stacks, table->ps->snapshot, spawn);
		if (!stack)
			return -ENOMEM;
		cs_sink_spaces(sink, STACK_INDENT - 2);
		cs_sink_printf(sink, "%screated by%s\n", table->colours.faint,
		               table->colours.plain);
		for (; stack; stack = stack->caller)
			put_call(table, stack->call, sink);
	}
	cs_sink_char(sink, '\n');
	return 0;
}

static int put_line(const struct table *table, const struct line *line, struct cs_sink *sink)
{
	for (int i = 0; i < COLUMNS; i++) {
		char text[CELL];

		if (!table->widths[i])
			continue;
		columns[i].put(table->ps, line, text, sizeof(text));
		put_padded(sink, text, table->widths[i], columns[i].left);
	}
	put_where(table, line, sink);
	return table->ps->with_stacks ? put_stacks(table, line, sink) : 0;
}

static int fill_lines(struct table *table)
{
	const struct cs_ps *ps = table->ps;

	for (uint32_t i = 0; i < table->shown; i++) {
		struct line *line = &table->lines[i];

		if (ps->groups) {
			line->group = &ps->groups->groups[i];
			line->coroutine = &ps->snapshot->coroutines[line->group->example];
			line->stack = line->group->stack;
			continue;
		}
		line->coroutine = &ps->snapshot->coroutines[ps->rows[i]];
		line->stack = cs_stacks_get(ps->stacks, ps->snapshot, line->coroutine->stack);
		if (!line->stack)
			return -ENOMEM;
	}
	return 0;
}

int cs_ps_table(const struct cs_ps *ps, const struct cs_export_style *style, struct cs_sink *sink)
{
	struct table table = {.ps = ps, .style = style, .colours = cs_colours(style)};
	int error;

	table.shown = cs_ps_shown(style, ps->groups ? ps->groups->count : ps->count);
	table.lines = calloc((size_t)table.shown + 1, sizeof(*table.lines));
	error = table.lines ? fill_lines(&table) : -ENOMEM;
	if (!error) {
		measure(&table);
		make_room(&table);
		cs_sink_char(sink, '\n');
		put_titles(&table, sink);
	}
	for (uint32_t i = 0; !error && i < table.shown && !cs_sink_error(sink); i++)
		error = put_line(&table, &table.lines[i], sink);
	free(table.lines);
	return error;
}
