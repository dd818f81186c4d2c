/* SPDX-License-Identifier: Apache-2.0 */
/* A figure that nobody has told at this time is left out; which unit it has says how it reads. */
#include "export/figures.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "model/tally.h"
#include "model/texts.h"

#define NAME_WIDTH 34u

/* NULL: nobody has told its value at this time. */
static const struct cs_figure *known_at(const struct cs_model *model, uint32_t id,
                                        const char **name)
{
	const struct cs_figure *figure = cs_model_figure_at(model, id);

	*name = cs_model_text_at(model, figure->name);
	return figure->known && *name ? figure : NULL;
}

/* A date that is kept as nanoseconds since 1970. */
static void put_date(double ns, struct cs_sink *sink)
{
	time_t seconds = (time_t)(ns / 1e9);
	struct tm date;
	char text[64];

	if (gmtime_r(&seconds, &date) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &date))
		cs_sink_printf(sink, "%s\n", text);
}

static void put_value(const struct cs_figure *figure, const char *name, struct cs_sink *sink)
{
	size_t length = strlen(name);

	if (length > 5 && strcmp(name + length - 5, "_unix") == 0) {
		put_date(figure->value, sink);
		return;
	}
	switch (figure->unit) {
	case CS_UNIT_BYTES:
		cs_sink_printf(sink, "%s\n", cs_text_bytes(figure->value).s);
		break;
	case CS_UNIT_NS:
		cs_sink_printf(sink, "%s\n", cs_text_duration((uint64_t)fmax(figure->value, 0)).s);
		break;
	case CS_UNIT_RATIO:
		cs_sink_printf(sink, "%.4f\n", figure->value);
		break;
	default:
		cs_sink_printf(sink, "%s\n", cs_text_count(figure->value).s);
	}
}

void cs_figures_text(const struct cs_model *model, const char *title, struct cs_sink *sink)
{
	uint32_t processes = cs_model_process_count(model), last = 0;

	for (uint32_t id = 1; id <= cs_model_figure_count(model); id++) {
		const char *name;
		const struct cs_figure *figure = known_at(model, id, &name);

		if (!figure)
			continue;
		if (!last)
			cs_sink_printf(sink, "\n%s\n", title);
		if (processes > 1 && figure->process != last)
			cs_sink_printf(sink, "  process %" PRIu32 "\n",
			               cs_model_process_at(model, figure->process)->pid);
		last = figure->process;
		cs_sink_text(sink, "  ");
		size_t width = cs_text_safe(sink, name, 64);

		cs_sink_spaces(sink, width < NAME_WIDTH ? NAME_WIDTH - width : 1);
		put_value(figure, name, sink);
	}
}

void cs_figures_json(const struct cs_model *model, struct cs_json *json)
{
	cs_json_array(json, "figures");
	for (uint32_t id = 1; id <= cs_model_figure_count(model); id++) {
		const char *name;
		const struct cs_figure *figure = known_at(model, id, &name);

		if (!figure)
			continue;
		cs_json_object(json, NULL);
		cs_json_uint(json, "process", figure->process);
		cs_json_string(json, "name", name);
		cs_json_string(json, "unit", cs_unit_names[figure->unit]);
		if (figure->unit != CS_UNIT_RATIO && figure->value >= 0 && figure->value < 0x1p63)
			cs_json_uint(json, "value", (uint64_t)figure->value);
		else
			cs_json_double(json, "value", figure->value);
		cs_json_uint(json, "time_ns", figure->time_ns);
		cs_json_object_end(json);
	}
	cs_json_array_end(json);
}
