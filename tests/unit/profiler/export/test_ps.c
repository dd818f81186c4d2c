/* SPDX-License-Identifier: Apache-2.0 */
/* ps: what is selected, in which order, in which groups, and how it reads. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/unit.h"

#include "export/ps.h"
#include "model/coroutine.h"
#include "model/where.h"

#define SEC UINT64_C(1000000000)

enum { MAIN, SERVE, WORK, LOCK, PARK, NAMES };

struct scene {
	struct cs_model *model;
	struct cs_symbols *symbols;
	struct cs_snapshot *snapshot;
	struct cs_stacks *stacks;
	uint32_t process, thread, go, frames[NAMES];
	uint32_t work, lock, main; /* stacks */
};

static uint32_t stack(struct scene *scene, int outer, int middle, int inner)
{
	uint32_t node = cs_model_node(scene->model, 0, scene->frames[outer]);

	node = cs_model_node(scene->model, node, scene->frames[middle]);
	return cs_model_node(scene->model, node, scene->frames[inner]);
}

static uint32_t add(struct scene *scene, uint64_t number, enum cs_coroutine_state state,
                    const char *reason, uint32_t node, uint64_t since_ns)
{
	uint32_t id = cs_model_coroutine(scene->model, scene->process, scene->go, number);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(scene->model, id);

	coroutine->state = (uint8_t)state;
	coroutine->reason = cs_model_text(scene->model, reason);
	coroutine->stack = node;
	coroutine->since_ns = coroutine->since_after_ns = since_ns;
	coroutine->created_ns = coroutine->created_after_ns = SEC;
	coroutine->observed_ns = 10 * SEC;
	return id;
}

static struct scene scene_begin(void)
{
	static const char *const names[NAMES] = {"main.main", "main.serve", "main.work",
	                                         "main.lock", "runtime.gopark"};
	struct scene scene = {.model = cs_model_new(), .symbols = cs_symbols_new()};
	struct cs_process start = {.pid = 42, .arguments = (char[]){"server --port 80"}};
	uint32_t module = cs_model_module(scene.model, "/opt/server", NULL, 0);

	scene.process = cs_model_process(scene.model, &start);
	scene.thread = cs_model_thread(scene.model, scene.process, 43, 0);
	scene.go = cs_model_runtime(scene.model, scene.process, "go", "go1.22");
	for (uint32_t i = 0; i < NAMES; i++) {
		struct cs_name name = {names[i], "/src/app.go", 10 + i, false};

		scene.frames[i] = cs_model_frame(scene.model, module, 0x1000 + i);
		cs_symbols_set(scene.symbols, scene.frames[i], &name, 1);
	}
	scene.work = stack(&scene, MAIN, WORK, PARK);
	scene.lock = stack(&scene, SERVE, LOCK, PARK);
	scene.main = stack(&scene, MAIN, SERVE, SERVE);
	cs_model_set_now(scene.model, 10 * SEC);
	return scene;
}

static void take(struct scene *scene)
{
	scene->snapshot = cs_snapshot_take(scene->model, scene->symbols);
	scene->stacks = cs_stacks_new(true);
	assert_non_null(scene->snapshot);
}

static void scene_end(struct scene *scene)
{
	cs_stacks_free(scene->stacks);
	cs_snapshot_free(scene->snapshot);
	cs_symbols_free(scene->symbols);
	cs_model_free(scene->model);
}

/* Five goroutines: two wait for a lock, one for a channel, one runs, one is the runtime's. */
static struct scene five(void)
{
	struct scene scene = scene_begin();
	uint32_t id = add(&scene, 1, CS_COROUTINE_RUNNING, NULL, scene.main, 9 * SEC);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(scene.model, id);

	coroutine->thread = scene.thread;
	cs_model_thread_at(scene.model, scene.thread)->coroutine = id;
	cs_model_thread_at(scene.model, scene.thread)->state = CS_THREAD_RUNNING;
	add(&scene, 7, CS_COROUTINE_WAITING, "semacquire", scene.lock, 4 * SEC);
	id = add(&scene, 8, CS_COROUTINE_WAITING, "semacquire", scene.lock, 6 * SEC);
	coroutine = cs_model_coroutine_at(scene.model, id);
	coroutine->spawn = scene.main;
	coroutine->parent_runtime = scene.go;
	coroutine->parent_number = 1;
	coroutine->entry = scene.frames[SERVE];
	cs_model_coroutine_set_labels(scene.model, id, "request=12\nuser=x");
	/* Since an hour before the recording. */
	add(&scene, 9, CS_COROUTINE_WAITING, "chan receive", scene.work, -(uint64_t)3600 * SEC);
	id = add(&scene, 2, CS_COROUTINE_WAITING, "GC worker", scene.work, SEC);
	cs_model_coroutine_at(scene.model, id)->flags |= CS_COROUTINE_SYSTEM;
	cs_model_coroutine_alloc(scene.model, 2, 4096, CS_OBJECT, 0, 0);
	take(&scene);
	return scene;
}

