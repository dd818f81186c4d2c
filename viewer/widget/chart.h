/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chart of a number over time, drawn in eighths of a character. What is unknown is a gap.
 */
#ifndef CSV_WIDGET_CHART_H
#define CSV_WIDGET_CHART_H

#include <stdint.h>

#include "canvas/canvas.h"

struct csv_point {
	uint64_t time_ns;
	double value; /* NAN: unknown */
};

struct csv_chart {
	const char *title;
	const struct csv_point *points; /* by time */
	uint32_t count;
	uint64_t from_ns, to_ns; /* of the area's width */
	uint64_t now_ns;         /* where the cursor stands; UINT64_MAX: nowhere */
	enum csv_role role;
	/* A value as text: "12.3 MiB". */
	void (*text)(double value, char *text, unsigned bytes);
};

/* Title, highest and present value in the first line, the curve below. */
void csv_chart_draw(const struct csv_chart *chart, struct csv_canvas *canvas, struct csv_area area);

/* The value that stands at TIME: the last one at or before it. NAN: none. */
double csv_chart_value(const struct csv_chart *chart, uint64_t time_ns);

#endif
