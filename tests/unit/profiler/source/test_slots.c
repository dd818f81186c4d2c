/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table of slots leads to: stacks of those that are parked; and a table that somebody
 * hostile writes.
 */
#include <errno.h>
#include <pthread.h>
#include <ucontext.h>
#include <unistd.h>

#include "slots.h"

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

static void start_coroutine(struct roster_scene *scene)
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

static struct cs_slot *put_parked(struct roster_scene *scene, uint64_t switches)
{
	struct cs_slot *slot = slots_put(scene, 8, 1, switches, CS_SLOT_WAITING);

	slot->context = (uint64_t)&inside;
	slot->context_kind = CS_SLOT_CONTEXT_UCONTEXT;
	slot->stack_low = (uint64_t)stack;
	slot->stack_high = (uint64_t)stack + sizeof(stack);
	return slot;
}

/* Depth of the stack at NODE. */
static unsigned depth_of(const struct roster_scene *scene, uint32_t node)
{
	unsigned depth = 0;

	for (; node; node = cs_model_node_at(scene->model, node)->parent)
		depth++;
	return depth;
}

static void a_stack_is_read_once_it_stays(void **state)
{
	struct roster_scene *scene = *state;

	start_coroutine(scene);
	put_parked(scene, 1);
	roster_scene_look(scene, 100);
	assert_int_equal(slots_coroutine(scene, 1)->stack, 0);
	roster_scene_look(scene, 200);
	assert_int_equal(scene->sweep.walked, 1);
	uint32_t node = slots_coroutine(scene, 1)->stack;
	/* park() and body(), and what sanitizers put around swapcontext(). */
	assert_in_range(depth_of(scene, node), 2, 3);
	assert_int_equal(slots_coroutine(scene, 1)->flags & CS_COROUTINE_STACK_CUT, 0);
	assert_in_range(slots_coroutine(scene, 1)->stack_used, 16, sizeof(stack));
	roster_scene_look(scene, 300);
	assert_int_equal(scene->sweep.walked, 0); /* nothing has changed */
	put_parked(scene, 2);
	roster_scene_look(scene, 400);
	assert_true(slots_coroutine(scene, 1)->flags & CS_COROUTINE_STACK_SAMPLED);
	assert_true(slots_coroutine(scene, 1)->stack_ns < slots_coroutine(scene, 1)->observed_ns);
	roster_scene_look(scene, 500);
	assert_false(slots_coroutine(scene, 1)->flags & CS_COROUTINE_STACK_SAMPLED);
	assert_int_equal(slots_coroutine(scene, 1)->stack,
	                 node); /* the same stack, the same node */
}

static void a_context_that_makes_no_sense_gives_no_stack(void **state)
{
	struct roster_scene *scene = *state;
	const uint64_t contexts[] = {
		0, 8, UINT64_MAX, (uint64_t)stack, (uint64_t)&scene, UINT64_C(1) << 46};

	start_coroutine(scene);
	for (unsigned i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++)
		for (unsigned kind = 0; kind < 9; kind++) {
			struct cs_slot *slot = put_parked(scene, i * 16 + kind);
			slot->context = contexts[i];
			slot->context_kind = (uint8_t)kind;
			roster_scene_look(scene, 100);
			roster_scene_look(scene, 200);
			assert_int_equal(slots_coroutine(scene, 1)->state, CS_COROUTINE_WAITING);
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
	struct roster_scene *scene = *state;
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
		roster_scene_look(scene, 100 + (uint64_t)round);
	}
	assert_in_range(scene->roster.slots->count, 1, SLOTS);
	assert_in_range(scene->roster.slots->text_count, 2, CS_SLOT_TEXTS - 1);
	assert_int_equal(cs_slots_text(scene->roster.slots, 5)[0], '?');
}

static volatile bool stop;

static void *switch_wildly(void *arg)
{
	struct roster_scene *scene = arg;

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
	struct roster_scene *scene = *state;
	pthread_t writer;

	stop = false;
	for (uint32_t i = 0; i < 4; i++)
		slots_put(scene, i, i + 1, 1, CS_SLOT_WAITING);
	roster_scene_look(scene, 10);
	assert_int_equal(pthread_create(&writer, NULL, switch_wildly, scene), 0);
	for (int i = 0; i < 2000; i++)
		roster_scene_look(scene, 100);
	stop = true;
	pthread_join(writer, NULL);
	roster_scene_look(scene, 200);
	assert_int_equal(scene->sweep.unstable, 0);
	for (uint32_t i = 0; i < 4; i++) {
		const struct cs_coroutine *seen = slots_coroutine(scene, i + 1);
		assert_int_equal(seen->switches, scene->slots[i].turn >> 8);
		assert_int_equal(seen->flags & CS_COROUTINE_UNSTABLE, 0);
	}
}

static void a_wrong_header_is_refused(void **state)
{
	struct roster_scene *scene = *state;
	struct cs_slot_table *table = scene->table;
	struct cs_diag diag;

	table->slot_bytes = 8;
	assert_null(cs_slots_open_memory(table, roster_table_bytes(SLOTS), &diag));
	table->slot_bytes = sizeof(struct cs_slot);
	table->version++;
	assert_null(cs_slots_open_memory(table, roster_table_bytes(SLOTS), &diag));
	assert_int_equal(diag.error, -EPROTO);
	assert_null(cs_slots_open_memory(table, 64, &diag));
	table->magic = 0;
	assert_null(cs_slots_open_memory(table, roster_table_bytes(SLOTS), &diag));
	assert_int_equal(diag.error, -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, slots_begin, slots_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stack_is_read_once_it_stays),
		TEST(a_context_that_makes_no_sense_gives_no_stack),
		TEST(a_table_of_noise_is_survived),
		TEST(slots_that_change_while_they_are_read_are_believed_in_part),
		TEST(a_wrong_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
