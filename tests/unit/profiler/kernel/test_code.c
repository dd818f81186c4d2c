/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of this very program, as seen from outside, and files that are not what they say. */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/code.h"
#include "kernel/elf_glimpse.h"
#include "support/unit.h"

static uint32_t told;

static void hear(void *context, uint32_t module, int fd, const char *path)
{
	(void)context;
	assert_true(module > 0);
	assert_true(path[0] == '/');
	assert_true(fd >= 0);
	close(fd);
	told++;
}

struct found {
	uint64_t address, bias;
	char path[4096];
};

static int by_loader(struct dl_phdr_info *info, size_t size, void *context)
{
	struct found *found = context;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && found->address >= start &&
		    found->address - start < info->dlpi_phdr[i].p_memsz)
			found->bias = info->dlpi_addr;
	}
	return 0;
}

/* The module, and the file's own address of a function of ours and of one of libc's. */
static void an_address_has_the_loaders_bias(void **state)
{
	const uint64_t addresses[] = {(uint64_t)(uintptr_t)an_address_has_the_loaders_bias,
	                              (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "strtoul")};
	struct cs_model *model = cs_model_new();
	struct cs_code code;

	(void)state;
	told = 0;
	cs_code_start(&code, model, (uint32_t)getpid(), hear, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct found found = {.address = addresses[i]};
		const struct cs_frame *frame =
			cs_model_frame_at(model, cs_code_frame(&code, addresses[i], 5));

		dl_iterate_phdr(by_loader, &found);
		assert_non_null(frame);
		assert_true(frame->module != CS_MODULE_NONE);
		assert_int_equal(frame->offset, addresses[i] - found.bias);
		assert_true(cs_model_module_at(model, frame->module)->build_id_bytes > 0);
	}
	assert_true(told >= 2);
	cs_code_stop(&code);
	cs_model_free(model);
}

/* Where nothing is mapped, and after the process has gone, an address is its own frame. */
static void an_address_in_no_module_stays_bare(void **state)
{
	struct cs_model *model = cs_model_new();
	const struct cs_frame *frame;
	struct cs_code code;

	(void)state;
	cs_code_start(&code, model, UINT32_MAX, NULL, NULL);
	frame = cs_model_frame_at(model, cs_code_frame(&code, UINT64_C(0x123456789), 5));
	assert_int_equal(frame->module, CS_MODULE_NONE);
	assert_int_equal(frame->offset, UINT64_C(0x123456789));
	frame = cs_model_frame_at(model, cs_code_frame(&code, 3, 5));
	assert_int_equal(frame->offset, CS_FRAME_CUT_UNKNOWN);
	cs_code_stop(&code);
	cs_model_free(model);
}

/* Code that is loaded later is found when the mappings are read again. */
static void code_that_is_mapped_later_is_found_later(void **state)
{
	struct cs_model *model = cs_model_new();
	struct cs_code code;
	uint64_t address;
	void *library;

	(void)state;
	cs_code_start(&code, model, (uint32_t)getpid(), NULL, NULL);
	assert_non_null(cs_code_find(&code, (uint64_t)(uintptr_t)hear, 1000));
	library = dlopen("libresolv.so.2", RTLD_NOW);
	if (!library)
		skip();
	address = (uint64_t)(uintptr_t)dlsym(library, "ns_initparse");
	if (!address) {
		dlclose(library);
		skip();
	}
	assert_null(cs_code_find(&code, address, 2000)); /* not again so soon */
	assert_non_null(cs_code_find(&code, address, UINT64_C(2000000000)));
	dlclose(library);
	cs_code_stop(&code);
	cs_model_free(model);
}

/* A file whose headers promise more than it holds. */
static void headers_that_lie_are_no_module(void **state)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segments[2];
		struct {
			Elf64_Nhdr head;
			char name[4];
			uint8_t id[20];
		} note;
	} file = {0};
	struct cs_elf_glimpse glimpse;
	int fd = memfd_create("elf", MFD_CLOEXEC);

	(void)state;
	memcpy(file.header.e_ident, ELFMAG, SELFMAG);
	file.header.e_ident[EI_CLASS] = ELFCLASS64;
	file.header.e_ident[EI_DATA] = ELFDATA2LSB;
	file.header.e_phoff = sizeof(file.header);
	file.header.e_phentsize = sizeof(Elf64_Phdr);
	file.header.e_phnum = 2;
	file.segments[0] = (Elf64_Phdr){.p_type = PT_LOAD,
	                                .p_flags = PF_X,
	                                .p_offset = 0x1040,
	                                .p_vaddr = 0x402040,
	                                .p_filesz = 0x100};
	file.segments[1] = (Elf64_Phdr){.p_type = PT_NOTE,
	                                .p_offset = offsetof(__typeof__(file), note),
	                                .p_filesz = sizeof(file.note)};
	file.note.head = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID};
	memcpy(file.note.name, "GNU", 4);
	file.note.id[0] = 0xab;
	assert_int_equal(pwrite(fd, &file, sizeof(file), 0), sizeof(file));
	assert_true(cs_elf_glimpse(fd, 0x1000, &glimpse));
	assert_int_equal(glimpse.address, 0x402000);
	assert_int_equal(glimpse.build_id_bytes, 20);
	assert_int_equal(glimpse.build_id[0], 0xab);
	assert_false(cs_elf_glimpse(fd, 0x3000, &glimpse));

	file.note.head.n_descsz = UINT32_MAX;
	pwrite(fd, &file, sizeof(file), 0);
	assert_true(cs_elf_glimpse(fd, 0x1000, &glimpse));
	assert_int_equal(glimpse.build_id_bytes, 0);

	file.header.e_phoff = UINT64_MAX - 8;
	pwrite(fd, &file, sizeof(file), 0);
	assert_false(cs_elf_glimpse(fd, 0x1000, &glimpse));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_the_loaders_bias),
		cmocka_unit_test(an_address_in_no_module_stays_bare),
		cmocka_unit_test(code_that_is_mapped_later_is_found_later),
		cmocka_unit_test(headers_that_lie_are_no_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
