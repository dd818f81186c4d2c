/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Just enough of ELF: segments, a few sections by name, the build id.
 */
#include "go/image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTIONS_MAX 4096u
#define NAMES_BYTES_MAX (1u << 20)
#define NOTE_BYTES_MAX 4096u

bool cs_go_image_read(const struct cs_go_image *image, uint64_t file_offset, void *to,
                      uint64_t bytes)
{
	char *at = to;

	if (file_offset > image->file_bytes || bytes > image->file_bytes - file_offset)
		return false;
	while (bytes) {
		size_t part = bytes < (UINT64_C(1) << 30) ? (size_t)bytes : (size_t)1 << 30;
		ssize_t got = pread(image->fd, at, part, (off_t)file_offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		file_offset += (uint64_t)got;
		bytes -= (uint64_t)got;
	}
	return true;
}

static int read_segments(struct cs_go_image *image, const Elf64_Ehdr *head)
{
	if (head->e_phentsize != sizeof(Elf64_Phdr))
		return -ENOEXEC;
	for (uint32_t i = 0; i < head->e_phnum && image->segment_count < CS_GO_SEGMENTS_MAX; i++) {
		Elf64_Phdr part;

		if (!cs_go_image_read(image, head->e_phoff + (uint64_t)i * sizeof(part), &part,
		                      sizeof(part)))
			return -ENOEXEC;
		if (part.p_type != PT_LOAD || part.p_memsz == 0)
			continue;
		if (part.p_filesz > part.p_memsz || part.p_vaddr + part.p_memsz < part.p_vaddr ||
		    part.p_offset > image->file_bytes ||
		    part.p_filesz > image->file_bytes - part.p_offset)
			return -ENOEXEC;
		image->segments[image->segment_count++] = (struct cs_go_segment){
			.vaddr = part.p_vaddr,
			.file_offset = part.p_offset,
			.file_bytes = part.p_filesz,
			.memory_bytes = part.p_memsz,
			.writable = part.p_flags & PF_W,
		};
	}
	return image->segment_count ? 0 : -ENOEXEC;
}

/* Keeps the sections that we know by name. */
static void note_section(struct cs_go_image *image, const char *name, const Elf64_Shdr *header)
{
	const struct {
		const char *name;
		struct cs_go_section *place;
	} known[] = {
		{".gopclntab", &image->pclntab},
		{".data.rel.ro.gopclntab", &image->pclntab},
		{".note.gnu.build-id", &image->build_id_note},
	};

	if (header->sh_type == SHT_NOBITS || header->sh_offset > image->file_bytes ||
	    header->sh_size > image->file_bytes - header->sh_offset)
		return;
	if (!strncmp(name, ".go.", 4) || !strncmp(name, ".note.go.", 9) ||
	    strstr(name, ".gopclntab"))
		image->linked_by_go = true;
	if (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info"))
		image->has_dwarf = true;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(name, known[i].name))
			*known[i].place = (struct cs_go_section){header->sh_addr, header->sh_offset,
			                                         header->sh_size};
}

/* Sections may be absent or nonsense: then there are none, and it may be anybody's. */
static void read_sections(struct cs_go_image *image, const Elf64_Ehdr *head)
{
	uint32_t count = head->e_shnum;
	Elf64_Shdr *headers;
	char *names = NULL;

	image->linked_by_go = count == 0;
	if (head->e_shentsize != sizeof(Elf64_Shdr) || count == 0 || count > SECTIONS_MAX ||
	    head->e_shstrndx >= count)
		return;
	headers = calloc(count, sizeof(*headers));
	if (!headers)
		return;
	if (cs_go_image_read(image, head->e_shoff, headers, (uint64_t)count * sizeof(*headers))) {
		const Elf64_Shdr *text = &headers[head->e_shstrndx];
		uint64_t bytes = text->sh_size;

		if (bytes > 0 && bytes <= NAMES_BYTES_MAX && (names = calloc(1, bytes + 1)) &&
		    cs_go_image_read(image, text->sh_offset, names, bytes))
			for (uint32_t i = 0; i < count; i++)
				if (headers[i].sh_name < bytes)
					note_section(image, names + headers[i].sh_name,
					             &headers[i]);
	}
	free(names);
	free(headers);
}

static void read_build_id(struct cs_go_image *image)
{
	unsigned char note[NOTE_BYTES_MAX];
	uint64_t bytes = image->build_id_note.bytes;
	Elf64_Nhdr head;

	if (bytes < sizeof(head) || bytes > sizeof(note) ||
	    !cs_go_image_read(image, image->build_id_note.file_offset, note, bytes))
		return;
	memcpy(&head, note, sizeof(head));
	if (head.n_type != NT_GNU_BUILD_ID || head.n_namesz != 4 ||
	    memcmp(note + sizeof(head), "GNU", 4) != 0 || head.n_descsz > sizeof(image->build_id) ||
	    sizeof(head) + 4 + head.n_descsz > bytes)
		return;
	memcpy(image->build_id, note + sizeof(head) + 4, head.n_descsz);
	image->build_id_bytes = head.n_descsz;
}

static const char *why_not(const Elf64_Ehdr *head)
{
	if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
		return "it is not an ELF file";
	if (head->e_ident[EI_CLASS] != ELFCLASS64)
		return "it is a 32-bit program";
	if (head->e_ident[EI_DATA] != ELFDATA2LSB || head->e_machine != EM_X86_64)
		return "it is not a program for x86-64";
	if (head->e_type != ET_EXEC && head->e_type != ET_DYN)
		return "it is not an executable";
	return NULL;
}

int cs_go_image_open(struct cs_go_image *image, int fd, const char *name, struct cs_diag *diag)
{
	struct stat status;
	Elf64_Ehdr head = {0};
	const char *reason;

	*image = (struct cs_go_image){.fd = fd};
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		reason = "it is not a file";
	else {
		image->file_bytes = (uint64_t)status.st_size;
		reason = cs_go_image_read(image, 0, &head, sizeof(head)) ? why_not(&head)
		                                                         : "it is not an ELF file";
	}
	if (!reason && read_segments(image, &head))
		reason = "its ELF headers are damaged";
	if (reason) {
		cs_go_image_close(image);
		return cs_diag_set(diag, -ENOEXEC, "read %s: %s", name, reason);
	}
	image->entry = head.e_entry;
	image->pie = head.e_type == ET_DYN;
	read_sections(image, &head);
	read_build_id(image);
	return 0;
}

void cs_go_image_close(struct cs_go_image *image)
{
	if (image->fd >= 0)
		close(image->fd);
	image->fd = -1;
}
