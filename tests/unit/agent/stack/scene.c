/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emitting half of the agent, as short as it can be. Names of stacks are kept in an open
 * hash table that never forgets; a definition whose parent is unknown fails the test.
 */
#include "scene.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/emit.h"
#include "coroutine/coroutine.h"
#include "coroutine/switch.h"
#include "support/unit.h"

#define NODES (1u << 22)

struct node {
	uint64_t name;
	uint64_t parent; /* 0: outermost */
	uint64_t pc;
};

struct scene scene;

/* No coroutine runs here. */
__thread struct cs_slot *csa_here;
struct csa_board csa_board[1];

void csa_coro_ends_in(uint64_t outermost)
{
	(void)outermost;
}

static struct node *nodes;
static uint64_t record_words[CS_RECORD_BYTES_MAX / 8];
static bool record_open;

static struct node *node_of(uint64_t name)
{
	uint64_t i = name * UINT64_C(0x9e3779b97f4a7c15) >> 42;

	while (nodes[i].name && nodes[i].name != name)
		i = (i + 1) % NODES;
	return &nodes[i];
}

void scene_own_bounds(uint64_t *low, uint64_t *high)
{
	pthread_attr_t attributes;
	void *start;
	size_t bytes;

	assert_int_equal(pthread_getattr_np(pthread_self(), &attributes), 0);
	pthread_attr_getstack(&attributes, &start, &bytes);
	pthread_attr_destroy(&attributes);
	*low = (uint64_t)start;
	*high = (uint64_t)start + bytes;
}

void scene_start(size_t table_bytes, uint32_t depth_max, bool find_object)
{
	free(nodes);
	nodes = calloc(NODES, sizeof(*nodes));
	assert_non_null(nodes);
	memset(&scene, 0, sizeof(scene));
	assert_int_equal(csa_stack_start(table_bytes, depth_max, find_object), 0);
	scene_own_bounds(&scene.thread.stack_low, &scene.thread.stack_high);
}

void scene_stack(uint64_t name, struct scene_stack *stack)
{
	stack->count = 0;
	while (name) {
		const struct node *node = node_of(name);

		if (!node->name) {
			stack->count = 0;
			return;
		}
		assert_true(stack->count < SCENE_FRAMES);
		stack->pcs[stack->count++] = node->pc;
		name = node->parent;
	}
}

const struct scene_module *scene_module_of(uint64_t pc)
{
	for (size_t i = 0; i < scene.module_count; i++)
		if (!scene.modules[i].gone &&
		    pc - 1 - scene.modules[i].start < scene.modules[i].end - scene.modules[i].start)
			return &scene.modules[i];
	return NULL;
}

void *scene_libc(const char *function)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	void *address;

	assert_non_null(libc);
	address = dlsym(libc, function);
	assert_non_null(address);
	dlclose(libc);
	return address;
}

static void take_stack(const struct cs_record_stack *record)
{
	uint64_t parent = record->parent;
	uint64_t hash = parent ? parent : cs_stack_root(record->epoch);

	assert_true(record->head.arg >= 1 && record->head.arg <= CS_STACK_DEPTH_MAX);
	assert_int_equal(record->head.bytes, sizeof(*record) + 8 * record->head.arg);
	assert_true(parent == 0 || node_of(parent)->name);
	for (uint32_t i = 0; i < record->head.arg; i++) {
		uint64_t pc = record->pcs[i];
		struct node *node;

		hash = cs_stack_hash(hash, pc);
		node = node_of(hash);
		if (node->name) {
			assert_int_equal(node->parent, parent);
			assert_int_equal(node->pc, pc);
		}
		*node = (struct node){hash, parent, pc};
		parent = hash;
	}
	scene.stacks_told++;
	scene.frames_told += record->head.arg;
}

static void take_module(const struct cs_record_module *record)
{
	struct scene_module *module = &scene.modules[scene.module_count++];

	assert_true(scene.module_count <= 1024);
	assert_true(record->path_bytes < sizeof(module->path));
	module->generation = record->head.arg;
	module->bias = record->bias;
	module->start = record->start;
	module->end = record->end;
	module->build_id_bytes = record->build_id_bytes;
	memcpy(module->path, record->path, record->path_bytes);
}

static void take_gone(const struct cs_record_module_gone *record)
{
	for (size_t i = 0; i < scene.module_count; i++) {
		if (scene.modules[i].generation != record->head.arg)
			continue;
		assert_false(scene.modules[i].gone);
		scene.modules[i].gone = true;
		return;
	}
	fail_msg("a module has gone that never was");
}

void *csa_emit_begin(struct csa_thread *thread, enum cs_record_kind kind, uint32_t bytes,
                     uint32_t arg)
{
	struct cs_record *record = (void *)record_words;

	(void)thread;
	assert_false(record_open);
	assert_true(bytes >= 16 && bytes % 8 == 0 && bytes <= CS_RECORD_BYTES_MAX);
	if (kind == CS_RECORD_MODULE_GONE && scene.on_gone)
		scene.on_gone();
	if (scene.full || scene.refused & 1u << kind || scene.room == 1)
		return NULL;
	if (scene.refused_once & 1u << kind) {
		scene.refused_once &= ~(1u << kind);
		return NULL;
	}
	scene.room -= scene.room > 0;
	record_open = true;
	memset(record_words, 0xa5, sizeof(record_words));
	*record = (struct cs_record){.bytes = (uint16_t)bytes, .kind = (uint16_t)kind, .arg = arg};
	return record;
}

void csa_emit_commit(struct csa_thread *thread, void *record, enum cs_record_kind kind)
{
	(void)thread;
	assert_true(record_open);
	record_open = false;
	switch (kind) {
	case CS_RECORD_STACK:
		take_stack(record);
		break;
	case CS_RECORD_MODULE:
		take_module(record);
		break;
	case CS_RECORD_MODULE_GONE:
		take_gone(record);
		break;
	default:
		fail_msg("a record of kind %d", kind);
	}
}

void csa_count(enum cs_agent_counter counter, uint64_t by)
{
	scene.counters[counter] += by;
}

void csa_thread_run(struct csa_thread *thread, void (*fn)(void *), void *arg)
{
	(void)thread;
	fn(arg);
}
