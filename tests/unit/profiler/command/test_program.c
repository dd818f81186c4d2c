/* SPDX-License-Identifier: Apache-2.0 */
/* What a program file is found to be. Files are hostile: cut and forged ones as well. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/program.h"
#include "support/unit.h"

struct folder {
	char path[32];
	char file[64];
};

static void make_file(struct folder *folder, const void *data, size_t bytes, mode_t mode)
{
	strcpy(folder->path, "/tmp/coroscope-test.XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	snprintf(folder->file, sizeof(folder->file), "%s/program", folder->path);
	int fd = open(folder->file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, bytes), (ssize_t)bytes);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void remove_file(const struct folder *folder)
{
	unlink(folder->file);
	rmdir(folder->path);
}

/* Finds and checks what DATA is as a program. */
static int judge(const void *data, size_t bytes, struct cs_program *program, struct cs_diag *diag)
{
	struct folder folder;

	make_file(&folder, data, bytes, 0755);
	int error = cs_program_find(program, folder.file, diag);
	remove_file(&folder);
	return error ? error : cs_program_check(program, diag);
}

static Elf64_Ehdr native_head(void)
{
	Elf64_Ehdr head = {
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = sizeof(head),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};

	memcpy(head.e_ident, "\177ELF\2\1\1", 7);
	return head;
}

static void this_test_is_a_program(void **state)
{
	struct cs_program program;
	struct cs_diag diag;

	(void)state;
	assert_int_equal(cs_program_find(&program, "/proc/self/exe", &diag), 0);
	assert_int_equal(program.kind, CS_PROGRAM_NATIVE);
	assert_false(program.is_static);
	assert_false(program.foreign_loader);
	assert_false(program.go);
	/* Built with sanitizers it must be refused, else not. */
	assert_int_equal(cs_program_check(&program, &diag), program.sanitizer[0] ? -ENOTSUP : 0);
}

static void programs_are_found_as_a_shell_finds_them(void **state)
{
	struct cs_program program;
	struct cs_diag diag;

	(void)state;
	assert_int_equal(cs_program_find(&program, "sh", &diag), 0);
	assert_true(program.path[0] == '/');
	assert_int_equal(cs_program_find(&program, "no-such-program-here", &diag), -ENOENT);
	assert_non_null(strstr(diag.text, "start no-such-program-here: there is no such program"));
	assert_int_equal(cs_program_find(&program, "", &diag), -ENOENT);
	assert_int_equal(cs_program_find(&program, "/", &diag), -EISDIR);
	assert_int_equal(cs_program_find(&program, "/dev/null", &diag), -EACCES);
	assert_int_equal(cs_program_find(&program, "/nowhere/x", &diag), -ENOENT);
}

static void a_script_is_its_interpreter(void **state)
{
	static const char script[] = "#! /bin/sh -e\nexit 0\n", orphan[] = "#!/nowhere/sh\n";
	struct cs_program program;
	struct cs_diag diag;

	(void)state;
	assert_int_equal(judge(script, sizeof(script) - 1, &program, &diag), 0);
	assert_string_equal(program.path, "/bin/sh");
	assert_non_null(strstr(program.script, "/program"));
	assert_int_equal(judge(orphan, sizeof(orphan) - 1, &program, &diag), -ENOENT);
	assert_non_null(strstr(diag.text, "/nowhere/sh"));
}

static void what_may_not_be_executed_is_said(void **state)
{
	struct folder folder;
	struct cs_program program;
	struct cs_diag diag;

	(void)state;
	make_file(&folder, "#!/bin/sh\n", 10, 0644);
	assert_int_equal(cs_program_find(&program, folder.file, &diag), -EACCES);
	assert_non_null(strstr(diag.hint, "chmod"));
	remove_file(&folder);
}

