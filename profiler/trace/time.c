/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as people type them. Digits are read by hand: strtod would take "1e3", "nan" and the
 * decimal comma of a locale.
 */
#include <errno.h>
#include <string.h>

#include "trace/reader.h"

#define FORMS "12.5s, 250ms, 1m30s, -10s (before the end) or peak"

struct unit {
	const char *name;
	uint64_t ns;
};

/* Longer names first: "ms" is not "m". */
static const struct unit units[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", UINT64_C(1000000)},
	{"s", UINT64_C(1000000000)},
	{"m", UINT64_C(60000000000)},
	{"h", UINT64_C(3600000000000)},
};

static const struct unit *find_unit(const char *text)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strncmp(text, units[i].name, strlen(units[i].name)))
			return &units[i];
	return NULL;
}

/* "90", "1.5": as thousandths of a millionth; false: no number, or too large to be a time. */
static bool get_number(const char **text, uint64_t *whole, uint64_t *billionths)
{
	const char *at = *text;
	uint64_t place = UINT64_C(100000000);

	*whole = *billionths = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		*whole = *whole * 10 + (uint64_t)(*at - '0');
		if (*whole > UINT32_MAX * UINT64_C(1000))
			return false;
	}
	if (at == *text)
		return false;
	if (*at == '.') {
		for (at++; *at >= '0' && *at <= '9'; at++, place /= 10)
			*billionths += (uint64_t)(*at - '0') * place;
	}
	*text = at;
	return true;
}

/* "1m30.5s"; each unit smaller than the one before. A number without a unit is seconds. */
static bool get_duration(const char *text, uint64_t *ns)
{
	uint64_t last = UINT64_MAX;

	*ns = 0;
	if (!*text)
		return false;
	while (*text) {
		const struct unit *unit;
		uint64_t whole, billionths, part;

		if (!get_number(&text, &whole, &billionths))
			return false;
		unit = *text ? find_unit(text) : &units[3];
		if (!unit || unit->ns >= last || __builtin_mul_overflow(whole, unit->ns, &part) ||
		    __builtin_add_overflow(*ns, part, ns) ||
		    __builtin_add_overflow(
			    *ns, (uint64_t)((double)billionths * (double)unit->ns / 1e9), ns))
			return false;
		text += *text ? strlen(unit->name) : 0;
		last = unit->ns;
	}
	return true;
}

/* The end of the tick that PEAK_NS lies in. */
static uint64_t tick_of(const struct cs_trace *trace, uint64_t peak_ns)
{
	for (size_t i = 0; i < trace->chunk_count; i++) {
		const struct cs_trace_chunk *chunk = &trace->chunks[i].chunk;

		if (chunk->kind == CS_CHUNK_DELTAS && chunk->to_ns >= peak_ns)
			return chunk->to_ns;
	}
	return peak_ns;
}

/* A trace that kept its end alone has no state of a time before it. */
static int say_dropped(const struct cs_trace *trace, const char *text, uint64_t ns,
                       struct cs_diag *diag)
{
	double from = (double)trace->session.kept_from_ns / 1e9;

	cs_diag_set(diag, -ERANGE,
	            "go to %s (%.3f s): %s keeps its end alone, what came before %.3f s was "
	            "dropped",
	            text, (double)ns / 1e9, trace->name, from);
	return cs_diag_hint(diag, "choose a time from %.3fs to %.3fs", from,
	                    (double)trace->duration_ns / 1e9);
}

static int find_peak(struct cs_trace *trace, uint64_t *time_ns, struct cs_diag *diag)
{
	struct cs_model *model = cs_model_new();
	const struct cs_process *highest = NULL;
	int error = model ? cs_trace_load(trace, UINT64_MAX, model, NULL, diag)
	                  : cs_diag_set(diag, -ENOMEM, "load %s: not enough memory", trace->name);

	for (uint32_t id = 1; !error && id <= cs_model_process_count(model); id++) {
		const struct cs_process *process = cs_model_process_at(model, id);

		if (process->peak_bytes && (!highest || process->peak_bytes > highest->peak_bytes))
			highest = process;
	}
	if (highest && highest->peak_ns < trace->session.kept_from_ns) {
		error = say_dropped(trace, "peak", highest->peak_ns, diag);
		cs_diag_hint(diag, "--metric peak_space shows what each process held at its peak");
	} else if (highest) {
		*time_ns = tick_of(trace, highest->peak_ns);
	} else if (!error) {
		error = cs_diag_set(diag, -ENOENT, "find the peak of %s: it holds no heap",
		                    trace->name);
	}
	cs_model_free(model);
	return error;
}

int cs_trace_time(struct cs_trace *trace, const char *text, uint64_t *time_ns, struct cs_diag *diag)
{
	bool before_end = text[0] == '-';
	uint64_t ns;

	if (!strcmp(text, "peak"))
		return find_peak(trace, time_ns, diag);
	if (!get_duration(text + before_end, &ns)) {
		cs_diag_set(diag, -EINVAL, "understand the time \"%s\"", text);
		return cs_diag_hint(diag, "a time is one of " FORMS);
	}
	if (ns > trace->duration_ns) {
		cs_diag_set(diag, -ERANGE, "go to %s: %s lasts %.3f s", text, trace->name,
		            (double)trace->duration_ns / 1e9);
		return cs_diag_hint(diag, "choose a time from 0s to %.3fs",
		                    (double)trace->duration_ns / 1e9);
	}
	*time_ns = before_end ? trace->duration_ns - ns : ns;
	if (*time_ns < trace->session.kept_from_ns)
		return say_dropped(trace, text, *time_ns, diag);
	return 0;
}
