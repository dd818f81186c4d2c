/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from the kernel about a process, and from the files it has mapped. The first
 * byte says what the rest is: 'r' an event ring, 's' the same with stacks, 'e' an ELF file,
 * 'm' the text of /proc/PID/maps.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/code.h"
#include "kernel/elf_glimpse.h"
#include "kernel/perf_record.h"
#include "kernel/perf_ring.h"

#define RING_BYTES 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sum; /* everything that is claimed to be there is read */

static void visit(void *context, const uint8_t *bytes, uint32_t size)
{
	uint8_t *copy = malloc(size);
	struct cs_perf_record record;

	/* Of its own, so that a read beyond it is caught. */
	if (!copy)
		return;
	cs_perf_decode(memcpy(copy, bytes, size), size, *(const bool *)context, &record);
	for (uint32_t i = 0; i < record.sample.chain_count; i++)
		sum += record.sample.chain[i];
	for (uint64_t i = 0; i < record.sample.stack_bytes; i++)
		sum += record.sample.stack[i];
	free(copy);
}

static void read_ring(const uint8_t *data, size_t size, bool stacks)
{
	struct perf_event_mmap_page *page = calloc(1, sizeof(*page));
	struct cs_perf_ring *ring = calloc(1, sizeof(*ring));
	uint8_t *memory = calloc(1, RING_BYTES);
	uint64_t start = 0;

	if (page && ring && memory && size > 2) {
		/* It may begin anywhere. */
		start = (uint64_t)data[0] * 16;
		page->data_tail = start;
		page->data_head = start + (size - 2 > RING_BYTES ? RING_BYTES : size - 2);
		for (uint64_t at = start; at < page->data_head; at++)
			memory[at % RING_BYTES] = data[2 + at - start];
		ring->page = page;
		ring->data = memory;
		ring->bytes = RING_BYTES;
		cs_perf_ring_drain(ring, visit, &stacks);
	}
	free(memory);
	free(ring);
	free(page);
}

static void read_elf(const uint8_t *data, size_t size)
{
	struct cs_elf_glimpse glimpse;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, data, size) == (ssize_t)size)
		for (uint64_t offset = 0; offset < 16384; offset += 4096)
			sum += cs_elf_glimpse(fd, offset, &glimpse) + glimpse.build_id_bytes;
	close(fd);
}

static void read_maps(const uint8_t *data, size_t size)
{
	struct cs_model *model = cs_model_new();
	struct cs_code code;
	char *text = malloc(size + 1);
	char *rest = text;
	char *line;

	cs_code_start(&code, model, UINT32_MAX, NULL, NULL);
	if (text && model) {
		memcpy(text, data, size);
		text[size] = '\0';
		while ((line = strsep(&rest, "\n")))
			cs_code_line(&code, line);
		for (uint32_t i = 0; i < code.map.count; i++)
			sum += cs_code_frame(&code, code.map.ranges[i].end - 1, 1);
	}
	cs_code_stop(&code);
	cs_model_free(model);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'r' || data[0] == 's')
		read_ring(data + 1, size - 1, data[0] == 's');
	else if (data[0] == 'e')
		read_elf(data + 1, size - 1);
	else if (data[0] == 'm')
		read_maps(data + 1, size - 1);
	return 0;
}
