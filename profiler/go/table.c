/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout is that of Go 1.18 to 1.27; two headers tell its two variants apart.
 *
 * A "pc-value" table is a stream of pairs (change of value, bytes of code): the value at an
 * address is that of the pair that reaches beyond it.
 */
#include "go/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_118 UINT32_C(0xfffffff0)
#define MAGIC_120 UINT32_C(0xfffffff1)
#define MAGIC_OLDEST UINT32_C(0xfffffffb)

#define HEADER_BYTES 72u
#define FUNCTIONS_MAX (1u << 27)
#define TABLE_BYTES_MAX (UINT64_C(1) << 30)
#define PAIRS_MAX (1u << 20) /* of one pc-value table */
#define NAME_BYTES_MAX 65536u

/* Indices of what a function's record refers to. */
#define PCDATA_INLINE_INDEX 2u
#define FUNCDATA_INLINE_TREE 3u

static uint32_t u32_at(const struct cs_go_table *table, uint64_t offset)
{
	if (offset > table->bytes || table->bytes - offset < 4)
		return 0;
	return cs_go_u32(table->data, offset);
}

/* The text at OFFSET, which must end within the table; NULL else. */
static const char *text_at(const struct cs_go_table *table, uint64_t offset)
{
	if (offset >= table->bytes)
		return NULL;
	uint64_t room = table->bytes - offset;
	size_t most = room < NAME_BYTES_MAX ? (size_t)room : NAME_BYTES_MAX;

	return memchr(table->data + offset, 0, most) ? (const char *)table->data + offset : NULL;
}

static bool is_header(const unsigned char *head, uint32_t magic)
{
	return cs_go_u32(head, 0) == magic && head[4] == 0 && head[5] == 0 && head[6] == 1 &&
	       head[7] == 8;
}

/* Where Go's dumps leave a function out, its kind is the most frequent one that has a number. */
static uint8_t find_wrapper_id(const struct cs_go_table *table)
{
	uint32_t counts[256] = {0};
	struct cs_go_function function;
	uint32_t best = 0;

	for (uint32_t i = 0; i < table->functions; i++)
		if (cs_go_table_at(table, i, &function))
			counts[function.id]++;
	for (uint32_t id = 1; id < 256; id++)
		if (counts[id] > counts[best] || !best)
			best = id;
	return counts[best] ? (uint8_t)best : 0;
}

static bool parse(struct cs_go_table *table)
{
	const unsigned char *head = table->data;

	if (table->bytes < HEADER_BYTES)
		return false;
	bool old = is_header(head, MAGIC_118);

	if (!old && !is_header(head, MAGIC_120))
		return false;
	uint64_t count = cs_go_u64(head, 8);

	table->names = cs_go_u64(head, 32);
	table->cutab = cs_go_u64(head, 40);
	table->files = cs_go_u64(head, 48);
	table->pctab = cs_go_u64(head, 56);
	table->funcs = cs_go_u64(head, 64);
	table->function_bytes = old ? 40 : 44;
	table->old_inlining = old;
	if (count == 0 || count >= FUNCTIONS_MAX || table->names < 64 ||
	    table->names > table->cutab || table->cutab > table->files ||
	    table->files > table->pctab || table->pctab > table->funcs ||
	    table->funcs >= table->bytes || (table->bytes - table->funcs) / 8 <= count)
		return false;
	table->functions = (uint32_t)count;
	return true;
}

/* DATA is kept, and freed later. NOLINTNEXTLINE(readability-non-const-parameter) */
int cs_go_table_take(struct cs_go_table *table, unsigned char *data, uint64_t bytes)
{
	uint64_t vaddr = table->vaddr;

	*table = (struct cs_go_table){.data = data, .bytes = bytes, .vaddr = vaddr};
	if (!parse(table)) {
		cs_go_table_close(table);
		return -EINVAL;
	}
	table->wrapper_id = find_wrapper_id(table);
	return 0;
}

void cs_go_table_close(struct cs_go_table *table)
{
	free(table->data);
	*table = (struct cs_go_table){0};
}

/* Reads the table at VADDR, of at most BYTES. */
static int load(struct cs_go_table *table, const struct cs_go_image *image, uint64_t vaddr,
                uint64_t file_offset, uint64_t bytes)
{
	unsigned char head[HEADER_BYTES];
	unsigned char *data;

	if (bytes < sizeof(head) || !cs_go_image_read(image, file_offset, head, sizeof(head)))
		return -EINVAL;
	uint32_t magic = cs_go_u32(head, 0);

	if (magic != MAGIC_118 && magic != MAGIC_120)
		return magic > MAGIC_120 && magic <= MAGIC_OLDEST ? -ENOTSUP : -EINVAL;
	if (bytes > TABLE_BYTES_MAX)
		bytes = TABLE_BYTES_MAX;
	/* Look at the header alone first: a file may hold any number of what looks like one. */
	struct cs_go_table probe = {.data = head, .bytes = bytes};

	if (!parse(&probe))
		return -EINVAL;
	if (!table)
		return 0; /* that it is there was all that was asked */
	data = malloc(bytes);
	if (!data)
		return -ENOMEM;
	if (!cs_go_image_read(image, file_offset, data, bytes)) {
		free(data);
		return -EINVAL;
	}
	table->vaddr = vaddr;
	return cs_go_table_take(table, data, bytes);
}

