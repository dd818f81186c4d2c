/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comparison as text for people: the two totals, then what changed, largest change first.
 * What did not change is counted, not listed.
 */
#include "export/difference.h"

#include "base/text.h"
#include "export/table.h"

enum { INDENT = 42 };

static void put_totals(struct cs_sink *sink, const struct cs_rollup *rollup,
                       const struct cs_colours *colours)
{
	double before = (double)rollup->base_total;
	double now = (double)rollup->total;

	cs_sink_printf(sink, "total %s%s%s %s, before %s", colours->strong,
	               cs_metric_text(rollup->metric, now).s, colours->plain,
	               cs_metric_phrase(rollup->metric), cs_metric_text(rollup->metric, before).s);
	cs_sink_printf(sink, ": %s", cs_metric_change(rollup->metric, now - before).s);
	if (before > 0)
		cs_sink_printf(sink, " (%s%s)", now > before ? "+" : "",
		               cs_text_percent(now - before, before).s);
	cs_put_interval(sink, rollup);
	cs_sink_char(sink, '\n');
}

static void put_entry(struct cs_sink *sink, const struct cs_rollup *rollup,
                      const struct cs_entry *entry, const struct cs_export_style *style)
{
	struct cs_colours colours = cs_colours(style);

	cs_sink_printf(sink, "%s%12s%s", entry->delta > 0 ? colours.worse : colours.better,
	               cs_metric_change(rollup->metric, (double)entry->delta).s, colours.plain);
	cs_sink_printf(sink, "  %12s", cs_metric_text(rollup->metric, (double)entry->base).s);
	cs_sink_printf(sink, "  %12s  ", cs_metric_text(rollup->metric, (double)entry->value).s);
	cs_put_what(sink, rollup, entry, style, INDENT);
}

int cs_difference_write(const struct cs_rollup *rollup, const struct cs_export_style *style,
                        struct cs_sink *sink, struct cs_diag *diag)
{
	struct cs_colours colours = cs_colours(style);
	uint32_t changed = 0;
	uint32_t shown = 0;
	double rest = 0;

	(void)diag;
	for (uint32_t i = 0; i < rollup->count; i++)
		changed += rollup->entries[i].delta != 0;
	put_totals(sink, rollup, &colours);
	cs_put_notes(sink, rollup);
	if (changed)
		cs_sink_printf(sink, "\n%s%12s  %12s  %12s  %s%s\n", colours.strong, "CHANGE",
		               "BEFORE", "NOW", cs_what_title(rollup->by), colours.plain);
	for (uint32_t i = 0; i < rollup->count && !cs_sink_error(sink); i++) {
		const struct cs_entry *entry = &rollup->entries[i];
		if (entry->delta == 0)
			continue;
		if (style->limit && shown == style->limit) {
			rest += (double)entry->delta;
			continue;
		}
		put_entry(sink, rollup, entry, style);
		shown++;
	}
	if (shown < changed)
		cs_sink_printf(sink, "%12s  %12s  %12s  in %s more\n",
		               cs_metric_change(rollup->metric, rest).s, "", "",
		               cs_text_count(changed - shown).s);
	if (changed < rollup->count)
		cs_sink_printf(sink, "\n%s unchanged\n", cs_text_count(rollup->count - changed).s);
	return 0;
}
