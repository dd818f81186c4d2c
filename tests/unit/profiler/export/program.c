/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <stdlib.h>

uint32_t program_stack(struct program *program, int outer, int middle, int inner)
{
	uint32_t node = cs_model_node(program->model, 0, program->frames[outer]);

	node = cs_model_node(program->model, node, program->frames[middle]);
	return cs_model_node(program->model, node, program->frames[inner]);
}

uint32_t program_add(struct program *program, uint64_t number, enum cs_coroutine_state state,
                     const char *reason, uint32_t node, uint64_t since_ns)
{
	uint32_t id = cs_model_coroutine(program->model, program->process, program->go, number);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(program->model, id);

	coroutine->state = (uint8_t)state;
	coroutine->reason = cs_model_text(program->model, reason);
	coroutine->stack = node;
	coroutine->since_ns = coroutine->since_after_ns = since_ns;
	coroutine->created_ns = coroutine->created_after_ns = SEC;
	coroutine->observed_ns = 10 * SEC;
	return id;
}

struct program program_begin(void)
{
	static const char *const names[NAMES] = {"main.main", "main.serve", "main.work",
	                                         "main.lock", "runtime.gopark"};
	struct program program = {.model = cs_model_new(), .symbols = cs_symbols_new()};
	struct cs_process start = {.pid = 42, .arguments = (char[]){"server --port 80"}};
	uint32_t module = cs_model_module(program.model, "/opt/server", NULL, 0);

	program.process = cs_model_process(program.model, &start);
	program.thread = cs_model_thread(program.model, program.process, 43, 0);
	program.go = cs_model_runtime(program.model, program.process, "go", "go1.22");
	for (uint32_t i = 0; i < NAMES; i++) {
		struct cs_name name = {names[i], "/src/app.go", 10 + i, false};

		program.frames[i] = cs_model_frame(program.model, module, 0x1000 + i);
		cs_symbols_set(program.symbols, program.frames[i], &name, 1);
	}
	program.work = program_stack(&program, MAIN, WORK, PARK);
	program.lock = program_stack(&program, SERVE, LOCK, PARK);
	program.main = program_stack(&program, MAIN, SERVE, SERVE);
	cs_model_set_now(program.model, 10 * SEC);
	return program;
}

void program_take(struct program *program)
{
	program->snapshot = cs_snapshot_take(program->model, program->symbols);
	program->stacks = cs_stacks_new(true);
	assert_non_null(program->snapshot);
}

void program_end(struct program *program)
{
	cs_sink_release(&program->out);
	cs_groups_free(&program->groups);
	free(program->rows);
	cs_stacks_free(program->stacks);
	cs_snapshot_free(program->snapshot);
	cs_symbols_free(program->symbols);
	cs_model_free(program->model);
}

struct program program_of_five(void)
{
	struct program program = program_begin();
	uint32_t id = program_add(&program, 1, CS_COROUTINE_RUNNING, NULL, program.main, 9 * SEC);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(program.model, id);

	coroutine->thread = program.thread;
	cs_model_thread_at(program.model, program.thread)->coroutine = id;
	cs_model_thread_at(program.model, program.thread)->state = CS_THREAD_RUNNING;
	program_add(&program, 7, CS_COROUTINE_WAITING, "semacquire", program.lock, 4 * SEC);
	id = program_add(&program, 8, CS_COROUTINE_WAITING, "semacquire", program.lock, 6 * SEC);
	coroutine = cs_model_coroutine_at(program.model, id);
	coroutine->spawn = program.main;
	coroutine->parent_runtime = program.go;
	coroutine->parent_number = 1;
	coroutine->entry = program.frames[SERVE];
	cs_model_coroutine_set_labels(program.model, id, "request=12\nuser=x");
	/* Since an hour before the recording. */
	program_add(&program, 9, CS_COROUTINE_WAITING, "chan receive", program.work,
	            -(uint64_t)3600 * SEC);
	id = program_add(&program, 2, CS_COROUTINE_WAITING, "GC worker", program.work, SEC);
	cs_model_coroutine_at(program.model, id)->flags |= CS_COROUTINE_SYSTEM;
	cs_model_coroutine_alloc(program.model, 2, 4096, CS_OBJECT, 0, 0);
	program_take(&program);
	return program;
}

struct cs_ps program_ask(struct program *program, const struct cs_query *query)
{
	struct cs_ps ps = {
		.snapshot = program->snapshot, .stacks = program->stacks, .order = query->order};

	free(program->rows);
	assert_int_equal(cs_query_run(query, program->snapshot, program->stacks, &program->rows,
	                              &ps.count, &ps.hidden),
	                 0);
	ps.rows = program->rows;
	return ps;
}

const struct cs_groups *program_group(struct program *program, const struct cs_ps *ps,
                                      enum cs_order order)
{
	cs_groups_free(&program->groups);
	assert_int_equal(cs_groups_make(&program->groups, ps->snapshot, ps->stacks, ps->rows,
	                                ps->count, order),
	                 0);
	return &program->groups;
}

const char *program_write(struct program *program, program_write_ps *write, const struct cs_ps *ps,
                          struct cs_export_style style)
{
	cs_sink_release(&program->out);
	cs_sink_to_memory(&program->out);
	assert_int_equal(write(ps, &style, &program->out, NULL), 0);
	assert_int_equal(cs_sink_finish(&program->out, NULL), 0);
	return program->out.data;
}
