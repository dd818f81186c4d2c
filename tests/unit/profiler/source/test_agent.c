/* SPDX-License-Identifier: Apache-2.0 */
/* What records do to the model. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"

#define CODE UINT64_C(0x400000)

static void a_block_belongs_to_its_stack(void **state)
{
	const uint64_t pcs[] = {CODE + 0x11, CODE + 0x21};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 1);
	producer_thread(&scene.producer, 0, CS_RECORD_THREAD_START, 1, 7, "main");
	producer_module(&scene.producer, 0, 2, 1, CODE, CODE + 0x1000, "/lib/m");
	uint64_t stack = producer_stack(&scene.producer, 0, 3, 0, 2, pcs);
	producer_alloc(&scene.producer, 0, 4, 0x1000, 64, stack);
	producer_alloc(&scene.producer, 0, 5, 0x2000, 32, stack);
	producer_free(&scene.producer, 0, 6, 0x1000);
	scene_drain(&scene);

	/* A return address names the call before it. */
	assert_int_equal(scene_in_use(&scene, "/lib/m+0x10;/lib/m+0x20"), 32);
	assert_int_equal(scene_process(&scene)->inuse_bytes, 32);
	assert_int_equal(scene_process(&scene)->peak_bytes, 96);
	assert_int_equal(scene_process(&scene)->peak_ns, 5);
	assert_string_equal(scene_thread(&scene, 1)->name, "main");
	scene_end(&scene);
}

static void stacks_grow_from_stacks(void **state)
{
	const uint64_t outer[] = {0x10001, 0x10002};
	const uint64_t inner[] = {0x10003};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 1);
	uint64_t parent = producer_stack(&scene.producer, 0, 1, 0, 2, outer);
	uint64_t stack = producer_stack(&scene.producer, 0, 2, parent, 1, inner);
	producer_alloc(&scene.producer, 0, 3, 0x1000, 8, stack);
	producer_alloc(&scene.producer, 0, 4, 0x2000, 16, parent);
	scene_drain(&scene);
	assert_int_equal(scene_in_use(&scene, "0x10000;0x10001;0x10002"), 8);
	assert_int_equal(scene_in_use(&scene, "0x10000;0x10001"), 16);
	scene_end(&scene);
}

/* What was lost is said, until it is told again. */
static void a_lost_definition_is_healed(void **state)
{
	const uint64_t outer[] = {0x10001}, inner[] = {0x10002};
	uint64_t parent = cs_stack_hash(cs_stack_root(1), outer[0]);
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 1);
	uint64_t stack = producer_stack(&scene.producer, 0, 1, parent, 1, inner);
	producer_alloc(&scene.producer, 0, 2, 0x1000, 8, stack);
	producer_alloc(&scene.producer, 0, 3, 0x2000, 4, 0x1234567);
	scene_drain(&scene);
	assert_int_equal(scene_in_use(&scene, "lost;0x10001"), 8);
	assert_int_equal(scene_in_use(&scene, "lost"), 4);
	assert_int_equal(scene.agent->undefined, 1);

	producer_stack(&scene.producer, 0, 4, 0, 1, outer);
	producer_stack(&scene.producer, 0, 5, parent, 1, inner);
	producer_alloc(&scene.producer, 0, 6, 0x3000, 16, stack);
	scene_drain(&scene);
	assert_int_equal(scene_in_use(&scene, "0x10000;0x10001"), 16);
	scene_end(&scene);
}

