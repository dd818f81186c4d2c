/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be known of a mapped ELF file to name an address in it: where the file's own
 * addresses lie, and its build id. The file is the target's: nothing in it is believed.
 */
#ifndef CS_KERNEL_ELF_GLIMPSE_H
#define CS_KERNEL_ELF_GLIMPSE_H

#include <stdbool.h>
#include <stdint.h>

struct cs_elf_glimpse {
	uint64_t address; /* ELF virtual address of the byte at the file offset asked for */
	uint8_t build_id[32];
	uint32_t build_id_bytes; /* 0: none */
};

/* False: no 64-bit ELF file of little endian, or no segment of it holds OFFSET. */
bool cs_elf_glimpse(int fd, uint64_t offset, struct cs_elf_glimpse *glimpse);

#endif
