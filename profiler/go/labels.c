/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to Go 1.23 a map from string to string, since then a slice of pairs.
 */
#include "go/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/index.h"

#define LABELS_MAX 64u
#define TEXT_BYTES_MAX 1024u
#define SETS_FIRST 64u
#define SETS_MAX (1u << 20)

/* A bucket of a map: 8 marks, 8 keys, 8 values, a pointer to the next. */
#define MAP_BUCKETS 16u
#define MAP_BITS 9u
#define BUCKET_BYTES 272u
#define BUCKET_NEXT 264u
#define BUCKET_SLOTS 8u
#define MARK_USED 5u
#define CHAIN_MAX 64u

struct cs_go_label_set {
	uint64_t address; /* 0: empty */
	const char *text;
};

struct pair {
	uint64_t key, key_bytes, value, value_bytes;
};

void cs_go_labels_forget(struct cs_go_labels *labels)
{
	if (labels->sets)
		memset(labels->sets, 0, ((size_t)labels->mask + 1) * sizeof(*labels->sets));
	labels->count = 0;
	cs_arena_free(&labels->texts);
	labels->texts = (struct cs_arena){0};
}

void cs_go_labels_free(struct cs_go_labels *labels)
{
	cs_arena_free(&labels->texts);
	free(labels->sets);
	*labels = (struct cs_go_labels){0};
}

/* ---- reading ---- */

static uint32_t read_bucket(struct cs_go_memory *memory, uint64_t address, struct pair *pairs,
                            uint32_t count)
{
	unsigned char bucket[BUCKET_BYTES];

	for (uint32_t hops = 0; address && hops < CHAIN_MAX; hops++) {
		if (cs_go_read(memory, address, bucket, sizeof(bucket)))
			break;
		for (uint32_t i = 0; i < BUCKET_SLOTS && count < LABELS_MAX; i++)
			if (bucket[i] >= MARK_USED)
				pairs[count++] = (struct pair){
					cs_go_u64(bucket, 8 + i * 16),
					cs_go_u64(bucket, 16 + i * 16),
					cs_go_u64(bucket, 136 + i * 16),
					cs_go_u64(bucket, 144 + i * 16),
				};
		address = cs_go_u64(bucket, BUCKET_NEXT);
	}
	return count;
}

static uint32_t read_map(struct cs_go_memory *memory, uint64_t address, struct pair *pairs)
{
	unsigned char map[48];
	uint32_t count = 0;

	if (!cs_go_read_u64(memory, address, &address) || !address ||
	    cs_go_read(memory, address, map, sizeof(map)))
		return 0;
	uint64_t want = cs_go_u64(map, 0);

	if (want == 0 || want > LABELS_MAX || map[MAP_BITS] > 6)
		return 0;
	for (uint32_t i = 0; i < 1u << map[MAP_BITS]; i++)
		count = read_bucket(memory,
		                    cs_go_u64(map, MAP_BUCKETS) + (uint64_t)i * BUCKET_BYTES, pairs,
		                    count);
	return count == want ? count : 0;
}

static uint32_t read_slice(struct cs_go_memory *memory, uint64_t address, struct pair *pairs)
{
	uint64_t slice[3];

	if (cs_go_read(memory, address, slice, sizeof(slice)) || !slice[1] ||
	    slice[1] > LABELS_MAX || slice[2] < slice[1] ||
	    cs_go_read(memory, slice[0], pairs, slice[1] * sizeof(*pairs)))
		return 0;
	return (uint32_t)slice[1];
}

/* ---- text ---- */

/* Appends BYTES of text at ADDRESS; false: they are none. A newline would end the label. */
static bool append(struct cs_go_memory *memory, char *text, size_t *length, uint64_t address,
                   uint64_t bytes)
{
	if (bytes > TEXT_BYTES_MAX || (bytes && cs_go_read(memory, address, text + *length, bytes)))
		return false;
	for (uint64_t i = 0; i < bytes; i++) {
		char *c = &text[*length + i];

		if (*c == '\0')
			return false;
		if (*c == '\n')
			*c = ' ';
	}
	*length += bytes;
	return true;
}

static int compare(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static const char *join(struct cs_go_labels *labels, char *const *lines, uint32_t count)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += strlen(lines[i]) + 1;
	char *text = cs_arena_take(&labels->texts, bytes);
	char *at = text;

	for (uint32_t i = 0; text && i < count; i++) {
		size_t length = strlen(lines[i]);

		memcpy(at, lines[i], length);
		at += length;
		*at++ = i + 1 < count ? '\n' : '\0';
	}
	return text;
}

static const char *read_labels(struct cs_go_labels *labels, struct cs_go_memory *memory,
                               uint32_t minor, uint64_t address)
{
	struct pair pairs[LABELS_MAX];
	char line[2 * TEXT_BYTES_MAX + 2];
	char *lines[LABELS_MAX];
	uint32_t count = minor && minor <= 23 ? read_map(memory, address, pairs)
	                                      : read_slice(memory, address, pairs);

	for (uint32_t i = 0; i < count; i++) {
		size_t length = 0;

		if (!pairs[i].key_bytes ||
		    !append(memory, line, &length, pairs[i].key, pairs[i].key_bytes))
			return NULL;
		line[length++] = '=';
		if (!append(memory, line, &length, pairs[i].value, pairs[i].value_bytes))
			return NULL;
		line[length] = '\0';
		lines[i] = cs_arena_text(&labels->texts, line);
		if (!lines[i])
			return NULL;
	}
	if (!count)
		return NULL;
	qsort(lines, count, sizeof(lines[0]), compare);
	return join(labels, lines, count);
}

/* ---- */

static struct cs_go_label_set *slot_of(const struct cs_go_labels *labels, uint64_t address)
{
	uint32_t at = cs_hash_u64(address) & labels->mask;

	while (labels->sets[at].address && labels->sets[at].address != address)
		at = (at + 1) & labels->mask;
	return &labels->sets[at];
}

/* False: no room, so what was asked for is not kept. */
static bool reserve(struct cs_go_labels *labels)
{
	struct cs_go_labels old = *labels;
	uint32_t size = old.sets ? old.mask + 1 : 0;

	if (old.count < size / 4 * 3)
		return true;
	if (size >= SETS_MAX)
		return false;
	labels->mask = (size ? size * 2 : SETS_FIRST) - 1;
	labels->sets = calloc((size_t)labels->mask + 1, sizeof(*labels->sets));
	if (!labels->sets) {
		*labels = old;
		return false;
	}
	for (uint32_t i = 0; i < size; i++)
		if (old.sets[i].address)
			*slot_of(labels, old.sets[i].address) = old.sets[i];
	free(old.sets);
	return true;
}

const char *cs_go_labels_get(struct cs_go_labels *labels, struct cs_go_memory *memory,
                             uint32_t minor, uint64_t address)
{
	if (!address || !reserve(labels))
		return NULL;
	struct cs_go_label_set *set = slot_of(labels, address);

	if (!set->address) {
		const char *text = read_labels(labels, memory, minor, address);

		*set = (struct cs_go_label_set){address, text};
		labels->count++;
	}
	return set->text;
}
