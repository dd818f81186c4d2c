/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines from two tellers, records and the table, either of which may be late, wrong or
 * missing; and a table that somebody hostile writes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "model/tally.h"
#include "source/guard.h"
#include "source/roster.h"
#include "support/unit.h"
#include "wire/session.h"

#define SLOTS 6000u

struct scene {
	struct cs_model *model;
	uint32_t process, node, thread;
	struct cs_slot_table *table;
	struct cs_slot *slots;
	struct cs_roster roster;
	struct cs_parked *parked;
	struct cs_roster_sweep sweep; /* of the last look() */
	uint64_t told_ns;
};

static uint64_t time_ns(void *context, uint64_t stamp)
{
	(void)context;
	return stamp * 10;
}

static uint32_t spawn(void *context, uint64_t hash)
{
	const struct scene *scene = context;

	return hash == 77 ? scene->node : 0;
}

static uint32_t frame(void *context, uint64_t address)
{
	const struct scene *scene = context;

	return cs_model_frame(scene->model, CS_MODULE_NONE, address);
}

static uint32_t thread(void *context, uint32_t tid)
{
	const struct scene *scene = context;

	return tid == 5 ? scene->thread : 0;
}

static size_t table_bytes(void)
{
	return CS_SLOTS_HEADER_BYTES + SLOTS * sizeof(struct cs_slot);
}

static int begin(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	const struct cs_process start = {.pid = (uint32_t)getpid()};

	assert_int_equal(cs_guard_install(), 0);
	scene->model = cs_model_new();
	scene->process = cs_model_process(scene->model, &start);
	scene->thread = cs_model_thread(scene->model, scene->process, 5, 0);
	scene->node = cs_model_node(scene->model, 0,
	                            cs_model_frame(scene->model, CS_MODULE_NONE, 0x4000));
	scene->table = aligned_alloc(4096, (table_bytes() + 4095) & ~(size_t)4095);
	memset(scene->table, 0, table_bytes());
	scene->table->magic = CS_SLOTS_MAGIC;
	scene->table->version = CS_WIRE_VERSION;
	scene->table->header_bytes = CS_SLOTS_HEADER_BYTES;
	scene->table->slot_bytes = sizeof(struct cs_slot);
	scene->table->slots_max = CS_SLOTS_MAX;
	scene->table->slot_count = 1024;
	strcpy(scene->table->texts[1].text, "ucontext");
	strcpy(scene->table->texts[2].text, "read");
	scene->table->text_count = 2;
	scene->slots = (struct cs_slot *)((uint8_t *)scene->table + CS_SLOTS_HEADER_BYTES);
	const struct cs_roster_world world = {
		.model = scene->model,
		.process = scene->process,
		.time_ns = time_ns,
		.span_ns = time_ns,
		.spawn = spawn,
		.frame = frame,
		.thread = thread,
		.context = scene,
	};
	cs_roster_start(&scene->roster, &world);
	struct cs_slots *slots = cs_slots_open_memory(scene->table, table_bytes(), NULL);
	assert_non_null(slots);
	cs_roster_attach(&scene->roster, slots);
	*state = scene;
	return 0;
}

static int end(void **state)
{
	struct scene *scene = *state;

	cs_roster_free(&scene->roster);
	cs_parked_free(scene->parked);
	cs_model_free(scene->model);
	free(scene->table);
	free(scene);
	return 0;
}

static struct cs_slot *put(struct scene *scene, uint32_t index, uint64_t number, uint64_t switches,
                           enum cs_slot_state state)
{
	struct cs_slot *slot = &scene->slots[index];

	slot->runtime = 1;
	slot->turn = switches << 8 | state;
	slot->number = number;
	return slot;
}

static void look(struct scene *scene, uint64_t now_ns)
{
	scene->sweep = (struct cs_roster_sweep){
		.now_ns = now_ns,
		.sweep_ns = UINT64_MAX,
		.walk_ns = UINT64_MAX,
		.parked = scene->parked,
		.told_ns = scene->told_ns,
	};
	cs_roster_sweep(&scene->roster, &scene->sweep);
}

