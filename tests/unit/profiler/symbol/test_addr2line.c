/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another program's opinion: binutils' addr2line, on every few bytes of compiled functions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/symbols.h"
#include "support/unit.h"
#include "workshop.h"

static const char c_program[] =
	"#include <stdlib.h>\n"
	"struct node { struct node *next; int value; };\n"
	"static inline __attribute__((always_inline)) struct node *make(int value)\n"
	"{\n"
	"	struct node *node = malloc(sizeof(*node));\n"
	"	node->value = value;\n"
	"	return node;\n"
	"}\n"
	"static inline __attribute__((always_inline)) struct node *push(struct node *list, int n)\n"
	"{\n"
	"	struct node *node = make(n);\n"
	"	node->next = list;\n"
	"	return node;\n"
	"}\n"
	"__attribute__((noinline)) struct node *fill(int n)\n"
	"{\n"
	"	struct node *list = 0;\n"
	"	for (int i = 0; i < n; i++) {\n"
	"		int square = i * i;\n"
	"		if (square % 3)\n"
	"			list = push(list, square);\n"
	"	}\n"
	"	return list;\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	struct node *list = fill(argc * 5);\n"
	"	return list ? push(list, argc)->value : 0;\n"
	"}\n";

static const char cpp_program[] =
	"#include <algorithm>\n"
	"#include <map>\n"
	"#include <string>\n"
	"#include <vector>\n"
	"namespace shop {\n"
	"class Basket {\n"
	"	std::map<std::string, std::vector<int>> prices;\n"
	"public:\n"
	"	void add(const std::string &name, int price) { prices[name].push_back(price); }\n"
	"	int sum() const;\n"
	"};\n"
	"int Basket::sum() const\n"
	"{\n"
	"	int all = 0;\n"
	"	for (auto &[name, list] : prices)\n"
	"		all += *std::max_element(list.begin(), list.end());\n"
	"	return all;\n"
	"}\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	shop::Basket basket;\n"
	"	for (int i = 0; i < argc; i++)\n"
	"		basket.add(argv[i], i);\n"
	"	return basket.sum();\n"
	"}\n";

enum { ADDRESSES = 4000 };

struct asked {
	uint64_t address;
	uint32_t frame;
};

/* Every third address in the functions that nm lists with a size. */
static unsigned ask(struct workshop *shop, uint32_t module, struct asked *asked)
{
	char command[160];
	char type;
	unsigned long long start, size;
	unsigned count = 0;

	snprintf(command, sizeof(command), "nm -S --defined-only %s/prog", shop->folder);
	FILE *list = popen(command, "r");
	FILE *out = fopen(workshop_path(shop, "addresses"), "w");
	char line[4096];
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, "%llx %llx %c", &start, &size, &type) != 3 ||
		    !strchr("tTwW", type))
			continue;
		for (unsigned long long at = 0; at < size && count < ADDRESSES; at += 3) {
			asked[count].address = start + at;
			asked[count++].frame = cs_model_frame(shop->model, module, start + at);
			fprintf(out, "0x%llx\n", start + at);
		}
	}
	pclose(list);
	fclose(out);
	return count;
}

/* What we say of an address in the words of addr2line. */
static void say(const struct workshop *shop, const struct asked *asked, FILE *out)
{
	const struct cs_name *names;
	uint32_t count = cs_symbols_get(shop->symbols, asked->frame, &names);

	for (uint32_t i = 0; i < count; i++) {
		const char *file = names[i].file ? strrchr(names[i].file, '/') : NULL;
		fprintf(out, "%s %s:%u\n", names[i].function ? names[i].function : "??",
		        file ? file + 1 : "??", names[i].line);
	}
}

/* addr2line's answer to one address, in the same words; false at the end. */
static bool read_answer(FILE *answers, char *text, size_t size, char *next)
{
	char function[8192], place[1024];
	size_t used = 0;

	text[0] = 0;
	if (!*next)
		return false;
	*next = 0;
	while (fgets(function, sizeof(function), answers)) {
		if (strncmp(function, "0x", 2) == 0) {
			strcpy(next, "0x");
			return true;
		}
		if (!fgets(place, sizeof(place), answers))
			break;
		function[strcspn(function, "\n")] = 0;
		place[strcspn(place, " \n")] = 0; /* "(discriminator 2)" */
		char *line = strrchr(place, ':');
		char *file = strrchr(place, '/');
		if (line[1] == '?')
			line[1] = '0';
		used += (size_t)snprintf(text + used, size - used, "%s %s\n", function,
		                         file ? file + 1 : place);
	}
	return true;
}

