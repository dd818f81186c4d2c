/* SPDX-License-Identifier: Apache-2.0 */
/* How ps reads, as text and as JSON. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

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
	struct program program = program_of_five();
	struct cs_query query = {0};
	uint32_t *rows;
	struct cs_ps ps = program_ask(&program, &query, &rows);

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
	program_end(&program);
}

static void narrow_terminals_lose_columns_before_names(void **state)
{
	struct program program = program_of_five();
	struct cs_query query = {.reason = "chan"};
	struct cs_export_style style = {.width = 70};
	struct cs_sink sink;
	uint32_t *rows;
	struct cs_ps ps = program_ask(&program, &query, &rows);

	(void)state;
	cs_sink_to_memory(&sink);
	assert_int_equal(cs_ps_text(&ps, &style, &sink, NULL), 0);
	assert_non_null(strstr(sink.data, "main.work app.go:12\n"));
	assert_null(strstr(sink.data, "AGE"));
	for (const char *line = sink.data; *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 0, 72);
	cs_sink_release(&sink);
	free(rows);
	program_end(&program);
}

static void stacks_show_labels_and_who_created_it(void **state)
{
	struct program program = program_of_five();
	struct cs_query query = {.states = 1u << CS_COROUTINE_WAITING};
	struct cs_sink sink;
	uint32_t *rows;
	struct cs_ps ps = program_ask(&program, &query, &rows);
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
	program_end(&program);
}

static void a_group_is_one_line(void **state)
{
	struct program program = program_of_five();
	struct cs_query query = {0};
	struct cs_groups groups;
	uint32_t *rows;
	struct cs_ps ps = program_ask(&program, &query, &rows);

	(void)state;
	assert_int_equal(cs_groups_make(&groups, program.snapshot, program.stacks, rows, ps.count,
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
	program_end(&program);
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
	struct program program = program_of_five();
	struct cs_query query = {0};
	struct cs_export_style style = {0};
	struct cs_sink sink;
	uint32_t *rows;
	struct cs_ps ps = program_ask(&program, &query, &rows);

	(void)state;
	cs_sink_to_memory(&sink);
	assert_int_equal(cs_ps_json(&ps, &style, &sink, NULL), 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strstr(sink.data, keys[i]))
			fail_msg("%s is not in %s", keys[i], sink.data);
	cs_sink_release(&sink);
	free(rows);
	program_end(&program);
}

/* Names are the program's: they must not steer a terminal. */
static void hostile_names_do_nothing_to_a_terminal(void **state)
{
	struct program program = program_begin();
	uint32_t id =
		program_add(&program, 1, CS_COROUTINE_WAITING, "\033[31mred", program.work, SEC);
	struct cs_query query = {0};
	struct cs_export_style style = {0};
	struct cs_sink sink;
	uint32_t *rows;

	(void)state;
	cs_model_coroutine_set_name(program.model, id, "\033]0;title\a");
	cs_model_coroutine_set_labels(program.model, id, "a=\033[2J");
	program_take(&program);
	struct cs_ps ps = program_ask(&program, &query, &rows);
	ps.with_stacks = true;
	cs_sink_to_memory(&sink);
	assert_int_equal(cs_ps_text(&ps, &style, &sink, NULL), 0);
	assert_null(strchr(sink.data, '\033'));
	assert_null(strchr(sink.data, '\a'));
	assert_non_null(strstr(sink.data, "title"));
	cs_sink_release(&sink);
	free(rows);
	program_end(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_reads_well),
		cmocka_unit_test(narrow_terminals_lose_columns_before_names),
		cmocka_unit_test(stacks_show_labels_and_who_created_it),
		cmocka_unit_test(a_group_is_one_line),
		cmocka_unit_test(json_has_all_its_keys),
		cmocka_unit_test(hostile_names_do_nothing_to_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