static void other_architectures_are_refused(void **state)
{
	Elf64_Ehdr head = native_head();
	struct cs_program program;
	struct cs_diag diag;

	(void)state;
	head.e_machine = EM_AARCH64;
	assert_int_equal(judge(&head, sizeof(head), &program, &diag), -ENOTSUP);
	assert_int_equal(program.kind, CS_PROGRAM_FOREIGN);
	head = native_head();
	head.e_ident[EI_CLASS] = ELFCLASS32; /* x32 */
	assert_int_equal(judge(&head, sizeof(head), &program, &diag), -ENOTSUP);
	assert_non_null(strstr(diag.text, "32-bit"));
	head.e_machine = EM_386;
	assert_int_equal(judge(&head, sizeof(head), &program, &diag), -ENOTSUP);
	assert_int_equal(program.kind, CS_PROGRAM_32_BIT);
}

static void static_programs_are_refused(void **state)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segment;
	} file = {native_head(), {.p_type = PT_LOAD}};
	struct cs_program program;
	struct cs_diag diag;

	(void)state;
	assert_int_equal(judge(&file, sizeof(file), &program, &diag), -ENOTSUP);
	assert_true(program.is_static);
	assert_non_null(strstr(diag.text, "statically linked"));
}

static void other_loaders_are_refused(void **state)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segment;
		char loader[32];
	} file = {native_head(), {.p_type = PT_INTERP}, "/lib/ld-musl-x86_64.so.1"};
	struct cs_program program;
	struct cs_diag diag;

	(void)state;
	file.segment.p_offset = offsetof(typeof(file), loader);
	file.segment.p_filesz = sizeof(file.loader);
	assert_int_equal(judge(&file, sizeof(file), &program, &diag), -ENOTSUP);
	assert_true(program.foreign_loader);
	assert_non_null(strstr(diag.text, "ld-musl"));
}

static void what_gains_rights_is_refused(void **state)
{
	struct cs_program program = {.path = "/x", .kind = CS_PROGRAM_NATIVE, .gains_user = true};
	struct cs_diag diag;

	(void)state;
	assert_int_equal(cs_program_check(&program, &diag), -EPERM);
	assert_non_null(strstr(diag.text, "setuid"));
	program.gains_user = false;
	program.gains_capabilities = true;
	assert_int_equal(cs_program_check(&program, &diag), -EPERM);
	assert_non_null(strstr(diag.text, "capabilities"));
}

static void text_is_no_program(void **state)
{
	struct cs_program program;
	struct cs_diag diag;

	(void)state;
	assert_int_equal(judge("hello", 5, &program, &diag), -ENOEXEC);
	assert_int_equal(judge("", 0, &program, &diag), -ENOEXEC);
	assert_int_equal(judge("\177ELF", 4, &program, &diag), -ENOEXEC);
}

/* A real program, cut at every so many bytes and with every header field blown up. */
static void cut_and_forged_files_are_survived(void **state)
{
	size_t room = 1 << 20;
	unsigned char *data = malloc(room);
	struct cs_program program;
	struct cs_diag diag;
	FILE *file = fopen("/bin/true", "r");

	(void)state;
	assert_true(data && file);
	size_t bytes = fread(data, 1, room, file);
	fclose(file);
	for (size_t cut = 0; cut < bytes; cut += cut < 256 ? 7 : bytes / 40)
		judge(data, cut, &program, &diag);
	for (size_t at = 16; at < 0x800 && at < bytes; at += 3) {
		unsigned char old = data[at];

		data[at] = 0xff;
		judge(data, bytes, &program, &diag);
		data[at] = old;
	}
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(this_test_is_a_program),
		cmocka_unit_test(programs_are_found_as_a_shell_finds_them),
		cmocka_unit_test(a_script_is_its_interpreter),
		cmocka_unit_test(what_may_not_be_executed_is_said),
		cmocka_unit_test(other_architectures_are_refused),
		cmocka_unit_test(static_programs_are_refused),
		cmocka_unit_test(other_loaders_are_refused),
		cmocka_unit_test(what_gains_rights_is_refused),
		cmocka_unit_test(text_is_no_program),
		cmocka_unit_test(cut_and_forged_files_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
