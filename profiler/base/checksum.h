/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli), as iSCSI and ext4 use it: finds every error of a few bits and all
 * bursts up to 32 bits. Not against an attacker.
 */
#ifndef CS_BASE_CHECKSUM_H
#define CS_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Of BYTES behind what gave CRC; start with 0. */
uint32_t cs_crc32c(uint32_t crc, const void *bytes, size_t size);
/* The same without the instruction of SSE 4.2; for processors without, and for tests. */
uint32_t cs_crc32c_plain(uint32_t crc, const void *bytes, size_t size);

#endif
