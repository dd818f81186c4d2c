/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpoint's file, for those who write (checkpoint.c) and read it (resume.c).
 */
#ifndef CS_SOURCE_CHECKPOINT_PRIVATE_H
#define CS_SOURCE_CHECKPOINT_PRIVATE_H

#include <stdint.h>

#define CS_CHECKPOINT_MAGIC UINT64_C(0x3154504b43534b43)
#define CS_CHECKPOINT_BYTES_MAX (UINT64_C(128) << 20)

struct cs_checkpoint_header {
	uint64_t magic;
	uint64_t time_ns; /* of the trace's tick */
	uint64_t bytes;   /* behind the header */
	uint32_t count;   /* of process images */
	uint32_t crc;     /* CRC-32C of those bytes */
};

#endif
