/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .eh_frame through elfutils, and the bottoms of stacks that were made by hand. Their return
 * address leads to code that nobody has called: functions known by name, without unwind
 * information or with some that leads astray because the stack was changed underneath; and,
 * as in makecontext(), the very first byte of a function with no code before it.
 */
#include "unwind/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/object.h"

#define BOTTOMS_MAX 8u
#define PRINT_BYTES 256u

struct cs_cfi {
	struct cs_object object;
	Dwarf_CFI *frames; /* NULL: there is none */
	struct {
		uint64_t low, high;
	} bottoms[BOTTOMS_MAX];
	uint32_t bottom_count;
	uint64_t print_address;
	uint32_t print_bytes;
	uint8_t print[PRINT_BYTES];
};

static const char *const bottom_names[] = {
	"make_fcontext",    /* Boost.Context: its end calls _exit() */
	"st_thread_create", /* State Threads: it comes back on a stack that nobody called */
};

/* ---- opening ---- */

static void note_bottom(struct cs_cfi *cfi, const GElf_Sym *symbol, const char *name)
{
	if (!name || GELF_ST_TYPE(symbol->st_info) != STT_FUNC || !symbol->st_size ||
	    cfi->bottom_count == BOTTOMS_MAX)
		return;
	for (size_t i = 0; i < sizeof(bottom_names) / sizeof(bottom_names[0]); i++) {
		if (strcmp(name, bottom_names[i]) != 0)
			continue;
		cfi->bottoms[cfi->bottom_count].low = symbol->st_value;
		cfi->bottoms[cfi->bottom_count++].high = symbol->st_value + symbol->st_size;
		return;
	}
}

static void find_bottoms(struct cs_cfi *cfi, const char *section)
{
	Elf_Scn *scn = cs_object_section(&cfi->object, section);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	GElf_Shdr header;
	GElf_Sym symbol;

	if (!data || !gelf_getshdr(scn, &header) || header.sh_entsize != sizeof(Elf64_Sym))
		return;
	for (int i = 0; (size_t)i < data->d_size / sizeof(Elf64_Sym); i++)
		if (gelf_getsym(data, i, &symbol))
			note_bottom(cfi, &symbol,
			            elf_strptr(cfi->object.elf, header.sh_link, symbol.st_name));
}

/* The head of .eh_frame_hdr: how many functions there are, and where the first ones lie. */
static void take_print(struct cs_cfi *cfi)
{
	GElf_Phdr segment;
	size_t count;

	if (elf_getphdrnum(cfi->object.elf, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(cfi->object.elf, (int)i, &segment) ||
		    segment.p_type != PT_GNU_EH_FRAME)
			continue;
		size_t bytes = segment.p_filesz < PRINT_BYTES ? segment.p_filesz : PRINT_BYTES;
		Elf_Data *data = elf_getdata_rawchunk(cfi->object.elf, (int64_t)segment.p_offset,
		                                      bytes, ELF_T_BYTE);
		if (!data || data->d_size < bytes)
			return;
		memcpy(cfi->print, data->d_buf, bytes);
		cfi->print_address = segment.p_vaddr;
		cfi->print_bytes = (uint32_t)bytes;
		return;
	}
}

struct cs_cfi *cs_cfi_open(int fd)
{
	struct cs_cfi *cfi = calloc(1, sizeof(*cfi));
	struct cs_object object;

	if (cs_object_open(&object, fd) || !cfi) {
		if (cfi)
			free(cfi);
		return NULL;
	}
	cfi->object = object;
	cfi->frames = dwarf_getcfi_elf(object.elf);
	find_bottoms(cfi, ".symtab");
	if (!cfi->bottom_count)
		find_bottoms(cfi, ".dynsym");
	take_print(cfi);
	return cfi;
}

void cs_cfi_close(struct cs_cfi *cfi)
{
	if (!cfi)
		return;
	if (cfi->frames)
		dwarf_cfi_end(cfi->frames);
	cs_object_close(&cfi->object);
	free(cfi);
}

/* ---- rules ---- */

static int32_t keep(struct cs_rule_book *book, const Dwarf_Op *from, size_t count)
{
	struct cs_rule_op ops[64];

	if (count > sizeof(ops) / sizeof(ops[0]))
		return -1;
	for (size_t i = 0; i < count; i++)
		ops[i] = (struct cs_rule_op){
			.atom = from[i].atom,
			.number = (int64_t)from[i].number,
			.number2 = (int64_t)from[i].number2,
		};
	return cs_rule_book_add(book, ops, (uint32_t)count);
}

static bool fits(int64_t value)
{
	return value >= INT32_MIN && value <= INT32_MAX;
}

