/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules come, go and return; the reader is told, and stacks before and after are not mixed
 * up. Stacks are made of plain memory: at the entry of a function the CFA is rsp + 8, so a
 * row of entry addresses is a stack.
 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "scene.h"
#include "stack/known.h"
#include "stack/memo.h"
#include "stack/modules.h"
#include "stack/rules.h"
#include "support/unit.h"
#include "wire/record.h"

static const char library[] = "libnss_compat.so.2";
static const char function[] = "_nss_compat_setpwent";

static uint64_t memory[512];

static int start(void **state)
{
	(void)state;
	scene_start(4096, 128, true);
	return 0;
}

static int start_without_find_object(void **state)
{
	(void)state;
	scene_start(4096, 128, false);
	return 0;
}

static uint64_t entry_of(const void *code)
{
	return (uint64_t)(uintptr_t)code + 1;
}

/* Names the stack of PCS, innermost first, which a return address 0 ends. */
static uint64_t name_of(const uint64_t *pcs, size_t count)
{
	struct csa_frame at = {pcs[0], (uint64_t)memory, 0};

	memset(memory, 0, sizeof(memory));
	memcpy(memory, pcs + 1, (count - 1) * sizeof(*pcs));
	scene.thread.stack_low = (uint64_t)memory;
	scene.thread.stack_high = (uint64_t)memory + sizeof(memory);
	return csa_stack_name(&scene.thread, &at);
}

static void each_module_is_described(void **state)
{
	uint64_t pcs[] = {entry_of(scene_libc("qsort")), entry_of((void *)name_of)};
	const struct scene_module *module;
	struct scene_stack stack;
	char program[4096];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	(void)state;
	assert_true(length > 0);
	program[length] = '\0';
	scene_stack(name_of(pcs, 2), &stack);
	assert_int_equal(stack.count, 2);
	assert_int_equal(scene.module_count, 2);
	module = scene_module_of(pcs[0]);
	assert_non_null(module);
	assert_non_null(strstr(module->path, "/libc.so.6"));
	assert_int_equal(module->path[0], '/');
	assert_int_equal(module->build_id_bytes, 20);
	module = scene_module_of(pcs[1]);
	assert_non_null(module);
	assert_string_equal(module->path, program);
	name_of(pcs, 1);
	assert_int_equal(scene.module_count, 2);
}

static void the_vdso_has_a_name(void **state)
{
	/* The first function of the vDSO: beyond its headers all is code. */
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	uint64_t pc = 0;
	const struct scene_module *module;

	(void)state;
	if (!vdso)
		skip();
	for (uint64_t at = vdso; at < vdso + 8192 && !pc; at += 16)
		if (csa_modules_hold(at + 1))
			pc = at + 1;
	assert_int_not_equal(pc, 0);
	name_of(&pc, 1);
	module = scene_module_of(pc);
	assert_non_null(module);
	assert_string_equal(module->path, "[vdso]");
	assert_int_equal(module->bias, vdso);
}

static void relative_names_become_paths(void **state)
{
	char folder[] = "/tmp/cs-modules-XXXXXX";
	char command[512];
	const struct scene_module *module;
	void *handle;
	uint64_t pc;
	Dl_info info;

	(void)state;
	handle = dlopen(library, RTLD_LAZY);
	assert_non_null(handle);
	assert_true(dladdr(dlsym(handle, function), &info));
	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof(command), "cp -L %s %s/copy.so", info.dli_fname, folder);
	assert_int_equal(system(command), 0);
	dlclose(handle);
	assert_int_equal(chdir(folder), 0);
	handle = dlopen("./copy.so", RTLD_LAZY);
	assert_non_null(handle);
	assert_int_equal(chdir("/"), 0);
	pc = entry_of(dlsym(handle, function));
	name_of(&pc, 1);
	module = scene_module_of(pc);
	assert_non_null(module);
	snprintf(command, sizeof(command), "%s/copy.so", folder);
	assert_string_equal(module->path, command);
	unlink(command);
	rmdir(folder);
	dlclose(handle);
	csa_stack_check_modules(&scene.thread);
}