static struct cs_coroutine *coroutine(const struct scene *scene, uint64_t number)
{
	return cs_model_coroutine_at(scene->model, cs_roster_find(&scene->roster, number));
}

static bool again; /* of the last create() */

static void create_as(struct scene *scene, uint64_t number, uint64_t at_ns, uint16_t flags)
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

static void create(struct scene *scene, uint64_t number, uint64_t at_ns)
{
	create_as(scene, number, at_ns, 0);
}

/* Creations in the tally, by whomever. */
static uint64_t created(const struct scene *scene)
{
	uint64_t sum = 0;

	for (uint32_t id = 1; id <= cs_model_tally_count(scene->model); id++)
		if (cs_model_tally_at(scene->model, id)->kind == CS_TALLY_SPAWNED)
			sum += cs_model_tally_at(scene->model, id)->value;
	return sum;
}

static void a_record_and_its_slot_are_one_coroutine(void **state)
{
	struct scene *scene = *state;
	struct cs_slot *slot;

	create(scene, 1, 500);
	assert_int_equal(coroutine(scene, 1)->state, CS_COROUTINE_NEW);
	slot = put(scene, 3, 1, 9, CS_SLOT_WAITING);
	slot->since = 70;
	slot->run_ticks = 4;
	slot->wait_ticks = 6;
	slot->reason = 2;
	memcpy(slot->text, "client 7\0user=b", 16);
	look(scene, 1000);
	const struct cs_coroutine *seen = coroutine(scene, 1);
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
	struct scene *scene = *state;

	put(scene, 0, 1, 1, CS_SLOT_WAITING)->spawn = 78; /* a stack that is not defined yet */
	look(scene, 100);
	assert_int_equal(coroutine(scene, 1)->spawn, 0);
	create(scene, 1, 90);
	assert_int_equal(coroutine(scene, 1)->spawn, scene->node);
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), 1);
}

/* A dispatcher of fibers is told of twice: as what it is made of, and as what it is. */
static void a_birth_that_is_told_again_says_what_it_is(void **state)
{
	struct scene *scene = *state;

	create_as(scene, 1, 90, 0);
	assert_false(again);
	create_as(scene, 1, 91, CS_SLOT_SYSTEM);
	assert_true(again);
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), 1);
	assert_true(coroutine(scene, 1)->flags & CS_COROUTINE_SYSTEM);
	assert_int_equal(coroutine(scene, 1)->created_ns, 90);
	assert_int_equal(created(scene), 1);
}

/* A burst can lose the records: the table has them, and their stacks are told of again. */
static void a_creation_whose_record_was_lost_is_counted(void **state)
{
	struct scene *scene = *state;

	put(scene, 0, 1, 1, CS_SLOT_WAITING)->spawn = 77;
	put(scene, 1, 2, 1, CS_SLOT_WAITING)->spawn = 78; /* not defined, ever */
	put(scene, 2, 3, 1, CS_SLOT_WAITING)->flags = CS_SLOT_INHERITED;
	scene->slots[0].created = scene->slots[1].created = 9;
	scene->told_ns = 50; /* what was told so far may be from before them */
	look(scene, 100);
	assert_int_equal(created(scene), 0);
	scene->told_ns = 90 + 2000000;
	look(scene, 3000000);
	assert_int_equal(created(scene), 2);
	assert_int_equal(coroutine(scene, 1)->spawn, scene->node);
	/* The record comes all the same: a thread was slow. */
	create(scene, 2, 90);
	assert_int_equal(created(scene), 2);
	assert_int_equal(coroutine(scene, 2)->spawn, scene->node);
}

