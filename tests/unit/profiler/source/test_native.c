/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is being recorded, looked at from outside: found by what it has mapped, its
 * coroutines from the table, where they are from their stacks, and how much of these is used.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "model/coroutine.h"
#include "producer.h"
#include "source/native.h"
#include "support/unit.h"
#include "wire/coroutine.h"
#include "wire/session.h"

#define STACK_BYTES (256u << 10)

struct scene {
	char folder[64];
	int fd;
	pid_t child;
	struct cs_model *model;
	uint32_t process;
};

/* ---- the child: a ring, a table, a coroutine that is parked ---- */

static ucontext_t outside, inside;
static uint8_t *stack;
static volatile int sink;

static __attribute__((noinline)) void park(void)
{
	swapcontext(&inside, &outside);
	sink++;
}

static void body(void)
{
	volatile char room[100 << 10]; /* how far down it once was */

	room[0] = 1;
	sink += room[0];
	park();
	sink++;
}

static void make_table(const struct scene *scene, const char *ring_name)
{
	size_t bytes = CS_SLOTS_HEADER_BYTES + CS_SLOTS_CHUNK * sizeof(struct cs_slot);
	char name[96];

	snprintf(name, sizeof(name), CS_SLOTS_PREFIX "%.64s", ring_name + strlen(CS_RING_PREFIX));
	int fd = openat(scene->fd, name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (ftruncate(fd, (off_t)bytes))
		_exit(1);
	struct cs_slot_table *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct cs_slot *slot = (struct cs_slot *)((uint8_t *)table + CS_SLOTS_HEADER_BYTES);
	table->version = CS_WIRE_VERSION;
	table->header_bytes = CS_SLOTS_HEADER_BYTES;
	table->slot_bytes = sizeof(struct cs_slot);
	table->slots_max = CS_SLOTS_MAX;
	table->slot_count = CS_SLOTS_CHUNK;
	strcpy(table->texts[1].text, "ucontext");
	table->text_count = 1;
	table->created = 1;
	table->ring_start = 1;
	slot->runtime = 1;
	slot->turn = 1 << 8 | CS_SLOT_WAITING;
	slot->number = 7;
	slot->entry = (uint64_t)body;
	slot->context = (uint64_t)&inside;
	slot->context_kind = CS_SLOT_CONTEXT_UCONTEXT;
	slot->stack_low = (uint64_t)stack;
	slot->stack_high = (uint64_t)stack + STACK_BYTES;
	table->magic = CS_SLOTS_MAGIC;
}

static void be_recorded(const struct scene *scene, int ready)
{
	struct producer producer;

	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = STACK_BYTES;
	makecontext(&inside, body, 0);
	swapcontext(&outside, &inside);
	producer_begin_file(&producer, scene->fd, 4096, 1, 1);
	producer_publish(&producer, scene->fd);
	make_table(scene, producer.name);
	if (write(ready, "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* ---- the observer's side ---- */

static int begin(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	int ready[2];
	char byte;

	strcpy(scene->folder, "/tmp/coroscope-unit.XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	scene->fd = open(scene->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(pipe(ready), 0);
	scene->child = fork();
	if (scene->child == 0)
		be_recorded(scene, ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	const struct cs_process start = {.pid = (uint32_t)scene->child};
	scene->model = cs_model_new();
	scene->process = cs_model_process(scene->model, &start);
	cs_model_set_now(scene->model, 1000000);
	*state = scene;
	return 0;
}

static int end(void **state)
{
	struct scene *scene = *state;
	char command[128];

	kill(scene->child, SIGKILL);
	waitpid(scene->child, NULL, 0);
	cs_model_free(scene->model);
	close(scene->fd);
	snprintf(command, sizeof(command), "rm -rf %s", scene->folder);
	assert_int_equal(system(command), 0);
	free(scene);
	return 0;
}

static struct cs_observe_result look(const struct scene *scene)
{
	const struct cs_observe_options options = {.stacks = true, .threads = true};
	struct cs_observe_result result = {0};
	struct cs_diag diag = {0};
	struct cs_observation *observation = cs_native_observer.open(
		(uint32_t)scene->child, scene->process, scene->model, NULL, &diag);

	assert_non_null(observation);
	assert_int_equal(cs_native_observer.look(observation, &options, &result, &diag), 0);
	cs_native_observer.close(observation);
	return result;
}

static const struct cs_coroutine *find(const struct scene *scene, uint64_t number)
{
	uint32_t runtime = cs_model_runtime(scene->model, scene->process, "ucontext", NULL);

	return cs_model_coroutine_at(scene->model,
	                             cs_model_coroutine_find(scene->model, scene->process, runtime,
	                                                     number));
}

static void a_recorded_process_is_found(void **state)
{
	struct scene *scene = *state;
	struct cs_diag diag = {0};

	assert_int_equal(cs_native_observer.probe((uint32_t)scene->child, &diag), 1);
	assert_int_equal(cs_native_observer.probe((uint32_t)getpid(), &diag), 0);
}

static void its_coroutines_are_where_they_are_parked(void **state)
{
	struct scene *scene = *state;
	struct cs_observe_result result = look(scene);
	const struct cs_coroutine *seen = find(scene, 7);

	assert_int_equal(result.coroutines, 1);
	assert_non_null(seen);
	assert_int_equal(seen->state, CS_COROUTINE_WAITING);
	assert_int_equal(seen->flags & CS_COROUTINE_STACK_CUT, 0);
	/* swapcontext() of the sanitizers, park(), body(): this very program. */
	uint32_t node = seen->stack;
	while (cs_model_node_at(scene->model, node)->parent)
		node = cs_model_node_at(scene->model, node)->parent;
	const struct cs_frame *outer =
		cs_model_frame_at(scene->model, cs_model_node_at(scene->model, node)->frame);
	const struct cs_frame *entry = cs_model_frame_at(scene->model, seen->entry);
	assert_int_equal(outer->module, entry->module);
	assert_in_range(outer->offset - entry->offset, 1, 400);
	assert_int_equal(seen->stack_high - seen->stack_low, STACK_BYTES);
	assert_in_range(seen->stack_resident, 4096, 32 << 10);
	assert_in_range(seen->stack_peak, 100 << 10, 110 << 10);
	assert_string_equal(result.warning, "");
}

static void what_the_table_has_not_has_ended(void **state)
{
	struct scene *scene = *state;
	uint32_t runtime = cs_model_runtime(scene->model, scene->process, "ucontext", NULL);
	uint32_t id = cs_model_coroutine(scene->model, scene->process, runtime, 3);

	look(scene);
	assert_int_not_equal(cs_model_coroutine_at(scene->model, id)->ended_ns, 0);
	assert_non_null(find(scene, 7));
}

static void a_process_that_has_gone_is_told_of(void **state)
{
	struct scene *scene = *state;
	const struct cs_observe_options options = {.stacks = true};
	struct cs_observe_result result = {0};
	struct cs_diag diag = {0};
	struct cs_observation *observation = cs_native_observer.open(
		(uint32_t)scene->child, scene->process, scene->model, NULL, &diag);

	assert_non_null(observation);
	kill(scene->child, SIGKILL);
	waitpid(scene->child, NULL, 0);
	assert_int_equal(cs_native_observer.look(observation, &options, &result, &diag), -ESRCH);
	cs_native_observer.close(observation);
	scene->child = fork();
	if (scene->child == 0)
		_exit(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_recorded_process_is_found),
		TEST(its_coroutines_are_where_they_are_parked),
		TEST(what_the_table_has_not_has_ended),
		TEST(a_process_that_has_gone_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