static void what_goes_and_returns_is_another(void **state)
{
	uint64_t program = entry_of((void *)name_of);
	uint64_t epochs = csa_modules_epoch;
	uint64_t stayed, last = 0;

	(void)state;
	name_of(&program, 1);
	for (int i = 0; i < 10; i++) {
		void *handle = dlopen(library, RTLD_LAZY);
		uint64_t pcs[2] = {entry_of(dlsym(handle, function)), program};
		const struct scene_module *module;
		uint64_t name;

		assert_non_null(handle);
		name = name_of(pcs, 2);
		assert_int_not_equal(name, last);
		last = name;
		module = scene_module_of(pcs[0]);
		assert_non_null(module);
		assert_true(scene.module_count == (size_t)i + 2);
		csa_stack_check_modules(&scene.thread);
		assert_false(module->gone);
		assert_int_equal(csa_modules_epoch, epochs + (uint64_t)i);
		assert_int_equal(name_of(pcs, 2), name);

		stayed = name_of(&program, 1);
		assert_int_equal(name_of(&program, 1), stayed);
		dlclose(handle);
		assert_int_not_equal(csa_rules_find(pcs[0]), 0);
		csa_stack_check_modules(&scene.thread);
		assert_true(module->gone);
		assert_int_equal(csa_modules_epoch, epochs + (uint64_t)i + 1);
		assert_int_equal(csa_rules_find(pcs[0]), 0);
		assert_int_not_equal(name_of(&program, 1), stayed);
	}
}

static void a_forked_child_is_told_anew(void **state)
{
	uint64_t pcs[] = {entry_of(scene_libc("qsort")), entry_of((void *)name_of)};
	uint64_t name = name_of(pcs, 2);
	struct scene_stack stack;

	(void)state;
	assert_int_equal(scene.module_count, 2);
	scene_start(4096, 128, true);
	assert_int_equal(name_of(pcs, 2), name);
	scene_stack(name, &stack);
	assert_int_equal(stack.count, 2);
	assert_int_equal(scene.module_count, 2);
	assert_non_null(scene_module_of(pcs[0]));
}

/* Whoever would have looked which modules have gone is not in the child. */
static void a_forked_child_knows_none_that_may_have_gone(void **state)
{
	void *handle = dlopen(library, RTLD_LAZY);
	uint64_t pc = entry_of(dlsym(handle, function));
	uint64_t epoch = csa_modules_epoch;

	(void)state;
	name_of(&pc, 1);
	csa_stack_unloading(true);
	dlclose(handle);
	assert_true(csa_modules_hold(pc));
	assert_int_equal(csa_modules_start(true), 0);
	assert_false(csa_modules_hold(pc));
	assert_int_equal(csa_rules_find(pc), 0);
	assert_int_not_equal(csa_modules_epoch, epoch);
	csa_stack_unloading(false);
}

/* Whoever has the table may not run for long: others do without. */
static bool held;

static void ask_for_a_new_module(void)
{
	void *handle = dlopen(library, RTLD_LAZY);

	held = csa_modules_hold(entry_of(dlsym(handle, function)));
	dlclose(handle);
}

static void nobody_waits_for_the_table(void **state)
{
	void *handle = dlopen(library, RTLD_LAZY);
	uint64_t pc = entry_of(dlsym(handle, function));

	(void)state;
	held = true;
	name_of(&pc, 1);
	dlclose(handle);
	scene.on_gone = ask_for_a_new_module;
	csa_stack_check_modules(&scene.thread);
	assert_false(held);
	ask_for_a_new_module();
	assert_true(held);
	scene.on_gone = NULL;
	csa_stack_check_modules(&scene.thread);
}

/* As if another thread did it: is unloaded as soon as the loader lets anybody do so. */
static void *unwanted;
static void (*on_asking)(void); /* before the loader's lock is taken */

/* In the place of libc's. */
int dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context)
{
	static _Thread_local __typeof__(dl_iterate_phdr) *real;
	static _Thread_local unsigned depth;
	void (*asking)(void) = on_asking;
	void *closed;
	int result;

	on_asking = NULL;
	if (asking)
		asking();
	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "dl_iterate_phdr");
	depth++;
	result = real(visit, context);
	closed = --depth == 0 ? unwanted : NULL;
	if (closed) {
		unwanted = NULL;
		dlclose(closed);
	}
	return result;
}

static void modules_are_looked_at_while_they_can_not_go(void **state)
{
	void *handle = dlopen(library, RTLD_LAZY);
	uint64_t pc = entry_of(dlsym(handle, function));

	(void)state;
	name_of(&pc, 1);
	unwanted = handle;
	csa_stack_check_modules(&scene.thread);
	assert_null(unwanted);
	csa_stack_check_modules(&scene.thread);
	assert_null(scene_module_of(pc));
}

