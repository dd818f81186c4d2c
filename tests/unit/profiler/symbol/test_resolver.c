/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/unit.h"
#include "workshop.h"

static const char program[] = "__attribute__((noinline)) static int leaf(int x)\n"
			      "{\n"
			      "	return x * 3;\n"
			      "}\n"
			      "__attribute__((noinline)) int shown(int x)\n"
			      "{\n"
			      "	return leaf(x) + 1;\n"
			      "}\n"
			      "int main(int argc, char **argv)\n"
			      "{\n"
			      "	return shown(argc);\n"
			      "}\n";

static int begin(void **state)
{
	struct workshop *shop = calloc(1, sizeof(*shop));

	workshop_begin(shop);
	workshop_write(shop, "prog.c", program);
	*state = shop;
	return 0;
}

static int end(void **state)
{
	workshop_end(*state);
	free(*state);
	return 0;
}

/* Frames of PROG in the functions leaf and shown, whatever is stripped from it later. */
struct frames {
	uint32_t module;
	uint32_t leaf, shown;
};

static struct frames build(struct workshop *shop, const char *flags)
{
	struct frames frames;
	char command[256];

	snprintf(command, sizeof(command), "gcc -O1 -Wl,--build-id %s prog.c -o prog", flags);
	workshop_run(shop, command);
	frames.module = workshop_module(shop, "prog");
	frames.leaf =
		cs_model_frame(shop->model, frames.module, workshop_address(shop, "prog", "leaf"));
	frames.shown = cs_model_frame(shop->model, frames.module,
	                              workshop_address(shop, "prog", "shown") + 1);
	return frames;
}

static void functions_files_and_lines_are_found(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g");
	const struct cs_name *names;

	workshop_resolve(shop, frames.module, "prog");
	assert_string_equal(workshop_name(shop, frames.leaf), "leaf");
	assert_string_equal(workshop_name(shop, frames.shown), "shown");
	assert_int_equal(cs_symbols_get(shop->symbols, frames.leaf, &names), 1);
	assert_string_equal(names[0].file, workshop_path(shop, "prog.c"));
	assert_in_range(names[0].line, 2, 3);
	assert_int_equal(shop->result.frames, 2);
	assert_int_equal(shop->result.named, 2);
	assert_int_equal(shop->result.with_lines, 2);
	assert_int_equal(shop->result.dwarf, 1);
}

static void without_debug_information_symbols_name_functions(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g0");

	workshop_resolve(shop, frames.module, "prog");
	assert_string_equal(workshop_name(shop, frames.leaf), "leaf");
	assert_int_equal(shop->result.with_lines, 0);
	assert_int_equal(shop->result.stripped, 0);
}

/* trap: the nearest exported symbol is not the function */
static void what_is_stripped_has_no_name(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g0 -rdynamic");

	workshop_run(shop, "strip prog");
	workshop_resolve(shop, frames.module, "prog");
	assert_string_equal(workshop_name(shop, frames.leaf), "");
	assert_string_equal(workshop_name(shop, frames.shown), "shown");
	assert_int_equal(shop->result.stripped, 1);
}

static void data_and_headers_have_no_name(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g");
	uint32_t header = cs_model_frame(shop->model, frames.module, 16);
	uint32_t far = cs_model_frame(shop->model, frames.module, UINT64_C(1) << 40);

	workshop_resolve(shop, frames.module, "prog");
	assert_string_equal(workshop_name(shop, header), "");
	assert_string_equal(workshop_name(shop, far), "");
}

static void a_label_without_size_reaches_to_the_next(void **state)
{
	struct workshop *shop = *state;

	workshop_write(shop, "label.s",
	               ".text\n.globl one\none: nop\n nop\n"
	               ".globl two\n.type two,@function\ntwo: nop\n.size two,1\n nop\n");
	workshop_run(shop, "gcc -shared -nostdlib label.s -o label.so");
	uint32_t module = workshop_module(shop, "label.so");
	uint64_t one = workshop_address(shop, "label.so", "one");
	uint32_t frames[4];
	for (unsigned i = 0; i < 4; i++)
		frames[i] = cs_model_frame(shop->model, module, one + i);
	workshop_resolve(shop, module, "label.so");
	assert_string_equal(workshop_name(shop, frames[0]), "one");
	assert_string_equal(workshop_name(shop, frames[1]), "one");
	assert_string_equal(workshop_name(shop, frames[2]), "two");
	assert_string_equal(workshop_name(shop, frames[3]), ""); /* behind the end of two */
}

/* trap: the program is rebuilt while it runs: names of the new one are wrong */
static void a_file_with_another_build_id_gives_no_names(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g");

	workshop_run(shop, "sed -i 's/leaf/other/' prog.c && gcc -g prog.c -o prog");
	workshop_resolve(shop, frames.module, "prog");
	assert_string_equal(workshop_name(shop, frames.leaf), "");
	assert_int_equal(shop->result.replaced, 1);
	assert_int_equal(shop->result.first_replaced, frames.module);
	assert_int_equal(shop->result.named, 0);
}

