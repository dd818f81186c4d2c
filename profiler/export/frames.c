/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object for each call, with all its keys: what is not known, or not the same for all calls of
 * a function, is null.
 */
#include "export/frames.h"

void cs_json_frame(struct cs_json *json, const struct cs_call *call, bool by_function)
{
	cs_json_object(json, NULL);
	cs_json_string(json, "function", call->function);
	cs_json_string(json, "file", call->file);
	if (call->line && !by_function)
		cs_json_uint(json, "line", call->line);
	else
		cs_json_null(json, "line");
	cs_json_string(json, "module", call->module);
	if (call->address && !by_function)
		cs_json_hex(json, "address", call->address);
	else
		cs_json_null(json, "address");
	cs_json_bool(json, "inlined", call->inlined && !by_function);
	cs_json_object_end(json);
}

void cs_json_stack(struct cs_json *json, const char *key, const struct cs_stack *stack)
{
	cs_json_array(json, key);
	for (const struct cs_stack *at = stack; at; at = at->caller)
		if (!at->call->mark || at != stack || at->caller)
			cs_json_frame(json, at->call, false);
	cs_json_array_end(json);
}
