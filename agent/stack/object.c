/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader's view of an object, read from its program headers in memory.
 *
 * Invariant: of an object nothing is read outside of its readable PT_LOAD segments, and
 * nothing after the call but through csa_cfi, whose ranges are such segments.
 */
#include "stack/object.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include "core/loader.h"
#include "core/lookup.h"
#include "core/sys.h"

#define HEADER_BYTES 4096u /* an object's first page is mapped, so that much may be read */

static struct {
	int (*find_object)(void *address, struct dl_find_object *result);
	uint64_t vdso;
} loader;

struct segment {
	uint64_t low;
	uint64_t high;
};

struct question {
	uint64_t address;
	struct csa_object *object;
	bool found;
};

void csa_object_start(bool find_object)
{
	if (!find_object)
		loader.find_object = NULL;
	else if (!loader.find_object)
		*(void **)&loader.find_object = csa_lookup("_dl_find_object");
	loader.vdso = getauxval(AT_SYSINFO_EHDR);
}

static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* The readable segment that holds ADDRESS; empty if there is none. */
static struct segment segment_of(const Elf64_Phdr *headers, size_t count, uint64_t bias,
                                 uint64_t address)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t low = bias + headers[i].p_vaddr;

		if (headers[i].p_type == PT_LOAD && headers[i].p_flags & PF_R &&
		    address - low < headers[i].p_memsz)
			return (struct segment){low, low + headers[i].p_memsz};
	}
	return (struct segment){0, 0};
}

static void read_build_id(struct csa_object *object, const Elf64_Phdr *note, struct segment where)
{
	uint64_t align = note->p_align == 8 ? 8 : 4;
	uint64_t at = object->bias + note->p_vaddr;
	uint64_t end = at + note->p_memsz;

	if (end < at || end > where.high)
		return;
	while (end - at >= sizeof(Elf64_Nhdr) + 4) {
		const Elf64_Nhdr *header = (const Elf64_Nhdr *)at;
		uint64_t name = (header->n_namesz + align - 1) & ~(align - 1);
		uint64_t bytes = (header->n_descsz + align - 1) & ~(align - 1);
		const uint8_t *id = (const uint8_t *)(at + sizeof(*header) + name);

		if (name + bytes > end - at - sizeof(*header))
			return;
		if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == 4 &&
		    *(const uint32_t *)(header + 1) == 0x00554e47 /* "GNU" */ &&
		    header->n_descsz <= CSA_BUILD_ID_MAX) {
			object->build_id_bytes = header->n_descsz;
			for (uint32_t i = 0; i < header->n_descsz; i++)
				object->build_id[i] = id[i];
			return;
		}
		at += sizeof(*header) + name + bytes;
	}
}

static void read_cfi(struct csa_object *object, const Elf64_Phdr *headers, size_t count,
                     uint64_t address)
{
	struct segment where = segment_of(headers, count, object->bias, address);
	struct csa_cfi *cfi = &object->cfi;

	if (!where.high ||
	    !csa_cfi_open(cfi, (const uint8_t *)address, (const uint8_t *)where.high))
		return;
	where = segment_of(headers, count, object->bias, (uint64_t)cfi->frames);
	cfi->frames_low = (const uint8_t *)where.low;
	cfi->frames_high = (const uint8_t *)where.high;
}

/* Fills *OBJECT; false: ADDRESS is in none of its executable segments. */
static bool read_headers(struct csa_object *object, const Elf64_Phdr *headers, size_t count,
                         uint64_t bias, uint64_t address)
{
	bool inside = false;

	*object = (struct csa_object){.start = UINT64_MAX, .bias = bias};
	for (size_t i = 0; i < count; i++) {
		uint64_t low = bias + headers[i].p_vaddr;
		uint64_t high = low + headers[i].p_memsz;

		if (headers[i].p_type != PT_LOAD || !(headers[i].p_flags & PF_X))
			continue;
		object->start = low < object->start ? low : object->start;
		object->end = high > object->end ? high : object->end;
		if (address < low || address >= high)
			continue;
		inside = true;
		if (headers[i].p_flags & PF_R) {
			object->cfi.text_low = (const uint8_t *)low;
			object->cfi.text_high = (const uint8_t *)high;
		}
	}
	if (!inside)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint64_t at = bias + headers[i].p_vaddr;

		if (headers[i].p_type == PT_GNU_EH_FRAME)
			read_cfi(object, headers, count, at);
		else if (headers[i].p_type == PT_NOTE && !object->build_id_bytes)
			read_build_id(object, &headers[i], segment_of(headers, count, bias, at));
	}
	return true;
}

static void set_name(struct csa_object *object, const char *name)
{
	object->name = name ? name : "";
	object->name_hash = hash_of(object->name);
}

static int answer(struct dl_phdr_info *info, size_t bytes, void *argument)
{
	struct question *question = argument;

	(void)bytes;
	question->found = read_headers(question->object, info->dlpi_phdr, info->dlpi_phnum,
	                               info->dlpi_addr, question->address);
	if (question->found)
		set_name(question->object, info->dlpi_name);
	return question->found;
}

