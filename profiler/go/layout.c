/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns are the minor versions 1.18 to 1.27; rows are fields. Taken from the debug information
 * of 1.18.10, 1.19.8, 1.20.14, 1.21.13, 1.22.12, 1.23.12, 1.24.12, 1.25.7, 1.26.8 and 1.27.1.
 */
#include "go/layout.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#define VERSIONS (CS_GO_NEWEST - CS_GO_OLDEST + 1)
#define ROW(name) offsetof(struct cs_go_layout, name)
#define ABSENT CS_GO_ABSENT

struct row {
	size_t place;
	const char *type, *field;
	uint32_t offsets[VERSIONS];
};

static const struct row rows[] = {
	{ROW(g_m), "g", "m", {48, 48, 48, 48, 48, 48, 48, 48, 48, 48}},
	{ROW(g_sp), "g", "sched.sp", {56, 56, 56, 56, 56, 56, 56, 56, 56, 56}},
	{ROW(g_pc), "g", "sched.pc", {64, 64, 64, 64, 64, 64, 64, 64, 64, 64}},
	{ROW(g_syscall_sp), "g", "syscallsp", {112, 112, 112, 112, 112, 112, 112, 104, 104, 104}},
	{ROW(g_syscall_pc), "g", "syscallpc", {120, 120, 120, 120, 120, 120, 120, 112, 112, 112}},
	{ROW(g_status), "g", "atomicstatus", {144, 144, 144, 144, 144, 152, 152, 144, 144, 144}},
	{ROW(g_goid), "g", "goid", {152, 152, 152, 152, 152, 160, 160, 152, 152, 152}},
	{ROW(g_wait_since), "g", "waitsince", {168, 168, 168, 168, 168, 176, 176, 168, 168, 168}},
	{ROW(g_wait_reason), "g", "waitreason", {176, 176, 176, 176, 176, 184, 184, 176, 176, 176}},
	{ROW(g_locked_m), "g", "lockedm", {232, 232, 232, 208, 208, 216, 216, 208, 208, 208}},
	{ROW(g_parent),
         "g",
         "parentGoid",
         {ABSENT, ABSENT, ABSENT, 272, 272, 280, 280, 272, 280, 280}},
	{ROW(g_creator_pc), "g", "gopc", {296, 296, 296, 280, 280, 288, 288, 280, 288, 288}},
	{ROW(g_start_pc), "g", "startpc", {312, 312, 312, 296, 296, 304, 304, 296, 304, 304}},
	{ROW(g_waiting), "g", "waiting", {328, 328, 328, 312, 312, 320, 320, 312, 320, 320}},
	{ROW(g_labels), "g", "labels", {360, 360, 360, 344, 344, 352, 352, 344, 352, 352}},
	{ROW(m_tid), "m", "procid", {72, 72, 72, 72, 72, 72, 72, 64, 64, 64}},
	{ROW(m_current), "m", "curg", {192, 192, 192, 192, 192, 192, 192, 184, 184, 184}},
	{ROW(m_p), "m", "p", {208, 208, 208, 208, 208, 208, 208, 200, 208, 208}},
	{ROW(m_id), "m", "id", {232, 232, 232, 232, 232, 232, 232, 224, 232, 232}},
	{ROW(m_spinning), "m", "spinning", {276, 276, 276, 276, 276, 276, 276, 268, 276, 276}},
	{ROW(m_blocked), "m", "blocked", {277, 277, 277, 277, 277, 277, 277, 269, 277, 277}},
	{ROW(m_in_cgo), "m", "incgo", {280, 280, 280, 280, 280, 280, 280, 272, 280, 280}},
	{ROW(m_next), "m", "alllink", {336, 336, 336, 336, 328, 352, 352, 344, 352, 352}},
	{ROW(m_locked_g), "m", "lockedg", {352, 352, 352, 352, 344, 368, 368, 360, 384, 384}},
	{ROW(m_vdso_sp), "m", "vdsoSP", {800, 800, 800, 808, 1120, 880, 904, 896, 896, 896}},
	{ROW(p_ticks), "p", "schedtick", {16, 16, 16, 16, 16, 16, 16, 16, 16, 16}},
	{ROW(p_syscall_ticks), "p", "syscalltick", {20, 20, 20, 20, 20, 20, 20, 20, 20, 20}},
	{ROW(p_m), "p", "m", {56, 56, 56, 56, 56, 48, 48, 48, 48, 48}},
	{ROW(p_queue_head), "p", "runqhead", {400, 400, 400, 400, 400, 392, 392, 392, 400, 400}},
	{ROW(p_queue_tail), "p", "runqtail", {404, 404, 404, 404, 404, 396, 396, 396, 404, 404}},
	{ROW(p_next), "p", "runnext", {2456, 2456, 2456, 2456, 2456, 2448, 2448, 2448, 2456, 2456}},
	{ROW(sched_lock), "schedt", "lock", {24, 24, 24, 24, 24, 24, 24, 32, 32, 32}},
	{ROW(sched_idle_ms), "schedt", "nmidle", {40, 40, 40, 40, 40, 40, 40, 48, 64, 64}},
	{ROW(sched_mnext), "schedt", "mnext", {48, 48, 48, 48, 48, 48, 48, 56, 72, 72}},
	{ROW(sched_system_ms), "schedt", "nmsys", {60, 60, 60, 60, 60, 60, 60, 68, 84, 84}},
	{ROW(sched_freed_ms), "schedt", "nmfreed", {64, 64, 64, 64, 64, 64, 64, 72, 88, 88}},
	{ROW(sched_system_gs), "schedt", "ngsys", {72, 72, 72, 72, 72, 72, 72, 80, 96, 96}},
	{ROW(sched_idle_ps), "schedt", "npidle", {88, 88, 88, 88, 88, 88, 88, 96, 112, 112}},
	{ROW(sched_spinning_ms),
         "schedt",
         "nmspinning",
         {92, 92, 92, 92, 92, 92, 92, 100, 116, 116}},
	{ROW(sched_queue_size),
         "schedt",
         "runqsize|runq.size",
         {112, 112, 120, 120, 120, 120, 120, 128, 144, 144}},
	{ROW(sched_gc_waiting),
         "schedt",
         "gcwaiting",
         {224, 224, 232, 232, 232, 232, 232, 248, 264, 264}},
	{ROW(span_start), "mspan", "startAddr", {24, 24, 24, 24, 24, 24, 24, 24, 24, 24}},
	{ROW(span_pages), "mspan", "npages", {32, 32, 32, 32, 32, 32, 32, 32, 32, 32}},
	{ROW(span_free_index), "mspan", "freeindex", {48, 48, 48, 48, 48, 48, 48, 48, 48, 48}},
	{ROW(span_elements), "mspan", "nelems", {56, 56, 56, 56, 50, 50, 50, 50, 50, 50}},
	{ROW(span_count), "mspan", "allocCount", {96, 96, 96, 104, 96, 96, 96, 96, 96, 96}},
	{ROW(span_bits), "mspan", "allocBits", {72, 72, 72, 72, 64, 64, 64, 64, 64, 64}},
	{ROW(span_class), "mspan", "spanclass", {98, 98, 98, 106, 98, 98, 98, 98, 98, 98}},
	{ROW(span_state), "mspan", "state", {99, 99, 99, 107, 99, 99, 99, 99, 99, 99}},
	{ROW(span_element_bytes),
         "mspan",
         "elemsize",
         {104, 104, 104, 112, 104, 104, 104, 104, 104, 104}},
	{ROW(ms_heap_sys),
         "mstats",
         "heap_sys",
         {48, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT}},
	{ROW(ms_heap_inuse),
         "mstats",
         "heap_inuse",
         {56, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT}},
	{ROW(ms_heap_released),
         "mstats",
         "heap_released",
         {64, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT}},
	{ROW(ms_heap_stats), "mstats", "heapStats", {5960, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{ROW(ms_stacks_sys),
         "mstats",
         "stacks_sys",
         {88, 3544, 3544, 3544, 3544, 3544, 3544, 3520, 3520, 3520}},
	{ROW(ms_mspan_sys),
         "mstats",
         "mspan_sys",
         {104, 3552, 3552, 3552, 3552, 3552, 3552, 3528, 3528, 3528}},
	{ROW(ms_mcache_sys),
         "mstats",
         "mcache_sys",
         {120, 3560, 3560, 3560, 3560, 3560, 3560, 3536, 3536, 3536}},
	{ROW(ms_buckhash_sys),
         "mstats",
         "buckhash_sys",
         {128, 3568, 3568, 3568, 3568, 3568, 3568, 3544, 3544, 3544}},
	{ROW(ms_gcmisc_sys),
         "mstats",
         "gcMiscSys",
         {152, 3576, 3576, 3576, 3576, 3576, 3576, 3552, 3552, 3552}},
	{ROW(ms_other_sys),
         "mstats",
         "other_sys",
         {160, 3584, 3584, 3584, 3584, 3584, 3584, 3560, 3560, 3560}},
	{ROW(ms_last_gc),
         "mstats",
         "last_gc_unix",
         {168, 3592, 3592, 3592, 3592, 3592, 3592, 3568, 3568, 3568}},
	{ROW(ms_pause_total),
         "mstats",
         "pause_total_ns",
         {176, 3600, 3600, 3600, 3600, 3600, 3600, 3576, 3576, 3576}},
	{ROW(ms_pause_ns),
         "mstats",
         "pause_ns",
         {184, 3608, 3608, 3608, 3608, 3608, 3608, 3584, 3584, 3584}},
	{ROW(ms_numgc),
         "mstats",
         "numgc",
         {4280, 7704, 7704, 7704, 7704, 7704, 7704, 7680, 7680, 7680}},
	{ROW(ms_numforcedgc),
         "mstats",
         "numforcedgc",
         {4284, 7708, 7708, 7708, 7708, 7708, 7708, 7684, 7684, 7684}},
	{ROW(ms_gc_cpu),
         "mstats",
         "gc_cpu_fraction",
         {4288, 7712, 7712, 7712, 7712, 7712, 7712, 7688, 7688, 7688}},
	{ROW(heap_stats_bytes),
         "heapStatsDelta",
         NULL,
         {1176, 1176, 1176, 1176, 1176, 1176, 1176, 1168, 1168, 1168}},
	{ROW(hs_stacks), "heapStatsDelta", "inStacks", {24, 24, 24, 24, 24, 24, 24, 24, 24, 24}},
	{ROW(hs_work_bufs),
         "heapStatsDelta",
         "inWorkBufs",
         {32, 32, 32, 32, 32, 32, 32, 32, 32, 32}},
	{ROW(hs_scalar_bits),
         "heapStatsDelta",
         "inPtrScalarBits",
         {40, 40, 40, 40, 40, 40, 40, ABSENT, ABSENT, ABSENT}},
	{ROW(md_gofunc),
         "moduledata",
         "gofunc",
         {304, 304, 320, 320, 320, 320, 320, 320, 320, 344}},
	{ROW(md_next), "moduledata", "next", {544, 544, 560, 584, 584, 576, 576, 576, 584, 560}},
	{ROW(memory_cycle_bytes), "memRecordCycle", NULL, {32, 32, 32, 32, 32, 32, 32, 32, 32, 16}},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(ROWS * sizeof(uint32_t) == sizeof(struct cs_go_layout), "a field without a row");

uint32_t *cs_go_layout_field(struct cs_go_layout *layout, uint32_t index)
{
	return (uint32_t *)(void *)((char *)layout + rows[index].place);
}

int cs_go_layout_of(struct cs_go_layout *layout, uint32_t minor)
{
	if (minor < CS_GO_OLDEST || minor > CS_GO_NEWEST)
		return -ENOTSUP;
	for (uint32_t i = 0; i < ROWS; i++)
		*cs_go_layout_field(layout, i) = rows[i].offsets[minor - CS_GO_OLDEST];
	return 0;
}

/* By point releases (trial.c): where these are, says nothing of the version. */
static bool moves(uint32_t row)
{
	size_t place = rows[row].place;

	return place == offsetof(struct cs_go_layout, m_next) ||
	       place == offsetof(struct cs_go_layout, m_locked_g) ||
	       place == offsetof(struct cs_go_layout, m_vdso_sp);
}

uint32_t cs_go_layout_nearest(const struct cs_go_layout *layout)
{
	uint32_t best = CS_GO_NEWEST, most = 0;

	for (uint32_t version = VERSIONS; version-- > 0;) {
		uint32_t same = 0;

		for (uint32_t i = 0; i < ROWS; i++)
			same += !moves(i) &&
			        *(const uint32_t *)(const void *)((const char *)layout +
			                                          rows[i].place) ==
			                rows[i].offsets[version];
		if (same > most) {
			most = same;
			best = CS_GO_OLDEST + version;
		}
	}
	return best;
}

uint32_t cs_go_field_count(void)
{
	return ROWS;
}

struct cs_go_field cs_go_field_at(uint32_t index)
{
	return (struct cs_go_field){rows[index].type, rows[index].field};
}
