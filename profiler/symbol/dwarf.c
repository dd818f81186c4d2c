/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdw reads, this file searches: dwarf_getscopes() walks a whole unit for every address,
 * here a unit's functions are listed once and only the inside of one function is walked.
 *
 * Damaged DWARF must end: siblings have growing offsets, scopes a limited depth.
 */
#include "symbol/dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdlib.h>

#include "base/list.h"
#include "symbol/spans.h"

enum { DEPTH_MAX = 64 };

struct unit {
	Dwarf_Die die;
	bool listed;               /* functions has been filled */
	struct cs_spans functions; /* id: index in offsets */
	Dwarf_Off *offsets;
	size_t count, room;
	Dwarf_Files *files;
};

struct cs_dwarf {
	Dwarf *dwarf;
	struct cs_list units;
	struct cs_spans spans; /* id: unit */
};

/* The ranges of DIE, as ID. */
static int add_ranges(struct cs_spans *spans, Dwarf_Die *die, uint32_t id)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t next = 0;
	int error = 0;

	while (!error && (next = dwarf_ranges(die, next, &base, &low, &high)) > 0) {
		/* What the linker threw away is left at 0. */
		if (low != 0)
			error = cs_spans_add(spans, low, high, id);
	}
	return error;
}

static int list_units(struct cs_dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;
	int error = 0;

	while (!error && dwarf_get_units(dwarf->dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		struct unit *unit = cs_list_push(&dwarf->units);
		if (!unit)
			return -ENOMEM;
		unit->die = die;
		error = add_ranges(&dwarf->spans, &unit->die, dwarf->units.count - 1);
	}
	cs_spans_sort(&dwarf->spans);
	return error;
}

/*
 * Strings that run over the end of their section: libdw checks where they start and relies on
 * the section's last byte. To be asked when libdw has unpacked the sections.
 */
static bool strings_end(const struct cs_object *object)
{
	static const char *const names[] = {".debug_str", ".debug_line_str", ".zdebug_str",
	                                    ".zdebug_line_str"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		Elf_Scn *section = cs_object_section(object, names[i]);
		Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
		if (data && data->d_size > 0 &&
		    (!data->d_buf || ((const char *)data->d_buf)[data->d_size - 1] != 0))
			return false;
	}
	return true;
}

struct cs_dwarf *cs_dwarf_open(const struct cs_object *object)
{
	struct cs_dwarf *dwarf = calloc(1, sizeof(*dwarf));

	if (!dwarf)
		return NULL;
	cs_list_init(&dwarf->units, sizeof(struct unit), 6);
	dwarf->dwarf = dwarf_begin_elf(object->elf, DWARF_C_READ, NULL);
	if (dwarf->dwarf && strings_end(object) && list_units(dwarf) == 0 && dwarf->spans.count > 0)
		return dwarf;
	cs_dwarf_close(dwarf);
	return NULL;
}

void cs_dwarf_close(struct cs_dwarf *dwarf)
{
	if (!dwarf)
		return;
	for (uint32_t i = 0; i < dwarf->units.count; i++) {
		struct unit *unit = cs_list_at(&dwarf->units, i);
		cs_spans_free(&unit->functions);
		free(unit->offsets);
	}
	cs_list_free(&dwarf->units);
	cs_spans_free(&dwarf->spans);
	if (dwarf->dwarf)
		dwarf_end(dwarf->dwarf);
	free(dwarf);
}

/* DIE becomes its next sibling; false at the end. */
static bool next_sibling(Dwarf_Die *die)
{
	Dwarf_Off offset = dwarf_dieoffset(die);
	Dwarf_Die next;

	if (dwarf_siblingof(die, &next) != 0 || dwarf_dieoffset(&next) <= offset)
		return false;
	*die = next;
	return true;
}

static int add_function(struct unit *unit, Dwarf_Die *die)
{
	void *offsets = unit->offsets;

	if (!dwarf_hasattr(die, DW_AT_low_pc) && !dwarf_hasattr(die, DW_AT_ranges))
		return 0; /* a declaration, or one that is always inlined */
	if (cs_array_reserve(&offsets, &unit->room, sizeof(*unit->offsets), unit->count + 1))
		return -ENOMEM;
	unit->offsets = offsets;
	unit->offsets[unit->count++] = dwarf_dieoffset(die);
	return add_ranges(&unit->functions, die, (uint32_t)(unit->count - 1));
}

/*
 * Functions are in the unit, in what gives names a scope, or within functions: the calls of
 * lambdas and of local classes.
 */
static int list_functions(struct unit *unit, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;
	int error = 0;

	if (depth == DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return 0;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			error = add_function(unit, &die);
			if (!error)
				error = list_functions(unit, &die, depth + 1);
			break;
		case DW_TAG_lexical_block:
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
			error = list_functions(unit, &die, depth + 1);
			break;
		default:
			break;
		}
	} while (!error && next_sibling(&die));
	return error;
}

