/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as it is written: commas, escapes, nothing that a strict reader would refuse.
 */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

void cs_json_start(struct cs_json *json, struct cs_sink *sink)
{
	*json = (struct cs_json){.sink = sink, .first = true};
}

void cs_json_finish(struct cs_json *json)
{
	cs_sink_char(json->sink, '\n');
}

/* Controls must be escaped; U+2028 and U+2029 end a line in JavaScript. */
static void put_character(struct cs_sink *sink, uint32_t c, const char *text, size_t bytes)
{
	switch (c) {
	case '"':
		cs_sink_text(sink, "\\\"");
		return;
	case '\\':
		cs_sink_text(sink, "\\\\");
		return;
	case '\n':
		cs_sink_text(sink, "\\n");
		return;
	case '\t':
		cs_sink_text(sink, "\\t");
		return;
	default:
		break;
	}
	if (c == 0xfffd)
		cs_sink_text(sink, "\xef\xbf\xbd");
	else if (cs_text_steers(c) || c == 0x2028 || c == 0x2029)
		cs_sink_printf(sink, "\\u%04" PRIx32, c);
	else
		cs_sink_bytes(sink, text, bytes);
}

static void put_string(struct cs_sink *sink, const char *text)
{
	cs_sink_char(sink, '"');
	while (*text) {
		const char *start = text;
		/* Most text is plain: in one piece. */
		while (*text >= 0x20 && *text < 0x7f && *text != '"' && *text != '\\')
			text++;
		cs_sink_bytes(sink, start, (size_t)(text - start));
		if (!*text)
			break;
		start = text;
		uint32_t c = cs_text_decode(&text);
		put_character(sink, c, start, (size_t)(text - start));
	}
	cs_sink_char(sink, '"');
}

/* What comes before any value: the comma, the line, the key. */
static void put_key(struct cs_json *json, const char *key)
{
	if (!json->first)
		cs_sink_char(json->sink, ',');
	if (!key && json->depth == 2)
		cs_sink_text(json->sink, "\n ");
	else if (!json->first)
		cs_sink_char(json->sink, ' ');
	json->first = false;
	if (key) {
		put_string(json->sink, key);
		cs_sink_text(json->sink, ": ");
	}
}

static void open_with(struct cs_json *json, const char *key, char bracket)
{
	put_key(json, key);
	cs_sink_char(json->sink, bracket);
	json->depth++;
	json->first = true;
}

static void close_with(struct cs_json *json, char bracket)
{
	cs_sink_char(json->sink, bracket);
	json->depth--;
	json->first = false;
}

void cs_json_object(struct cs_json *json, const char *key)
{
	open_with(json, key, '{');
}

void cs_json_object_end(struct cs_json *json)
{
	close_with(json, '}');
}

void cs_json_array(struct cs_json *json, const char *key)
{
	open_with(json, key, '[');
}

void cs_json_array_end(struct cs_json *json)
{
	close_with(json, ']');
}

void cs_json_string(struct cs_json *json, const char *key, const char *value)
{
	if (!value) {
		cs_json_null(json, key);
		return;
	}
	put_key(json, key);
	put_string(json->sink, value);
}

void cs_json_int(struct cs_json *json, const char *key, int64_t value)
{
	put_key(json, key);
	cs_sink_printf(json->sink, "%" PRId64, value);
}

void cs_json_uint(struct cs_json *json, const char *key, uint64_t value)
{
	put_key(json, key);
	cs_sink_printf(json->sink, "%" PRIu64, value);
}

void cs_json_double(struct cs_json *json, const char *key, double value)
{
	char text[64];

	if (!isfinite(value)) {
		cs_json_null(json, key);
		return;
	}
	put_key(json, key);
	snprintf(text, sizeof(text), "%.9g", value);
	/* A locale may write a comma. */
	char *comma = strchr(text, ',');
	if (comma)
		*comma = '.';
	cs_sink_text(json->sink, text);
}

void cs_json_bool(struct cs_json *json, const char *key, bool value)
{
	put_key(json, key);
	cs_sink_text(json->sink, value ? "true" : "false");
}

void cs_json_null(struct cs_json *json, const char *key)
{
	put_key(json, key);
	cs_sink_text(json->sink, "null");
}

void cs_json_hex(struct cs_json *json, const char *key, uint64_t value)
{
	put_key(json, key);
	cs_sink_printf(json->sink, "\"0x%" PRIx64 "\"", value);
}
