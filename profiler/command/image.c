/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read with pread() rather than mapped: a file that is cut while we look at it must not kill
 * us. Not by way of elfutils, which belongs to symbol/ alone.
 */
#include "command/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No table of a real program is larger; a forged header must not make us allocate more. */
#define TABLE_BYTES_MAX (UINT64_C(256) << 20)

/* BYTES at OFFSET of the file and a NUL behind them; NULL if they are not there. */
static void *read_table(const struct cs_image *image, uint64_t offset, uint64_t bytes)
{
	if (bytes == 0 || bytes > TABLE_BYTES_MAX || offset > image->file_bytes ||
	    bytes > image->file_bytes - offset)
		return NULL;
	char *table = malloc(bytes + 1);
	if (!table)
		return NULL;
	if (pread(image->fd, table, bytes, (off_t)offset) != (ssize_t)bytes) {
		free(table);
		return NULL;
	}
	table[bytes] = 0;
	return table;
}

static void read_sections(struct cs_image *image)
{
	const Elf64_Ehdr *head = &image->head;

	if (head->e_shentsize != sizeof(Elf64_Shdr) || head->e_shstrndx >= head->e_shnum)
		return;
	image->sections =
		read_table(image, head->e_shoff, (uint64_t)head->e_shnum * sizeof(Elf64_Shdr));
	if (!image->sections)
		return;
	const Elf64_Shdr *names = &image->sections[head->e_shstrndx];
	image->section_names = read_table(image, names->sh_offset, names->sh_size);
	if (image->section_names)
		image->section_names_bytes = names->sh_size;
}

int cs_image_open(struct cs_image *image, int fd)
{
	struct stat status;
	Elf64_Ehdr *head = &image->head;

	*image = (struct cs_image){.fd = fd};
	if (fstat(fd, &status))
		return -errno;
	image->file_bytes = (uint64_t)status.st_size;
	ssize_t got = pread(fd, head, sizeof(*head), 0);
	if (got < 0)
		return -errno;
	if (got < EI_NIDENT + 4 || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) {
		memset(head, 0, sizeof(*head));
		return -ENOEXEC;
	}
	if (got < (ssize_t)sizeof(*head) || head->e_ident[EI_CLASS] != ELFCLASS64 ||
	    head->e_machine != EM_X86_64)
		return -ENOEXEC;
	if (head->e_phentsize != sizeof(Elf64_Phdr))
		return head->e_type == ET_REL ? 0 : -ENOEXEC;
	image->segments =
		read_table(image, head->e_phoff, (uint64_t)head->e_phnum * sizeof(Elf64_Phdr));
	if (!image->segments)
		return -ENOEXEC;
	read_sections(image);
	return 0;
}

void cs_image_close(struct cs_image *image)
{
	free(image->segments);
	free(image->sections);
	free(image->section_names);
	*image = (struct cs_image){.fd = -1};
}

static const Elf64_Phdr *find_segment(const struct cs_image *image, uint32_t type)
{
	for (unsigned i = 0; image->segments && i < image->head.e_phnum; i++)
		if (image->segments[i].p_type == type)
			return &image->segments[i];
	return NULL;
}

bool cs_image_loader(const struct cs_image *image, char *text, uint64_t bytes)
{
	const Elf64_Phdr *segment = find_segment(image, PT_INTERP);
	char *path = segment ? read_table(image, segment->p_offset, segment->p_filesz) : NULL;

	text[0] = 0;
	if (!path)
		return false;
	strncat(text, path, bytes - 1);
	free(path);
	return true;
}

/* Where in the file ADDRESS is loaded from, and how much follows it there; 0 nowhere. */
static uint64_t file_offset(const struct cs_image *image, uint64_t address, uint64_t *bytes)
{
	for (unsigned i = 0; i < image->head.e_phnum; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    address - segment->p_vaddr < segment->p_filesz) {
			*bytes = segment->p_filesz - (address - segment->p_vaddr);
			return segment->p_offset + (address - segment->p_vaddr);
		}
	}
	return 0;
}

static uint64_t dynamic_value(const Elf64_Dyn *dynamic, uint64_t count, int64_t tag)
{
	for (uint64_t i = 0; i < count && dynamic[i].d_tag != DT_NULL; i++)
		if (dynamic[i].d_tag == tag)
			return dynamic[i].d_un.d_val;
	return 0;
}

void cs_image_needed(const struct cs_image *image, cs_image_visit *visit, void *context)
{
	const Elf64_Phdr *segment = find_segment(image, PT_DYNAMIC);
	Elf64_Dyn *dynamic = segment ? read_table(image, segment->p_offset, segment->p_filesz)
	                             : NULL;
	if (!dynamic)
		return;

	uint64_t count = segment->p_filesz / sizeof(*dynamic), room = 0;
	uint64_t offset = file_offset(image, dynamic_value(dynamic, count, DT_STRTAB), &room);
	uint64_t bytes = dynamic_value(dynamic, count, DT_STRSZ);
	char *names = offset && bytes <= room ? read_table(image, offset, bytes) : NULL;

	for (uint64_t i = 0; names && i < count && dynamic[i].d_tag != DT_NULL; i++)
		if (dynamic[i].d_tag == DT_NEEDED && dynamic[i].d_un.d_val < bytes &&
		    visit(context, names + dynamic[i].d_un.d_val))
			break;
	free(names);
	free(dynamic);
}

static const Elf64_Shdr *find_section_type(const struct cs_image *image, uint32_t type)
{
	for (unsigned i = 0; image->sections && i < image->head.e_shnum; i++)
		if (image->sections[i].sh_type == type)
			return &image->sections[i];
	return NULL;
}

void cs_image_functions(const struct cs_image *image, bool exported, cs_image_visit *visit,
                        void *context)
{
	const Elf64_Shdr *table = find_section_type(image, exported ? SHT_DYNSYM : SHT_SYMTAB);

	if (!table || table->sh_link >= image->head.e_shnum)
		return;
	const Elf64_Shdr *strings = &image->sections[table->sh_link];
	Elf64_Sym *symbols = read_table(image, table->sh_offset, table->sh_size);
	char *names = read_table(image, strings->sh_offset, strings->sh_size);

	for (uint64_t i = 0; symbols && names && i < table->sh_size / sizeof(*symbols); i++) {
		unsigned type = ELF64_ST_TYPE(symbols[i].st_info);

		if (symbols[i].st_shndx != SHN_UNDEF && symbols[i].st_name < strings->sh_size &&
		    (type == STT_FUNC || type == STT_GNU_IFUNC) &&
		    visit(context, names + symbols[i].st_name))
			break;
	}
	free(names);
	free(symbols);
}

bool cs_image_has_section(const struct cs_image *image, const char *name)
{
	for (unsigned i = 0; image->section_names && i < image->head.e_shnum; i++)
		if (image->sections[i].sh_name < image->section_names_bytes &&
		    strcmp(image->section_names + image->sections[i].sh_name, name) == 0)
			return true;
	return false;
}
