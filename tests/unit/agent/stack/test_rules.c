/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule cache: lossy, but never wrong, whatever shares a place in it.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "stack/rules.h"
#include "support/unit.h"

static uint64_t seed = 88172645463325252;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Any rule that can be told from the address. */
static uint64_t rule_for(uint64_t pc)
{
	uint64_t mixed = pc * UINT64_C(0x9e3779b97f4a7c15);

	return csa_rule(1 + mixed % 7, mixed >> 45, mixed >> 20 & 0x3ff);
}

static bool same(uint64_t entry, uint64_t rule)
{
	return ((entry ^ rule) & ~CSA_RULE_TAG_MASK) == 0;
}

static void fields_come_back(void **state)
{
	uint64_t rule = csa_rule(CSA_RULE_BP, CSA_RULE_CFA_WORDS_MAX, CSA_RULE_BP_WORDS_MAX);

	(void)state;
	assert_int_equal(csa_rule_kind(rule), CSA_RULE_BP);
	assert_int_equal(csa_rule_cfa_bytes(rule), CSA_RULE_CFA_WORDS_MAX * 8);
	assert_int_equal(csa_rule_bp_bytes(rule), CSA_RULE_BP_WORDS_MAX * 8);
	rule = csa_rule(CSA_RULE_BP_DEREF, (uint64_t)-5, 0);
	assert_int_equal(csa_rule_kind(rule), CSA_RULE_BP_DEREF);
	assert_int_equal(csa_rule_cfa_bytes_signed(rule), (uint64_t)-40);
	assert_int_equal(csa_rule_bp_bytes(rule), 0);
}

static void no_address_gets_the_rule_of_another(void **state)
{
	uint64_t found = 0;

	(void)state;
	csa_rules_clear();
	for (int i = 0; i < 3000000; i++) {
		/* Few indices, many tags, and garbage above the 47 bits. */
		uint64_t pc = (draw() & 0x1f) | (draw() & 0x3) << 16 | (draw() & 0x1) << 46;
		uint64_t rule;

		if (draw() % 4 == 0)
			pc ^= draw() % 2 ? 1ul << 47 : draw() << 47;
		rule = csa_rules_find(pc);
		if (rule) {
			assert_int_equal(pc >> 47, 0);
			assert_true(same(rule, rule_for(pc)));
			found++;
		}
		if (draw() % 2)
			csa_rules_put(pc, rule_for(pc));
	}
	assert_true(found > 100000);
}

static void two_with_one_index_both_stay(void **state)
{
	(void)state;
	csa_rules_clear();
	csa_rules_put(0x10005000, rule_for(0x10005000));
	csa_rules_put(0x20005000, rule_for(0x20005000));
	assert_true(same(csa_rules_find(0x10005000), rule_for(0x10005000)));
	assert_true(same(csa_rules_find(0x20005000), rule_for(0x20005000)));
	/* A third takes the place of the second, not that of the displaced first. */
	csa_rules_put(0x10005001, rule_for(0x10005001));
	csa_rules_put(0x20005001, rule_for(0x20005001));
	assert_true(same(csa_rules_find(0x20005001), rule_for(0x20005001)));
	assert_true(same(csa_rules_find(0x10005001), rule_for(0x10005001)));
	csa_rules_clear();
	assert_int_equal(csa_rules_find(0x10005000), 0);
	assert_int_equal(csa_rules_find(0x20005000), 0);
}

static void *fill(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg;

	for (int i = 0; i < 2000000; i++) {
		uint64_t pc, rule;

		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		pc = (random >> 40 & 0xff) | (random >> 33 & 0xf) << 16 | 1u << 24;
		rule = csa_rules_find(pc);
		if (rule && !same(rule, rule_for(pc)))
			return arg;
		csa_rules_put(pc, rule_for(pc));
	}
	return NULL;
}

static void threads_may_write_at_once(void **state)
{
	pthread_t threads[3];
	void *wrong;

	(void)state;
	for (uintptr_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, fill, (void *)(i + 1));
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_back),
		cmocka_unit_test(no_address_gets_the_rule_of_another),
		cmocka_unit_test(two_with_one_index_both_stay),
		cmocka_unit_test(threads_may_write_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