static struct cs_ps ask(struct scene *scene, const struct cs_query *query, uint32_t **rows)
{
	struct cs_ps ps = {
		.snapshot = scene->snapshot, .stacks = scene->stacks, .order = query->order};

	assert_int_equal(cs_query_run(query, scene->snapshot, scene->stacks, rows, &ps.count,
	                              &ps.hidden),
	                 0);
	ps.rows = *rows;
	return ps;
}

/* Numbers of what QUERY selects, in its order, against WANTED, ended by 0. */
static void assert_selects(struct scene *scene, const struct cs_query *query,
                           const uint64_t *wanted)
{
	uint32_t *rows;
	struct cs_ps ps = ask(scene, query, &rows);
	uint32_t i;

	for (i = 0; i < ps.count; i++)
		assert_int_equal(scene->snapshot->coroutines[rows[i]].number, wanted[i]);
	assert_int_equal(wanted[i], 0);
	free(rows);
}

static void a_query_selects_by_state_reason_runtime_age_and_function(void **state)
{
	struct scene scene = five();
	struct cs_filter_options options = {.focus = "lock$"};
	struct cs_query query = {0};
	struct cs_diag diag;

	(void)state;
	assert_selects(&scene, &query, (uint64_t[]){1, 7, 8, 9, 0});
	query.system = true;
	assert_selects(&scene, &query, (uint64_t[]){1, 2, 7, 8, 9, 0});
	query = (struct cs_query){.states = 1u << CS_COROUTINE_RUNNING};
	assert_selects(&scene, &query, (uint64_t[]){1, 0});
	query = (struct cs_query){.reason = "chan"};
	assert_selects(&scene, &query, (uint64_t[]){9, 0});
	query = (struct cs_query){.runtime = "ucontext"};
	assert_selects(&scene, &query, (uint64_t[]){0});
	query = (struct cs_query){.min_age_ns = 9 * SEC + 1};
	assert_selects(&scene, &query, (uint64_t[]){0});
	query = (struct cs_query){.filter = cs_filter_new(&options, &diag)};
	assert_selects(&scene, &query, (uint64_t[]){7, 8, 0});
	cs_filter_free((struct cs_filter *)(uintptr_t)query.filter);
	scene_end(&scene);
}

static void orders_put_what_is_unknown_last(void **state)
{
	struct scene scene = five();
	struct cs_query query = {.order = CS_ORDER_WAIT};

	(void)state;
	assert_selects(&scene, &query, (uint64_t[]){9, 7, 8, 1, 0});
	query.order = CS_ORDER_HEAP;
	assert_selects(&scene, &query, (uint64_t[]){7, 1, 8, 9, 0});
	assert_true(cs_coroutine_wait_ns(scene.snapshot, &scene.snapshot->coroutines[3]) ==
	            3610 * SEC);
	scene_end(&scene);
}

/* A first look at a goroutine tells that it waits, not for how long. */
static void what_was_seen_first_just_now_has_no_age(void **state)
{
	struct scene scene = scene_begin();
	uint32_t id = add(&scene, 1, CS_COROUTINE_WAITING, NULL, 0, 10 * SEC);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(scene.model, id);

	(void)state;
	coroutine->since_after_ns = coroutine->created_after_ns = CS_UNKNOWN;
	coroutine->created_ns = 10 * SEC;
	cs_model_set_now(scene.model, 10 * SEC + 5); /* the look took so long */
	take(&scene);
	coroutine = &scene.snapshot->coroutines[0];
	assert_true(cs_coroutine_wait_ns(scene.snapshot, coroutine) == CS_UNKNOWN);
	assert_true(cs_coroutine_age_ns(scene.snapshot, coroutine) == CS_UNKNOWN);
	scene_end(&scene);
}