static const char *linkage_of(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) &&
	    !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		return NULL;
	return dwarf_formstring(&attribute);
}

static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0 ||
	    value > INT32_MAX)
		return 0;
	return (uint32_t)value;
}

/* Moves DIE to the child that holds ADDRESS; false: none does. */
static bool step_in(Dwarf_Die *die, uint64_t address)
{
	Dwarf_Die child;

	if (dwarf_child(die, &child) != 0)
		return false;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_inlined_subroutine:
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_with_stmt:
			if (dwarf_haspc(&child, address) > 0) {
				*die = child;
				return true;
			}
			break;
		default:
			break;
		}
	} while (next_sibling(&child));
	return false;
}

/* FUNCTION and what is inlined around ADDRESS, outermost first; returns their number. */
static uint32_t chain_of(Dwarf_Die *function, uint64_t address, Dwarf_Die *chain)
{
	Dwarf_Die die = *function;
	uint32_t count = 1;
	unsigned steps = 0;

	chain[0] = die;
	while (count < CS_DWARF_CALLS && steps++ < 4 * CS_DWARF_CALLS && step_in(&die, address))
		if (dwarf_tag(&die) == DW_TAG_inlined_subroutine)
			chain[count++] = die;
	return count;
}

/* The folder of the compiler's run, where relative paths start. */
static const char *folder_of(struct unit *unit, const char *file)
{
	Dwarf_Attribute attribute;

	if (!file || file[0] == '/' || !dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute))
		return NULL;
	const char *folder = dwarf_formstring(&attribute);
	/* Distributions replace it by one that means nothing: "./stdlib". */
	return folder && folder[0] == '/' ? folder : NULL;
}

static void find_line(struct unit *unit, uint64_t address, struct cs_dwarf_call *call)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
	int number;

	if (!line)
		return;
	call->file = dwarf_linesrc(line, NULL, NULL);
	call->folder = folder_of(unit, call->file);
	if (dwarf_lineno(line, &number) == 0 && number > 0)
		call->line = (uint32_t)number;
}

/* Where the inlined DIE was called. */
static void find_call_site(struct unit *unit, Dwarf_Die *die, struct cs_dwarf_call *call)
{
	uint32_t file = number_of(die, DW_AT_call_file);
	size_t count;

	if (!unit->files && dwarf_getsrcfiles(&unit->die, &unit->files, &count) != 0)
		unit->files = NULL;
	if (unit->files)
		call->file = dwarf_filesrc(unit->files, file, NULL, NULL);
	call->folder = folder_of(unit, call->file);
	call->line = number_of(die, DW_AT_call_line);
}

static int find_functions(struct unit *unit)
{
	if (unit->listed)
		return 0;
	unit->listed = true;
	int error = list_functions(unit, &unit->die, 0);
	cs_spans_sort(&unit->functions);
	return error;
}

int cs_dwarf_find(struct cs_dwarf *dwarf, uint64_t address, struct cs_dwarf_calls *calls)
{
	Dwarf_Die chain[CS_DWARF_CALLS];
	Dwarf_Die function;
	ptrdiff_t at = cs_spans_find(&dwarf->spans, address);

	if (at < 0)
		return -ENOENT;
	struct unit *unit = cs_list_at(&dwarf->units, dwarf->spans.at[at].id);
	if (find_functions(unit))
		return -ENOMEM;
	calls->count = 1;
	calls->at[0] = (struct cs_dwarf_call){0};
	find_line(unit, address, &calls->at[0]);
	at = cs_spans_find(&unit->functions, address);
	if (at < 0 ||
	    !dwarf_offdie(dwarf->dwarf, unit->offsets[unit->functions.at[at].id], &function))
		return calls->at[0].file ? 0 : -ENOENT;
	uint32_t count = chain_of(&function, address, chain);
	for (uint32_t i = 0; i < count; i++) {
		Dwarf_Die *die = &chain[count - 1 - i];
		calls->at[i].linkage = linkage_of(die);
		calls->at[i].name = dwarf_diename(die);
		if (i + 1 == count)
			break;
		calls->at[i + 1] = (struct cs_dwarf_call){0};
		find_call_site(unit, die, &calls->at[i + 1]);
	}
	calls->count = count;
	return 0;
}