#define SCAN_BYTES (1u << 20)

/* Looks for a header where sections are gone; tools that know Go hold its magic as well. */
static int scan_segment(struct cs_go_table *table, const struct cs_go_image *image,
                        const struct cs_go_segment *segment, unsigned char *buffer)
{
	for (uint64_t at = 0; at + HEADER_BYTES <= segment->file_bytes; at += SCAN_BYTES) {
		uint64_t left = segment->file_bytes - at;
		uint64_t bytes = left < SCAN_BYTES + HEADER_BYTES ? left
		                                                  : SCAN_BYTES + HEADER_BYTES;

		if (!cs_go_image_read(image, segment->file_offset + at, buffer, bytes))
			return -ENOENT;
		for (uint64_t i = 0; i + HEADER_BYTES <= bytes && i < SCAN_BYTES; i += 8) {
			if (!is_header(buffer + i, MAGIC_118) && !is_header(buffer + i, MAGIC_120))
				continue;
			int error = load(table, image, segment->vaddr + at + i,
			                 segment->file_offset + at + i, left - i);
			if (error != -EINVAL)
				return error;
		}
	}
	return -ENOENT;
}

static int scan(struct cs_go_table *table, const struct cs_go_image *image)
{
	unsigned char *buffer = malloc(SCAN_BYTES + HEADER_BYTES);
	int error = -ENOENT;

	if (!buffer)
		return -ENOMEM;
	for (uint32_t i = 0; i < image->segment_count && error == -ENOENT; i++)
		error = scan_segment(table, image, &image->segments[i], buffer);
	free(buffer);
	return error;
}

int cs_go_table_open(struct cs_go_table *table, const struct cs_go_image *image,
                     struct cs_diag *diag)
{
	int error = -EINVAL;

	if (table)
		*table = (struct cs_go_table){0};
	if (image->pclntab.bytes)
		error = load(table, image, image->pclntab.vaddr, image->pclntab.file_offset,
		             image->pclntab.bytes);
	if (error == -EINVAL)
		error = scan(table, image);
	if (error == -ENOTSUP)
		return cs_diag_set(diag, error,
		                   "read its goroutines: it was built by a Go older than 1.18");
	if (error == -ENOMEM)
		return cs_diag_set(diag, error, "read its goroutines: out of memory");
	if (error)
		return cs_diag_set(diag, -ENOENT, "read its goroutines: it is not a Go program");
	return 0;
}

/* ---- functions ---- */

bool cs_go_table_at(const struct cs_go_table *table, uint32_t index,
                    struct cs_go_function *function)
{
	uint64_t place = table->funcs + (uint64_t)index * 8;
	uint64_t at;

	*function = (struct cs_go_function){0};
	if (index >= table->functions)
		return false;
	at = table->funcs + u32_at(table, place + 4);
	if (at > table->bytes || table->bytes - at < table->function_bytes)
		return false;
	const unsigned char *record = table->data + at;
	const unsigned char *tail = record + table->function_bytes - 4;

	*function = (struct cs_go_function){
		.index = index,
		.at = (uint32_t)at,
		.entry = u32_at(table, place),
		.end = u32_at(table, place + 8),
		.name = cs_go_u32(record, 4),
		.pcsp = cs_go_u32(record, 16),
		.pcfile = cs_go_u32(record, 20),
		.pcln = cs_go_u32(record, 24),
		.pcdata_count = cs_go_u32(record, 28),
		.cu = cs_go_u32(record, 32),
		.id = tail[0],
		.flags = tail[1],
		.funcdata_count = tail[3],
	};
	return function->end > function->entry;
}

bool cs_go_table_find(const struct cs_go_table *table, uint64_t offset,
                      struct cs_go_function *function)
{
	uint32_t low = 0;
	uint32_t high = table->functions;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (u32_at(table, table->funcs + (uint64_t)middle * 8) <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && cs_go_table_at(table, low - 1, function) && offset >= function->entry &&
	       offset < function->end;
}

const char *cs_go_table_name(const struct cs_go_table *table, const struct cs_go_function *function)
{
	const char *name = text_at(table, table->names + function->name);

	return name ? name : "";
}

void cs_go_table_find_names(const struct cs_go_table *table, const char *const *names, size_t count,
                            struct cs_go_function *found)
{
	struct cs_go_function function;