static void the_snapshot_does_not_change_with_the_model(void **state)
{
	struct scene scene = five();

	(void)state;
	for (uint32_t id = 1; id <= 5; id++)
		cs_model_coroutine_end(scene.model, id, 11 * SEC);
	cs_model_sweep_coroutines(scene.model);
	assert_int_equal(scene.snapshot->coroutine_count, 5);
	assert_string_equal(scene.snapshot->coroutines[2].labels, "request=12\nuser=x");
	assert_int_equal(scene.snapshot->coroutines[1].heap->inuse_bytes, 4096);
	assert_int_equal(scene.snapshot->threads[0].coroutine, 1);
	scene_end(&scene);
}

static void near_overflow_is_a_tenth_of_the_stack(void **state)
{
	struct cs_coroutine coroutine = {.stack_low = 0x1000,
	                                 .stack_high = 0x2000,
	                                 .stack_used = 3686,
	                                 .stack_peak = CS_UNKNOWN};

	(void)state;
	assert_false(cs_coroutine_is_near_overflow(&coroutine));
	coroutine.stack_used = 3687;
	assert_true(cs_coroutine_is_near_overflow(&coroutine));
	coroutine.stack_used = 10;
	coroutine.stack_peak = 4096;
	assert_true(cs_coroutine_is_near_overflow(&coroutine));
	coroutine.flags = CS_COROUTINE_SHARED_STACK;
	assert_false(cs_coroutine_is_near_overflow(&coroutine));
}

static void where_is_the_programs_own_call(void **state)
{
	struct scene scene = five();
	const struct cs_stack *whole = cs_stacks_get(scene.stacks, scene.snapshot, scene.work);
	const struct cs_stack *none = cs_stacks_get(scene.stacks, scene.snapshot, 0);

	(void)state;
	assert_string_equal(cs_stack_where(whole, "go")->call->function, "main.work");
	assert_string_equal(cs_stack_where(whole, "ucontext")->call->function, "runtime.gopark");
	assert_ptr_equal(cs_stack_where(none, "go"), none);
	scene_end(&scene);
}

/* ---- groups ---- */

static void groups_are_stacks_and_their_sums(void **state)
{
	struct scene scene = five();
	struct cs_query query = {0};
	struct cs_groups groups;
	uint32_t *rows;
	struct cs_ps ps = ask(&scene, &query, &rows);

	(void)state;
	assert_int_equal(cs_groups_make(&groups, scene.snapshot, scene.stacks, rows, ps.count,
	                                CS_ORDER_ID),
	                 0);
	assert_int_equal(groups.count, 3);
	assert_int_equal(groups.groups[0].count, 2);
	assert_int_equal(groups.groups[0].states[CS_COROUTINE_WAITING], 2);
	assert_true(groups.groups[0].wait_ns == 6 * SEC);
	assert_true(groups.groups[0].heap_bytes == 4096);
	assert_int_equal(groups.groups[0].spawn, 0); /* not the same of both */
	assert_int_equal(scene.snapshot->coroutines[groups.groups[0].example].number, 7);
	assert_string_equal(cs_model_text_at(scene.model, groups.groups[0].reasons[0].text),
	                    "semacquire");
	assert_int_equal(groups.of_row[1], 0);
	assert_int_equal(groups.of_row[4], UINT32_MAX); /* the runtime's own: not asked for */
	cs_groups_free(&groups);
	assert_int_equal(cs_groups_make(&groups, scene.snapshot, scene.stacks, rows, ps.count,
	                                CS_ORDER_WAIT),
	                 0);
	assert_true(groups.groups[0].wait_ns == 3610 * SEC);
	cs_groups_free(&groups);
	free(rows);
	scene_end(&scene);
}

