/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the text of one heap and the text of a comparison have in common.
 */
#ifndef CS_EXPORT_TABLE_H
#define CS_EXPORT_TABLE_H

#include "base/text.h"
#include "export/export.h"

/* Escape sequences, or "" when colour is not welcome. */
struct cs_colours {
	const char *strong, *faint, *worse, *better, *plain;
};

struct cs_colours cs_colours(const struct cs_export_style *style);

/* VALUE in the unit of METRIC. */
struct cs_text cs_metric_text(enum cs_metric metric, double value);
struct cs_text cs_metric_change(enum cs_metric metric, double value);

/* "in use", "allocated": what completes "total 12.3 MiB …". */
const char *cs_metric_phrase(enum cs_metric metric);

/* "[95 %: LOW … HIGH), sampled every …]": what is to be said of an estimate; else nothing. */
void cs_put_interval(struct cs_sink *sink, const struct cs_rollup *rollup);

/* Lines "note: …" on what the figures leave open. */
void cs_put_notes(struct cs_sink *sink, const struct cs_rollup *rollup);

/*
 * What an entry is called, from column INDENT on: a stack over several lines, callers two
 * columns further in, each line at most style->width wide.
 */
void cs_put_what(struct cs_sink *sink, const struct cs_rollup *rollup, const struct cs_entry *entry,
                 const struct cs_export_style *style, size_t indent);

/* Head of the last column. */
const char *cs_what_title(enum cs_by by);

#endif