/* It ended before anybody looked a second time. */
static void a_creation_that_only_its_end_tells_of_is_counted(void **state)
{
	struct scene *scene = *state;
	const struct cs_record_coro_end record = {.number = 1, .switches = 1};

	put(scene, 0, 1, 1, CS_SLOT_WAITING)->spawn = 77;
	look(scene, 100);
	cs_roster_end(&scene->roster, &record, 200);
	assert_int_equal(created(scene), 1);
	look(scene, 3000000);
	assert_int_equal(created(scene), 1);
}

/* loss: the record that tells of a birth may never come */
static void a_slot_alone_is_a_coroutine(void **state)
{
	struct scene *scene = *state;
	struct cs_slot *slot = put(scene, 0, 4, 1, CS_SLOT_RUNNING);

	slot->spawn = 77;
	slot->created = 20;
	slot->tid = 5;
	slot->since = 30;
	put(scene, 1, 5, 0, CS_SLOT_NEW)->parent = 4;
	put(scene, 2, 6, 3, CS_SLOT_WAITING)->flags = CS_SLOT_THREAD;
	look(scene, 1000);
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), 2);
	assert_int_equal(coroutine(scene, 4)->spawn, scene->node);
	assert_int_equal(coroutine(scene, 4)->created_ns, 200);
	assert_int_equal(coroutine(scene, 4)->cpu_ns, 700); /* it has been running since */
	assert_int_equal(coroutine(scene, 4)->thread, scene->thread);
	assert_ptr_equal(
		cs_model_coroutine_at(scene->model,
	                              cs_model_thread_at(scene->model, scene->thread)->coroutine),
		coroutine(scene, 4));
	assert_int_equal(coroutine(scene, 5)->parent_number, 4);
	assert_null(coroutine(scene, 6));
	put(scene, 0, 4, 1, CS_SLOT_WAITING);
	look(scene, 1100);
	assert_int_equal(cs_model_thread_at(scene->model, scene->thread)->coroutine, 0);
}

static void an_end_that_a_record_tells_is_exact(void **state)
{
	struct scene *scene = *state;
	const struct cs_record_coro_end record = {.number = 1, .switches = 12, .run_ticks = 7};

	create(scene, 1, 500);
	put(scene, 0, 1, 3, CS_SLOT_RUNNING);
	look(scene, 600);
	uint32_t id = cs_roster_find(&scene->roster, 1);
	cs_roster_end(&scene->roster, &record, 650);
	put(scene, 0, 0, 0, 0);
	look(scene, 700);
	look(scene, 800);
	assert_null(coroutine(scene, 1));
	assert_int_equal(cs_model_coroutine_at(scene->model, id)->ended_ns, 650);
	assert_int_equal(cs_model_coroutine_at(scene->model, id)->switches, 12);
	assert_int_equal(cs_model_coroutine_at(scene->model, id)->cpu_ns, 70);
}

/* loss: the record that tells of an end may never come, and its slot is another's at once */
static void an_end_that_nobody_tells_is_noticed(void **state)
{
	struct scene *scene = *state;

	create(scene, 1, 500);
	put(scene, 0, 1, 3, CS_SLOT_WAITING);
	look(scene, 600);
	uint32_t id = cs_roster_find(&scene->roster, 1);
	put(scene, 0, 2, 0, CS_SLOT_NEW);
	look(scene, 700); /* it may still be told */
	assert_non_null(coroutine(scene, 1));
	assert_non_null(coroutine(scene, 2));
	look(scene, 800);
	assert_null(coroutine(scene, 1));
	assert_int_equal(cs_model_coroutine_at(scene->model, id)->ended_ns, 800);
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), 1);
}

static void a_round_that_ran_out_of_time_goes_on_with_the_next(void **state)
{
	struct scene *scene = *state;

	scene->table->slot_count = SLOTS;
	for (uint32_t i = 0; i < SLOTS; i++)
		put(scene, i, i + 1, 1, CS_SLOT_WAITING);
	for (unsigned rounds = 0; rounds < SLOTS / 256 + 1; rounds++) {
		struct cs_roster_sweep sweep = {.now_ns = 100};
		cs_roster_sweep(&scene->roster, &sweep);
	}
	assert_int_equal(cs_model_coroutines_alive(scene->model, scene->process), SLOTS);
}

