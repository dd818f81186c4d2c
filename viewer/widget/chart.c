/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each column of the screen shows the highest value of its span, so that no peak is lost; a
 * span without a point holds the value before it.
 */
#include "widget/chart.h"

#include <math.h>
#include <stdio.h>

/* The last point at or before TIME; count: none. */
static uint32_t point_before(const struct csv_chart *chart, uint64_t time_ns)
{
	uint32_t low = 0, high = chart->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (chart->points[middle].time_ns <= time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : chart->count;
}

double csv_chart_value(const struct csv_chart *chart, uint64_t time_ns)
{
	uint32_t at = point_before(chart, time_ns);

	return at < chart->count ? chart->points[at].value : NAN;
}

static uint64_t column_start(const struct csv_chart *chart, int column, int width)
{
	double span = (double)(chart->to_ns - chart->from_ns);

	return chart->from_ns + (uint64_t)(span * column / width);
}

static double column_value(const struct csv_chart *chart, int column, int width)
{
	uint64_t from = column_start(chart, column, width);
	uint64_t to = column_start(chart, column + 1, width);
	uint32_t at = point_before(chart, from);
	double highest = at < chart->count ? chart->points[at].value : NAN;

	for (at = at < chart->count ? at + 1 : 0; at < chart->count; at++) {
		if (chart->points[at].time_ns >= to)
			break;
		if (!(chart->points[at].value <= highest)) /* a number beats NAN */
			highest = chart->points[at].value;
	}
	return highest;
}

static double highest_value(const struct csv_chart *chart)
{
	double highest = NAN;

	for (uint32_t i = 0; i < chart->count; i++)
		if (!(chart->points[i].value <= highest) && !isnan(chart->points[i].value))
			highest = chart->points[i].value;
	return highest;
}

static void draw_column(const struct csv_chart *chart, struct csv_canvas *canvas,
                        struct csv_area area, int column, double value, double highest)
{
	int eighths = 0;

	if (!isnan(value) && highest > 0)
		eighths = (int)lround(value / highest * area.height * 8);
	if (!isnan(value) && value > 0 && eighths == 0)
		eighths = 1;
	for (int row = 0; row < area.height; row++) {
		int level = eighths - row * 8;

		if (level <= 0)
			break;
		csv_put_character(canvas, area.x + column, area.y + area.height - 1 - row,
		                  csv_glyph_level(canvas, level > 8 ? 8 : level), chart->role);
	}
}

void csv_chart_draw(const struct csv_chart *chart, struct csv_canvas *canvas, struct csv_area area)
{
	double highest = highest_value(chart);
	double now = csv_chart_value(chart, chart->now_ns);
	struct csv_area curve = {area.x, area.y + 1, area.width, area.height - 1};
	char top[48] = "?", present[48] = "?";

	if (!isnan(highest))
		chart->text(highest, top, sizeof(top));
	if (!isnan(now))
		chart->text(now, present, sizeof(present));
	int used = csv_put(canvas, area.x, area.y, area.width, CSV_ROLE_TITLE, chart->title);

	csv_putf(canvas, area.x + used + 2, area.y, area.width - used - 2, CSV_ROLE_PLAIN,
	         "%s  (highest %s)", present, top);
	if (chart->to_ns <= chart->from_ns)
		return;
	for (int column = 0; column < curve.width; column++)
		draw_column(chart, canvas, curve, column, column_value(chart, column, curve.width),
		            highest);
	if (chart->now_ns < chart->from_ns || chart->now_ns > chart->to_ns)
		return;
	double share =
		(double)(chart->now_ns - chart->from_ns) / (double)(chart->to_ns - chart->from_ns);
	int cursor = curve.x + (int)(share * (curve.width - 1));

	for (int row = 0; row < curve.height; row++) {
		const struct csv_cell *cell = csv_canvas_at(canvas, cursor, curve.y + row);

		if (cell && cell->character == ' ')
			csv_put_character(canvas, cursor, curve.y + row,
			                  csv_glyph(canvas, CSV_GLYPH_PIPE), CSV_ROLE_FAINT);
	}
}
