/* SPDX-License-Identifier: Apache-2.0 */
/* A wall-clock profile of coroutines, from one look's worth of them. */
#include <string.h>

#include "command/watch_wall.h"
#include "model/coroutine.h"
#include "model/tally.h"
#include "support/unit.h"

struct wall_scene {
	struct cs_model *model;
	uint32_t process, runtime, thread, node;
};

static void begin(struct wall_scene *scene)
{
	struct cs_process start = {.pid = 5};

	scene->model = cs_model_new();
	scene->process = cs_model_process(scene->model, &start);
	scene->runtime = cs_model_runtime(scene->model, scene->process, "go", NULL);
	scene->thread = cs_model_thread(scene->model, scene->process, 6, 0);
	scene->node = cs_model_node(scene->model, 0,
	                            cs_model_frame(scene->model, CS_MODULE_NONE, 0x10000));
}

static struct cs_coroutine *add(struct wall_scene *scene, uint64_t number,
                                enum cs_coroutine_state state)
{
	uint32_t id = cs_model_coroutine(scene->model, scene->process, scene->runtime, number);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(scene->model, id);

	coroutine->state = (uint8_t)state;
	coroutine->stack = scene->node;
	return coroutine;
}

static uint64_t total(const struct wall_scene *scene, enum cs_tally_kind kind)
{
	uint64_t sum = 0;

	for (uint32_t id = 1; id <= cs_model_tally_count(scene->model); id++)
		if (cs_model_tally_at(scene->model, id)->kind == kind)
			sum += cs_model_tally_at(scene->model, id)->value;
	return sum;
}

/* What runs is on a CPU; what waits or could run is not; of system calls the thread decides. */
static void states_tell_who_is_on_a_cpu(void **state)
{
	static const struct {
		enum cs_coroutine_state state;
		enum cs_thread_state thread;
		bool off;
	} cases[] = {
		{CS_COROUTINE_RUNNING, CS_THREAD_RUNNING, false},
		{CS_COROUTINE_WAITING, CS_THREAD_UNKNOWN, true},
		{CS_COROUTINE_RUNNABLE, CS_THREAD_UNKNOWN, true},
		{CS_COROUTINE_SYSCALL, CS_THREAD_RUNNING, false},
		{CS_COROUTINE_SYSCALL, CS_THREAD_SLEEPING, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wall_scene scene;

		begin(&scene);
		add(&scene, 1, cases[i].state)->thread = scene.thread;
		cs_model_thread_at(scene.model, scene.thread)->state = (uint8_t)cases[i].thread;
		cs_watch_wall_add(scene.model, scene.process, NULL, 1000);
		assert_int_equal(total(&scene, CS_TALLY_WALL), 1000);
		assert_int_equal(total(&scene, CS_TALLY_OFFCPU), cases[i].off ? 1000 : 0);
		cs_model_free(scene.model);
	}
}

/* Looks of different lengths add up to the time between the first and the last. */
static void looks_count_for_their_time(void **state)
{
	struct wall_scene scene;

	(void)state;
	begin(&scene);
	add(&scene, 1, CS_COROUTINE_WAITING);
	add(&scene, 2, CS_COROUTINE_WAITING);
	cs_watch_wall_add(scene.model, scene.process, NULL, 1000);
	cs_watch_wall_add(scene.model, scene.process, NULL, 50);
	assert_int_equal(total(&scene, CS_TALLY_WALL), 2 * 1050);
	assert_int_equal(cs_model_tally_count(scene.model), 2); /* one stack, two kinds */
	cs_model_free(scene.model);
}

/* The runtime's own, those of other processes and the dead have no time. */
static void only_the_programs_own_are_counted(void **state)
{
	struct wall_scene scene;
	struct cs_process start = {.pid = 9};

	(void)state;
	begin(&scene);
	add(&scene, 1, CS_COROUTINE_WAITING)->flags |= CS_COROUTINE_SYSTEM;
	add(&scene, 2, CS_COROUTINE_DEAD);
	cs_watch_wall_add(scene.model, cs_model_process(scene.model, &start), NULL, 1000);
	cs_watch_wall_add(scene.model, scene.process, NULL, 1000);
	assert_int_equal(total(&scene, CS_TALLY_WALL), 0);
	cs_model_free(scene.model);
}

/* A coroutine whose stack could not be read is charged to its entry function, labels are kept. */
static void a_coroutine_without_a_stack_is_at_its_entry(void **state)
{
	struct wall_scene scene;
	struct cs_coroutine *coroutine;
	const struct cs_tally *tally;

	(void)state;
	begin(&scene);
	coroutine = add(&scene, 1, CS_COROUTINE_RUNNING);
	coroutine->stack = 0;
	coroutine->entry = cs_model_frame(scene.model, CS_MODULE_NONE, 0x20000);
	cs_model_coroutine_set_labels(scene.model, 1, "a=b");
	cs_watch_wall_add(scene.model, scene.process, NULL, 1000);
	tally = cs_model_tally_at(scene.model, 1);
	assert_int_equal(cs_model_node_at(scene.model, tally->node)->frame, coroutine->entry);
	assert_string_equal(cs_model_text_at(scene.model, tally->label), "a=b");
	cs_model_free(scene.model);
}

/* Between looks there is at random from a half to one and a half of the mean. */
static void looks_are_not_in_step(void **state)
{
	struct cs_clock clock;
	struct cs_watch_wall wall;

	(void)state;
	cs_clock_start(&clock);
	cs_watch_wall_start(&wall, 0, &clock);
	assert_true(cs_watch_wall_due(&wall) == UINT64_MAX);
	cs_watch_wall_start(&wall, 100, &clock);
	assert_int_equal(wall.mean_ns, 10000000);
	assert_true(cs_watch_wall_due(&wall) != UINT64_MAX);
	cs_watch_wall_stop(&wall);
	assert_true(cs_watch_wall_due(&wall) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_tell_who_is_on_a_cpu),
		cmocka_unit_test(looks_count_for_their_time),
		cmocka_unit_test(only_the_programs_own_are_counted),
		cmocka_unit_test(a_coroutine_without_a_stack_is_at_its_entry),
		cmocka_unit_test(looks_are_not_in_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