/* Who has the loader's lock may want the table. */
static void the_loaders_lock_comes_first(void **state)
{
	uint64_t pc = entry_of((void *)name_of);

	(void)state;
	name_of(&pc, 1);
	held = false;
	on_asking = ask_for_a_new_module;
	csa_stack_check_modules(&scene.thread);
	assert_null(on_asking);
	assert_true(held);
	csa_stack_check_modules(&scene.thread);
}

/* A fork while another thread had the table: that thread is not in the child. */
static void fork_now(void)
{
	csa_modules_start(true);
	ask_for_a_new_module();
}

static void a_forked_child_waits_for_nobody(void **state)
{
	void *handle = dlopen(library, RTLD_LAZY);
	uint64_t pc = entry_of(dlsym(handle, function));

	(void)state;
	held = false;
	name_of(&pc, 1);
	dlclose(handle);
	scene.on_gone = fork_now;
	csa_stack_check_modules(&scene.thread);
	assert_true(held);
	scene.on_gone = NULL;
	csa_stack_check_modules(&scene.thread);
}

/* What found no room is not known, and is told as soon as there is room. */
static void a_full_ring_delays_definitions(void **state)
{
	uint64_t pcs[] = {entry_of(scene_libc("qsort")), entry_of((void *)name_of)};
	struct scene_stack stack;
	uint64_t name;

	(void)state;
	scene.full = true;
	name = name_of(pcs, 2);
	assert_int_not_equal(name, 0);
	assert_int_equal(name_of(pcs, 2), name);
	assert_false(csa_known_has(name));
	scene.full = false;
	assert_int_equal(name_of(pcs, 2), name);
	scene_stack(name, &stack);
	assert_int_equal(stack.count, 2);
	assert_int_equal(stack.pcs[0], pcs[0]);
	assert_int_equal(scene.module_count, 2);
	assert_int_equal(scene.stacks_told, 1);
}

/* No stack comes before a module that it runs through. */
static void a_refused_module_delays_definitions(void **state)
{
	uint64_t pcs[] = {entry_of(scene_libc("qsort")), entry_of((void *)name_of)};
	uint64_t name;

	(void)state;
	scene.refused = 1u << CS_RECORD_MODULE;
	name = name_of(pcs, 2);
	assert_int_equal(scene.stacks_told, 0);
	scene.refused = 0;
	assert_int_equal(name_of(pcs, 2), name);
	assert_int_equal(scene.stacks_told, 1);
	assert_int_equal(scene.module_count, 2);
}

static _Atomic bool stop;
static _Atomic unsigned walking;

/* Walks a stack through the program and libc, which stay, and checks each frame. */
static void *walk_on(void *arg)
{
	uint64_t pcs[] = {(uint64_t)arg, entry_of((void *)name_of), entry_of((void *)walk_on), 0};
	struct csa_frame at = {pcs[0], (uint64_t)&pcs[1], 0};
	struct csa_walk *walk = calloc(1, sizeof(*walk));
	uint64_t walks = 0;

	while (walk && !stop) {
		if (!csa_walk(walk, &at, (uint64_t)pcs, (uint64_t)(pcs + 4)))
			csa_walk_finish(walk);
		walking += walks == 0;
		if (walk->count != 3 || walk->frames[2].pc != pcs[0] ||
		    walk->frames[1].pc != pcs[1] || walk->frames[0].pc != pcs[2])
			break;
		walks++;
	}
	free(walk);
	return stop && walks ? NULL : arg;
}

static void threads_go_on_while_modules_change(void **state)
{
	void *qsort_entry = (void *)entry_of(scene_libc("qsort"));
	pthread_t threads[3];
	void *wrong;

	(void)state;
	stop = false;
	walking = 0;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, walk_on, qsort_entry);
	while (walking < 3)
		sched_yield();
	for (int i = 0; i < 200; i++) {
		void *handle = dlopen(library, RTLD_LAZY);
		uint64_t pc = entry_of(dlsym(handle, function));

		name_of(&pc, 1);
		assert_non_null(scene_module_of(pc));
		dlclose(handle);
		csa_stack_check_modules(&scene.thread);
		assert_null(scene_module_of(pc));
	}
	stop = true;
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

/* Eight names of one place stay together, and one that is told again pushes none out. */
static void a_set_holds_its_names(void **state)
{
	(void)state;
	csa_known_clear();
	for (uint64_t i = 1; i <= 7; i++)
		csa_known_add(i << 32 | 5);
	for (int i = 0; i < 20; i++)
		csa_known_add(3ul << 32 | 5);
	csa_known_add(8ul << 32 | 5);
	for (uint64_t i = 1; i <= 8; i++)
		assert_true(csa_known_has(i << 32 | 5));
	csa_known_add(9ul << 32 | 5);
	assert_true(csa_known_has(9ul << 32 | 5));
	assert_false(csa_known_has(10ul << 32 | 5));
	assert_false(csa_known_has(9ul << 32 | 6));
}

