/* SPDX-License-Identifier: Apache-2.0 */
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "model/tally.h"
#include "scene.h"

static struct scene *begin(void)
{
	struct scene *scene = malloc(sizeof(*scene));

	assert_non_null(scene);
	scene_make(scene);
	return scene;
}

static void end(struct scene *scene)
{
	scene_close(scene);
	free(scene);
}

static const struct cs_coroutine *goroutine(const struct scene *scene, uint64_t number)
{
	uint32_t id = cs_model_coroutine_find(scene->model, scene->observation.process,
	                                      scene->observation.runtime, number);

	return id ? cs_model_coroutine_at(scene->model, id) : NULL;
}

static const char *function(const struct scene *scene, uint32_t frame)
{
	const struct cs_name *names;

	return cs_symbols_get(scene->symbols, frame, &names) ? names[0].function : NULL;
}

static void a_goroutine_with_everything(void **state)
{
	struct scene *scene = begin();
	struct cs_diag diag = {0};
	const struct cs_coroutine *worker;

	(void)state;
	assert_int_equal(scene_open(scene, &diag), 0);
	assert_int_equal(scene_look(scene), 0);
	worker = goroutine(scene, SCENE_WORKER);
	assert_non_null(worker);
	assert_int_equal(worker->state, CS_COROUTINE_WAITING);
	assert_string_equal(cs_model_text_at(scene->model, worker->reason), "chan receive");
	assert_string_equal(worker->labels, "tenant=blue");
	assert_string_equal(function(scene, worker->entry), "main.worker");
	assert_int_equal(worker->parent_number, 1);
	assert_int_equal(worker->stack_used, 1024);
	/* The runtime's own innermost call is left out, and so is where all return to. */
	const struct cs_node *top = cs_model_node_at(scene->model, worker->stack);

	assert_string_equal(function(scene, top->frame), "main.worker");
	assert_int_equal(top->parent, 0);
	assert_string_equal(function(scene, cs_model_node_at(scene->model, worker->spawn)->frame),
	                    "main.main");
	end(scene);
}

static void profiles_are_the_runtimes(void **state)
{
	struct scene *scene = begin();
	const struct cs_process *process;

	(void)state;
	assert_int_equal(scene_open(scene, NULL), 0);
	assert_int_equal(scene_look(scene), 0);
	process = cs_model_process_at(scene->model, scene->observation.process);
	/* 640 - 256 of the profile; the spans' 256 objects are a stand-in and told as well here. */
	const struct cs_cell *profile = cs_model_cell_at(scene->model, 1);

	assert_int_equal(profile->sum.alloc_bytes, 640);
	assert_int_equal(profile->sum.free_bytes, 256);
	assert_int_equal(profile->sum.alloc_objects, 10 * CS_OBJECT);
	/* 2 below freeindex, and 2 bits. */
	const struct cs_cell *spans = cs_model_cell_at(scene->model, 2);

	assert_int_equal(spans->sum.alloc_objects, 4 * CS_OBJECT);
	assert_int_equal(process->inuse_bytes, 640 - 256 + 4 * 64);
	assert_int_equal(cs_model_tally_count(scene->model), 4);
	assert_int_equal(cs_model_tally_at(scene->model, 2)->value, 3);
	end(scene);
}

/* trap: a goroutine that ended must leave the list, and its successor is another one */
static void ended_goroutines_end(void **state)
{
	struct scene *scene = begin();
	uint64_t array, second;
	uint32_t dead = CS_GO_DEAD;

	(void)state;
	assert_int_equal(scene_open(scene, NULL), 0);
	assert_int_equal(scene_look(scene), 0);
	struct cs_go *go = scene->observation.go;

	assert_true(cs_go_read_u64(&go->memory, go->variables.allgptr, &array));
	assert_true(cs_go_read_u64(&go->memory, array + 8, &second));
	memcpy(scene->bytes + (second - SCENE_BASE) + go->layout.g_status, &dead, sizeof(dead));
	assert_int_equal(scene_look(scene), 0);
	assert_null(goroutine(scene, SCENE_WORKER));
	assert_non_null(goroutine(scene, 1));
	end(scene);
}

/* trap: a goroutine whose stack has not changed has not run; one whose has, may have */
static void waiting_begins_when_the_stack_changed(void **state)
{
	struct scene *scene = begin();
	uint64_t value = 1;

	(void)state;
	assert_int_equal(scene_open(scene, NULL), 0);
	assert_int_equal(scene_look(scene), 0);
	assert_int_equal(scene_look(scene), 0);
	assert_int_equal(goroutine(scene, SCENE_WORKER)->since_ns, 1000);
	assert_int_equal(goroutine(scene, SCENE_WORKER)->since_after_ns, CS_UNKNOWN);
	/* A local variable of main.worker's. */
	uint64_t high = goroutine(scene, SCENE_WORKER)->stack_high;

	memcpy(scene->bytes + (high - 512 - SCENE_BASE), &value, sizeof(value));
	assert_int_equal(scene_look(scene), 0);
	assert_int_equal(goroutine(scene, SCENE_WORKER)->since_ns, 3000);
	assert_int_equal(goroutine(scene, SCENE_WORKER)->since_after_ns, 2000);
	end(scene);
}

static uint64_t random_u64(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* What hostile memory would hold: anything, near misses, pointers into the scene. */
static uint64_t random_value(uint64_t *seed)
{
	uint64_t value = random_u64(seed);

	switch (value % 5) {
	case 0:
		return value;
	case 1:
		return UINT64_MAX - (value >> 56);
	case 2:
		return SCENE_BASE + (value >> 32) % SCENE_BYTES;
	case 3:
		return value >> 48;
	default:
		return 1;
	}
}

/* trap: every word of a target is the target's: damaged in any way, it is refused or read in
 * part. Run with ASan and UBSan, this is the test of all bounds. */
static void damage_never_hurts(void **state)
{
	struct scene *clean = begin(), *scene = malloc(sizeof(*scene));
	uint64_t seed = 0x9e3779b97f4a7c15;
	uint32_t opened = 0;

	(void)state;
	assert_non_null(scene);
	for (uint32_t round = 0; round < 600; round++) {
		struct cs_diag diag = {0};
		uint32_t words = 1 + (uint32_t)(random_u64(&seed) % 4);
		bool late = round % 2;

		memcpy(scene, clean, sizeof(*scene));
		for (uint32_t i = 0; i < words && !late; i++)
			memcpy(scene->bytes + random_u64(&seed) % 0x12000 / 8 * 8,
			       &(uint64_t){random_value(&seed)}, 8);
		int error = scene_open(scene, &diag);

		if (error)
			assert_true(diag.text[0] != '\0');
		for (uint32_t i = 0; i < 64 && late; i++)
			memcpy(scene->bytes + 0x8000 + random_u64(&seed) % 0xa000 / 8 * 8,
			       &(uint64_t){random_value(&seed)}, 8);
		if (!error) {
			opened++;
			scene_look(scene);
			scene_look(scene);
		}
		scene_close(scene);
	}
	assert_true(opened > 300);
	free(scene);
	free(clean);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_goroutine_with_everything),
		cmocka_unit_test(profiles_are_the_runtimes),
		cmocka_unit_test(ended_goroutines_end),
		cmocka_unit_test(waiting_begins_when_the_stack_changed),
		cmocka_unit_test(damage_never_hurts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
