/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_vm_readv stops at the first byte that is not there: the piece that holds it is left
 * out and the rest asked for again, so one dead pointer costs one piece and not the batch.
 */
#include "go/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#define PIECES_MAX 1024u /* of one system call: IOV_MAX */

static int read_live(void *context, struct cs_go_piece *pieces, size_t count)
{
	pid_t pid = (pid_t)(uintptr_t)context;
	struct iovec local[PIECES_MAX], remote[PIECES_MAX];
	size_t first = 0;

	while (first < count) {
		size_t n = count - first < PIECES_MAX ? count - first : PIECES_MAX;

		for (size_t i = 0; i < n; i++) {
			struct cs_go_piece *piece = &pieces[first + i];

			local[i] = (struct iovec){piece->to, piece->bytes};
			/* An address is no pointer of ours. NOLINTNEXTLINE(performance-no-int-to-ptr) */
			remote[i] = (struct iovec){(void *)(uintptr_t)piece->address, piece->bytes};
		}
		ssize_t got = process_vm_readv(pid, local, n, remote, n, 0);
		if (got < 0 && (errno == ESRCH || errno == EPERM))
			return -errno;
		size_t left = got > 0 ? (size_t)got : 0;
		size_t i = 0;
		for (; i < n && left >= pieces[first + i].bytes; i++) {
			left -= pieces[first + i].bytes;
			pieces[first + i].got = true;
		}
		first += i < n ? i + 1 : i; /* the one that failed is left out */
	}
	return 0;
}

struct cs_go_memory cs_go_memory_of(uint32_t pid)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	return (struct cs_go_memory){.read = read_live, .context = (void *)(uintptr_t)pid};
}

int cs_go_read_pieces(struct cs_go_memory *memory, struct cs_go_piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pieces[i].got = false;
	return memory->read(memory->context, pieces, count);
}

int cs_go_read(struct cs_go_memory *memory, uint64_t address, void *to, size_t bytes)
{
	struct cs_go_piece piece = {.address = address, .to = to, .bytes = bytes};
	int error = cs_go_read_pieces(memory, &piece, 1);

	if (!error && !piece.got)
		error = -EFAULT;
	if (error)
		memset(to, 0, bytes);
	return error;
}

bool cs_go_read_u64(struct cs_go_memory *memory, uint64_t address, uint64_t *value)
{
	return cs_go_read(memory, address, value, sizeof(*value)) == 0;
}

bool cs_go_read_u32(struct cs_go_memory *memory, uint64_t address, uint32_t *value)
{
	return cs_go_read(memory, address, value, sizeof(*value)) == 0;
}

bool cs_go_read_u8(struct cs_go_memory *memory, uint64_t address, uint8_t *value)
{
	return cs_go_read(memory, address, value, sizeof(*value)) == 0;
}

bool cs_go_read_string(struct cs_go_memory *memory, uint64_t address, char *to, size_t size)
{
	uint64_t header[2];

	to[0] = '\0';
	if (cs_go_read(memory, address, header, sizeof(header)) || !header[0] || !header[1] ||
	    header[1] >= size)
		return false;
	if (cs_go_read(memory, header[0], to, header[1])) {
		to[0] = '\0';
		return false;
	}
	to[header[1]] = '\0';
	return true;
}
