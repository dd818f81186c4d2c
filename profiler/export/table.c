/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of text reports. Names come from the program that was observed: they reach the
 * terminal only through cs_text_safe().
 */
#include "export/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct cs_colours cs_colours(const struct cs_export_style *style)
{
	if (!style->colour)
		return (struct cs_colours){"", "", "", "", ""};
	return (struct cs_colours){"\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m"};
}

static bool is_in(enum cs_metric metric, const char *unit)
{
	return strcmp(cs_metric_info[metric].unit, unit) == 0;
}

static struct cs_text signed_duration(double ns, const char *plus)
{
	struct cs_text text = cs_text_duration((uint64_t)(ns < 0 ? -ns : ns));
	const char *sign = ns < 0 ? "-" : ns > 0 ? plus : "";

	struct cs_text with_sign;

	snprintf(with_sign.s, sizeof(with_sign.s), "%s%.*s", sign, (int)sizeof(text.s) - 2, text.s);
	return with_sign;
}

struct cs_text cs_metric_text(enum cs_metric metric, double value)
{
	if (is_in(metric, "ns"))
		return signed_duration(value, "");
	return is_in(metric, "bytes") ? cs_text_bytes(value) : cs_text_count(value);
}

struct cs_text cs_metric_change(enum cs_metric metric, double value)
{
	if (is_in(metric, "ns"))
		return signed_duration(value, "+");
	return is_in(metric, "bytes") ? cs_text_bytes_change(value) : cs_text_count_change(value);
}

const char *cs_metric_phrase(enum cs_metric metric)
{
	switch (metric) {
	case CS_METRIC_INUSE_SPACE:
		return "in use";
	case CS_METRIC_INUSE_OBJECTS:
		return "objects in use";
	case CS_METRIC_ALLOC_SPACE:
		return "allocated";
	case CS_METRIC_ALLOC_OBJECTS:
		return "objects allocated";
	case CS_METRIC_PEAK_SPACE:
		return "in use at the peak";
	case CS_METRIC_TEMPORARY_OBJECTS:
		return "objects freed before the next allocation";
	case CS_METRIC_CPU:
		return "on CPUs, by samples";
	case CS_METRIC_WALL:
		return "of coroutines' lives, on a CPU or not";
	case CS_METRIC_OFFCPU:
		return "of coroutines' lives, not on a CPU";
	case CS_METRIC_DELAY:
		return "of waiting, by the runtime's own profiles";
	case CS_METRIC_CONTENTIONS:
		return "waits, by the runtime's own profiles";
	case CS_METRIC_SPAWNED:
		return "coroutines created";
	case CS_METRIC_COROUTINES:
		return "live coroutines";
	case CS_METRIC_STACK_SPACE:
		return "of coroutines' stacks";
	case CS_METRIC_COUNT:
		break;
	}
	return "";
}

/* "512 KiB" rather than "512.0 KiB": a figure that somebody chose. */
static struct cs_text chosen(double bytes)
{
	struct cs_text text = cs_text_bytes(bytes);
	char *zero = strstr(text.s, ".0 ");

	if (zero)
		memmove(zero, zero + 2, strlen(zero + 2) + 1);
	return text;
}

void cs_put_interval(struct cs_sink *sink, const struct cs_rollup *rollup)
{
	if (!rollup->sampled)
		return;
	struct cs_text low = cs_metric_text(rollup->metric, rollup->low);
	struct cs_text high = cs_metric_text(rollup->metric, rollup->high);
	char *low_unit = strchr(low.s, ' ');
	const char *high_unit = strchr(high.s, ' ');

	if (low_unit && high_unit && strcmp(low_unit, high_unit) == 0)
		*low_unit = 0;
	cs_sink_printf(sink, " (95 %%: %s … %s)", low.s, high.s);
	if (rollup->mean_bytes)
		cs_sink_printf(sink, ", sampled every %s on average",
		               chosen((double)rollup->mean_bytes).s);
	else
		cs_sink_printf(sink, ", %s samples", cs_text_count((double)rollup->samples).s);
}

/* Go's own blocks come out of mappings that gccgo's runtime divides itself. */
static bool has_gccgo(const struct cs_model *model)
{
	for (uint32_t i = 1; i <= cs_model_runtime_count(model); i++)
		if (strcmp(cs_model_runtime_at(model, i)->name, "gccgo") == 0)
			return true;
	return false;
}

