/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines from two tellers, records and the table, either of which may be late, wrong or
 * missing.
 */
#include "model/tally.h"
#include "slots.h"

static bool again; /* of the last create() */

static void create_as(struct roster_scene *scene, uint64_t number, uint64_t at_ns, uint16_t flags)
{
	const struct cs_record_coro_create record = {
		.number = number,
		.parent = number > 1 ? 1 : 0,
		.spawn = 77,
		.entry = 0x5000,
		.stack_low = 0x10000,
		.stack_high = 0x20000,
		.runtime = 1,
		.flags = flags,
	};

	assert_int_not_equal(cs_roster_create(&scene->roster, &record, scene->node, at_ns, &again),
	                     0);
}

static void create(struct roster_scene *scene, uint64_t number, uint64_t at_ns)
{
	create_as(scene, number, at_ns, 0);
}

/* Creations in the tally, by whomever. */
static uint64_t created(const struct roster_scene *scene)
{
	uint64_t sum = 0;

	for (uint32_t id = 1; id <= cs_model_tally_count(scene->model); id++)
		if (cs_model_tally_at(scene->model, id)->kind == CS_TALLY_SPAWNED)
			sum += cs_model_tally_at(scene->model, id)->value;
	return sum;
}

static void a_record_and_its_slot_are_one_coroutine(void **state)
{
	struct roster_scene *scene = *state;
	struct cs_slot *slot;

	create(scene, 1, 500);
	assert_int_equal(slots_coroutine(scene, 1)->state, CS_COROUTINE_NEW);
	slot = slots_put(scene, 3, 1, 9, CS_SLOT_WAITING);
	slot->since = 70;
	slot->run_ticks = 4;
	slot->wait_ticks = 6;
	slot->reason = 2;
	memcpy(slot->text, "client 7\0user=b", 16);
	roster_scene_look(scene, 1000);
	const struct cs_coroutine *seen = slots_coroutine(scene, 1);
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), 1);
	assert_int_equal(seen->state, CS_COROUTINE_WAITING);
	assert_int_equal(seen->switches, 9);
	assert_int_equal(seen->since_ns, 700);
	assert_int_equal(seen->cpu_ns, 40);
	assert_int_equal(seen->wait_ns, 60);
	assert_int_equal(seen->created_ns, 500);
	assert_int_equal(seen->spawn, scene->node);
	assert_string_equal(cs_model_text_at(scene->model, seen->reason), "read");
	assert_string_equal(seen->name, "client 7");
	assert_string_equal(seen->labels, "user=b");
}

/* The table is ahead of the lanes: who made it is told later, in the record. */
static void a_slot_before_its_record_gets_its_maker(void **state)
{
	struct roster_scene *scene = *state;

	slots_put(scene, 0, 1, 1, CS_SLOT_WAITING)->spawn =
		78; /* a stack that is not defined yet */
	roster_scene_look(scene, 100);
	assert_int_equal(slots_coroutine(scene, 1)->spawn, 0);
	create(scene, 1, 90);
	assert_int_equal(slots_coroutine(scene, 1)->spawn, scene->node);
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), 1);
}

/* A dispatcher of fibers is told of twice: as what it is made of, and as what it is. */
static void a_birth_that_is_told_again_says_what_it_is(void **state)
{
	struct roster_scene *scene = *state;

	create_as(scene, 1, 90, 0);
	assert_false(again);
	create_as(scene, 1, 91, CS_SLOT_SYSTEM);
	assert_true(again);
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), 1);
	assert_true(slots_coroutine(scene, 1)->flags & CS_COROUTINE_SYSTEM);
	assert_int_equal(slots_coroutine(scene, 1)->created_ns, 90);
	assert_int_equal(created(scene), 1);
}

