/* SPDX-License-Identifier: Apache-2.0 */
/* Samples into the model: stacks, owners, marks. */
#include <string.h>

#include "kernel/profile.h"
#include "model/coroutine.h"
#include "model/tally.h"
#include "support/unit.h"

struct profile_scene {
	struct cs_model *model;
	struct cs_profile profile;
	uint32_t process, module, coroutine;
	struct cs_profile_stack walked; /* count 0: the chain stays */
};

static uint32_t frame_at(void *context, uint64_t address)
{
	struct profile_scene *scene = context;

	return cs_model_frame(scene->model, scene->module, address);
}

static void owner_of(void *context, const struct cs_perf_sample *sample,
                     struct cs_profile_owner *owner)
{
	struct profile_scene *scene = context;

	owner->coroutine = sample->tid == 7 ? scene->coroutine : 0;
	owner->label = cs_model_text(scene->model, sample->tid == 7 ? "who=seven" : "");
}

static bool walk(void *context, const struct cs_perf_sample *sample, struct cs_profile_stack *stack)
{
	struct profile_scene *scene = context;

	(void)sample;
	if (scene->walked.count)
		*stack = scene->walked;
	else
		stack->guessed = true;
	return scene->walked.count > 0;
}

static const struct cs_profile_hooks hooks = {.frame = frame_at, .owner = owner_of, .walk = walk};

static void begin(struct profile_scene *scene)
{
	struct cs_process start = {.pid = 5};
	uint32_t runtime;

	memset(scene, 0, sizeof(*scene));
	scene->model = cs_model_new();
	scene->process = cs_model_process(scene->model, &start);
	scene->module = cs_model_module(scene->model, "/bin/app", NULL, 0);
	runtime = cs_model_runtime(scene->model, scene->process, "go", NULL);
	scene->coroutine = cs_model_coroutine(scene->model, scene->process, runtime, 18);
	cs_profile_start(&scene->profile, scene->model, 1000);
}

/* The frames of NODE from the inside outwards, at most MAX. */
static uint32_t unfold(const struct cs_model *model, uint32_t node, uint64_t *offsets, uint32_t max)
{
	uint32_t count = 0;

	for (; node && count < max; node = cs_model_node_at(model, node)->parent)
		offsets[count++] =
			cs_model_frame_at(model, cs_model_node_at(model, node)->frame)->offset;
	return count;
}

static const uint64_t chain[] = {0x1000, 0x2001, 0x3001};

static struct cs_perf_sample make_sample(uint32_t tid)
{
	return (struct cs_perf_sample){
		.pid = 5, .tid = tid, .ip = 0x1000, .chain = chain, .chain_count = 3};
}

/* Where it was, then what called: a return address stands for the call before it. Callers by
 * frame pointer are marked as guesses. */
static void a_chain_becomes_a_stack(void **state)
{
	struct profile_scene scene;
	struct cs_perf_sample sample = make_sample(6);
	uint64_t offsets[8];
	uint32_t node;

	(void)state;
	begin(&scene);
	node = cs_profile_charge(&scene.profile, scene.process, &hooks, &scene, &sample);
	assert_int_equal(unfold(scene.model, node, offsets, 8), 4);
	assert_int_equal(offsets[0], 0x1000);
	assert_int_equal(offsets[1], CS_FRAME_GUESSED);
	assert_int_equal(offsets[2], 0x2000);
	assert_int_equal(offsets[3], 0x3000);
	/* The same again is the same tally. */
	cs_profile_charge(&scene.profile, scene.process, &hooks, &scene, &sample);
	assert_int_equal(cs_model_tally_count(scene.model), 1);
	assert_int_equal(cs_model_tally_at(scene.model, 1)->value, 2000);
	assert_int_equal(cs_model_tally_at(scene.model, 1)->samples, 2);
	cs_model_free(scene.model);
}

/* A walked stack replaces the chain; in the kernel, cut: both are marked. */
static void a_walked_stack_replaces_the_chain(void **state)
{
	struct profile_scene scene;
	struct cs_perf_sample sample = make_sample(6);
	uint64_t offsets[8];
	uint32_t node;

	(void)state;
	begin(&scene);
	sample.in_kernel = true;
	scene.walked = (struct cs_profile_stack){
		.count = 2, .cut = CS_FRAME_CUT_UNKNOWN, .address = {0x1000, 0x5000}};
	node = cs_profile_charge(&scene.profile, scene.process, &hooks, &scene, &sample);
	assert_int_equal(unfold(scene.model, node, offsets, 8), 4);
	assert_int_equal(offsets[0], CS_FRAME_KERNEL);
	assert_int_equal(offsets[1], 0x1000);
	assert_int_equal(offsets[2], 0x5000);
	assert_int_equal(offsets[3], CS_FRAME_CUT_UNKNOWN);
	cs_model_free(scene.model);
}

/* The coroutine that ran has the time, under its label; unknown time becomes known. */
static void time_is_the_coroutines_that_ran(void **state)
{
	struct profile_scene scene;
	struct cs_perf_sample mine = make_sample(7), other = make_sample(6);

	(void)state;
	begin(&scene);
	assert_true(cs_model_coroutine_at(scene.model, scene.coroutine)->cpu_ns == CS_UNKNOWN);
	cs_profile_charge(&scene.profile, scene.process, &hooks, &scene, &mine);
	cs_profile_charge(&scene.profile, scene.process, &hooks, &scene, &mine);
	cs_profile_charge(&scene.profile, scene.process, &hooks, &scene, &other);
	assert_int_equal(cs_model_coroutine_at(scene.model, scene.coroutine)->cpu_ns, 2000);
	assert_int_equal(cs_model_tally_count(scene.model), 2);
	assert_string_equal(cs_model_text_at(scene.model, cs_model_tally_at(scene.model, 1)->label),
	                    "who=seven");
	assert_int_equal(scene.profile.charged_ns, 3000);
	cs_model_free(scene.model);
}

/* No chain at all: the time is there, where it was is not. */
static void time_without_a_stack_counts(void **state)
{
	struct profile_scene scene;
	struct cs_perf_sample sample = {
		.pid = 5, .tid = 6, .in_kernel = true, .ip = 0xffffffff81000000};

	(void)state;
	begin(&scene);
	cs_profile_charge(&scene.profile, scene.process, &hooks, &scene, &sample);
	assert_int_equal(cs_model_tally_at(scene.model, 1)->value, 1000);
	cs_model_free(scene.model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_becomes_a_stack),
		cmocka_unit_test(a_walked_stack_replaces_the_chain),
		cmocka_unit_test(time_is_the_coroutines_that_ran),
		cmocka_unit_test(time_without_a_stack_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