/* ---- stacks ---- */

static ucontext_t outside, inside;
static uint64_t stack[8192];

static __attribute__((noinline)) void park(void)
{
	swapcontext(&inside, &outside);
}

static void body(void)
{
	for (;;) {
		park();
		__asm__ volatile("" ::: "memory"); /* no tail call */
	}
}

static void start_coroutine(struct scene *scene)
{
	const struct cs_parked_options options = {
		.pid = (uint32_t)getpid(),
		.model = scene->model,
	};

	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = sizeof(stack);
	makecontext(&inside, body, 0);
	swapcontext(&outside, &inside);
	scene->parked = cs_parked_new(&options);
	assert_int_equal(cs_parked_begin(scene->parked), 0);
}

static struct cs_slot *put_parked(struct scene *scene, uint64_t switches)
{
	struct cs_slot *slot = put(scene, 8, 1, switches, CS_SLOT_WAITING);

	slot->context = (uint64_t)&inside;
	slot->context_kind = CS_SLOT_CONTEXT_UCONTEXT;
	slot->stack_low = (uint64_t)stack;
	slot->stack_high = (uint64_t)stack + sizeof(stack);
	return slot;
}

/* Depth of the stack at NODE. */
static unsigned depth_of(const struct scene *scene, uint32_t node)
{
	unsigned depth = 0;

	for (; node; node = cs_model_node_at(scene->model, node)->parent)
		depth++;
	return depth;
}

static void a_stack_is_read_once_it_stays(void **state)
{
	struct scene *scene = *state;

	start_coroutine(scene);
	put_parked(scene, 1);
	look(scene, 100);
	assert_int_equal(coroutine(scene, 1)->stack, 0);
	look(scene, 200);
	assert_int_equal(scene->sweep.walked, 1);
	uint32_t node = coroutine(scene, 1)->stack;
	/* park() and body(), and what sanitizers put around swapcontext(). */
	assert_in_range(depth_of(scene, node), 2, 3);
	assert_int_equal(coroutine(scene, 1)->flags & CS_COROUTINE_STACK_CUT, 0);
	assert_in_range(coroutine(scene, 1)->stack_used, 16, sizeof(stack));
	look(scene, 300);
	assert_int_equal(scene->sweep.walked, 0); /* nothing has changed */
	put_parked(scene, 2);
	look(scene, 400);
	assert_true(coroutine(scene, 1)->flags & CS_COROUTINE_STACK_SAMPLED);
	assert_true(coroutine(scene, 1)->stack_ns < coroutine(scene, 1)->observed_ns);
	look(scene, 500);
	assert_false(coroutine(scene, 1)->flags & CS_COROUTINE_STACK_SAMPLED);
	assert_int_equal(coroutine(scene, 1)->stack, node); /* the same stack, the same node */
}

static void a_context_that_makes_no_sense_gives_no_stack(void **state)
{
	struct scene *scene = *state;
	const uint64_t contexts[] = {
		0, 8, UINT64_MAX, (uint64_t)stack, (uint64_t)&scene, UINT64_C(1) << 46};

	start_coroutine(scene);
	for (unsigned i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++)
		for (unsigned kind = 0; kind < 9; kind++) {
			struct cs_slot *slot = put_parked(scene, i * 16 + kind);
			slot->context = contexts[i];
			slot->context_kind = (uint8_t)kind;
			look(scene, 100);
			look(scene, 200);
			assert_int_equal(coroutine(scene, 1)->state, CS_COROUTINE_WAITING);
		}
}

/* ---- hostile ---- */

static uint64_t roll(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 16;
}