/* A burst can lose the records: the table has them, and their stacks are told of again. */
static void a_creation_whose_record_was_lost_is_counted(void **state)
{
	struct roster_scene *scene = *state;

	slots_put(scene, 0, 1, 1, CS_SLOT_WAITING)->spawn = 77;
	slots_put(scene, 1, 2, 1, CS_SLOT_WAITING)->spawn = 78; /* not defined, ever */
	slots_put(scene, 2, 3, 1, CS_SLOT_WAITING)->flags = CS_SLOT_INHERITED;
	scene->slots[0].created = scene->slots[1].created = 9;
	scene->told_ns = 50; /* what was told so far may be from before them */
	roster_scene_look(scene, 100);
	assert_int_equal(created(scene), 0);
	scene->told_ns = 90 + 2000000;
	roster_scene_look(scene, 3000000);
	assert_int_equal(created(scene), 2);
	assert_int_equal(slots_coroutine(scene, 1)->spawn, scene->node);
	/* The record comes all the same: a thread was slow. */
	create(scene, 2, 90);
	assert_int_equal(created(scene), 2);
	assert_int_equal(slots_coroutine(scene, 2)->spawn, scene->node);
}

/* It ended before anybody looked a second time. */
static void a_creation_that_only_its_end_tells_of_is_counted(void **state)
{
	struct roster_scene *scene = *state;
	const struct cs_record_coro_end record = {.number = 1, .switches = 1};

	slots_put(scene, 0, 1, 1, CS_SLOT_WAITING)->spawn = 77;
	roster_scene_look(scene, 100);
	cs_roster_end(&scene->roster, &record, 200);
	assert_int_equal(created(scene), 1);
	roster_scene_look(scene, 3000000);
	assert_int_equal(created(scene), 1);
}

/* loss: the record that tells of a birth may never come */
static void a_slot_alone_is_a_coroutine(void **state)
{
	struct roster_scene *scene = *state;
	struct cs_slot *slot = slots_put(scene, 0, 4, 1, CS_SLOT_RUNNING);

	slot->spawn = 77;
	slot->created = 20;
	slot->tid = 5;
	slot->since = 30;
	slots_put(scene, 1, 5, 0, CS_SLOT_NEW)->parent = 4;
	slots_put(scene, 2, 6, 3, CS_SLOT_WAITING)->flags = CS_SLOT_THREAD;
	roster_scene_look(scene, 1000);
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), 2);
	assert_int_equal(slots_coroutine(scene, 4)->spawn, scene->node);
	assert_int_equal(slots_coroutine(scene, 4)->created_ns, 200);
	assert_int_equal(slots_coroutine(scene, 4)->cpu_ns, 700); /* it has been running since */
	assert_int_equal(slots_coroutine(scene, 4)->thread, scene->thread);
	assert_ptr_equal(
		cs_model_coroutine_at(scene->model,
	                              cs_model_thread_at(scene->model, scene->thread)->coroutine),
		slots_coroutine(scene, 4));
	assert_int_equal(slots_coroutine(scene, 5)->parent_number, 4);
	assert_null(slots_coroutine(scene, 6));
	slots_put(scene, 0, 4, 1, CS_SLOT_WAITING);
	roster_scene_look(scene, 1100);
	assert_int_equal(cs_model_thread_at(scene->model, scene->thread)->coroutine, 0);
}

/* the clocks of two cores differ by a tick or two */
static void a_time_is_never_less_than_nothing(void **state)
{
	struct roster_scene *scene = *state;
	const struct cs_record_coro_end record = {.number = 1, .run_ticks = (uint64_t)-1};
	struct cs_slot *slot = slots_put(scene, 0, 1, 3, CS_SLOT_WAITING);

	slot->since = 30;
	slot->run_ticks = (uint64_t)-2;
	slot->wait_ticks = (uint64_t)-1;
	roster_scene_look(scene, 1000);
	const struct cs_coroutine *seen = slots_coroutine(scene, 1);

	assert_int_equal(seen->cpu_ns, 0);
	assert_int_equal(seen->wait_ns, 0);
	cs_roster_end(&scene->roster, &record, 1100);
	assert_int_equal(seen->cpu_ns, 0);
}