/* Well below a second, also where every access is checked. */
static void a_hundred_thousand_are_grouped_at_once(void **state)
{
	struct scene scene = scene_begin();
	struct cs_query query = {.order = CS_ORDER_WAIT};
	struct cs_groups groups;
	struct timespec from, to;
	uint32_t *rows;

	(void)state;
	for (uint64_t number = 1; number <= 100000; number++)
		add(&scene, number, CS_COROUTINE_WAITING, number % 2 ? "sleep" : "select",
		    number % 3 ? scene.work : scene.lock, number);
	take(&scene);
	clock_gettime(CLOCK_MONOTONIC, &from);
	struct cs_ps ps = ask(&scene, &query, &rows);
	assert_int_equal(cs_groups_make(&groups, scene.snapshot, scene.stacks, rows, ps.count,
	                                CS_ORDER_ID),
	                 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_int_equal(groups.count, 2);
	assert_int_equal(groups.groups[0].count, 66667);
	assert_int_equal(groups.groups[0].reason_count, 2);
	assert_in_range((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000, 0,
	                2000);
	cs_groups_free(&groups);
	free(rows);
	scene_end(&scene);
}

/* ---- how it reads ---- */

typedef int write_ps(const struct cs_ps *ps, const struct cs_export_style *style,
                     struct cs_sink *sink, struct cs_diag *diag);

static void assert_writes(write_ps *write, const struct cs_ps *ps, uint32_t width,
                          const char *wanted)
{
	struct cs_export_style style = {.width = width};
	struct cs_diag diag = {0};
	struct cs_sink sink;

	cs_sink_to_memory(&sink);
	assert_int_equal(write(ps, &style, &sink, &diag), 0);
	assert_string_equal(sink.data, wanted);
	cs_sink_release(&sink);
}

#define HEAD                                                                        \
	"process 42  server --port 80\n"                                            \
	"  go go1.22  5 coroutines: 3 waiting, 1 running, 1 of the runtime's own\n" \
	"  1 thread: 1 running\n"                                                   \
	"  as at 10.000 s of the recording\n\n"

static void a_list_reads_well(void **state)
{
	struct scene scene = five();
	struct cs_query query = {0};
	uint32_t *rows;
	struct cs_ps ps = ask(&scene, &query, &rows);

	(void)state;
	assert_writes(
		cs_ps_text, &ps, 0,
		HEAD
		"ID    STATE    REASON          WAITING    AGE     HEAP  THREAD  WHERE\n"
		"go/1  running                           9.0 s               43  main.serve app.go:11\n"
		"go/7  waiting  semacquire        6.0 s  9.0 s  4.0 KiB          main.lock app.go:13\n"
		"go/8  waiting  semacquire        4.0 s  9.0 s                   main.lock app.go:13\n"
		"go/9  waiting  chan receive  1:00:10 h  9.0 s                   main.work app.go:12\n");
	free(rows);
	scene_end(&scene);
}

static void narrow_terminals_lose_columns_before_names(void **state)
{
	struct scene scene = five();
	struct cs_query query = {.reason = "chan"};
	struct cs_export_style style = {.width = 70};
	struct cs_sink sink;
	uint32_t *rows;
	struct cs_ps ps = ask(&scene, &query, &rows);

	(void)state;
	cs_sink_to_memory(&sink);
	assert_int_equal(cs_ps_text(&ps, &style, &sink, NULL), 0);
	assert_non_null(strstr(sink.data, "main.work app.go:12\n"));
	assert_null(strstr(sink.data, "AGE"));
	for (const char *line = sink.data; *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 0, 72);
	cs_sink_release(&sink);
	free(rows);
	scene_end(&scene);
}

static void stacks_show_labels_and_who_created_it(void **state)
{
	struct scene scene = five();
	struct cs_query query = {.states = 1u << CS_COROUTINE_WAITING};
	struct cs_sink sink;
	uint32_t *rows;
	struct cs_ps ps = ask(&scene, &query, &rows);
	struct cs_export_style style = {.limit = 2};

	(void)state;
	ps.with_stacks = true;
	cs_sink_to_memory(&sink);
	assert_int_equal(cs_ps_text(&ps, &style, &sink, NULL), 0);
	assert_non_null(strstr(sink.data, "      labels: request=12, user=x\n"
	                                  "      runtime.gopark /src/app.go:14 (server)\n"
	                                  "      main.lock /src/app.go:13 (server)\n"
	                                  "      main.serve /src/app.go:11 (server)\n"
	                                  "    created by\n"
	                                  "      main.serve /src/app.go:11 (server)\n"));
	assert_non_null(strstr(sink.data, "… and 1 more coroutines: -n all shows them"));
	cs_sink_release(&sink);
	free(rows);
	scene_end(&scene);
}

static void a_group_is_one_line(void **state)
{
	struct scene scene = five();
	struct cs_query query = {0};
	struct cs_groups groups;
	uint32_t *rows;
	struct cs_ps ps = ask(&scene, &query, &rows);

	(void)state;
	assert_int_equal(cs_groups_make(&groups, scene.snapshot, scene.stacks, rows, ps.count,
	                                CS_ORDER_ID),
	                 0);
	ps.groups = &groups;
	assert_writes(cs_ps_text, &ps, 0,
	              HEAD "COUNT  STATE    REASON          WAITING    AGE     HEAP  WHERE\n"
	                   "    2  waiting  semacquire        6.0 s  9.0 s  4.0 KiB  main.lock "
	                   "app.go:13 < main.serve\n"
	                   "    1  running                           9.0 s           main.serve "
	                   "app.go:11 < main.serve < main.main\n"
	                   "    1  waiting  chan receive  1:00:10 h  9.0 s           main.work "
	                   "app.go:12 < main.main\n");
	cs_groups_free(&groups);
	free(rows);
	scene_end(&scene);
}

/* The keys are a promise (docs): none may go, and what is not known is null. */
static void json_has_all_its_keys(void **state)
{
	static const char *const keys[] = {
		"\"schema\": 1",
		"\"time_ns\": 10000000000",
		"\"lost_events\": 0",
		"\"unstable\": 0",
		"\"pid\": 42",
		"\"program\": null",
		"\"version\": \"go1.22\"",
		"\"coroutines\": 5",
		"\"tid\": 43",
		"\"state\": \"running\", \"coroutine\": \"go/1\"",
		"\"id\": \"go/8\"",
		"\"runtime\": \"go\"",
		"\"name\": null",
		"\"state\": \"waiting\"",
		"\"reason\": \"semacquire\"",
		"\"waiting_ns\": 4000000000",
		"\"age_ns\": 9000000000",
		"\"thread\": null",
		"\"parent\": \"go/1\"",
		"\"entry\": \"main.serve\"",
		"\"labels\": {\"request\": \"12\", \"user\": \"x\"}",
		"\"stack_bytes\": null",
		"\"stack_used_bytes\": null",
		"\"heap_bytes\": null",
		"\"cpu_ns\": null",
		"\"switches\": null",
		"\"spawn\": [",
		"\"stack\": [",
		("{\"function\": \"runtime.gopark\", \"file\": \"/src/app.go\", \"line\": 14, "
	         "\"module\": \"/opt/server\", \"address\": \"0x1004\", \"inlined\": false}"),
	};
	struct scene scene = five();
	struct cs_query query = {0};
	struct cs_export_style style = {0};
	struct cs_sink sink;
	uint32_t *rows;
	struct cs_ps ps = ask(&scene, &query, &rows);

	(void)state;
	cs_sink_to_memory(&sink);
	assert_int_equal(cs_ps_json(&ps, &style, &sink, NULL), 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strstr(sink.data, keys[i]))
			fail_msg("%s is not in %s", keys[i], sink.data);
	cs_sink_release(&sink);
	free(rows);
	scene_end(&scene);
}

/* Names are the program's: they must not steer a terminal. */
static void hostile_names_do_nothing_to_a_terminal(void **state)
{
	struct scene scene = scene_begin();
	uint32_t id = add(&scene, 1, CS_COROUTINE_WAITING, "\033[31mred", scene.work, SEC);
	struct cs_query query = {0};
	struct cs_export_style style = {0};
	struct cs_sink sink;
	uint32_t *rows;

	(void)state;
	cs_model_coroutine_set_name(scene.model, id, "\033]0;title\a");
	cs_model_coroutine_set_labels(scene.model, id, "a=\033[2J");
	take(&scene);
	struct cs_ps ps = ask(&scene, &query, &rows);
	ps.with_stacks = true;
	cs_sink_to_memory(&sink);
	assert_int_equal(cs_ps_text(&ps, &style, &sink, NULL), 0);
	assert_null(strchr(sink.data, '\033'));
	assert_null(strchr(sink.data, '\a'));
	assert_non_null(strstr(sink.data, "title"));
	cs_sink_release(&sink);
	free(rows);
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_selects_by_state_reason_runtime_age_and_function),
		cmocka_unit_test(orders_put_what_is_unknown_last),
		cmocka_unit_test(what_was_seen_first_just_now_has_no_age),
		cmocka_unit_test(the_snapshot_does_not_change_with_the_model),
		cmocka_unit_test(near_overflow_is_a_tenth_of_the_stack),
		cmocka_unit_test(where_is_the_programs_own_call),
		cmocka_unit_test(groups_are_stacks_and_their_sums),
		cmocka_unit_test(a_hundred_thousand_are_grouped_at_once),
		cmocka_unit_test(a_list_reads_well),
		cmocka_unit_test(narrow_terminals_lose_columns_before_names),
		cmocka_unit_test(stacks_show_labels_and_who_created_it),
		cmocka_unit_test(a_group_is_one_line),
		cmocka_unit_test(json_has_all_its_keys),
		cmocka_unit_test(hostile_names_do_nothing_to_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
