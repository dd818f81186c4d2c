/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap as text for people: the total and how sure it is, then the entries, largest first.
 * A comparison goes to difference.c.
 */
#include "base/text.h"

#include "export/difference.h"
#include "export/table.h"

/* Columns before the names: "  1023.9 MiB  100.0 %     1,234,567  ". */
enum { PLAIN_INDENT = 37, FUNCTION_INDENT = 60 };

static void put_total(struct cs_sink *sink, const struct cs_rollup *rollup,
                      const struct cs_colours *colours)
{
	static const char *const sure[] = {
		[CS_CERTAIN] = "", [CS_AT_LEAST] = "at least ", [CS_ABOUT] = "about "};

	cs_sink_printf(sink, "total %s%s%s%s %s", colours->strong, sure[rollup->certainty],
	               cs_metric_text(rollup->metric, (double)rollup->total).s, colours->plain,
	               cs_metric_phrase(rollup->metric));
	if (rollup->has_objects && (double)rollup->objects >= 0 &&
	    cs_metric_info[rollup->metric].unit[0] == 'b')
		cs_sink_printf(sink, " in %s objects", cs_text_count((double)rollup->objects).s);
	cs_put_interval(sink, rollup);
	cs_sink_char(sink, '\n');
}

static void put_titles(struct cs_sink *sink, const struct cs_rollup *rollup,
                       const struct cs_colours *colours)
{
	cs_sink_printf(sink, "\n%s%12s  %7s", colours->strong, "VALUE", "");
	if (rollup->by == CS_BY_FUNCTION)
		cs_sink_printf(sink, "  %12s  %7s", "WITH CALLEES", "");
	cs_sink_printf(sink, "  %12s  %s%s\n", rollup->has_objects ? "OBJECTS" : "",
	               cs_what_title(rollup->by), colours->plain);
}

static void put_entry(struct cs_sink *sink, const struct cs_rollup *rollup,
                      const struct cs_entry *entry, const struct cs_export_style *style)
{
	bool by_function = rollup->by == CS_BY_FUNCTION;
	double total = (double)rollup->total;

	cs_sink_printf(sink, "%12s  %7s", cs_metric_text(rollup->metric, (double)entry->value).s,
	               cs_text_percent((double)entry->value, total).s);
	if (by_function)
		cs_sink_printf(sink, "  %12s  %7s",
		               cs_metric_text(rollup->metric, (double)entry->cumulative).s,
		               cs_text_percent((double)entry->cumulative, total).s);
	cs_sink_printf(sink, "  %12s  ",
	               rollup->has_objects ? cs_text_count((double)entry->objects).s : "");
	cs_put_what(sink, rollup, entry, style, by_function ? FUNCTION_INDENT : PLAIN_INDENT);
}

static void put_rest(struct cs_sink *sink, const struct cs_rollup *rollup, uint32_t shown)
{
	double rest = 0;

	if (shown >= rollup->count)
		return;
	for (uint32_t i = shown; i < rollup->count; i++)
		rest += (double)rollup->entries[i].value;
	cs_sink_printf(sink, "%12s  %7s  %12s  in %s more\n",
	               cs_metric_text(rollup->metric, rest).s,
	               cs_text_percent(rest, (double)rollup->total).s, "",
	               cs_text_count(rollup->count - shown).s);
}

static int text_write(const struct cs_rollup *rollup, const struct cs_export_style *style,
                      struct cs_sink *sink, struct cs_diag *diag)
{
	struct cs_colours colours = cs_colours(style);
	uint32_t count = rollup->count;

	if (rollup->base)
		return cs_difference_write(rollup, style, sink, diag);
	if (style->limit && style->limit < count)
		count = style->limit;
	put_total(sink, rollup, &colours);
	cs_put_notes(sink, rollup);
	if (rollup->count == 0)
		return 0;
	put_titles(sink, rollup, &colours);
	for (uint32_t i = 0; i < count && !cs_sink_error(sink); i++)
		put_entry(sink, rollup, &rollup->entries[i], style);
	put_rest(sink, rollup, count);
	return 0;
}

const struct cs_export cs_export_text = {
	.write = text_write,
};