static void an_end_that_a_record_tells_is_exact(void **state)
{
	struct roster_scene *scene = *state;
	const struct cs_record_coro_end record = {.number = 1, .switches = 12, .run_ticks = 7};

	create(scene, 1, 500);
	slots_put(scene, 0, 1, 3, CS_SLOT_RUNNING);
	roster_scene_look(scene, 600);
	uint32_t id = cs_roster_find(&scene->roster, 1);
	cs_roster_end(&scene->roster, &record, 650);
	slots_put(scene, 0, 0, 0, 0);
	roster_scene_look(scene, 700);
	roster_scene_look(scene, 800);
	assert_null(slots_coroutine(scene, 1));
	assert_int_equal(cs_model_coroutine_at(scene->model, id)->ended_ns, 650);
	assert_int_equal(cs_model_coroutine_at(scene->model, id)->switches, 12);
	assert_int_equal(cs_model_coroutine_at(scene->model, id)->cpu_ns, 70);
}

/* loss: the record that tells of an end may never come, and its slot is another's at once */
static void an_end_that_nobody_tells_is_noticed(void **state)
{
	struct roster_scene *scene = *state;

	create(scene, 1, 500);
	slots_put(scene, 0, 1, 3, CS_SLOT_WAITING);
	roster_scene_look(scene, 600);
	uint32_t id = cs_roster_find(&scene->roster, 1);
	slots_put(scene, 0, 2, 0, CS_SLOT_NEW);
	roster_scene_look(scene, 700); /* it may still be told */
	assert_non_null(slots_coroutine(scene, 1));
	assert_non_null(slots_coroutine(scene, 2));
	roster_scene_look(scene, 800);
	assert_null(slots_coroutine(scene, 1));
	assert_int_equal(cs_model_coroutine_at(scene->model, id)->ended_ns, 800);
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), 1);
}

static void a_round_that_ran_out_of_time_goes_on_with_the_next(void **state)
{
	struct roster_scene *scene = *state;

	scene->table->slot_count = SLOTS;
	for (uint32_t i = 0; i < SLOTS; i++)
		slots_put(scene, i, i + 1, 1, CS_SLOT_WAITING);
	for (unsigned rounds = 0; rounds < SLOTS / 256 + 1; rounds++) {
		struct cs_roster_sweep sweep = {.now_ns = 100};
		cs_roster_sweep(&scene->roster, &sweep);
	}
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), SLOTS);
}

/* ---- known by their stacks alone ---- */

static struct cs_slot *put_found(struct roster_scene *scene, uint32_t index, uint64_t number,
                                 enum cs_slot_state state, uint16_t flags)
{
	struct cs_slot *slot = slots_put(scene, index, number, 2, state);

	slot->runtime = 3;
	slot->flags = flags;
	slot->stack_low = 0x10000;
	slot->stack_high = 0x20000;
	slot->tid = 7;
	slot->since = 20;
	slot->run_ticks = 4;
	return slot;
}

/* From one event on its stack to one elsewhere is not the time that it ran. */
static void nobody_tells_how_long_one_ran_that_its_stack_alone_tells_of(void **state)
{
	struct roster_scene *scene = *state;

	put_found(scene, 0, 1, CS_SLOT_RUNNING, CS_SLOT_FOUND);
	put_found(scene, 1, 2, CS_SLOT_RUNNING, CS_SLOT_FOUND)->runtime = 1;
	roster_scene_look(scene, 1000);
	assert_true(slots_coroutine(scene, 1)->cpu_ns == CS_UNKNOWN);
	assert_int_equal(slots_coroutine(scene, 1)->stack_high, 0x20000);
	assert_int_equal(slots_coroutine(scene, 2)->cpu_ns, 40 + 800);
}

