/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to the bytes of a trace that leave its checksums right, so that tests and fuzzers
 * get past them to the records, as whoever writes a hostile file would.
 */
#ifndef CS_SUPPORT_TRACE_EDIT_H
#define CS_SUPPORT_TRACE_EDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/checksum.h"
#include "trace/format.h"

/* The header of the chunk at AT, if there is room for one with that magic. */
static inline bool trace_edit_head(const unsigned char *bytes, size_t size, size_t at,
                                   struct cs_chunk_header *head)
{
	if (at > size || size - at < sizeof(*head))
		return false;
	memcpy(head, bytes + at, sizeof(*head));
	return head->magic == CS_CHUNK_MAGIC && head->stored_bytes <= size - at - sizeof(*head);
}

static inline void trace_edit_seal_chunk(unsigned char *bytes, size_t at,
                                         struct cs_chunk_header head)
{
	head.payload_crc = cs_crc32c(0, bytes + at + sizeof(head), head.stored_bytes);
	head.header_crc = cs_crc32c(0, &head, offsetof(struct cs_chunk_header, header_crc));
	memcpy(bytes + at, &head, sizeof(head));
}

/* Makes every checksum of the file right. */
static inline void trace_edit_seal(unsigned char *bytes, size_t size)
{
	struct cs_chunk_header head;
	size_t at = sizeof(struct cs_file_header);

	while (trace_edit_head(bytes, size, at, &head)) {
		trace_edit_seal_chunk(bytes, at, head);
		at += sizeof(head) + head.stored_bytes;
		if (size - at >= sizeof(struct cs_file_tail) &&
		    !memcmp(bytes + at + 8, CS_TRACE_TAIL_MAGIC, 8))
			at += sizeof(struct cs_file_tail);
	}
}

#endif
