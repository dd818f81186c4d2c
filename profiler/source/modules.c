/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Few ranges, many look-ups: a sorted array.
 */
#include "source/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than any program has; a target that claims more is given no further ones. */
#define RANGES_MAX 65536u

/* Index of the first range that ends above ADDRESS. */
static uint32_t lower_bound(const struct cs_module_map *map, uint64_t address)
{
	uint32_t low = 0;
	uint32_t high = map->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (map->ranges[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static int reserve(struct cs_module_map *map)
{
	uint32_t capacity = map->capacity ? map->capacity * 2 : 32;
	struct cs_module_range *ranges;

	if (map->count < map->capacity)
		return 0;
	if (capacity > RANGES_MAX)
		return -ENOMEM;
	ranges = realloc(map->ranges, capacity * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	map->ranges = ranges;
	map->capacity = capacity;
	return 0;
}

int cs_module_map_add(struct cs_module_map *map, const struct cs_module_range *range)
{
	uint32_t at = lower_bound(map, range->start);
	uint32_t behind = at;
	int error = reserve(map);

	if (error)
		return error;
	while (behind < map->count && map->ranges[behind].start < range->end)
		behind++;
	memmove(&map->ranges[at + 1], &map->ranges[behind],
	        (map->count - behind) * sizeof(*map->ranges));
	map->ranges[at] = *range;
	map->count = map->count - (behind - at) + 1;
	return 0;
}

void cs_module_map_remove(struct cs_module_map *map, uint32_t generation)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < map->count; i++)
		if (map->ranges[i].generation != generation)
			map->ranges[kept++] = map->ranges[i];
	map->count = kept;
}

const struct cs_module_range *cs_module_map_find(const struct cs_module_map *map, uint64_t address)
{
	uint32_t at = lower_bound(map, address);

	if (at == map->count || map->ranges[at].start > address)
		return NULL;
	return &map->ranges[at];
}

int cs_module_map_copy(struct cs_module_map *to, const struct cs_module_map *from)
{
	for (uint32_t i = 0; i < from->count; i++) {
		int error = cs_module_map_add(to, &from->ranges[i]);
		if (error)
			return error;
	}
	return 0;
}

void cs_module_map_free(struct cs_module_map *map)
{
	free(map->ranges);
	*map = (struct cs_module_map){0};
}

/* NONBLOCK: the path comes from the target and may name a pipe. */
static int open_regular(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && (fstat(fd, &status) || !S_ISREG(status.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* FD stays open for as long as we need it, its process may not: a plain path is better. */
static void prefer_plain(int fd, const char *path, char *reopen, uint32_t size)
{
	struct stat mapped, plain;

	if (strlen(path) < size && fstat(fd, &mapped) == 0 && stat(path, &plain) == 0 &&
	    mapped.st_dev == plain.st_dev && mapped.st_ino == plain.st_ino)
		snprintf(reopen, size, "%s", path);
}

int cs_module_open(uint32_t pid, const struct cs_module_range *range, const char *path,
                   bool executable, char *reopen, uint32_t size)
{
	int fd = -1;

	if (path[0] != '/') /* [vdso], or no name */
		return -1;
	if (executable) {
		snprintf(reopen, size, "/proc/%" PRIu32 "/exe", pid);
		fd = open_regular(reopen);
	}
	if (fd < 0 &&
	    (uint32_t)snprintf(reopen, size, "/proc/%" PRIu32 "/root%s", pid, path) < size)
		fd = open_regular(reopen);
	if (fd < 0) {
		snprintf(reopen, size, "/proc/%" PRIu32 "/map_files/%" PRIx64 "-%" PRIx64, pid,
		         range->start, range->end);
		fd = open_regular(reopen);
	}
	if (fd < 0 && (uint32_t)snprintf(reopen, size, "%s", path) < size)
		fd = open_regular(reopen); /* the process is gone */
	if (fd >= 0)
		prefer_plain(fd, path, reopen, size);
	return fd;
}