static void a_table_of_noise_is_survived(void **state)
{
	struct scene *scene = *state;
	uint8_t *bytes = (uint8_t *)scene->slots;
	uint64_t seed = 7;

	start_coroutine(scene);
	for (int round = 0; round < 60; round++) {
		for (size_t i = 0; i < 1024 * sizeof(struct cs_slot); i += 8) {
			uint64_t value = roll(&seed);
			value = value % 4 == 0   ? value % 9
			        : value % 4 == 1 ? (uint64_t)stack + value % 4096 * 8
			        : value % 4 == 2 ? 0
			                         : value;
			memcpy(bytes + i, &value, 8);
		}
		scene->table->slot_count = round % 2 ? UINT32_MAX : 1024;
		scene->table->text_count = round % 3 ? UINT32_MAX : 2;
		memset(scene->table->texts[5].text, 0x1b, sizeof(scene->table->texts[5].text));
		look(scene, 100 + (uint64_t)round);
	}
	assert_in_range(scene->roster.slots->count, 1, SLOTS);
	assert_in_range(scene->roster.slots->text_count, 2, CS_SLOT_TEXTS - 1);
	assert_int_equal(cs_slots_text(scene->roster.slots, 5)[0], '?');
}

static volatile bool stop;

static void *switch_wildly(void *arg)
{
	struct scene *scene = arg;

	for (uint64_t i = 1; !stop; i++) {
		struct cs_slot *slot = &scene->slots[i % 4];
		atomic_store_explicit(&slot->turn, i << 8 | CS_SLOT_RUNNING, memory_order_release);
		slot->since = i;
		atomic_store_explicit(&slot->turn, i << 8 | CS_SLOT_WAITING, memory_order_release);
	}
	return NULL;
}

static void slots_that_change_while_they_are_read_are_believed_in_part(void **state)
{
	struct scene *scene = *state;
	pthread_t writer;

	stop = false;
	for (uint32_t i = 0; i < 4; i++)
		put(scene, i, i + 1, 1, CS_SLOT_WAITING);
	look(scene, 10);
	assert_int_equal(pthread_create(&writer, NULL, switch_wildly, scene), 0);
	for (int i = 0; i < 2000; i++)
		look(scene, 100);
	stop = true;
	pthread_join(writer, NULL);
	look(scene, 200);
	assert_int_equal(scene->sweep.unstable, 0);
	for (uint32_t i = 0; i < 4; i++) {
		const struct cs_coroutine *seen = coroutine(scene, i + 1);
		assert_int_equal(seen->switches, scene->slots[i].turn >> 8);
		assert_int_equal(seen->flags & CS_COROUTINE_UNSTABLE, 0);
	}
}

static void a_wrong_header_is_refused(void **state)
{
	struct scene *scene = *state;
	struct cs_slot_table *table = scene->table;
	struct cs_diag diag;

	table->slot_bytes = 8;
	assert_null(cs_slots_open_memory(table, table_bytes(), &diag));
	table->slot_bytes = sizeof(struct cs_slot);
	table->version++;
	assert_null(cs_slots_open_memory(table, table_bytes(), &diag));
	assert_int_equal(diag.error, -EPROTO);
	assert_null(cs_slots_open_memory(table, 64, &diag));
	table->magic = 0;
	assert_null(cs_slots_open_memory(table, table_bytes(), &diag));
	assert_int_equal(diag.error, -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_and_its_slot_are_one_coroutine),
		TEST(a_slot_before_its_record_gets_its_maker),
		TEST(a_birth_that_is_told_again_says_what_it_is),
		TEST(a_creation_whose_record_was_lost_is_counted),
		TEST(a_creation_that_only_its_end_tells_of_is_counted),
		TEST(a_slot_alone_is_a_coroutine),
		TEST(an_end_that_a_record_tells_is_exact),
		TEST(an_end_that_nobody_tells_is_noticed),
		TEST(a_round_that_ran_out_of_time_goes_on_with_the_next),
		TEST(a_stack_is_read_once_it_stays),
		TEST(a_context_that_makes_no_sense_gives_no_stack),
		TEST(a_table_of_noise_is_survived),
		TEST(slots_that_change_while_they_are_read_are_believed_in_part),
		TEST(a_wrong_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
