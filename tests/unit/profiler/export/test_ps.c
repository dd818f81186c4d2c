/* SPDX-License-Identifier: Apache-2.0 */
/* How ps reads, as text and as JSON. */
#include <string.h>

#include "program.h"

#define HEAD                                                                        \
	"process 42  server --port 80\n"                                            \
	"  go go1.22  5 coroutines: 3 waiting, 1 running, 1 of the runtime's own\n" \
	"  1 thread: 1 running\n"                                                   \
	"  as at 10.000 s of the recording\n\n"

static void a_list_reads_well(void **state)
{
	struct program program = program_of_five();
	struct cs_query query = {0};
	struct cs_ps ps = program_ask(&program, &query);

	(void)state;
	assert_string_equal(
		program_write(&program, cs_ps_text, &ps, (struct cs_export_style){0}), HEAD
		"ID    STATE    REASON          WAITING    AGE     HEAP  THREAD  WHERE\n"
		"go/1  running                           9.0 s               43  main.serve app.go:11\n"
		"go/7  waiting  semacquire        6.0 s  9.0 s  4.0 KiB          main.lock app.go:13\n"
		"go/8  waiting  semacquire        4.0 s  9.0 s                   main.lock app.go:13\n"
		"go/9  waiting  chan receive  1:00:10 h  9.0 s                   main.work app.go:12\n");
	program_end(&program);
}

static void narrow_terminals_lose_columns_before_names(void **state)
{
	struct program program = program_of_five();
	struct cs_query query = {.reason = "chan"};
	struct cs_ps ps = program_ask(&program, &query);
	const char *text;

	(void)state;
	text = program_write(&program, cs_ps_text, &ps, (struct cs_export_style){.width = 70});
	assert_non_null(strstr(text, "main.work app.go:12\n"));
	assert_null(strstr(text, "AGE"));
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 0, 72);
	program_end(&program);
}

static void stacks_show_labels_and_who_created_it(void **state)
{
	struct program program = program_of_five();
	struct cs_query query = {.states = 1u << CS_COROUTINE_WAITING};
	struct cs_ps ps = program_ask(&program, &query);
	const char *text;

	(void)state;
	ps.with_stacks = true;
	text = program_write(&program, cs_ps_text, &ps, (struct cs_export_style){.limit = 2});
	assert_non_null(strstr(text, "      labels: request=12, user=x\n"
	                             "      runtime.gopark /src/app.go:14 (server)\n"
	                             "      main.lock /src/app.go:13 (server)\n"
	                             "      main.serve /src/app.go:11 (server)\n"
	                             "    created by\n"
	                             "      main.serve /src/app.go:11 (server)\n"));
	assert_non_null(strstr(text, "… and 1 more coroutines: -n all shows them"));
	program_end(&program);
}

static void a_group_is_one_line(void **state)
{
	struct program program = program_of_five();
	struct cs_query query = {0};
	struct cs_ps ps = program_ask(&program, &query);

	(void)state;
	ps.groups = program_group(&program, &ps, CS_ORDER_ID);
	assert_string_equal(program_write(&program, cs_ps_text, &ps, (struct cs_export_style){0}),
	                    HEAD
	                    "COUNT  STATE    REASON          WAITING    AGE     HEAP  WHERE\n"
	                    "    2  waiting  semacquire        6.0 s  9.0 s  4.0 KiB  main.lock "
	                    "app.go:13 < main.serve\n"
	                    "    1  running                           9.0 s           main.serve "
	                    "app.go:11 < main.serve < main.main\n"
	                    "    1  waiting  chan receive  1:00:10 h  9.0 s           main.work "
	                    "app.go:12 < main.main\n");
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
	struct cs_ps ps = program_ask(&program, &query);
	const char *text;

	(void)state;
	text = program_write(&program, cs_ps_json, &ps, (struct cs_export_style){0});
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strstr(text, keys[i]))
			fail_msg("%s is not in %s", keys[i], text);
	program_end(&program);
}

/* Names are the program's: they must not steer a terminal. */
static void hostile_names_do_nothing_to_a_terminal(void **state)
{
	struct program program = program_begin();
	uint32_t id =
		program_add(&program, 1, CS_COROUTINE_WAITING, "\033[31mred", program.work, SEC);
	struct cs_query query = {0};
	const char *text;

	(void)state;
	cs_model_coroutine_set_name(program.model, id, "\033]0;title\a");
	cs_model_coroutine_set_labels(program.model, id, "a=\033[2J");
	program_take(&program);
	struct cs_ps ps = program_ask(&program, &query);
	ps.with_stacks = true;
	text = program_write(&program, cs_ps_text, &ps, (struct cs_export_style){0});
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\a'));
	assert_non_null(strstr(text, "title"));
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
