/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's runtime is one compile unit, whose structs are children of the unit; the search ends
 * with it.
 */
#include "go/debug.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TYPES_MAX 16u

/* The structs that the layout's fields belong to, as found. */
struct types {
	const char *names[TYPES_MAX];
	Dwarf_Die dies[TYPES_MAX];
	bool found[TYPES_MAX];
	uint32_t count;
};

static uint32_t type_index(struct types *types, const char *name)
{
	for (uint32_t i = 0; i < types->count; i++)
		if (!strcmp(types->names[i], name))
			return i;
	if (types->count == TYPES_MAX)
		return 0;
	types->names[types->count] = name;
	return types->count++;
}

static void search_unit(Dwarf_Die *unit, struct types *types)
{
	Dwarf_Die child;

	if (dwarf_child(unit, &child) != 0)
		return;
	do {
		const char *name = dwarf_diename(&child);

		if (dwarf_tag(&child) != DW_TAG_structure_type || !name ||
		    strncmp(name, "runtime.", 8) != 0)
			continue;
		for (uint32_t i = 0; i < types->count; i++)
			if (!types->found[i] && !strcmp(name + 8, types->names[i])) {
				types->dies[i] = child;
				types->found[i] = true;
			}
	} while (dwarf_siblingof(&child, &child) == 0);
}

/* The member NAME (of LENGTH) of STRUCTURE; its offset. */
static bool member_of(Dwarf_Die *structure, const char *name, size_t length, Dwarf_Die *member,
                      uint32_t *offset)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (dwarf_child(structure, member) != 0)
		return false;
	do {
		const char *found = dwarf_diename(member);

		if (dwarf_tag(member) != DW_TAG_member || !found || strlen(found) != length ||
		    memcmp(found, name, length) != 0)
			continue;
		if (!dwarf_attr(member, DW_AT_data_member_location, &attribute) ||
		    dwarf_formudata(&attribute, &value) != 0 || value > 1u << 20)
			return false;
		*offset = (uint32_t)value;
		return true;
	} while (dwarf_siblingof(member, member) == 0);
	return false;
}

/* Of a member: Go's named types are typedefs of what they are. */
static bool type_of(Dwarf_Die *member, Dwarf_Die *type)
{
	Dwarf_Attribute attribute;
	Dwarf_Die named;

	return dwarf_attr(member, DW_AT_type, &attribute) &&
	       dwarf_formref_die(&attribute, &named) && dwarf_peel_type(&named, type) == 0;
}

/* PATH is "sched.sp": a member of a member; it ends at '|'. */
static bool offset_of(Dwarf_Die *structure, const char *path, uint32_t *offset)
{
	Dwarf_Die type = *structure, member;
	uint32_t part;

	*offset = 0;
	for (;;) {
		size_t length = strcspn(path, ".|");

		if (!member_of(&type, path, length, &member, &part))
			return false;
		*offset += part;
		if (path[length] != '.')
			return true;
		path += length + 1;
		if (!type_of(&member, &type))
			return false;
	}
}

static bool field_offset(struct types *types, const struct cs_go_field *field, uint32_t *offset)
{
	uint32_t type = type_index(types, field->type);

	if (!types->found[type])
		return false;
	if (!field->field) {
		int bytes = dwarf_bytesize(&types->dies[type]);

		*offset = (uint32_t)bytes;
		return bytes > 0;
	}
	/* Fields that were renamed have several paths. */
	for (const char *path = field->field;; path++) {
		if (offset_of(&types->dies[type], path, offset))
			return true;
		path = strchr(path, '|');
		if (!path)
			return false;
	}
}

int cs_go_debug_layout(int fd, struct cs_go_layout *layout)
{
	Dwarf *dwarf = dwarf_begin(fd, DWARF_C_READ);
	struct cs_go_layout found = *layout;
	struct types types = {.count = 0};
	Dwarf_Off at = 0, next;
	size_t head;

	if (!dwarf)
		return -ENOENT;
	for (uint32_t i = 0; i < cs_go_field_count(); i++)
		type_index(&types, cs_go_field_at(i).type);
	while (!types.found[0] && dwarf_nextcu(dwarf, at, &next, &head, NULL, NULL, NULL) == 0) {
		Dwarf_Die unit;

		if (dwarf_offdie(dwarf, at + head, &unit))
			search_unit(&unit, &types);
		at = next;
	}
	for (uint32_t i = 0; types.found[0] && i < cs_go_field_count(); i++) {
		struct cs_go_field field = cs_go_field_at(i);
		uint32_t offset;

		if (field_offset(&types, &field, &offset))
			*cs_go_layout_field(&found, i) = offset;
	}
	dwarf_end(dwarf);
	if (!types.found[0]) /* the first row is of g */
		return -ENOENT;
	*layout = found;
	return 0;
}
