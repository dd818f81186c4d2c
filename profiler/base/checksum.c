/* SPDX-License-Identifier: Apache-2.0 */
/* By the processor's own instruction where it has one, by a table else: the same number. */
#include "base/checksum.h"

#include <string.h>

/* Half a byte at a time: small, and only met on processors from before 2008. */
static const uint32_t half[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t cs_crc32c_plain(uint32_t crc, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	crc = ~crc;
	for (; size > 0; size--) {
		crc ^= *at++;
		crc = (crc >> 4) ^ half[crc & 15];
		crc = (crc >> 4) ^ half[crc & 15];
	}
	return ~crc;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_fast(uint32_t crc, const void *bytes,
                                                              size_t size)
{
	const unsigned char *at = bytes;
	uint64_t sum = ~crc;
	uint64_t word;

	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum = __builtin_ia32_crc32di(sum, word);
	}
	for (; size > 0; size--)
		sum = __builtin_ia32_crc32qi((uint32_t)sum, *at++);
	return ~(uint32_t)sum;
}

uint32_t cs_crc32c(uint32_t crc, const void *bytes, size_t size)
{
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_fast(crc, bytes, size);
	return cs_crc32c_plain(crc, bytes, size);
}