/* The same address is another place once its module has gone. */
static void modules_have_generations(void **state)
{
	const uint64_t pcs[] = {CODE + 0x11};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 1);
	producer_module(&scene.producer, 0, 1, 1, CODE, CODE + 0x1000, "/lib/a");
	uint64_t first = producer_stack(&scene.producer, 0, 2, 0, 1, pcs);
	producer_alloc(&scene.producer, 0, 3, 0x1000, 8, first);
	struct cs_record_module_gone gone;
	producer_put(&scene.producer, 0, CS_RECORD_MODULE_GONE, 4, 1, &gone, sizeof(gone));
	producer_module(&scene.producer, 0, 5, 2, CODE, CODE + 0x1000, "/lib/b");
	/* The agent changes its epoch, so that the hash is another one. */
	uint64_t second = producer_stack_in(&scene.producer, 0, 6, 2, 0, 1, pcs);
	producer_alloc(&scene.producer, 0, 7, 0x2000, 16, second);
	scene_drain(&scene);
	assert_int_equal(scene_in_use(&scene, "/lib/a+0x10"), 8);
	assert_int_equal(scene_in_use(&scene, "/lib/b+0x10"), 16);
	scene_end(&scene);
}

static void a_lane_passes_from_thread_to_thread(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 1);
	producer_thread(&scene.producer, 0, CS_RECORD_THREAD_START, 1, 7, "one");
	producer_alloc(&scene.producer, 0, 2, 0x1000, 8, 0);
	producer_thread(&scene.producer, 0, CS_RECORD_THREAD_END, 3, 7, "one");
	producer_thread(&scene.producer, 0, CS_RECORD_THREAD_START, 4, 8, "two");
	producer_alloc(&scene.producer, 0, 5, 0x2000, 16, 0);
	producer_thread(&scene.producer, 0, CS_RECORD_THREAD_END, 6, 8, "two");
	/* The same number, but another thread. */
	producer_thread(&scene.producer, 0, CS_RECORD_THREAD_START, 7, 8, "three");
	producer_alloc(&scene.producer, 0, 8, 0x3000, 32, 0);
	scene_drain(&scene);
	assert_int_equal(cs_model_thread_count(scene.world.model), 3);
	assert_int_equal(scene_allocated_by(&scene, 1), 8);
	assert_int_equal(scene_allocated_by(&scene, 2), 16);
	assert_int_equal(scene_allocated_by(&scene, 3), 32);
	assert_int_equal(scene_thread(&scene, 1)->end_ns, 3);
	assert_int_equal(scene_thread(&scene, 3)->end_ns, 0);
	scene_end(&scene);
}

/*
 * The kernel told of a thread that had said nothing: it is that one when it begins to speak; but
 * another one, when the silent thread had ended and its number was given out again.
 */
static void a_silent_thread_is_claimed_unless_it_has_ended(void **state)
{
	struct scene scene;
	uint32_t speaks, ends;

	(void)state;
	scene_begin(&scene, 8192, 2);
	speaks = cs_agent_thread_of(scene.agent, 7, 1);
	ends = cs_agent_thread_of(scene.agent, 8, 1);
	assert_int_equal(cs_agent_thread_of(scene.agent, 8, 2), ends);
	cs_model_thread_at(scene.world.model, ends)->end_ns = 3; /* the kernel has it no more */
	producer_thread(&scene.producer, 0, CS_RECORD_THREAD_START, 4, 7, "speaks");
	producer_alloc(&scene.producer, 0, 5, 0x1000, 8, 0);
	producer_thread(&scene.producer, 1, CS_RECORD_THREAD_START, 6, 8, "another");
	producer_alloc(&scene.producer, 1, 7, 0x2000, 16, 0);
	scene_drain(&scene);
	assert_int_equal(cs_model_thread_count(scene.world.model), 3);
	assert_int_equal(scene_allocated_by(&scene, speaks), 8);
	assert_int_equal(scene_allocated_by(&scene, ends), 0);
	assert_int_equal(scene_allocated_by(&scene, 3), 16);
	assert_int_equal(scene_thread(&scene, 3)->end_ns, 0);
	scene_end(&scene);
}

