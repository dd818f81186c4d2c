/* SPDX-License-Identifier: Apache-2.0 */
/* The table of coroutines, the agent's side: who gets which slot, its texts, and a fork. */
#include "coroutine/slots.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/agent.h"
#include "support/unit.h"

static char folder[64] = "/tmp/coroscope-unit-XXXXXX";
static struct cs_ring ring = {.start_stamp = 4711};

static void name_ring(unsigned pid)
{
	snprintf(csa_agent.ring_path, sizeof(csa_agent.ring_path), "%s/%s%u.1f", folder,
	         CS_RING_PREFIX, pid);
}

static int begin(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	strcpy(csa_agent.folder, folder);
	name_ring(1);
	csa_agent.ring = &ring;
	assert_true(csa_slots_open());
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct cs_slot *take(uint64_t number)
{
	struct cs_slot *slot = csa_slots_take();

	assert_non_null(slot);
	atomic_store(&slot->number, number);
	return slot;
}

static void the_first_slot_is_nobodys(void **state)
{
	struct cs_slot *slot = take(1);

	(void)state;
	assert_int_not_equal(csa_slot_line(slot), 0);
	assert_int_equal(csa_slot_at(csa_slot_line(slot)) == slot, 1);
	assert_int_equal(csa_slot_index(slot), 1);
	csa_slots_give_back(slot);
}

/* What its last owner left must not be its next one's. */
static void a_slot_comes_back_empty(void **state)
{
	struct cs_slot *slot = take(1);
	uint32_t used = csa_slots_used();

	(void)state;
	slot->spawn = slot->run_ticks = slot->agents_key = 5;
	slot->agents_cell[0] = slot->agents_cell[1] = 9;
	csa_slots_set_text(slot, "old", "a=b");
	csa_slots_give_back(slot);
	assert_int_equal(atomic_load(&slot->number), 0);
	assert_int_equal(slot->agents_key, 0);
	assert_int_equal(slot->agents_cell[0] + slot->agents_cell[1], 0);
	struct cs_slot *again = take(2);
	assert_ptr_equal(again, slot);
	assert_int_equal(again->spawn + again->run_ticks, 0);
	assert_string_equal(again->text, "");
	assert_int_equal(csa_slots_used(), used);
	csa_slots_give_back(again);
}

/* A thread may hold one that somebody else has given back, and write what adapters write. */
static void who_still_writes_to_a_free_slot_harms_nobody(void **state)
{
	struct cs_slot *first = take(1), *second = take(2);

	(void)state;
	csa_slots_give_back(first);
	csa_slots_give_back(second);
	second->agents_own = 0x7f123457;
	second->reason = 7;
	second->context = second->agents_key = 0x7f0000000008;
	assert_ptr_equal(csa_slots_take(), second);
	assert_ptr_equal(csa_slots_take(), first);
	csa_slots_give_back(first);
	csa_slots_give_back(second);
}

static void *churn(void *argument)
{
	struct cs_slot *mine[64];

	for (int round = 0; round < 500; round++) {
		for (int i = 0; i < 64; i++) {
			mine[i] = csa_slots_take();
			if (!mine[i] || atomic_exchange(&mine[i]->number, (uintptr_t)&mine[i]))
				return argument; /* somebody else has it as well */
		}
		for (int i = 0; i < 64; i++) {
			if (atomic_load(&mine[i]->number) != (uintptr_t)&mine[i])
				return argument;
			csa_slots_give_back(mine[i]);
		}
	}
	return NULL;
}

static void threads_never_share_a_slot(void **state)
{
	pthread_t threads[4];
	void *shared[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, folder), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], &shared[i]), 0);
	for (int i = 0; i < 4; i++)
		assert_null(shared[i]);
}

