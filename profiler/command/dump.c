/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope dump: the raw records of a trace, for those who write readers or seek a bug.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/sink.h"
#include "base/text.h"
#include "command/registry.h"
#include "command/target.h"

struct dump {
	struct cs_sink sink;
	uint64_t chunk_offset; /* whose heading has been written */
	bool any;
};

static int put_record(void *context, const struct cs_trace_chunk *chunk, const char *line)
{
	struct dump *dump = context;

	if (!dump->any || dump->chunk_offset != chunk->offset) {
		cs_sink_printf(&dump->sink,
		               "%s at %" PRIu64 ": %" PRIu64 " bytes, %" PRIu64
		               " unpacked, %.6f s to %.6f s\n",
		               cs_trace_chunk_name(chunk->kind), chunk->offset, chunk->stored_bytes,
		               chunk->raw_bytes, (double)chunk->from_ns / 1e9,
		               (double)chunk->to_ns / 1e9);
		dump->chunk_offset = chunk->offset;
		dump->any = true;
	}
	cs_sink_text(&dump->sink, "  ");
	/* Names in it are the recorded program's: they shall not steer the terminal. */
	cs_text_safe(&dump->sink, line, 0);
	cs_sink_char(&dump->sink, '\n');
	return cs_sink_error(&dump->sink);
}

static int dump_target(struct cs_target *target, struct cs_diag *diag)
{
	struct dump dump = {.any = false};

	cs_sink_to_file(&dump.sink, stdout, "standard output");
	int error = cs_trace_dump(target->trace, put_record, &dump, diag);
	int end = cs_sink_finish(&dump.sink, diag);

	return cs_sink_error(&dump.sink) ? end : error;
}

static int run_dump(const struct cs_args *args, struct cs_diag *diag)
{
	struct cs_target target;
	int error = cs_target_open(&target, args->operands[0], diag);

	if (!error && target.time) {
		cs_diag_set(diag, -EINVAL, "dump %s@%s: records are dumped as a whole", target.path,
		            target.time);
		error = cs_diag_hint(diag, "leave out @%s", target.time);
	}
	if (!error)
		error = dump_target(&target, diag);
	if (!error)
		cs_target_warn(&target);
	cs_target_close(&target);
	return error;
}

const struct cs_command cs_command_dump = {
	.name = "dump",
	.summary = "print the raw records of a trace",
	.usage = (const char *const[]){"FILE", NULL},
	.description = "Prints each chunk of the file and each record in it, in the order of the "
		       "file; docs/trace-format.md explains them. The lines are meant for people "
		       "and may change; scripts should read the output of the other commands.",
	.operand = CS_OPERAND_TRACE,
	.operands_min = 1,
	.operands_max = 1,
	.run = run_dump,
};
