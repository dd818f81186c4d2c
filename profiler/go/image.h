/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF file that holds Go code: the program's, read through /proc/PID/exe, which still opens
 * the file that runs when its path is gone or holds another one, or a library's. Nothing is
 * mapped: a file that is cut short while it is read is a failed read. Every offset is checked
 * against the file's size.
 */
#ifndef CS_GO_IMAGE_H
#define CS_GO_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define CS_GO_SEGMENTS_MAX 64u
#define CS_GO_PATH_BYTES 4352u /* of a file's name */

struct cs_go_segment {
	uint64_t vaddr, file_offset, file_bytes, memory_bytes;
	bool writable;
};

struct cs_go_section {
	uint64_t vaddr, file_offset, bytes; /* bytes 0: there is none */
};

struct cs_go_image {
	int fd;
	uint64_t file_bytes;
	uint64_t entry;
	bool pie;
	struct cs_go_segment segments[CS_GO_SEGMENTS_MAX]; /* PT_LOAD, as in the file */
	uint32_t segment_count;
	struct cs_go_section pclntab; /* by name; absent where sections are stripped */
	struct cs_go_section build_id_note;
	bool has_dwarf;
	bool linked_by_go;    /* as its sections say, or it has none */
	uint8_t build_id[32]; /* GNU build id; Go has none of its own making */
	uint32_t build_id_bytes;
};

/*
 * Takes FD, also on failure. -ENOEXEC: not an ELF file of 64 bits for x86-64, says DIAG.
 * NAME is for messages.
 */
int cs_go_image_open(struct cs_go_image *image, int fd, const char *name, struct cs_diag *diag);
void cs_go_image_close(struct cs_go_image *image);

/* BYTES at FILE_OFFSET; false: not all in the file. */
bool cs_go_image_read(const struct cs_go_image *image, uint64_t file_offset, void *to,
                      uint64_t bytes);

#endif
