/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded stacks: one line per distinct stack, root first, frames joined by ';', then a space
 * and the value; what flamegraph.pl, inferno and speedscope read. A comparison has two values,
 * before and now, as difffolded.pl writes them.
 *
 * Invariant: the lines add up to the rollup's total.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "export/export.h"

/* ';' ends a frame and a newline ends a stack: a name may hold neither. */
static void put_name(struct cs_sink *sink, const char *name)
{
	while (*name) {
		const char *start = name;
		/* Most names are plain: in one piece. */
		while (*name >= 0x20 && *name < 0x7f && *name != ';')
			name++;
		cs_sink_bytes(sink, start, (size_t)(name - start));
		if (!*name)
			break;
		start = name;
		uint32_t c = cs_text_decode(&name);
		if (c == ';' || cs_text_steers(c))
			cs_sink_char(sink, '_');
		else if (c == 0xfffd)
			cs_sink_text(sink, "\xef\xbf\xbd");
		else
			cs_sink_bytes(sink, start, (size_t)(name - start));
	}
}

/* CALLS has room for the deepest stack. */
static void put_stack(struct cs_sink *sink, const struct cs_stack *stack,
                      const struct cs_call **calls)
{
	uint32_t depth = 0;

	for (; stack; stack = stack->caller)
		calls[depth++] = stack->call;
	while (depth-- > 0) {
		put_name(sink, calls[depth]->function);
		if (depth > 0)
			cs_sink_char(sink, ';');
	}
}

static uint32_t deepest(const struct cs_rollup *rollup)
{
	uint32_t depth = 0;

	for (uint32_t i = 0; i < rollup->count; i++)
		if (rollup->entries[i].stack && rollup->entries[i].stack->depth > depth)
			depth = rollup->entries[i].stack->depth;
	return depth;
}

/* The stack, or what else the entry is about. */
static void put_entry(struct cs_sink *sink, const struct cs_entry *entry,
                      const struct cs_call **calls, bool compare)
{
	if (entry->value == 0 && entry->base == 0)
		return;
	if (entry->stack)
		put_stack(sink, entry->stack, calls);
	else
		put_name(sink, entry->label);
	if (compare)
		cs_sink_printf(sink, " %" PRId64, entry->base);
	cs_sink_printf(sink, " %" PRId64 "\n", entry->value);
}

static int folded_write(const struct cs_rollup *rollup, const struct cs_export_style *style,
                        struct cs_sink *sink, struct cs_diag *diag)
{
	const struct cs_call **calls = calloc(deepest(rollup) + 1, sizeof(struct cs_call *));
	uint32_t count = rollup->count;

	if (!calls)
		return cs_diag_set(diag, -ENOMEM, "write folded stacks: out of memory");
	if (style->limit && style->limit < count)
		count = style->limit;
	for (uint32_t i = 0; i < count && !cs_sink_error(sink); i++)
		put_entry(sink, &rollup->entries[i], calls, rollup->base != NULL);
	free(calls);
	return 0;
}

const struct cs_export cs_export_folded = {
	.needs_stacks = true,
	.write = folded_write,
};