static void what_is_a_guess_is_not_told_as_the_bounds_of_a_stack(void **state)
{
	struct roster_scene *scene = *state;

	put_found(scene, 0, 1, CS_SLOT_WAITING, CS_SLOT_FOUND | CS_SLOT_GUESSED);
	roster_scene_look(scene, 1000);
	assert_int_equal(slots_coroutine(scene, 1)->stack_high, 0);
	assert_true(slots_coroutine(scene, 1)->flags & CS_COROUTINE_GUESSED);
}

/* Its last allocation was after the look that its switch has its time from. */
static void one_waits_no_longer_than_since_it_was_last_seen(void **state)
{
	struct roster_scene *scene = *state;
	uint32_t id;

	put_found(scene, 0, 1, CS_SLOT_RUNNING, CS_SLOT_FOUND);
	roster_scene_look(scene, 300);
	id = cs_roster_find(&scene->roster, 1);
	cs_model_coroutine_seen(scene->model, id, scene->node, 350);
	scene->slots[0].turn = 2 << 8 | CS_SLOT_WAITING;
	roster_scene_look(scene, 400);
	assert_int_equal(slots_coroutine(scene, 1)->since_ns, 350);
}

static uint64_t present_sp;

static uint64_t sp_of(void *context, uint32_t tid)
{
	(void)context;
	return tid == 7 ? present_sp : 0;
}

static unsigned state_with(struct roster_scene *scene, uint64_t sp, uint64_t now_ns)
{
	present_sp = sp;
	roster_scene_look(scene, now_ns);
	return slots_coroutine(scene, 1)->state;
}

/* Its thread has gone back to its own stack and sleeps: of that there is no event. */
static void whose_thread_sleeps_on_its_own_stack_does_not_run(void **state)
{
	struct roster_scene *scene = *state;
	struct cs_slot *own = slots_put(scene, 1, 9, 1, CS_SLOT_WAITING);

	own->flags = CS_SLOT_THREAD;
	own->tid = 7;
	own->stack_low = 0x90000;
	own->stack_high = 0xa0000;
	put_found(scene, 0, 1, CS_SLOT_RUNNING, CS_SLOT_FOUND);
	scene->roster.world.thread_sp = sp_of;
	roster_scene_look(scene, 1000);
	assert_int_equal(state_with(scene, 0x18000, 1100), CS_COROUTINE_RUNNING);
	assert_int_equal(state_with(scene, 0, 1200), CS_COROUTINE_RUNNING);
	assert_int_equal(state_with(scene, 0x500000, 1300), CS_COROUTINE_RUNNING); /* a handler's */
	assert_int_equal(state_with(scene, 0x98000, 1400), CS_COROUTINE_WAITING);
	assert_int_equal(state_with(scene, 0x98000, 1500), CS_COROUTINE_WAITING);
	assert_int_equal(slots_coroutine(scene, 1)->since_ns, 1400);
	assert_int_equal(state_with(scene, 0x18000, 1600), CS_COROUTINE_RUNNING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, slots_begin, slots_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_and_its_slot_are_one_coroutine),
		TEST(a_slot_before_its_record_gets_its_maker),
		TEST(a_birth_that_is_told_again_says_what_it_is),
		TEST(a_creation_whose_record_was_lost_is_counted),
		TEST(a_creation_that_only_its_end_tells_of_is_counted),
		TEST(a_slot_alone_is_a_coroutine),
		TEST(a_time_is_never_less_than_nothing),
		TEST(an_end_that_a_record_tells_is_exact),
		TEST(an_end_that_nobody_tells_is_noticed),
		TEST(a_round_that_ran_out_of_time_goes_on_with_the_next),
		TEST(nobody_tells_how_long_one_ran_that_its_stack_alone_tells_of),
		TEST(what_is_a_guess_is_not_told_as_the_bounds_of_a_stack),
		TEST(one_waits_no_longer_than_since_it_was_last_seen),
		TEST(whose_thread_sleeps_on_its_own_stack_does_not_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
