/* SPDX-License-Identifier: Apache-2.0 */
/* Opened, an object has its segments and its build id read; all else is left to who asks for it. */
#include "symbol/object.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A mapped file that somebody cuts short would kill us with SIGBUS. */
static bool only_root_changes(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_uid == 0 && !(status.st_mode & 022);
}

static void note_segment(struct cs_object *object, const GElf_Phdr *segment)
{
	uint64_t low = segment->p_vaddr;
	uint64_t high = low + segment->p_memsz;

	if (segment->p_type != PT_LOAD || high < low)
		return;
	if (low < object->low)
		object->low = low;
	if (high > object->high)
		object->high = high;
	if ((segment->p_flags & PF_X) && object->code_count < CS_OBJECT_SEGMENTS) {
		object->code[object->code_count].low = low;
		object->code[object->code_count++].high = high;
	}
}

static int read_segments(struct cs_object *object)
{
	size_t count;
	GElf_Phdr segment;

	if (elf_getphdrnum(object->elf, &count) != 0)
		return -ENOEXEC;
	object->low = UINT64_MAX;
	for (size_t i = 0; i < count; i++)
		if (gelf_getphdr(object->elf, (int)i, &segment))
			note_segment(object, &segment);
	return object->code_count > 0 ? 0 : -ENOEXEC;
}

static void read_build_id(struct cs_object *object)
{
	const void *id = NULL;
	ssize_t bytes = dwelf_elf_gnu_build_id(object->elf, &id);

	if (bytes <= 0)
		return;
	object->build_id_bytes = (uint32_t)bytes;
	if ((size_t)bytes > sizeof(object->build_id))
		object->build_id_bytes = sizeof(object->build_id);
	memcpy(object->build_id, id, object->build_id_bytes);
}

int cs_object_open(struct cs_object *object, int fd)
{
	*object = (struct cs_object){.fd = fd};
	elf_version(EV_CURRENT);
	object->elf = elf_begin(fd, only_root_changes(fd) ? ELF_C_READ_MMAP : ELF_C_READ, NULL);
	if (!object->elf || elf_kind(object->elf) != ELF_K_ELF || read_segments(object) != 0) {
		cs_object_close(object);
		return -ENOEXEC;
	}
	read_build_id(object);
	return 0;
}

int cs_object_open_path(struct cs_object *object, const char *path)
{
	struct stat status;
	/* A fifo must not hold us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*object = (struct cs_object){.fd = -1};
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return -ENOENT;
	}
	return cs_object_open(object, fd);
}

void cs_object_close(struct cs_object *object)
{
	if (object->elf)
		elf_end(object->elf);
	if (object->fd >= 0)
		close(object->fd);
	*object = (struct cs_object){.fd = -1};
}

bool cs_object_has_code_at(const struct cs_object *object, uint64_t address)
{
	for (uint32_t i = 0; i < object->code_count; i++)
		if (address >= object->code[i].low && address < object->code[i].high)
			return true;
	return false;
}

Elf_Scn *cs_object_section(const struct cs_object *object, const char *name)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(object->elf, &names) != 0)
		return NULL;
	while ((section = elf_nextscn(object->elf, section))) {
		if (!gelf_getshdr(section, &header))
			continue;
		const char *found = elf_strptr(object->elf, names, header.sh_name);
		if (found && strcmp(found, name) == 0)
			return section;
	}
	return NULL;
}

bool cs_object_has_build_id(const struct cs_object *object, const uint8_t *id, uint32_t bytes)
{
	uint32_t own = object->build_id_bytes;

	if (bytes > 32)
		bytes = 32;
	if (own > 32)
		own = 32;
	return own == bytes && memcmp(object->build_id, id, bytes) == 0;
}