static void take_cfa(Dwarf_Frame *frame, struct cs_rule_book *book, struct cs_rule *rule)
{
	Dwarf_Op *ops;
	size_t count;

	if (dwarf_frame_cfa(frame, &ops, &count) || count == 0)
		return;
	if (count == 1 && ops[0].atom == DW_OP_bregx && ops[0].number < CS_REGISTERS &&
	    fits((int64_t)ops[0].number2)) {
		rule->kind = CS_RULE_OFFSET;
		rule->cfa_register = (uint8_t)ops[0].number;
		rule->cfa_offset = (int32_t)(int64_t)ops[0].number2;
		return;
	}
	rule->cfa_offset = keep(book, ops, count);
	if (rule->cfa_offset >= 0)
		rule->kind = CS_RULE_EXPRESSION;
}

/* "The CFA plus a constant": what nearly all registers are saved at. */
static bool is_plain(const Dwarf_Op *ops, size_t count, int64_t *offset)
{
	*offset = count == 2 ? (int64_t)ops[1].number : 0;
	return ops[0].atom == DW_OP_call_frame_cfa &&
	       (count == 1 || (count == 2 && ops[1].atom == DW_OP_plus_uconst)) && fits(*offset);
}

static void take_register(Dwarf_Frame *frame, struct cs_rule_book *book, struct cs_rule *rule,
                          unsigned index)
{
	Dwarf_Op memory[3];
	Dwarf_Op *ops;
	size_t count;
	int64_t offset;
	bool value;

	if (dwarf_frame_register(frame, cs_rule_registers[index], memory, &ops, &count))
		return;
	if (count == 0) {
		rule->place[index] = ops == memory ? CS_PLACE_UNKNOWN : CS_PLACE_SAME;
		return;
	}
	value = count > 1 && ops[count - 1].atom == DW_OP_stack_value;
	if (value)
		count--;
	if (is_plain(ops, count, &offset)) {
		rule->place[index] = value ? CS_PLACE_IS_OFFSET : CS_PLACE_AT_OFFSET;
		rule->offset[index] = (int32_t)offset;
		return;
	}
	/* DW_OP_regx is a register in another one: not met in code, and refused by step(). */
	rule->offset[index] = keep(book, ops, count);
	if (rule->offset[index] >= 0)
		rule->place[index] = value ? CS_PLACE_IS_EXPRESSION : CS_PLACE_AT_EXPRESSION;
}

static bool is_bottom(const struct cs_cfi *cfi, uint64_t address)
{
	for (uint32_t i = 0; i < cfi->bottom_count; i++)
		if (address >= cfi->bottoms[i].low && address < cfi->bottoms[i].high)
			return true;
	return false;
}

static bool starts_at(const struct cs_cfi *cfi, uint64_t address)
{
	Dwarf_Frame *frame = NULL;
	Dwarf_Addr start, end;
	bool starts;

	if (dwarf_cfi_addrframe(cfi->frames, address, &frame) || !frame)
		return false;
	starts = dwarf_frame_info(frame, &start, &end, NULL) >= 0 && start == address;
	free(frame);
	return starts;
}

void cs_cfi_rule(struct cs_cfi *cfi, uint64_t address, struct cs_rule_book *book,
                 struct cs_rule *rule)
{
	const unsigned return_address = CS_RULE_SAVED - 1;
	Dwarf_Frame *frame = NULL;

	*rule = (struct cs_rule){.kind = CS_RULE_CUT};
	if (is_bottom(cfi, address)) {
		rule->kind = CS_RULE_BOTTOM;
		return;
	}
	if (!cfi->frames)
		return;
	if (dwarf_cfi_addrframe(cfi->frames, address, &frame) || !frame) {
		if (starts_at(cfi, address + 1))
			rule->kind = CS_RULE_BOTTOM;
		return;
	}
	if (dwarf_frame_info(frame, NULL, NULL, &rule->interrupted) == CS_REGISTER_RIP) {
		for (unsigned i = 0; i < CS_RULE_SAVED; i++)
			take_register(frame, book, rule, i);
		take_cfa(frame, book, rule);
		if (rule->place[return_address] == CS_PLACE_UNKNOWN &&
		    rule->offset[return_address] >= 0)
			rule->kind = CS_RULE_END;
	}
	free(frame);
}

/* ---- where it lies ---- */

bool cs_cfi_bias(const struct cs_cfi *cfi, uint64_t start, uint64_t offset, uint64_t *bias)
{
	GElf_Phdr segment;
	size_t count;

	if (elf_getphdrnum(cfi->object.elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(cfi->object.elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
		    !(segment.p_flags & PF_X))
			continue;
		uint64_t low = segment.p_offset & ~UINT64_C(4095);
		if (offset < low || offset - low >= segment.p_filesz + 4096)
			continue;
		*bias = start - offset + segment.p_offset - segment.p_vaddr;
		return true;
	}
	return false;
}

const uint8_t *cs_cfi_print(const struct cs_cfi *cfi, uint64_t *address, uint32_t *bytes)
{
	*address = cfi->print_address;
	*bytes = cfi->print_bytes;
	return cfi->print_bytes ? cfi->print : NULL;
}

const uint8_t *cs_cfi_build_id(const struct cs_cfi *cfi, uint32_t *bytes)
{
	*bytes = cfi->object.build_id_bytes > 32 ? 32 : cfi->object.build_id_bytes;
	return cfi->object.build_id;
}