/* trap: a block freed by another thread must leave the books of the first one */
static void freed_elsewhere_is_not_live(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 2);
	producer_alloc(&scene.producer, 0, 1, 0x1000, 64, 0);
	producer_free(&scene.producer, 1, 2, 0x1000);
	producer_alloc(&scene.producer, 1, 3, 0x1000, 16, 0);
	producer_free(&scene.producer, 0, 4, 0x1000);
	scene_drain(&scene);
	assert_int_equal(scene_process(&scene)->inuse_bytes, 0);
	assert_int_equal(cs_books_healed(scene.agent->books), 0);
	scene_end(&scene);
}

static void a_failed_realloc_loses_nothing(void **state)
{
	struct cs_record_free record = {.address = 0x1000};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 1);
	producer_alloc(&scene.producer, 0, 1, 0x1000, 64, 0);
	producer_put(&scene.producer, 0, CS_RECORD_RELEASE, 2, 0, &record, sizeof(record));
	record.address = 0x1000;
	producer_put(&scene.producer, 0, CS_RECORD_RESTORE, 3, 0, &record, sizeof(record));
	scene_drain(&scene);
	assert_int_equal(scene_process(&scene)->inuse_bytes, 64);
	assert_int_equal(scene_in_use(&scene, ""), 64);
	scene_end(&scene);
}

static void a_loss_makes_figures_inexact(void **state)
{
	struct scene scene;
	uint64_t stamp = 0;

	(void)state;
	scene_begin(&scene, 4096, 1);
	for (stamp = 1; stamp <= 200; stamp++)
		producer_alloc(&scene.producer, 0, stamp, 0x1000 + stamp * 16, 1, 0);
	scene_drain(&scene);
	assert_false(scene_process(&scene)->heap_inexact); /* nobody has told yet */
	producer_alloc(&scene.producer, 0, stamp, 0x1000, 1, 0);
	scene_drain(&scene);
	assert_true(scene_process(&scene)->heap_inexact);
	assert_int_equal(scene_process(&scene)->lost, 200 - 4096 / 32);
	scene_end(&scene);
}

static void a_child_starts_with_its_parents_blocks(void **state)
{
	struct scene parent, child;

	(void)state;
	scene_begin(&parent, 8192, 1);
	producer_alloc(&parent.producer, 0, 1, 0x1000, 100, 0);
	producer_alloc(&parent.producer, 0, 2, 0x2000, 10, 0);
	scene_drain(&parent);
	scene_fork(&child, &parent);
	assert_int_equal(scene_process(&child)->inherited_bytes, 110);
	producer_free(&child.producer, 0, 3, 0x1000);
	producer_alloc(&child.producer, 0, 4, 0x1000, 7, 0);
	scene_drain(&child);
	assert_int_equal(scene_process(&child)->inherited_bytes, 10);
	assert_int_equal(scene_process(&child)->inuse_bytes, 7);
	assert_int_equal(scene_process(&parent)->inuse_bytes, 110);
	producer_free(&parent.producer, 0, 5, 0x2000);
	scene_drain(&parent);
	assert_int_equal(scene_process(&parent)->inuse_bytes, 100);
	assert_int_equal(scene_process(&child)->inherited_bytes, 10);
	scene_end(&child);
	scene_end(&parent);
}

/* A stamp from the future moves no clock. */
static void time_goes_neither_back_nor_beyond_the_present(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 1);
	scene.agent->latest_ns = 1000;
	producer_alloc(&scene.producer, 0, UINT64_MAX - 1, 0x1000, 64, 0);
	scene_drain(&scene);
	assert_int_equal(scene_process(&scene)->peak_ns, 1000);
	scene_end(&scene);
}

static void names_of_threads_are_made_harmless(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 1);
	producer_thread(&scene.producer, 0, CS_RECORD_THREAD_START, 1, 7, "a\033[31m\nb");
	scene_drain(&scene);
	assert_string_equal(scene_thread(&scene, 1)->name, "a?[31m?b");
	scene_end(&scene);
}

