/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading unwind information that nobody vouches for: every byte is fetched through
 * struct csa_reader, which knows its bounds. After a fetch beyond them the reader is bad for
 * ever and yields zeros. Private to cfi.c and cfa.c.
 */
#ifndef CSA_STACK_READER_H
#define CSA_STACK_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pointer encodings of .eh_frame: the low half says the format, the high half the base. */
enum {
	CSA_PE_ABSPTR = 0x00,
	CSA_PE_ULEB = 0x01,
	CSA_PE_UDATA2 = 0x02,
	CSA_PE_UDATA4 = 0x03,
	CSA_PE_UDATA8 = 0x04,
	CSA_PE_SLEB = 0x09,
	CSA_PE_SDATA2 = 0x0a,
	CSA_PE_SDATA4 = 0x0b,
	CSA_PE_SDATA8 = 0x0c,
	CSA_PE_PCREL = 0x10,
	CSA_PE_DATAREL = 0x30,
	CSA_PE_INDIRECT = 0x80,
	CSA_PE_OMIT = 0xff,
	CSA_PE_TABLE = CSA_PE_DATAREL | CSA_PE_SDATA4
};

struct csa_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

struct csa_block {
	const uint8_t *start;
	uint64_t bytes;
};

static inline uint64_t csa_get(struct csa_reader *reader, unsigned bytes)
{
	uint64_t value = 0;

	if (reader->bad || (size_t)(reader->end - reader->at) < bytes) {
		reader->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)reader->at[i] << 8 * i;
	reader->at += bytes;
	return value;
}

static inline void csa_skip(struct csa_reader *reader, uint64_t bytes)
{
	if (reader->bad || (uint64_t)(reader->end - reader->at) < bytes)
		reader->bad = true;
	else
		reader->at += bytes;
}

static inline uint64_t csa_get_leb(struct csa_reader *reader, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)csa_get(reader, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 140);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~(uint64_t)0 << shift;
	return value;
}

static inline uint64_t csa_get_uleb(struct csa_reader *reader)
{
	return csa_get_leb(reader, false);
}

static inline int64_t csa_get_sleb(struct csa_reader *reader)
{
	return (int64_t)csa_get_leb(reader, true);
}

static inline struct csa_block csa_get_block(struct csa_reader *reader)
{
	struct csa_block block;

	block.bytes = csa_get_uleb(reader);
	block.start = reader->at;
	csa_skip(reader, block.bytes);
	return block;
}

/* HEADER is what datarel values are relative to. An indirect pointer is not followed. */
static inline uint64_t csa_get_encoded(struct csa_reader *reader, uint8_t encoding,
                                       const uint8_t *header)
{
	uint64_t base = 0;
	uint64_t value;

	if ((encoding & 0x70) == CSA_PE_PCREL)
		base = (uint64_t)(uintptr_t)reader->at;
	else if ((encoding & 0x70) == CSA_PE_DATAREL)
		base = (uint64_t)(uintptr_t)header;
	else if (encoding & 0x70)
		reader->bad = true;
	switch (encoding & 0x0f) {
	case CSA_PE_ABSPTR:
	case CSA_PE_UDATA8:
	case CSA_PE_SDATA8:
		value = csa_get(reader, 8);
		break;
	case CSA_PE_ULEB:
		value = csa_get_uleb(reader);
		break;
	case CSA_PE_SLEB:
		value = (uint64_t)csa_get_sleb(reader);
		break;
	case CSA_PE_UDATA2:
		value = csa_get(reader, 2);
		break;
	case CSA_PE_UDATA4:
		value = csa_get(reader, 4);
		break;
	case CSA_PE_SDATA2:
		value = (uint64_t)(int16_t)csa_get(reader, 2);
		break;
	case CSA_PE_SDATA4:
		value = (uint64_t)(int32_t)csa_get(reader, 4);
		break;
	default:
		reader->bad = true;
		return 0;
	}
	return base + value;
}

#endif
