/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records that the kernel's event rings hold, taken apart: pure, over bytes that are
 * believed in nothing. The layout of a sample is fixed by CS_PERF_SAMPLE_TYPE, which is what
 * perf_events.c asks the kernel for.
 */
#ifndef CS_KERNEL_PERF_RECORD_H
#define CS_KERNEL_PERF_RECORD_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PERF_SAMPLE_STACK_USER is added where stacks are asked for. */
#define CS_PERF_SAMPLE_TYPE                                                             \
	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | \
	 PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER)

/* The general registers of x86-64, in the order in which the kernel writes them. */
enum cs_perf_reg {
	CS_PERF_AX,
	CS_PERF_BX,
	CS_PERF_CX,
	CS_PERF_DX,
	CS_PERF_SI,
	CS_PERF_DI,
	CS_PERF_BP,
	CS_PERF_SP,
	CS_PERF_IP,
	CS_PERF_R8,
	CS_PERF_R9,
	CS_PERF_R10,
	CS_PERF_R11,
	CS_PERF_R12,
	CS_PERF_R13,
	CS_PERF_R14,
	CS_PERF_R15,
	CS_PERF_REGS
};
/* Their bits in the kernel's numbering: 0 to 8, then 16 to 23. */
#define CS_PERF_REG_MASK UINT64_C(0xff01ff)

/* A sample; pointers are into the record and hold as long as it does. */
struct cs_perf_sample {
	uint64_t id; /* of the event that was opened; inherited ones have that of their origin */
	uint64_t ip;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint32_t pid, tid;
	bool in_kernel; /* it was interrupted in a system call, a fault, an interrupt */
	bool has_regs;
	uint64_t regs[CS_PERF_REGS];
	/* User code by frame pointers: where it was, then return addresses. */
	const uint64_t *chain;
	uint32_t chain_count;
	/* Copied from the stack pointer upwards; NULL: none. */
	const uint8_t *stack;
	uint64_t stack_bytes;
};

enum cs_perf_kind {
	CS_PERF_OTHER, /* nothing that we want to know */
	CS_PERF_SAMPLE,
	CS_PERF_LOST, /* the ring was full */
	CS_PERF_EXIT, /* of a thread */
	CS_PERF_THROTTLED,
	CS_PERF_DAMAGED
};

struct cs_perf_record {
	enum cs_perf_kind kind;
	struct cs_perf_sample sample; /* CS_PERF_SAMPLE */
	uint64_t lost;                /* CS_PERF_LOST: records */
	uint32_t pid, tid;            /* CS_PERF_EXIT */
};

/*
 * BYTES of one record, header included, 8-aligned; STACKS: the events have
 * PERF_SAMPLE_STACK_USER. What is cut short or lies about its lengths is CS_PERF_DAMAGED.
 */
void cs_perf_decode(const uint8_t *bytes, size_t size, bool stacks, struct cs_perf_record *record);

#endif