static void tell_of(struct producer *producer, uint64_t stamp, uint64_t number)
{
	struct cs_record_coro lane = {.number = number};

	producer_put(producer, 0, CS_RECORD_CORO_LANE, stamp, 0, &lane, sizeof(lane));
}

static const struct cs_coroutine *coroutine(const struct scene *scene, uint64_t number)
{
	return cs_model_coroutine_at(scene->world.model,
	                             cs_roster_find(&scene->agent->roster, number));
}

/* A block is of whom the lane speaks, and stays with the spawn site when that one has ended. */
static void a_block_belongs_to_its_coroutine(void **state)
{
	const uint64_t spawn_pcs[] = {0x10001}, pcs[] = {0x20001};
	struct scene scene;

	(void)state;
	scene_begin(&scene, 8192, 1);
	struct producer *producer = &scene.producer;
	producer_thread(producer, 0, CS_RECORD_THREAD_START, 1, 7, "main");
	struct cs_record_coro_create create = {
		.number = 3,
		.spawn = producer_stack(producer, 0, 2, 0, 1, spawn_pcs),
	};
	uint64_t stack = producer_stack(producer, 0, 3, 0, 1, pcs);
	producer_put(producer, 0, CS_RECORD_CORO_CREATE, 4, 0, &create, sizeof(create));
	producer_alloc(producer, 0, 5, 0x1000, 1, stack);
	tell_of(producer, 6, 3);
	producer_alloc(producer, 0, 7, 0x2000, 10, stack);
	producer_alloc(producer, 0, 8, 0x3000, 20, stack);
	producer_free(producer, 0, 9, 0x3000);
	tell_of(producer, 10, 0);
	producer_alloc(producer, 0, 11, 0x4000, 100, stack);
	scene_drain(&scene);
	assert_int_equal(coroutine(&scene, 3)->heap->inuse_bytes, 10);
	assert_int_equal(coroutine(&scene, 3)->heap->alloc_bytes, 30);
	assert_int_equal(coroutine(&scene, 3)->created_ns, 4);

	struct cs_record_coro_end end = {.number = 3, .switches = 5};
	producer_put(producer, 0, CS_RECORD_CORO_END, 12, CS_CORO_END_FINISHED, &end, sizeof(end));
	/* Another thread in the same lane starts on its own stack. */
	tell_of(producer, 13, 3);
	producer_thread(producer, 0, CS_RECORD_THREAD_START, 14, 8, "other");
	producer_alloc(producer, 0, 15, 0x5000, 1000, stack);
	scene_drain(&scene);
	assert_null(coroutine(&scene, 3));
	uint64_t by_spawn = 0, by_none = 0;
	for (uint32_t id = 1; id <= cs_model_cell_count(scene.world.model); id++) {
		const struct cs_cell *cell = cs_model_cell_at(scene.world.model, id);
		*(cell->spawn ? &by_spawn : &by_none) +=
			cell->sum.alloc_bytes - cell->sum.free_bytes;
	}
	assert_int_equal(by_spawn, 10);
	assert_int_equal(by_none, 1101);
	scene_end(&scene);
}

struct told {
	unsigned count;
	struct cs_trace_event events[16];
};

static int note_event(void *context, const struct cs_trace_event *event)
{
	struct told *told = context;

	if (told->count < 16)
		told->events[told->count++] = *event;
	return 0;
}

static void put_switch(struct producer *producer, uint64_t stamp, enum cs_slot_state left,
                       uint64_t from, uint64_t to)
{
	struct cs_record_coro_switch record = {.from = from, .to = to};

	producer_put(producer, 0, CS_RECORD_CORO_SWITCH, stamp, left, &record, sizeof(record));
}

