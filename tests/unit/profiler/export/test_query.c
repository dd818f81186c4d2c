/* SPDX-License-Identifier: Apache-2.0 */
/* What ps selects, in which order, and in which groups. */
#include <time.h>

#include "model/where.h"
#include "program.h"

/* Numbers of what QUERY selects, in its order, against WANTED, ended by 0. */
static void assert_selects(struct program *program, const struct cs_query *query,
                           const uint64_t *wanted)
{
	struct cs_ps ps = program_ask(program, query);
	uint32_t i;

	for (i = 0; i < ps.count; i++)
		assert_int_equal(program->snapshot->coroutines[ps.rows[i]].number, wanted[i]);
	assert_int_equal(wanted[i], 0);
}

static void a_query_selects_by_state_reason_runtime_age_and_function(void **state)
{
	struct program program = program_of_five();
	struct cs_filter_options options = {.focus = "lock$"};
	struct cs_query query = {0};
	struct cs_diag diag;

	(void)state;
	assert_selects(&program, &query, (uint64_t[]){1, 7, 8, 9, 0});
	query.system = true;
	assert_selects(&program, &query, (uint64_t[]){1, 2, 7, 8, 9, 0});
	query = (struct cs_query){.states = 1u << CS_COROUTINE_RUNNING};
	assert_selects(&program, &query, (uint64_t[]){1, 0});
	query = (struct cs_query){.reason = "chan"};
	assert_selects(&program, &query, (uint64_t[]){9, 0});
	query = (struct cs_query){.runtime = "ucontext"};
	assert_selects(&program, &query, (uint64_t[]){0});
	query = (struct cs_query){.min_age_ns = 9 * SEC + 1};
	assert_selects(&program, &query, (uint64_t[]){0});
	query = (struct cs_query){.filter = cs_filter_new(&options, &diag)};
	assert_selects(&program, &query, (uint64_t[]){7, 8, 0});
	cs_filter_free((struct cs_filter *)(uintptr_t)query.filter);
	program_end(&program);
}

static void orders_put_what_is_unknown_last(void **state)
{
	struct program program = program_of_five();
	struct cs_query query = {.order = CS_ORDER_WAIT};

	(void)state;
	assert_selects(&program, &query, (uint64_t[]){9, 7, 8, 1, 0});
	query.order = CS_ORDER_HEAP;
	assert_selects(&program, &query, (uint64_t[]){7, 1, 8, 9, 0});
	assert_true(cs_coroutine_wait_ns(program.snapshot, &program.snapshot->coroutines[3]) ==
	            3610 * SEC);
	program_end(&program);
}

/* A first look at a goroutine tells that it waits, not for how long. */
static void what_was_seen_first_just_now_has_no_age(void **state)
{
	struct program program = program_begin();
	uint32_t id = program_add(&program, 1, CS_COROUTINE_WAITING, NULL, 0, 10 * SEC);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(program.model, id);

	(void)state;
	coroutine->since_after_ns = coroutine->created_after_ns = CS_UNKNOWN;
	coroutine->created_ns = 10 * SEC;
	cs_model_set_now(program.model, 10 * SEC + 5); /* the look took so long */
	program_take(&program);
	coroutine = &program.snapshot->coroutines[0];
	assert_true(cs_coroutine_wait_ns(program.snapshot, coroutine) == CS_UNKNOWN);
	assert_true(cs_coroutine_age_ns(program.snapshot, coroutine) == CS_UNKNOWN);
	program_end(&program);
}

static void the_snapshot_does_not_change_with_the_model(void **state)
{
	struct program program = program_of_five();

	(void)state;
	for (uint32_t id = 1; id <= 5; id++)
		cs_model_coroutine_end(program.model, id, 11 * SEC);
	cs_model_sweep_coroutines(program.model);
	assert_int_equal(program.snapshot->coroutine_count, 5);
	assert_string_equal(program.snapshot->coroutines[2].labels, "request=12\nuser=x");
	assert_int_equal(program.snapshot->coroutines[1].heap->inuse_bytes, 4096);
	assert_int_equal(program.snapshot->threads[0].coroutine, 1);
	program_end(&program);
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
	struct program program = program_of_five();
	const struct cs_stack *whole =
		cs_stacks_get(program.stacks, program.snapshot, program.work);
	const struct cs_stack *none = cs_stacks_get(program.stacks, program.snapshot, 0);

	(void)state;
	assert_string_equal(cs_stack_where(whole, "go")->call->function, "main.work");
	assert_string_equal(cs_stack_where(whole, "ucontext")->call->function, "runtime.gopark");
	assert_ptr_equal(cs_stack_where(none, "go"), none);
	program_end(&program);
}

/* ---- groups ---- */

static void groups_are_stacks_and_their_sums(void **state)
{
	struct program program = program_of_five();
	struct cs_query query = {0};
	struct cs_ps ps = program_ask(&program, &query);
	const struct cs_groups *groups = program_group(&program, &ps, CS_ORDER_ID);
	const struct cs_group *locked = &groups->groups[0];

	(void)state;
	assert_int_equal(groups->count, 3);
	assert_int_equal(locked->count, 2);
	assert_int_equal(locked->states[CS_COROUTINE_WAITING], 2);
	assert_true(locked->wait_ns == 6 * SEC);
	assert_true(locked->heap_bytes == 4096);
	assert_int_equal(locked->spawn, 0); /* not the same of both */
	assert_int_equal(program.snapshot->coroutines[locked->example].number, 7);
	assert_string_equal(cs_model_text_at(program.model, locked->reasons[0].text), "semacquire");
	assert_int_equal(groups->of_row[1], 0);
	assert_int_equal(groups->of_row[4], UINT32_MAX); /* the runtime's own: not asked for */
	groups = program_group(&program, &ps, CS_ORDER_WAIT);
	assert_true(groups->groups[0].wait_ns == 3610 * SEC);
	program_end(&program);
}

/* Well below a second of CPU time, also where every access is checked; and on a slow machine. */
static void a_hundred_thousand_are_grouped_at_once(void **state)
{
	struct program program = program_begin();
	struct cs_query query = {.order = CS_ORDER_WAIT};
	const struct cs_groups *groups;
	struct timespec from, to;

	(void)state;
	for (uint64_t number = 1; number <= 100000; number++)
		program_add(&program, number, CS_COROUTINE_WAITING, number % 2 ? "sleep" : "select",
		            number % 3 ? program.work : program.lock, number);
	program_take(&program);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	struct cs_ps ps = program_ask(&program, &query);
	groups = program_group(&program, &ps, CS_ORDER_ID);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	assert_int_equal(groups->count, 2);
	assert_int_equal(groups->groups[0].count, 66667);
	assert_int_equal(groups->groups[0].reason_count, 2);
	assert_in_range((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000, 0,
	                10000);
	program_end(&program);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
