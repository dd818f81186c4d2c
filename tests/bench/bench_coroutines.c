/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a trace of COUNT coroutines that live: on a few hundred stacks, most of them waiting,
 * with some of them changed in each of a few ticks. What a view of a large program has to show.
 *
 *     bench_coroutines COUNT FILE [SECONDS]     SECONDS: goes on, a tick each half second
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model/coroutine.h"
#include "trace/trace.h"

#define STACKS 300u
#define TICK_NS UINT64_C(500000000)

static uint32_t make_stacks(struct cs_model *model, struct cs_symbols *symbols, uint32_t *nodes)
{
	uint32_t module = cs_model_module(model, "/srv/large", NULL, 0);

	for (uint32_t i = 0; i < STACKS; i++) {
		uint32_t node = 0;

		for (uint32_t depth = 0; depth < 8; depth++) {
			uint32_t frame =
				cs_model_frame(model, module, i * 100 * (depth > 3) + depth * 10);
			char function[64];
			const struct cs_name name = {function, "server.go", depth, false};

			snprintf(function, sizeof(function), "main.step_%u_%u", i * (depth > 3),
			         depth);
			cs_symbols_set(symbols, frame, &name, 1);
			node = cs_model_node(model, node, frame);
		}
		nodes[i] = node;
	}
	return module;
}

static void change(struct cs_model *model, uint32_t id, uint64_t round, const uint32_t *nodes)
{
	struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);

	coroutine->state = id % 50 ? CS_COROUTINE_WAITING : CS_COROUTINE_RUNNABLE;
	coroutine->reason = cs_model_text(model, id % 3 ? "chan receive" : "IO wait");
	coroutine->stack = nodes[(id * 7 + round) % STACKS];
	coroutine->spawn = nodes[id % 5];
	/* Each at a time of its own: what is sorted by it has no equals. */
	coroutine->since_after_ns = coroutine->since_ns =
		round * TICK_NS - id * UINT64_C(2654435761) % TICK_NS * (round > 0);
	coroutine->created_after_ns = coroutine->created_ns = id;
	coroutine->switches = round + id % 100;
	coroutine->stack_used = 300 + id % 1000;
	coroutine->parent_runtime = coroutine->runtime;
	coroutine->parent_number = id > 1 ? id / 10 + 1 : 0;
	cs_model_coroutine_changed(model, id);
}

int main(int argc, char **argv)
{
	const struct cs_trace_session session = {.tick_ns = TICK_NS, .recorder = (char *)"bench"};
	const struct cs_process process = {.pid = 1, .executable = (char *)"/srv/large"};
	const struct cs_trace_summary summary = {.ended_by = (char *)"bench"};
	uint64_t count = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t rounds = argc > 3 ? 2 * strtoull(argv[3], NULL, 10) : 4;
	struct cs_model *model = cs_model_new();
	struct cs_symbols *symbols = cs_symbols_new();
	uint32_t nodes[STACKS];
	struct cs_diag diag = {0};
	struct cs_trace_writer *writer = count ? cs_trace_create(argv[2], &session, &diag) : NULL;

	if (!writer) {
		fprintf(stderr, "usage: bench_coroutines COUNT FILE [SECONDS]  %s\n", diag.text);
		return 2;
	}
	cs_model_process(model, &process);
	make_stacks(model, symbols, nodes);
	uint32_t runtime = cs_model_runtime(model, 1, "go", "go1.26");

	for (uint64_t number = 1; number <= count; number++)
		change(model, cs_model_coroutine(model, 1, runtime, number), 0, nodes);
	cs_trace_write_symbols(writer, model, symbols);
	for (uint64_t round = 1; round <= rounds; round++) {
		for (uint64_t i = 0; i < count / 100 + 1; i++)
			change(model, (uint32_t)(1 + (i * 97 + round) % count), round, nodes);
		cs_model_set_now(model, round * TICK_NS);
		cs_trace_write_tick(writer, model);
		if (round == 1)
			cs_trace_write_keyframe(writer, model);
		if (argc > 3)
			nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
	}
	return cs_trace_finish(writer, &summary, &diag) ? 2 : 0;
}
