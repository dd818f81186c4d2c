/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking DT_JMPREL and DT_RELA.
 */
#include "heap/slots.h"

#include <elf.h>
#include <sys/mman.h>

#include "core/sys.h"

#define PAGE UINT64_C(4096)

static void table(const struct csa_image *image, const Elf64_Rela *rela, uint64_t bytes,
                  csa_slot_visit *visit, void *context)
{
	for (uint64_t i = 0; rela && i < bytes / sizeof(*rela); i++) {
		uint64_t type = ELF64_R_TYPE(rela[i].r_info);
		const Elf64_Sym *symbol = &image->symbols[ELF64_R_SYM(rela[i].r_info)];
		void **slot = (void **)(image->bias + rela[i].r_offset);

		if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT ||
		    (type == R_X86_64_64 && rela[i].r_addend == 0))
			visit(context, image, slot, image->strings + symbol->st_name);
	}
}

void csa_slots_each(const struct csa_image *image, csa_slot_visit *visit, void *context)
{
	if (!image->symbols || !image->strings)
		return;
	table(image, image->jmprel, image->jmprel_bytes, visit, context);
	table(image, image->rela, image->rela_bytes, visit, context);
}

void csa_slot_store(const struct csa_image *image, void **slot, void *value)
{
	uintptr_t page = (uintptr_t)slot & ~(PAGE - 1);
	bool read_only = (uintptr_t)slot >= image->relro_low && (uintptr_t)slot < image->relro_high;

	if (read_only && csa_sys3(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE) != 0)
		return;
	*slot = value;
	if (read_only)
		csa_sys3(SYS_mprotect, page, PAGE, PROT_READ);
}