	memset(found, 0, count * sizeof(*found));
	for (uint32_t i = 0; i < table->functions; i++) {
		if (!cs_go_table_at(table, i, &function))
			continue;
		const char *name = cs_go_table_name(table, &function);

		if (strncmp(name, "runtime.", 8) != 0)
			continue;
		/* What assembly calls has a wrapper of the same name. */
		if (function.id && function.id == table->wrapper_id)
			continue;
		for (size_t k = 0; k < count; k++)
			if (!found[k].end && !strcmp(name + 8, names[k] + 8))
				found[k] = function;
	}
}

/* ---- pc-value tables ---- */

struct stream {
	const unsigned char *at, *end;
};

static bool next_varint(struct stream *stream, uint32_t *value)
{
	uint32_t shift = 0;

	*value = 0;
	while (stream->at < stream->end && shift < 32) {
		unsigned char byte = *stream->at++;

		*value |= (uint32_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
		shift += 7;
	}
	return false;
}

/* The value of table START at OFFSET of FUNCTION; -1 when there is none. */
static int32_t value_at(const struct cs_go_table *table, const struct cs_go_function *function,
                        uint32_t start, uint64_t offset)
{
	struct stream stream = {table->data + table->pctab + start, table->data + table->funcs};
	uint64_t pc = function->entry;
	uint32_t value = UINT32_MAX;

	if (start == 0 || start >= table->funcs - table->pctab)
		return -1;
	for (uint32_t pairs = 0; pairs < PAIRS_MAX; pairs++) {
		uint32_t change, bytes;

		if (!next_varint(&stream, &change) || (change == 0 && pairs > 0) ||
		    !next_varint(&stream, &bytes))
			return -1;
		value += change & 1 ? ~(change >> 1) : change >> 1;
		pc += bytes;
		if (offset < pc)
			return (int32_t)value;
	}
	return -1;
}

bool cs_go_table_sp_delta(const struct cs_go_table *table, const struct cs_go_function *function,
                          uint64_t offset, int32_t *delta)
{
	*delta = value_at(table, function, function->pcsp, offset);
	return *delta >= 0;
}

/* ---- lines and inlined calls ---- */

static const char *file_of(const struct cs_go_table *table, const struct cs_go_function *function,
                           uint64_t offset)
{
	int32_t index = value_at(table, function, function->pcfile, offset);

	if (index < 0)
		return NULL;
	uint64_t place = table->cutab + ((uint64_t)function->cu + (uint32_t)index) * 4;
	uint32_t file = place + 4 <= table->files ? u32_at(table, place) : UINT32_MAX;

	return file != UINT32_MAX ? text_at(table, table->files + file) : NULL;
}

static int32_t inline_index(const struct cs_go_table *table, const struct cs_go_function *function,
                            uint64_t offset)
{
	if (function->pcdata_count <= PCDATA_INLINE_INDEX)
		return -1;
	uint32_t start = u32_at(table, (uint64_t)function->at + table->function_bytes +
	                                       PCDATA_INLINE_INDEX * 4);

	return value_at(table, function, start, offset);
}

/* Where MEMORY has the inline tree of FUNCTION; 0: it has none. */
static uint64_t inline_tree(const struct cs_go_table *table, const struct cs_go_function *function,
                            uint64_t gofunc)
{
	if (function->funcdata_count <= FUNCDATA_INLINE_TREE || !gofunc)
		return 0;
	uint32_t offset = u32_at(
		table, (uint64_t)function->at + table->function_bytes +
			       ((uint64_t)function->pcdata_count + FUNCDATA_INLINE_TREE) * 4);

	return offset == UINT32_MAX ? 0 : gofunc + offset;
}

uint32_t cs_go_table_calls(const struct cs_go_table *table, const struct cs_go_function *function,
                           uint64_t offset, struct cs_go_memory *memory, uint64_t gofunc,
                           struct cs_go_call *calls, uint32_t max)
{
	uint64_t tree = inline_tree(table, function, gofunc);
	size_t bytes = table->old_inlining ? 20 : 16;
	uint32_t count = 0;

	while (count < max) {
		struct cs_go_call *call = &calls[count];
		int32_t index = tree && count + 1 < max ? inline_index(table, function, offset)
		                                        : -1;
		int32_t line = value_at(table, function, function->pcln, offset);
		unsigned char entry[20];

		*call = (struct cs_go_call){
			.function = cs_go_table_name(table, function),
			.file = file_of(table, function, offset),
			.line = line > 0 ? (uint32_t)line : 0,
			.wrapper = function->id && function->id == table->wrapper_id,
		};
		count++;
		if (index < 0 ||
		    cs_go_read(memory, tree + (uint64_t)(uint32_t)index * bytes, entry, bytes))
			break;
		uint64_t parent = function->entry + cs_go_u32(entry, table->old_inlining ? 16 : 8);
		const char *name = text_at(
			table, table->names + cs_go_u32(entry, table->old_inlining ? 12 : 4));
		uint8_t id = entry[table->old_inlining ? 2 : 0];

		call->function = name ? name : "";
		call->wrapper = id && id == table->wrapper_id;
		call->parent = parent;
		if (parent < function->entry || parent >= function->end)
			break;
		offset = parent;
	}
	return count;
}
