/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields up to `etext` have been the same since Go 1.18. A moduledata is recognised by its
 * first two words: the address of the table and that of the names in it.
 */
#include "go/module.h"

#include <errno.h>
#include <stdlib.h>

#define OFFSET_PCHEADER 0u
#define OFFSET_NAMES 8u
#define OFFSET_PCLNTABLE 104u /* a slice: its end is the table's */
#define OFFSET_MINPC 160u
#define OFFSET_MAXPC 168u
#define OFFSET_TEXT 176u
#define OFFSET_ETEXT 184u
#define OFFSET_NOPTRDATA 192u
#define OFFSET_ENOPTRBSS 248u
#define HEAD_BYTES 256u

#define SCAN_BYTES (1u << 20)
#define TABLE_BYTES_MAX (UINT64_C(1) << 30)

/* What all moduledata have in common. */
static bool take_head(struct cs_go_module *module, const unsigned char *head)
{
	uint64_t minpc = cs_go_u64(head, OFFSET_MINPC);
	uint64_t maxpc = cs_go_u64(head, OFFSET_MAXPC);

	module->table_address = cs_go_u64(head, OFFSET_PCHEADER);
	module->text = cs_go_u64(head, OFFSET_TEXT);
	module->etext = cs_go_u64(head, OFFSET_ETEXT);
	module->data = cs_go_u64(head, OFFSET_NOPTRDATA);
	module->data_end = cs_go_u64(head, OFFSET_ENOPTRBSS);
	return module->text && module->text <= minpc && minpc < maxpc && maxpc <= module->etext &&
	       module->etext - module->text < (UINT64_C(1) << 32);
}

/* 1: found; 0: not in these bytes. */
static int search(struct cs_go_module *module, struct cs_go_memory *memory,
                  const unsigned char *bytes, uint64_t count, uint64_t address, uint64_t table,
                  uint64_t names)
{
	for (uint64_t i = 0; i + 16 <= count; i += 8) {
		unsigned char head[HEAD_BYTES];

		if (cs_go_u64(bytes, i) != table || cs_go_u64(bytes, i + 8) != names ||
		    cs_go_read(memory, address + i, head, sizeof(head)))
			continue;
		module->address = address + i;
		if (take_head(module, head))
			return 1;
	}
	return 0;
}

static int search_segment(struct cs_go_module *module, struct cs_go_memory *memory,
                          const struct cs_go_segment *segment, unsigned char *buffer,
                          uint64_t names)
{
	for (uint64_t at = 0; at < segment->file_bytes; at += SCAN_BYTES - 16) {
		uint64_t left = segment->file_bytes - at;
		uint64_t bytes = left < SCAN_BYTES ? left : SCAN_BYTES;
		uint64_t address = segment->vaddr + module->bias + at;
		int error = cs_go_read(memory, address, buffer, bytes);

		if (error == -ESRCH || error == -EPERM)
			return error;
		if (!error &&
		    search(module, memory, buffer, bytes, address, module->table_address, names))
			return 1;
	}
	return 0;
}

int cs_go_module_find(struct cs_go_module *module, struct cs_go_memory *memory,
                      const struct cs_go_image *image, uint64_t bias, struct cs_go_table *table,
                      struct cs_diag *diag)
{
	unsigned char *buffer = malloc(SCAN_BYTES);
	int found = 0;

	*module = (struct cs_go_module){
		.bias = bias, .table = *table, .table_address = table->vaddr + bias};
	*table = (struct cs_go_table){0};
	for (uint32_t i = 0; buffer && i < image->segment_count && !found; i++)
		if (image->segments[i].writable)
			found = search_segment(module, memory, &image->segments[i], buffer,
			                       module->table_address + module->table.names);
	free(buffer);
	if (found == 1)
		return 0;
	cs_go_module_close(module);
	if (!buffer)
		return cs_diag_set(diag, -ENOMEM, "read its goroutines: out of memory");
	if (found == -EPERM) {
		cs_diag_set(diag, found, "read its memory: not permitted");
		return cs_diag_hint(diag, "run as its owner or root; `coroscope doctor -p PID` "
		                          "says what forbids it");
	}
	if (found)
		return cs_diag_set(diag, found, "read its memory: it has ended");
	return cs_diag_set(diag, -ENOENT,
	                   "read its goroutines: its Go runtime was not found, "
	                   "though it has Go's table of functions");
}

int cs_go_module_settle(struct cs_go_module *module, struct cs_go_memory *memory,
                        uint32_t gofunc_offset)
{
	int error = cs_go_read(memory, module->address + gofunc_offset, &module->gofunc,
	                       sizeof(module->gofunc));

	return error == -EFAULT ? -EINVAL : error;
}

int cs_go_module_read(struct cs_go_module *module, struct cs_go_memory *memory, uint64_t address,
                      uint32_t gofunc_offset)
{
	unsigned char head[HEAD_BYTES];
	unsigned char *data;

	*module = (struct cs_go_module){.address = address};
	int error = cs_go_read(memory, address, head, sizeof(head));

	if (error)
		return error == -EFAULT ? -EINVAL : error;
	if (!take_head(module, head))
		return -EINVAL;
	uint64_t end = cs_go_u64(head, OFFSET_PCLNTABLE) + cs_go_u64(head, OFFSET_PCLNTABLE + 8);
	uint64_t bytes = end - module->table_address;

	if (end < module->table_address || bytes > TABLE_BYTES_MAX)
		return -EINVAL;
	data = malloc(bytes + 1);
	if (!data)
		return -ENOMEM;
	error = cs_go_read(memory, module->table_address, data, bytes);
	if (error) {
		free(data);
		return error == -EFAULT ? -EINVAL : error;
	}
	error = cs_go_table_take(&module->table, data, bytes);
	return error ? error : cs_go_module_settle(module, memory, gofunc_offset);
}

void cs_go_module_close(struct cs_go_module *module)
{
	cs_go_table_close(&module->table);
}