static void a_deleted_file_is_read_through_its_descriptor(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g");
	struct cs_resolver *resolver = cs_resolver_new(NULL);

	int fd = open(workshop_path(shop, "prog"), O_RDONLY);
	cs_resolver_add_module(resolver, frames.module, fd, NULL);
	workshop_run(shop, "rm prog");
	cs_resolver_resolve(resolver, shop->model, shop->symbols, NULL, NULL, NULL, NULL);
	assert_string_equal(workshop_name(shop, frames.leaf), "leaf");
	cs_resolver_free(resolver);
}

static void a_missing_file_is_counted(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g");

	workshop_run(shop, "rm prog");
	workshop_resolve(shop, frames.module, NULL);
	assert_int_equal(shop->result.missing, 1);
	assert_int_equal(shop->result.first_missing, frames.module);
}

/* trap: opening a fifo waits for somebody to write to it */
static void what_is_no_regular_file_is_not_waited_for(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g");

	workshop_run(shop, "rm prog && mkfifo prog");
	workshop_resolve(shop, frames.module, NULL);
	assert_int_equal(shop->result.missing, 1);
}

/* Beyond the limit a file is opened again, and only if it is the same file. */
static void more_files_than_may_be_open_are_opened_again(void **state)
{
	struct workshop *shop = *state;
	struct cs_resolver_options options = {.max_open_files = 1};
	struct cs_resolver *resolver = cs_resolver_new(&options);
	uint32_t frames[3];

	build(shop, "-g");
	for (unsigned i = 0; i < 3; i++) {
		char name[16], command[64];
		snprintf(name, sizeof(name), "prog%u", i);
		snprintf(command, sizeof(command), "gcc -g prog.c -Wl,--build-id=none -o %s", name);
		workshop_run(shop, command);
		uint64_t leaf = workshop_address(shop, name, "leaf");
		uint32_t module = workshop_module(shop, name);
		int fd = open(workshop_path(shop, name), O_RDONLY);
		frames[i] = cs_model_frame(shop->model, module, leaf);
		cs_resolver_add_module(resolver, module, fd, workshop_path(shop, name));
	}
	workshop_run(shop, "sed -i 's/leaf/other/' prog.c && rm prog2 && "
	                   "gcc -g prog.c -Wl,--build-id=none -o prog2");
	cs_resolver_resolve(resolver, shop->model, shop->symbols, NULL, NULL, &shop->result, NULL);
	assert_string_equal(workshop_name(shop, frames[0]), "leaf");
	assert_string_equal(workshop_name(shop, frames[1]), "leaf");
	assert_string_equal(workshop_name(shop, frames[2]), "");
	assert_int_equal(shop->result.replaced, 1);
	assert_int_equal(shop->result.unverified, 0);
	cs_resolver_free(resolver);
}

static void names_by_path_alone_are_counted_as_unverified(void **state)
{
	struct workshop *shop = *state;

	workshop_run(shop, "gcc -g prog.c -Wl,--build-id=none -o prog");
	uint32_t module = workshop_module(shop, "prog");
	uint32_t frame =
		cs_model_frame(shop->model, module, workshop_address(shop, "prog", "leaf"));
	workshop_resolve(shop, module, NULL);
	assert_string_equal(workshop_name(shop, frame), "leaf");
	assert_int_equal(shop->result.unverified, 1);
}

static void debug_files_are_found_by_their_link(void **state)
{
	struct workshop *shop = *state;
	static const char *const places[] = {"prog.debug", ".debug/prog.debug"};

	for (unsigned i = 0; i < 2; i++) {
		struct frames frames = build(shop, i ? "-g" : "-g -Wl,--build-id=none");
		char command[256];
		snprintf(command, sizeof(command),
		         "mkdir -p .debug && objcopy --only-keep-debug prog %s && strip prog && "
		         "objcopy --add-gnu-debuglink=%s prog",
		         places[i], places[i]);
		workshop_run(shop, command);
		workshop_resolve(shop, frames.module, "prog");
		assert_string_equal(workshop_name(shop, frames.leaf), "leaf");
		assert_int_equal(shop->result.with_lines, 2);
		workshop_run(shop, "rm -r .debug; rm -f prog.debug");
	}
}

static void debug_files_are_found_by_build_id(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g");
	const char *dirs[] = {"/nonexistent", shop->folder, NULL};

	workshop_run(shop, "id=$(readelf -n prog | sed -n 's/.*Build ID: //p') && "
	                   "mkdir -p .build-id/${id%${id#??}} && objcopy --only-keep-debug prog "
	                   ".build-id/${id%${id#??}}/${id#??}.debug && strip prog");
	shop->options.debug_dirs = dirs;
	workshop_resolve(shop, frames.module, "prog");
	assert_string_equal(workshop_name(shop, frames.leaf), "leaf");
	assert_int_equal(shop->result.with_lines, 2);
}