static bool ask_all(uint64_t address, struct csa_object *object)
{
	struct question question = {.address = address, .object = object};

	csa_loader_each(answer, &question);
	return question.found;
}

/* The program headers of an object whose mapping begins with its ELF header; else NULL. */
static const Elf64_Phdr *headers_at(uint64_t start, uint64_t bias, size_t *count)
{
	const Elf64_Ehdr *elf = (const Elf64_Ehdr *)start;
	const Elf64_Phdr *headers;

	if (start & (HEADER_BYTES - 1) || *(const uint32_t *)elf->e_ident != 0x464c457f ||
	    elf->e_phentsize != sizeof(*headers) || elf->e_phoff & 7 ||
	    elf->e_phoff >= HEADER_BYTES ||
	    elf->e_phnum > (HEADER_BYTES - elf->e_phoff) / sizeof(*headers))
		return NULL;
	headers = (const Elf64_Phdr *)(start + elf->e_phoff);
	for (size_t i = 0; i < elf->e_phnum; i++) {
		if (headers[i].p_type != PT_LOAD || headers[i].p_offset >= HEADER_BYTES)
			continue;
		*count = elf->e_phnum;
		return ((bias + headers[i].p_vaddr) & ~(uint64_t)(HEADER_BYTES - 1)) == start
		               ? headers
		               : NULL;
	}
	return NULL;
}

bool csa_object_find(uint64_t address, struct csa_object *object)
{
	struct dl_find_object found;
	const Elf64_Phdr *headers;
	uint64_t bias;
	size_t count;

	if (!loader.find_object)
		return ask_all(address, object);
	if (loader.find_object((void *)address, &found) != 0)
		return false;
	bias = found.dlfo_link_map->l_addr;
	headers = headers_at((uint64_t)found.dlfo_map_start, bias, &count);
	if (!headers)
		return ask_all(address, object);
	if (!read_headers(object, headers, count, bias, address))
		return false;
	set_name(object, found.dlfo_link_map->l_name);
	return true;
}

static size_t copy_path(const char *from, size_t length, char *path, size_t bytes)
{
	if (length >= bytes)
		length = 0; /* half a path names another file */
	for (size_t i = 0; i < length; i++)
		path[i] = from[i];
	path[length] = '\0';
	return length;
}

static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

static size_t program_path(char *path, size_t bytes)
{
	long length = csa_sys3(SYS_readlink, "/proc/self/exe", path, bytes - 1);

	if (length < 0 || (size_t)length >= bytes - 1)
		length = 0;
	path[length] = '\0';
	return (size_t)length;
}

static uint64_t hex_of(const char **text)
{
	uint64_t value = 0;

	for (;; (*text)++) {
		if (**text >= '0' && **text <= '9')
			value = value << 4 | (uint64_t)(**text - '0');
		else if (**text >= 'a' && **text <= 'f')
			value = value << 4 | (uint64_t)(**text - 'a' + 10);
		else
			return value;
	}
}

/* LINE of /proc/self/maps: its path if it is about ADDRESS, else NULL. */
static const char *path_in_line(const char *line, uint64_t address)
{
	uint64_t low = hex_of(&line);
	uint64_t high;

	if (*line++ != '-')
		return NULL;
	high = hex_of(&line);
	if (address < low || address >= high)
		return NULL;
	while (*line && *line != '/')
		line++;
	return *line ? line : NULL;
}

/*
 * The loader keeps a name such as "./plugin.so", but the working directory may have changed
 * since: the kernel knows the file.
 */
static size_t path_from_maps(uint64_t address, char *path, size_t bytes)
{
	char line[1024];
	char block[1024] = {0}; /* the analyser does not see the kernel fill it */
	size_t length = 0;
	long got;
	long file = csa_sys4(SYS_openat, -100 /* AT_FDCWD */, "/proc/self/maps",
	                     02000000 /* O_CLOEXEC */, 0);
	const char *found = NULL;

	if (file < 0)
		return 0;
	while (!found && (got = csa_sys3(SYS_read, file, block, sizeof(block))) > 0) {
		for (long i = 0; i < got && !found; i++) {
			if (block[i] != '\n') {
				line[length] = block[i];
				length += length < sizeof(line) - 1;
				continue;
			}
			line[length] = '\0';
			if (length < sizeof(line) - 1)
				found = path_in_line(line, address);
			length = 0;
		}
	}
	csa_sys1(SYS_close, file);
	return found ? copy_path(found, length_of(found), path, bytes) : 0;
}

size_t csa_object_path(const struct csa_object *object, char *path, size_t bytes)
{
	size_t length;

	path[0] = '\0';
	if (loader.vdso && object->start - loader.vdso < HEADER_BYTES)
		return copy_path("[vdso]", 6, path, bytes);
	if (!object->name[0])
		return program_path(path, bytes);
	if (object->name[0] == '/')
		return copy_path(object->name, length_of(object->name), path, bytes);
	length = path_from_maps(object->start, path, bytes);
	return length ? length : copy_path(object->name, length_of(object->name), path, bytes);
}
