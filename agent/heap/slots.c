/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking DT_JMPREL and DT_RELA. A page is made writable at its first store and read-only again
 * when the walk stores elsewhere or ends: what is stored into lies close together.
 */
#include "heap/slots.h"

#include <elf.h>
#include <sys/mman.h>

#include "core/sys.h"

#define PAGE UINT64_C(4096)

struct walk {
	const struct csa_image *image;
	csa_slot_visit *visit;
	void *context;
	uintptr_t open; /* a page that ought to be read-only; 0 none */
};

static void close_page(struct walk *walk)
{
	if (walk->open)
		csa_sys3(SYS_mprotect, (long)walk->open, PAGE, PROT_READ);
	walk->open = 0;
}

static bool open_page(struct walk *walk, const void *slot)
{
	uintptr_t page = (uintptr_t)slot & ~(PAGE - 1);

	if ((uintptr_t)slot < walk->image->relro_low || (uintptr_t)slot >= walk->image->relro_high)
		return true;
	if (page == walk->open)
		return true;
	close_page(walk);
	if (csa_sandboxed || csa_sys3(SYS_mprotect, (long)page, PAGE, PROT_READ | PROT_WRITE) != 0)
		return false;
	walk->open = page;
	return true;
}

static void table(struct walk *walk, const Elf64_Rela *rela, uint64_t bytes)
{
	const struct csa_image *image = walk->image;

	for (uint64_t i = 0; rela && i < bytes / sizeof(*rela); i++) {
		uint64_t type = ELF64_R_TYPE(rela[i].r_info);
		const Elf64_Sym *symbol = &image->symbols[ELF64_R_SYM(rela[i].r_info)];
		void **slot = (void **)(image->bias + rela[i].r_offset);
		void *value = NULL;

		if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT ||
		    (type == R_X86_64_64 && rela[i].r_addend == 0))
			value = walk->visit(walk->context, image, *slot,
			                    image->strings + symbol->st_name);
		if (value && open_page(walk, slot))
			__atomic_store_n(slot, value, __ATOMIC_RELEASE);
	}
}

void csa_slots_each(const struct csa_image *image, csa_slot_visit *visit, void *context)
{
	struct walk walk = {image, visit, context, 0};

	if (!image->symbols || !image->strings)
		return;
	table(&walk, image->jmprel, image->jmprel_bytes);
	table(&walk, image->rela, image->rela_bytes);
	close_page(&walk);
}