/* Beyond a chunk of the file, which grows. */
static void there_are_as_many_as_are_asked_for(void **state)
{
	enum { COUNT = 3 * CS_SLOTS_CHUNK };
	static struct cs_slot *all[COUNT];

	(void)state;
	for (uint64_t i = 0; i < COUNT; i++) {
		all[i] = take(i + 1);
		all[i]->entry = i;
	}
	for (uint64_t i = 0; i < COUNT; i++)
		assert_int_equal(all[i]->entry, i);
	for (uint64_t i = 0; i < COUNT; i++)
		csa_slots_give_back(all[i]);
}

static void the_same_text_has_one_id(void **state)
{
	uint16_t first = csa_slots_text("boost-fiber"), second = csa_slots_text("mutex");
	char many[200];

	(void)state;
	assert_int_not_equal(first, 0);
	assert_int_not_equal(first, second);
	assert_int_equal(csa_slots_text("boost-fiber"), first);
	assert_int_equal(csa_slots_text(""), 0);
	assert_int_equal(csa_slots_text(NULL), 0);
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	first = csa_slots_text(many); /* is cut, and the same when it is cut again */
	assert_int_not_equal(first, 0);
	assert_int_equal(csa_slots_text(many), first);
}

static void names_and_labels_are_cut_to_fit(void **state)
{
	struct cs_slot *slot = take(1);
	char many[200];

	(void)state;
	csa_slots_set_text(slot, "client", "user=b");
	assert_string_equal(slot->text, "client");
	assert_string_equal(slot->text + 7, "user=b");
	csa_slots_set_text(slot, "c", NULL);
	assert_string_equal(slot->text + 2, "user=b");
	memset(many, 'y', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	csa_slots_set_text(slot, many, many);
	assert_int_equal(strlen(slot->text), sizeof(slot->text) - 2);
	assert_int_equal(slot->text[sizeof(slot->text) - 1], '\0');
	csa_slots_give_back(slot);
}

static void fork_and_compare(struct cs_slot *slot)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	slot->entry = child ? 2 : slot->entry; /* the parent goes on */
	if (child == 0) {
		name_ring(2);
		usleep(20000);
		_exit(csa_slots_fork_open() && slot->entry == 1 && slot->number == 9 &&
		                      csa_slots_take() != slot
		              ? 0
		              : 1);
	}
	csa_slots_fork_drop();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Not what the parent did after it. */
static void a_child_has_what_there_was_at_the_fork(void **state)
{
	struct cs_slot *slot = take(9);

	(void)state;
	slot->entry = 1;
	csa_slots_fork_copy();
	fork_and_compare(slot);
	assert_int_equal(slot->entry, 2);
	csa_slots_give_back(slot);
}

static void *name_reasons(void *argument)
{
	char text[20];

	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%s %d", (const char *)argument, i);
		csa_slots_text(text);
	}
	return NULL;
}

/* However busy others are with texts of their own: a coroutine is of its runtime for ever. */
static void runtimes_have_their_names_from_the_start(void **state)
{
	static const char *const names[] = {"ucontext", "boost-context", "state-threads", "gccgo",
	                                    "pth",      "lua",           "annotated",     "stack"};
	static char prefixes[2][8] = {"one", "other"};
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, name_reasons, prefixes[i]), 0);
	for (size_t i = 0; i < 100 * sizeof(names) / sizeof(*names); i++)
		assert_int_equal(csa_slots_text(names[i % 8]), i % 8 + 1);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_slot_is_nobodys),
		cmocka_unit_test(a_slot_comes_back_empty),
		cmocka_unit_test(who_still_writes_to_a_free_slot_harms_nobody),
		cmocka_unit_test(threads_never_share_a_slot),
		cmocka_unit_test(there_are_as_many_as_are_asked_for),
		cmocka_unit_test(runtimes_have_their_names_from_the_start),
		cmocka_unit_test(the_same_text_has_one_id),
		cmocka_unit_test(names_and_labels_are_cut_to_fit),
		cmocka_unit_test(a_child_has_what_there_was_at_the_fork),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