/* Every answer must agree in depth, functions, files and lines; PERCENT of them at least. */
static void compare(struct workshop *shop, unsigned percent)
{
	static struct asked asked[ADDRESSES];
	static char theirs[65536];
	char *ours;
	size_t size;
	char next[8] = "0x";
	unsigned same = 0;
	uint32_t module = workshop_module(shop, "prog");
	unsigned count = ask(shop, module, asked);

	workshop_resolve(shop, module, "prog");
	char command[160];
	snprintf(command, sizeof(command), "cd %s && addr2line -a -i -f -C -e prog < addresses",
	         shop->folder);
	FILE *answers = popen(command, "r");
	assert_non_null(fgets(theirs, sizeof(theirs), answers)); /* the first address */
	for (unsigned i = 0; i < count && read_answer(answers, theirs, sizeof(theirs), next); i++) {
		FILE *out = open_memstream(&ours, &size);
		say(shop, &asked[i], out);
		fclose(out);
		same += strcmp(ours, theirs) == 0;
		free(ours);
	}
	pclose(answers);
	assert_true(count > 50);
	if (same * 100 < count * percent)
		fail_msg("%u of %u answers agree", same, count);
}

static int begin(void **state)
{
	struct workshop *shop = calloc(1, sizeof(*shop));

	workshop_begin(shop);
	*state = shop;
	return 0;
}

static int end(void **state)
{
	workshop_end(*state);
	free(*state);
	return 0;
}

static void c_with_inlined_calls_agrees(void **state)
{
	struct workshop *shop = *state;
	static const char *const flags[] = {"-O0 -g", "-O2 -g", "-O2 -g -gdwarf-4 -no-pie",
	                                    "-O2 -g -gz"};

	workshop_write(shop, "prog.c", c_program);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char command[128];
		snprintf(command, sizeof(command), "gcc %s prog.c -o prog", flags[i]);
		workshop_run(shop, command);
		/* The C runtime's own functions have no lines, and addr2line names a file. */
		compare(shop, 80);
	}
}

/*
 * What differs are lambdas and templates without a linkage name, which addr2line prints
 * without their scope.
 */
static void cpp_agrees(void **state)
{
	struct workshop *shop = *state;

	workshop_write(shop, "prog.cc", cpp_program);
	if (workshop_try(shop, "g++ -std=c++17 -O0 -g prog.cc -o prog") != 0)
		skip();
	compare(shop, 95);
	workshop_run(shop, "g++ -std=c++17 -O2 -g prog.cc -o prog");
	compare(shop, 90);
}

/* The whole chain, not only what addr2line says as well. */
static void inlined_calls_come_innermost_first(void **state)
{
	struct workshop *shop = *state;
	const struct cs_name *names;
	bool seen = false;

	workshop_write(shop, "prog.c", c_program);
	workshop_run(shop, "gcc -O2 -g prog.c -o prog");
	uint32_t module = workshop_module(shop, "prog");
	uint64_t fill = workshop_address(shop, "prog", "fill");
	uint32_t first = cs_model_frame(shop->model, module, fill);
	for (uint64_t i = 1; i < 100; i++)
		cs_model_frame(shop->model, module, fill + i);
	workshop_resolve(shop, module, "prog");
	for (uint32_t frame = first; frame < first + 100; frame++) {
		if (cs_symbols_get(shop->symbols, frame, &names) != 3)
			continue;
		seen = true;
		assert_string_equal(names[0].function, "make");
		assert_string_equal(names[1].function, "push");
		assert_string_equal(names[2].function, "fill");
		assert_true(names[0].inlined && names[1].inlined && !names[2].inlined);
		assert_int_equal(names[1].line, 11); /* where push calls make */
		assert_int_equal(names[2].line, 21); /* where fill calls push */
	}
	assert_true(seen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(c_with_inlined_calls_agrees),
		TEST(cpp_agrees),
		TEST(inlined_calls_come_innermost_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
