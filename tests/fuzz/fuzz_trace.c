/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of traces against any bytes: as they are, and once more with every checksum made
 * right, because a fuzzer does not guess checksums and would never reach the records.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/coroutine.h"
#include "model/snapshot.h"
#include "model/tally.h"
#include "support/trace_edit.h"
#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore_line(void *context, const struct cs_trace_chunk *chunk, const char *line)
{
	(void)chunk;
	*(size_t *)context += strlen(line);
	return 0;
}

static void walk_stacks(const struct cs_model *model)
{
	for (uint32_t id = 1; id <= cs_model_cell_count(model); id++) {
		uint32_t node = cs_model_cell_at(model, id)->node;

		for (; node; node = cs_model_node_at(model, node)->parent)
			if (!cs_model_frame_at(model, cs_model_node_at(model, node)->frame))
				abort();
	}
}

/* Whoever shows a coroutine follows these without a check. */
static void walk_coroutines(struct cs_model *model)
{
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

		if (!coroutine)
			continue;
		if (!cs_model_process_at(model, coroutine->process) ||
		    !cs_model_runtime_at(model, coroutine->runtime) ||
		    coroutine->state >= CS_COROUTINE_STATES ||
		    (coroutine->stack && !cs_model_node_at(model, coroutine->stack)) ||
		    (coroutine->spawn && !cs_model_node_at(model, coroutine->spawn)) ||
		    (coroutine->entry && !cs_model_frame_at(model, coroutine->entry)) ||
		    (coroutine->reason && !cs_model_text_at(model, coroutine->reason)) ||
		    (coroutine->thread && !cs_model_thread_at(model, coroutine->thread)))
			abort();
		(void)cs_model_coroutine_find(model, coroutine->process, coroutine->runtime,
		                              coroutine->number);
	}
	for (uint32_t id = 1; id <= cs_model_tally_count(model); id++) {
		const struct cs_tally *tally = cs_model_tally_at(model, id);

		if (tally->node && !cs_model_node_at(model, tally->node))
			abort();
	}
}

static void load(struct cs_trace *trace, uint64_t time_ns)
{
	struct cs_model *model = cs_model_new();
	struct cs_symbols *symbols = cs_symbols_new();
	struct cs_snapshot *snapshot;
	struct cs_diag diag = {0};

	if (model && symbols) {
		(void)cs_trace_load(trace, time_ns, model, symbols, &diag);
		walk_stacks(model);
		walk_coroutines(model);
		snapshot = cs_snapshot_take_peak(model, symbols);
		cs_snapshot_free(snapshot);
	}
	cs_symbols_free(symbols);
	cs_model_free(model);
}

static int count_event(void *context, const struct cs_trace_event *event)
{
	if (event->kind >= CS_EVENT_KINDS || !cs_trace_event_names[event->kind])
		abort();
	++*(size_t *)context;
	return 0;
}

static int count_tick(void *context, const struct cs_model *model, uint64_t time_ns)
{
	(void)time_ns;
	*(size_t *)context += cs_model_process_count(model);
	return 0;
}

static void walk_time(struct cs_trace *trace)
{
	struct cs_model *model = cs_model_new();
	struct cs_diag diag = {0};
	size_t count = 0;

	if (!model)
		return;
	(void)cs_trace_events(trace, 0, UINT64_MAX, count_event, &count, &diag);
	(void)cs_trace_series(trace, model, count_tick, &count, &diag);
	walk_coroutines(model);
	cs_model_free(model);
}

static void read_trace(const uint8_t *data, size_t size)
{
	struct cs_diag diag = {0};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct cs_trace *trace;
	size_t length = 0;
	uint64_t ns;

	if (fd < 0)
		return;
	if (write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return;
	}
	trace = cs_trace_open_fd(fd, "fuzz", &diag);
	if (!trace) {
		if (!diag.text[0])
			abort(); /* refused without a reason */
		return;
	}
	load(trace, UINT64_MAX);
	walk_time(trace);
	load(trace, cs_trace_duration_ns(trace) / 2);
	(void)cs_trace_time(trace, "peak", &ns, &diag);
	(void)cs_trace_dump(trace, ignore_line, &length, &diag);
	cs_trace_close(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	read_trace(data, size);
	if (copy) {
		memcpy(copy, data, size);
		trace_edit_seal(copy, size);
		read_trace(copy, size);
	}
	free(copy);
	return 0;
}
