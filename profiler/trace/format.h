/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a trace file, version 1; docs/trace-format.md says the same in words. What is
 * here never changes: later versions add record kinds, fields at the end of records, chunk
 * kinds, and flags, all of which a reader of today passes over.
 */
#ifndef CS_TRACE_FORMAT_H
#define CS_TRACE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define CS_TRACE_MAGIC "coroscope trace\n"
#define CS_TRACE_TAIL_MAGIC "CSINDEX\n"
#define CS_CHUNK_MAGIC UINT32_C(0x6b684389) /* 0x89 'C' 'h' 'k' */

/* Larger ones are taken for damaged; the writer cuts at CS_CHUNK_RAW_AIM. */
#define CS_CHUNK_RAW_MAX (UINT32_C(64) << 20)
#define CS_CHUNK_STORED_MAX (CS_CHUNK_RAW_MAX + (CS_CHUNK_RAW_MAX >> 6))
#define CS_CHUNK_RAW_AIM (UINT32_C(4) << 20)

/* Little endian throughout: x86-64 writes structs as they are. */
struct cs_file_header {
	char magic[16]; /* CS_TRACE_MAGIC without its NUL */
	uint32_t version;
	uint32_t bytes; /* of this header: where the first chunk starts */
	uint64_t reserved;
};

struct cs_chunk_header {
	uint32_t magic;
	uint16_t kind;         /* enum cs_chunk_kind */
	uint16_t flags;        /* enum cs_chunk_flag */
	uint32_t number;       /* 0, 1, 2 … in the file: tells how many were lost */
	uint32_t stored_bytes; /* behind this header */
	uint32_t raw_bytes;    /* after decompression */
	uint32_t payload_crc;  /* CRC-32C of the stored bytes */
	uint64_t from_ns;
	uint64_t to_ns;
	uint32_t reserved;
	uint32_t header_crc; /* CRC-32C of the 44 bytes before it */
};

/* The last 16 bytes of a finished file. */
struct cs_file_tail {
	uint64_t index_offset; /* of the INDEX chunk's header */
	char magic[8];
};

_Static_assert(sizeof(struct cs_file_header) == 32, "file struct");
_Static_assert(sizeof(struct cs_chunk_header) == 48, "file struct");
_Static_assert(offsetof(struct cs_chunk_header, from_ns) == 24, "file struct");
_Static_assert(offsetof(struct cs_chunk_header, header_crc) == 44, "file struct");
_Static_assert(sizeof(struct cs_file_tail) == 16, "file struct");

enum cs_chunk_kind {
	CS_CHUNK_SESSION = 1,
	CS_CHUNK_DEFS = 2,
	CS_CHUNK_DELTAS = 3,
	CS_CHUNK_KEYFRAME = 4,
	CS_CHUNK_SYMBOLS = 5,
	CS_CHUNK_SUMMARY = 6,
	CS_CHUNK_INDEX = 7,
	CS_CHUNK_LOSSES = 8,
	CS_CHUNK_KIND_COUNT,
	CS_CHUNK_EVENTS = 16,
};

enum cs_chunk_flag {
	CS_CHUNK_ZSTD = 1u << 0,
	CS_CHUNK_FIRST = 1u << 1, /* of the chunks that make one KEYFRAME */
	CS_CHUNK_LAST = 1u << 2,
};

/* Records are kind, length, fields; kinds are one space for all chunks. */
enum cs_trace_record {
	CS_TRACE_SESSION = 1,
	CS_TRACE_SUMMARY = 2,
	CS_TRACE_BASE = 3, /* DEFS: how many of each kind were defined before it */
	CS_TRACE_PROCESS = 4,
	CS_TRACE_THREAD = 5,
	CS_TRACE_MODULE = 6,
	CS_TRACE_FRAME = 7,
	CS_TRACE_NODE = 8,
	CS_TRACE_CELL = 9,
	CS_TRACE_PROCESS_STATE = 10,
	CS_TRACE_MEMORY = 11,
	CS_TRACE_THREAD_STATE = 12,
	CS_TRACE_CELL_SUM = 13,
	CS_TRACE_LOSS = 14,
	CS_TRACE_STRING = 15, /* SYMBOLS: a text, numbered within its chunk from 1 */
	CS_TRACE_NAMES = 16,  /* SYMBOLS: the names of a frame */
	CS_TRACE_CHUNK = 17,  /* INDEX */
	CS_TRACE_TEXT = 18,   /* DEFS: texts that recur */
	CS_TRACE_RUNTIME = 19,
	CS_TRACE_TALLY = 20,
	CS_TRACE_FIGURE = 21,
	CS_TRACE_COROUTINE = 22, /* who is in a slot, and what hardly changes of it */
	CS_TRACE_COROUTINE_STATE = 23,
	CS_TRACE_COROUTINE_HEAP = 24,
	CS_TRACE_COROUTINE_GONE = 25,
	CS_TRACE_TALLY_SUM = 26,
	CS_TRACE_FIGURE_VALUE = 27,
	CS_TRACE_RECORD_COUNT,
	CS_TRACE_EVENT = 64, /* EVENTS */
};

/* What a CELL_SUM record leaves out. */
enum cs_sum_flag {
	CS_SUM_FRACTIONS = 1u << 0, /* objects in 1/65536, else whole ones */
	CS_SUM_SAMPLES = 1u << 1,   /* else samples are the objects: every block was recorded */
	CS_SUM_VARIANCES = 1u << 2, /* else 0 */
	CS_SUM_PEAK = 1u << 3,      /* held something else at the peak; else as now */
	CS_SUM_PEAK_VARIANCES = 1u << 4,
};

#endif
