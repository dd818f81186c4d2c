/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program headers and the notes, by pread: a file that is cut short meanwhile gives
 * short reads, where a mapping would give SIGBUS.
 */
#include "kernel/elf_glimpse.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_MAX 128u
#define NOTES_MAX 4096u
#define PAGE UINT64_C(4096)

static bool read_at(int fd, void *to, size_t bytes, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

/* NOTES are SIZE bytes; descriptors and names are padded to ALIGNMENT. */
static void find_build_id(const uint8_t *notes, uint64_t size, uint64_t alignment,
                          struct cs_elf_glimpse *glimpse)
{
	uint64_t at = 0;

	while (size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t name = at + sizeof(note);
		uint64_t text, end;

		memcpy(&note, notes + at, sizeof(note));
		text = align_up(name + note.n_namesz, alignment);
		end = text + note.n_descsz;
		if (end > size)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(notes + name, "GNU", 4)) {
			uint32_t bytes = note.n_descsz;

			if (bytes > sizeof(glimpse->build_id))
				bytes = sizeof(glimpse->build_id);
			memcpy(glimpse->build_id, notes + text, bytes);
			glimpse->build_id_bytes = bytes;
			return;
		}
		at = align_up(end, alignment);
		if (at > size)
			return;
	}
}

static void read_notes(int fd, const Elf64_Phdr *segment, struct cs_elf_glimpse *glimpse)
{
	uint8_t notes[NOTES_MAX];
	uint64_t size = segment->p_filesz < sizeof(notes) ? segment->p_filesz : sizeof(notes);

	if (glimpse->build_id_bytes || !read_at(fd, notes, size, segment->p_offset))
		return;
	find_build_id(notes, size, segment->p_align == 8 ? 8 : 4, glimpse);
}

/* A mapping begins at a whole page, a segment anywhere in it. */
static bool holds(const Elf64_Phdr *segment, uint64_t offset)
{
	uint64_t first = segment->p_offset & ~(PAGE - 1);

	return segment->p_type == PT_LOAD && offset >= first &&
	       offset - first < segment->p_filesz + (segment->p_offset - first);
}

bool cs_elf_glimpse(int fd, uint64_t offset, struct cs_elf_glimpse *glimpse)
{
	Elf64_Ehdr header;
	bool found = false;

	memset(glimpse, 0, sizeof(*glimpse));
	if (!read_at(fd, &header, sizeof(header), 0) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > SEGMENTS_MAX)
		return false;
	for (uint32_t i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment;

		if (!read_at(fd, &segment, sizeof(segment), header.e_phoff + i * sizeof(segment)))
			return false;
		if (segment.p_type == PT_NOTE)
			read_notes(fd, &segment, glimpse);
		/* Code comes last among segments that share a page of the file. */
		if (holds(&segment, offset) && (!found || (segment.p_flags & PF_X))) {
			glimpse->address = segment.p_vaddr - segment.p_offset + offset;
			found = true;
		}
	}
	return found;
}
