/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the fields of the runtime's structs are, by version of Go. The numbers were taken from
 * the debug information of programs built with each version; within a minor version only
 * those of m have changed, which are therefore checked: see process.h.
 */
#ifndef CS_GO_LAYOUT_H
#define CS_GO_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define CS_GO_OLDEST 18u /* minor versions of Go 1 */
#define CS_GO_NEWEST 27u

#define CS_GO_ABSENT UINT32_MAX /* the version has no such field */

/* A g is read up to here: all fields below lie in it, in every version. */
#define CS_GO_G_BYTES 384u
#define CS_GO_M_BYTES 512u
#define CS_GO_P_BYTES 512u /* its queue of 256 follows */
#define CS_GO_SCHED_BYTES 384u
#define CS_GO_SPAN_BYTES 128u

enum cs_go_status {
	CS_GO_IDLE = 0,
	CS_GO_RUNNABLE = 1,
	CS_GO_RUNNING = 2,
	CS_GO_SYSCALL = 3,
	CS_GO_WAITING = 4,
	CS_GO_DEAD = 6,
	CS_GO_COPYSTACK = 8,
	CS_GO_PREEMPTED = 9,
	CS_GO_LEAKED = 10,     /* 1.26: the runtime's own verdict */
	CS_GO_DEAD_EXTRA = 11, /* 1.26: a spare for threads that are not Go's */
	CS_GO_STATUS_LAST = 11,
	CS_GO_STATUS_SCAN = 0x1000, /* a bit: its stack is being scanned */
};

/* The head of a profile's bucket, the same in all versions. */
enum {
	CS_GO_BUCKET_NEXT = 8,
	CS_GO_BUCKET_TYPE = 16,
	CS_GO_BUCKET_SIZE = 32,
	CS_GO_BUCKET_FRAMES = 40,
	CS_GO_BUCKET_STACK = 48
};

struct cs_go_layout {
	/* g: stack.lo and stack.hi are its first two words */
	uint32_t g_m, g_sp, g_pc, g_syscall_sp, g_syscall_pc, g_status, g_goid, g_wait_since;
	uint32_t g_wait_reason, g_locked_m, g_parent, g_creator_pc, g_start_pc, g_waiting, g_labels;
	/* m: g0 is its first word */
	uint32_t m_tid, m_current, m_p, m_id, m_spinning, m_blocked, m_in_cgo, m_next, m_locked_g;
	uint32_t m_vdso_sp; /* vdsoPC follows */
	/* p: id and status are its first two words of 32 bits */
	uint32_t p_ticks, p_syscall_ticks, p_m, p_queue_head, p_queue_tail, p_next;
	/* schedt: goidgen is its first word */
	uint32_t sched_lock, sched_idle_ms, sched_mnext, sched_system_ms, sched_freed_ms;
	uint32_t sched_system_gs, sched_idle_ps, sched_spinning_ms, sched_queue_size;
	uint32_t sched_gc_waiting;
	/* mspan */
	uint32_t span_start, span_pages, span_free_index, span_elements, span_count, span_bits;
	uint32_t span_class, span_state, span_element_bytes;
	/* memstats; since 1.19 gcController counts the heap; heap statistics are three generations of a struct */
	uint32_t ms_heap_sys, ms_heap_inuse, ms_heap_released;
	uint32_t ms_heap_stats, ms_stacks_sys, ms_mspan_sys, ms_mcache_sys, ms_buckhash_sys,
		ms_gcmisc_sys;
	uint32_t ms_other_sys, ms_last_gc, ms_pause_total, ms_pause_ns, ms_numgc, ms_numforcedgc;
	uint32_t ms_gc_cpu;
	uint32_t heap_stats_bytes; /* of one generation */
	uint32_t hs_stacks, hs_work_bufs, hs_scalar_bits;
	/* moduledata */
	uint32_t md_gofunc, md_next;
	uint32_t memory_cycle_bytes; /* of one cycle of a memory profile's bucket */
};

/* Its table for Go 1.MINOR: -ENOTSUP when it is not known. */
int cs_go_layout_of(struct cs_go_layout *layout, uint32_t minor);

/* The minor version that has most of LAYOUT in common: for what is no offset. */
uint32_t cs_go_layout_nearest(const struct cs_go_layout *layout);

/* Fields in a row: what debug information calls them. */
struct cs_go_field {
	const char *type; /* "g", of package runtime */
	const char *
		field; /* "sched.sp", or several of them: "a|b.c"; NULL: the size of the type itself */
};
uint32_t cs_go_field_count(void);
struct cs_go_field cs_go_field_at(uint32_t index);
uint32_t *cs_go_layout_field(struct cs_go_layout *layout, uint32_t index);

#endif
