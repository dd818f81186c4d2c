/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming JSON writer: commas, escapes, valid UTF-8 whatever the input (a byte that is
 * not UTF-8 becomes U+FFFD). Elements of the arrays in the outermost object start on a line
 * of their own, so that the output can be read and cut with line tools.
 *
 * KEY is NULL for elements of arrays. Errors stay in the sink.
 */
#ifndef CS_BASE_JSON_H
#define CS_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sink.h"

struct cs_json {
	struct cs_sink *sink;
	uint32_t depth;
	bool first; /* nothing yet in the innermost object or array */
};

/* Starts a document; its value is written by one of the calls below, with KEY NULL. */
void cs_json_start(struct cs_json *json, struct cs_sink *sink);
/* Ends it with a newline. */
void cs_json_finish(struct cs_json *json);

void cs_json_object(struct cs_json *json, const char *key);
void cs_json_object_end(struct cs_json *json);
void cs_json_array(struct cs_json *json, const char *key);
void cs_json_array_end(struct cs_json *json);

void cs_json_string(struct cs_json *json, const char *key, const char *value); /* NULL: null */
void cs_json_int(struct cs_json *json, const char *key, int64_t value);
void cs_json_uint(struct cs_json *json, const char *key, uint64_t value);
void cs_json_double(struct cs_json *json, const char *key, double value); /* not finite: null */
void cs_json_bool(struct cs_json *json, const char *key, bool value);
void cs_json_null(struct cs_json *json, const char *key);
/* "0x…" */
void cs_json_hex(struct cs_json *json, const char *key, uint64_t value);

#endif