void cs_put_notes(struct cs_sink *sink, const struct cs_rollup *rollup)
{
	struct cs_text lost = cs_text_count((double)rollup->lost);

	if (rollup->metric < CS_METRIC_HEAP_COUNT && has_gccgo(rollup->snapshot->model))
		cs_sink_text(sink, "note: of a gccgo program only what its C code allocates is "
		                   "here: Go's own heap lies in mappings\n");
	if (rollup->certainty == CS_AT_LEAST)
		cs_sink_printf(sink,
		               "note: %s events were lost: allocations among them are missing\n",
		               lost.s);
	if (rollup->certainty == CS_ABOUT)
		cs_sink_printf(
			sink,
			"note: %s events were lost: lost allocations are missing, blocks whose "
			"free was lost are still counted\n",
			lost.s);
	if (rollup->metric != CS_METRIC_PEAK_SPACE)
		return;
	if (rollup->sampled)
		cs_sink_text(sink, "note: the peak of a sampled heap is biased upwards: it is the "
		                   "largest of many estimates\n");
	if (rollup->processes > 1)
		cs_sink_text(sink, "note: each process is shown at its own peak\n");
}

const char *cs_what_title(enum cs_by by)
{
	static const char *const titles[CS_BY_COUNT] = {
		[CS_BY_STACK] = "STACK",     [CS_BY_FUNCTION] = "FUNCTION",
		[CS_BY_MODULE] = "MODULE",   [CS_BY_THREAD] = "THREAD",
		[CS_BY_PROCESS] = "PROCESS", [CS_BY_SPAWN] = "CREATED",
		[CS_BY_LABEL] = "LABEL",     [CS_BY_COROUTINE] = "COROUTINE",
	};

	return titles[by];
}

/* Where a call is: "parser.c:120", or the module for want of it. */
static void place_of(const struct cs_call *call, bool with_line, char *text, size_t size)
{
	*text = 0;
	if (call->file && call->line && with_line)
		snprintf(text, size, "  %s:%" PRIu32, cs_text_basename(call->file), call->line);
	else if (call->file)
		snprintf(text, size, "  %s", cs_text_basename(call->file));
	else if (call->module && call->named)
		snprintf(text, size, "  [%s]", cs_text_basename(call->module));
	if (call->inlined && with_line) {
		size_t used = strlen(text);
		snprintf(text + used, size - used, " (inlined)");
	}
}

/* The place is worth more than the end of a long name: the name is cut first. */
static void put_call(struct cs_sink *sink, const struct cs_call *call, bool with_line,
                     size_t columns, const struct cs_colours *colours)
{
	char place[160];

	place_of(call, with_line, place, sizeof(place));
	size_t place_columns = cs_text_width(place);
	if (columns && columns < place_columns + 16) {
		place[0] = 0;
		place_columns = 0;
	}
	cs_text_safe(sink, call->function, columns ? columns - place_columns : 0);
	if (place_columns) {
		cs_sink_text(sink, colours->faint);
		cs_text_safe(sink, place, 0);
		cs_sink_text(sink, colours->plain);
	}
	cs_sink_char(sink, '\n');
}

void cs_put_what(struct cs_sink *sink, const struct cs_rollup *rollup, const struct cs_entry *entry,
                 const struct cs_export_style *style, size_t indent)
{
	struct cs_colours colours = cs_colours(style);
	size_t columns = 0;

	/* A terminal too narrow for the table wraps: better than names cut to nothing. */
	if (style->width >= indent + 24)
		columns = style->width - indent;
	if (!entry->call) {
		cs_text_safe(sink, entry->label, columns);
		cs_sink_char(sink, '\n');
		return;
	}
	if (rollup->by == CS_BY_FUNCTION) {
		put_call(sink, entry->call, false, columns, &colours);
		return;
	}
	put_call(sink, entry->stack->call, true, columns, &colours);
	for (const struct cs_stack *at = entry->stack->caller; at; at = at->caller) {
		cs_sink_spaces(sink, indent + 2);
		put_call(sink, at->call, true, columns ? columns - 2 : 0, &colours);
	}
}
