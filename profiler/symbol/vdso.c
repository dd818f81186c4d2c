/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of ours as a file in memory, so that it is read like any other. */
#include "symbol/vdso.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

int cs_vdso_open(void)
{
	const void *image = (const void *)getauxval(AT_SYSINFO_EHDR); /* NOLINT: an address */
	const Elf64_Ehdr *header = image;

	if (!image)
		return -ENOENT;
	/* The section headers are last. */
	size_t size = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
	int fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, image, size) != (ssize_t)size) {
		close(fd);
		return -EIO;
	}
	return fd;
}