/* The table holds 512 names; 2,000 stacks of three levels go round and round. */
static void forgotten_stacks_are_defined_again(void **state)
{
	uint64_t base = entry_of((void *)name_of);
	uint64_t outer = entry_of(scene_libc("qsort"));
	uint64_t told;

	(void)state;
	csa_rules_put(outer, csa_rule(CSA_RULE_SP, 1, 0));
	for (uint64_t round = 0; round < 4; round++) {
		told = scene.stacks_told;
		csa_memo_forget(); /* it would recognise them all */
		for (uint64_t i = 0; i < 2000; i++) {
			uint64_t pcs[3] = {base + i % 50, outer + i / 50, base};
			struct scene_stack stack;
			uint64_t name;

			csa_rules_put(pcs[0], csa_rule(CSA_RULE_SP, 1, 0));
			csa_rules_put(pcs[1], csa_rule(CSA_RULE_SP, 1, 0));
			name = name_of(pcs, 3);
			scene_stack(name, &stack);
			assert_int_equal(stack.count, 3);
			assert_memory_equal(stack.pcs, pcs, sizeof(pcs));
			assert_true(csa_known_has(name));
			assert_int_equal(name_of(pcs, 3), name);
		}
		assert_true(scene.stacks_told - told > 1000);
		assert_true(scene.stacks_told - told <= 2000);
	}
}

static void long_stacks_come_in_pieces(void **state)
{
	uint64_t base = entry_of((void *)name_of);
	uint64_t pcs[256];
	struct scene_stack stack;

	(void)state;
	scene_start(4096, 256, true);
	scene.room = 1 + 2; /* the module and one piece */
	for (uint64_t i = 0; i < 256; i++) {
		pcs[i] = base + i % 7;
		csa_rules_put(pcs[i], csa_rule(CSA_RULE_SP, 1, 0));
	}
	scene_stack(name_of(pcs, 256), &stack);
	assert_int_equal(stack.count, 0);
	assert_int_equal(scene.stacks_told, 1);
	scene.room = 0;
	csa_known_clear();
	scene.refused_once = 1u << CS_RECORD_STACK; /* the outer piece: no use in the inner one */
	scene_stack(name_of(pcs, 256), &stack);
	assert_int_equal(stack.count, 0);
	assert_int_equal(scene.stacks_told, 1);
	scene_stack(name_of(pcs, 256), &stack);
	assert_int_equal(stack.count, 256);
	assert_memory_equal(stack.pcs, pcs, sizeof(pcs));
	assert_int_equal(scene.stacks_told, 3);
	assert_int_equal(scene.frames_told, 256 + 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_module_is_described, start),
		cmocka_unit_test_setup(each_module_is_described, start_without_find_object),
		cmocka_unit_test_setup(the_vdso_has_a_name, start),
		cmocka_unit_test_setup(the_vdso_has_a_name, start_without_find_object),
		cmocka_unit_test_setup(relative_names_become_paths, start),
		cmocka_unit_test_setup(what_goes_and_returns_is_another, start),
		cmocka_unit_test_setup(what_goes_and_returns_is_another, start_without_find_object),
		cmocka_unit_test_setup(a_forked_child_is_told_anew, start),
		cmocka_unit_test_setup(a_forked_child_knows_none_that_may_have_gone, start),
		cmocka_unit_test_setup(nobody_waits_for_the_table, start),
		cmocka_unit_test_setup(modules_are_looked_at_while_they_can_not_go, start),
		cmocka_unit_test_setup(the_loaders_lock_comes_first, start),
		cmocka_unit_test_setup(a_forked_child_waits_for_nobody, start),
		cmocka_unit_test_setup(a_full_ring_delays_definitions, start),
		cmocka_unit_test_setup(forgotten_stacks_are_defined_again, start),
		cmocka_unit_test_setup(long_stacks_come_in_pieces, start),
		cmocka_unit_test_setup(threads_go_on_while_modules_change, start),
		cmocka_unit_test_setup(threads_go_on_while_modules_change,
	                               start_without_find_object),
		cmocka_unit_test_setup(a_refused_module_delays_definitions, start),
		cmocka_unit_test_setup(a_set_holds_its_names, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
