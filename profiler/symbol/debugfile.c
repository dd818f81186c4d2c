/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the surest to the slowest: by build id, by the name left in the file, from a server. What
 * was found by a name has to prove that it belongs.
 */
#include "symbol/debugfile.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The CRC of .gnu_debuglink: that of zlib, bit by bit because it is hardly ever needed. */
static uint32_t file_crc(int fd)
{
	unsigned char bytes[16384];
	uint32_t crc = 0xffffffff;
	off_t at = 0;
	ssize_t got;

	while ((got = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			crc ^= bytes[i];
			for (int bit = 0; bit < 8; bit++)
				crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
		}
		at += got;
	}
	return ~crc;
}

/* Whether DEBUG, which was opened by a name, is the other half of OBJECT. */
static bool belongs(const struct cs_object *debug, const struct cs_object *object,
                    const GElf_Word *crc)
{
	/* A debug file for another address would give other functions' names. */
	if (debug->low != object->low)
		return false;
	if (object->build_id_bytes > 0)
		return cs_object_has_build_id(debug, object->build_id, object->build_id_bytes);
	return crc && file_crc(debug->fd) == *crc;
}

static bool try_path(struct cs_object *debug, const struct cs_object *object, const char *path,
                     const GElf_Word *crc)
{
	if (cs_object_open_path(debug, path) != 0)
		return false;
	if (belongs(debug, object, crc))
		return true;
	cs_object_close(debug);
	return false;
}

static bool by_build_id(struct cs_object *debug, const struct cs_object *object,
                        const char *const *dirs)
{
	char hex[2 * sizeof(object->build_id) + 1];
	char path[PATH_MAX];

	if (object->build_id_bytes < 2)
		return false;
	for (uint32_t i = 0; i < object->build_id_bytes; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", object->build_id[i]);
	for (; *dirs; dirs++) {
		int length = snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug", *dirs, hex,
		                      hex + 2);
		if (length < (int)sizeof(path) && try_path(debug, object, path, NULL))
			return true;
	}
	return false;
}

static bool by_link(struct cs_object *debug, const struct cs_object *object, const char *path,
                    const char *const *dirs)
{
	GElf_Word crc = 0;
	const char *name = dwelf_elf_gnu_debuglink(object->elf, &crc);
	char at[PATH_MAX];
	const char *slash = path ? strrchr(path, '/') : NULL;

	/* A name, not a path: it comes from the file. */
	if (!name || !*name || strchr(name, '/') || !slash)
		return false;
	int folder = (int)(slash - path);
	int length = snprintf(at, sizeof(at), "%.*s/%s", folder, path, name);
	if (length < (int)sizeof(at) && try_path(debug, object, at, &crc))
		return true;
	length = snprintf(at, sizeof(at), "%.*s/.debug/%s", folder, path, name);
	if (length < (int)sizeof(at) && try_path(debug, object, at, &crc))
		return true;
	for (; *dirs; dirs++) {
		length = snprintf(at, sizeof(at), "%s/%.*s/%s", *dirs, folder, path, name);
		if (length < (int)sizeof(at) && try_path(debug, object, at, &crc))
			return true;
	}
	return false;
}

static bool from_server(struct cs_object *debug, const struct cs_object *object,
                        struct cs_debuginfod *debuginfod)
{
	if (!debuginfod || object->build_id_bytes == 0)
		return false;
	int fd = cs_debuginfod_find(debuginfod, object->build_id, object->build_id_bytes);
	if (fd < 0 || cs_object_open(debug, fd) != 0)
		return false;
	if (belongs(debug, object, NULL))
		return true;
	cs_object_close(debug);
	return false;
}

int cs_debugfile_open(struct cs_object *debug, const struct cs_object *object, const char *path,
                      const struct cs_debugfile_search *search)
{
	*debug = (struct cs_object){.fd = -1};
	if (by_build_id(debug, object, search->dirs) ||
	    by_link(debug, object, path, search->dirs) ||
	    from_server(debug, object, search->debuginfod))
		return 0;
	return -ENOENT;
}