/* trap: the debug file of another build lies where ours should */
static void a_debug_file_of_another_build_is_not_used(void **state)
{
	struct workshop *shop = *state;
	static const char *const ids[] = {"-g", "-g -Wl,--build-id=none"};

	for (unsigned i = 0; i < 2; i++) {
		struct frames frames = build(shop, ids[i]);
		workshop_run(shop,
		             "objcopy --only-keep-debug prog prog.debug && strip prog && "
		             "objcopy --add-gnu-debuglink=prog.debug prog && "
		             "sed 's/leaf/other/; 1i\\\n' prog.c >o.c && gcc -O1 -g o.c -o o && "
		             "objcopy --only-keep-debug o prog.debug");
		workshop_resolve(shop, frames.module, "prog");
		assert_string_equal(workshop_name(shop, frames.leaf), "");
		assert_int_equal(shop->result.with_lines, 0);
	}
}

static void symbols_in_gnu_debugdata_are_used(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g0");

	if (workshop_try(shop, "command -v xz") != 0)
		skip();
	workshop_run(shop, "objcopy --only-keep-debug prog mini && xz -k mini && strip prog && "
	                   "objcopy --add-section .gnu_debugdata=mini.xz prog");
	workshop_resolve(shop, frames.module, "prog");
	assert_string_equal(workshop_name(shop, frames.leaf), "leaf");
	assert_int_equal(shop->result.stripped, 0);
}

/* The "server" is a folder: nothing is asked of it unless the options say so. */
static void debuginfod_is_asked_only_when_it_is_turned_on(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g");
	char url[128];

	workshop_run(shop,
	             "id=$(readelf -n prog | sed -n 's/.*Build ID: //p') && "
	             "mkdir -p server/buildid/$id && "
	             "objcopy --only-keep-debug prog server/buildid/$id/debuginfo && strip prog");
	snprintf(url, sizeof(url), "file://%s/server", shop->folder);
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", workshop_path(shop, "cache"), 1);
	workshop_resolve(shop, frames.module, "prog");
	assert_string_equal(workshop_name(shop, frames.leaf), "");
	assert_int_equal(access(workshop_path(shop, "cache"), F_OK), -1);
	shop->options.debuginfod = true;
	workshop_resolve(shop, frames.module, "prog");
	unsetenv("DEBUGINFOD_URLS");
	if (access(workshop_path(shop, "cache"), F_OK) != 0)
		skip(); /* libdebuginfod is not installed */
	assert_string_equal(workshop_name(shop, frames.leaf), "leaf");
}

static bool stop_at_once(void *context, uint64_t done, uint64_t total)
{
	assert_true(done <= total);
	++*(unsigned *)context;
	return false;
}

static void progress_can_stop_the_work(void **state)
{
	struct workshop *shop = *state;
	struct cs_diag diag = {0};
	unsigned calls = 0;

	build(shop, "-g");
	struct cs_resolver *resolver = cs_resolver_new(NULL);
	assert_int_equal(cs_resolver_resolve(resolver, shop->model, shop->symbols, stop_at_once,
	                                     &calls, NULL, &diag),
	                 -ECANCELED);
	assert_int_equal(calls, 1);
	cs_resolver_free(resolver);
}

static void what_has_a_name_is_not_looked_up_again(void **state)
{
	struct workshop *shop = *state;
	struct frames frames = build(shop, "-g");

	workshop_resolve(shop, frames.module, "prog");
	workshop_run(shop, "rm prog");
	workshop_resolve(shop, frames.module, NULL);
	assert_int_equal(shop->result.frames, 0);
	assert_string_equal(workshop_name(shop, frames.leaf), "leaf");
}

static void the_kernels_code_has_names(void **state)
{
	struct workshop *shop = *state;
	uint32_t module = cs_model_module(shop->model, "[vdso]", NULL, 0);

	for (uint64_t offset = 0x400; offset < 0x1800; offset += 16)
		cs_model_frame(shop->model, module, offset);
	workshop_resolve(shop, 0, NULL);
	assert_true(shop->result.named > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(functions_files_and_lines_are_found),
		TEST(without_debug_information_symbols_name_functions),
		TEST(what_is_stripped_has_no_name),
		TEST(data_and_headers_have_no_name),
		TEST(a_label_without_size_reaches_to_the_next),
		TEST(a_file_with_another_build_id_gives_no_names),
		TEST(a_deleted_file_is_read_through_its_descriptor),
		TEST(a_missing_file_is_counted),
		TEST(what_is_no_regular_file_is_not_waited_for),
		TEST(more_files_than_may_be_open_are_opened_again),
		TEST(names_by_path_alone_are_counted_as_unverified),
		TEST(debug_files_are_found_by_their_link),
		TEST(debug_files_are_found_by_build_id),
		TEST(a_debug_file_of_another_build_is_not_used),
		TEST(symbols_in_gnu_debugdata_are_used),
		TEST(debuginfod_is_asked_only_when_it_is_turned_on),
		TEST(progress_can_stop_the_work),
		TEST(what_has_a_name_is_not_looked_up_again),
		TEST(the_kernels_code_has_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