/* --sched=all: one giving way is parked and woken at once; thread stacks are nobody. */
static void what_coroutines_do_is_told_one_by_one(void **state)
{
	static const struct {
		uint64_t time_ns, number;
		enum cs_trace_event_kind kind;
	} want[] = {
		{2, 3, CS_EVENT_CREATE}, {3, 4, CS_EVENT_CREATE}, {4, 3, CS_EVENT_RUN},
		{5, 3, CS_EVENT_PARK},   {5, 4, CS_EVENT_RUN},    {6, 3, CS_EVENT_WAKE},
		{7, 4, CS_EVENT_PARK},   {7, 4, CS_EVENT_WAKE},   {7, 3, CS_EVENT_RUN},
		{8, 3, CS_EVENT_FINISH},
	};
	const struct cs_trace_session session = {.tick_ns = 100};
	char path[] = "/tmp/coroscope-unit.XXXXXX";
	struct scene scene;
	struct told told = {0};

	(void)state;
	close(mkstemp(path));
	scene_begin(&scene, 8192, 1);
	scene.world.writer = cs_trace_create(path, &session, NULL);
	scene.world.sched_events = true;
	struct producer *producer = &scene.producer;
	producer_thread(producer, 0, CS_RECORD_THREAD_START, 1, 7, "main");
	struct cs_record_coro_create create = {.number = 3};
	producer_put(producer, 0, CS_RECORD_CORO_CREATE, 2, 0, &create, sizeof(create));
	create.number = 4;
	producer_put(producer, 0, CS_RECORD_CORO_CREATE, 3, 0, &create, sizeof(create));
	put_switch(producer, 4, CS_SLOT_WAITING, 1, 3);
	put_switch(producer, 5, CS_SLOT_WAITING, 3, 4);
	struct cs_record_coro wake = {.number = 3};
	producer_put(producer, 0, CS_RECORD_CORO_WAKE, 6, 0, &wake, sizeof(wake));
	put_switch(producer, 7, CS_SLOT_RUNNABLE, 4, 3);
	struct cs_record_coro_end end = {.number = 3};
	producer_put(producer, 0, CS_RECORD_CORO_END, 8, CS_CORO_END_FINISHED, &end, sizeof(end));
	scene_drain(&scene);
	cs_model_set_now(scene.world.model, 50);
	assert_int_equal(cs_trace_write_tick(scene.world.writer, scene.world.model), 0);
	assert_int_equal(cs_trace_finish(scene.world.writer, &(struct cs_trace_summary){0}, NULL),
	                 0);
	scene.world.writer = NULL;

	struct cs_trace *trace = cs_trace_open(path, NULL);
	assert_non_null(trace);
	assert_int_equal(cs_trace_events(trace, 0, UINT64_MAX, note_event, &told, NULL), 0);
	cs_trace_close(trace);
	unlink(path);
	assert_int_equal(told.count, sizeof(want) / sizeof(want[0]));
	for (unsigned i = 0; i < told.count; i++) {
		assert_int_equal(told.events[i].time_ns, want[i].time_ns);
		assert_int_equal(told.events[i].number, want[i].number);
		assert_int_equal(told.events[i].kind, want[i].kind);
		assert_int_equal(told.events[i].thread, 1);
	}
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_belongs_to_its_stack),
		cmocka_unit_test(stacks_grow_from_stacks),
		cmocka_unit_test(a_lost_definition_is_healed),
		cmocka_unit_test(modules_have_generations),
		cmocka_unit_test(a_lane_passes_from_thread_to_thread),
		cmocka_unit_test(a_silent_thread_is_claimed_unless_it_has_ended),
		cmocka_unit_test(freed_elsewhere_is_not_live),
		cmocka_unit_test(a_failed_realloc_loses_nothing),
		cmocka_unit_test(a_loss_makes_figures_inexact),
		cmocka_unit_test(a_child_starts_with_its_parents_blocks),
		cmocka_unit_test(time_goes_neither_back_nor_beyond_the_present),
		cmocka_unit_test(names_of_threads_are_made_harmless),
		cmocka_unit_test(a_block_belongs_to_its_coroutine),
		cmocka_unit_test(what_coroutines_do_is_told_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
