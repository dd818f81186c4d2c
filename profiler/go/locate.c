/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of patterns; each names functions, the kind of operand, and a test of what is there.
 * The first operand that passes is the variable.
 */
#include "go/locate.h"

#include <errno.h>
#include <stddef.h>

#include "go/code.h"

#define GOROUTINES_MAX UINT64_C(50000000)
#define PROCESSORS_MAX 4096u
#define SPANS_MAX (UINT64_C(1) << 32)
#define PAGE_BYTES 8192u /* Go's */

enum function {
	FOR_EACH_G,
	ATOMIC_ALL_G,
	M_COMMON_INIT,
	PROC_RESIZE,
	REASON_STRING,
	STACK_BUCKET,
	MEM_PROFILE_INTERNAL,
	MEM_PROFILE,
	FLUSH_PROFILE,
	PROFILE_ALLOC,
	CHAN_RECEIVE,
	SEM_ACQUIRE,
	ALLOC_CACHE,
	READ_MEMSTATS,
	SWEEP_ONE,
	SCHED_INIT,
	ALLOC_SPAN,
	MARK_TERMINATION,
	FUNCTIONS
};

static const char *const function_names[FUNCTIONS] = {
	[FOR_EACH_G] = "runtime.forEachGRace",
	[ATOMIC_ALL_G] = "runtime.atomicAllG", /* where nothing is inlined */
	[M_COMMON_INIT] = "runtime.mcommoninit",
	[PROC_RESIZE] = "runtime.procresize",
	[REASON_STRING] = "runtime.waitReason.String",
	[STACK_BUCKET] = "runtime.stkbucket",
	[MEM_PROFILE_INTERNAL] = "runtime.memProfileInternal",
	[MEM_PROFILE] = "runtime.MemProfile",
	[FLUSH_PROFILE] = "runtime.mProf_FlushLocked",
	[PROFILE_ALLOC] = "runtime.profilealloc",
	[CHAN_RECEIVE] = "runtime.chanrecv",
	[SEM_ACQUIRE] = "runtime.semacquire1",
	[ALLOC_CACHE] = "runtime.allocmcache",
	[READ_MEMSTATS] = "runtime.readmemstats_m",
	[SWEEP_ONE] = "runtime.sweepone",
	[SCHED_INIT] = "runtime.schedinit",
	[ALLOC_SPAN] = "runtime.(*mheap).allocSpan",
	[MARK_TERMINATION] = "runtime.gcMarkTermination",
};

struct search {
	struct cs_go_memory *memory;
	const struct cs_go_layout *layout;
	const struct cs_go_module *module;
	struct cs_go_function functions[FUNCTIONS];
	struct cs_go_variables *found;
	struct cs_go_operand operands[CS_GO_OPERANDS_MAX]; /* of one function */
	uint32_t count;
};

/* ---- tests of what is there ---- */

/* Whether what lies at G can be a goroutine's struct in that layout. */
static bool is_goroutine(struct cs_go_memory *memory, const struct cs_go_layout *layout, uint64_t g)
{
	uint64_t low, high, sp, goid;
	uint32_t status;

	if (!cs_go_read_u64(memory, g, &low) || !cs_go_read_u64(memory, g + 8, &high) ||
	    !cs_go_read_u64(memory, g + layout->g_sp, &sp) ||
	    !cs_go_read_u64(memory, g + layout->g_goid, &goid) ||
	    !cs_go_read_u32(memory, g + layout->g_status, &status))
		return false;
	status &= ~CS_GO_STATUS_SCAN;
	if (status > CS_GO_STATUS_LAST || goid >= (UINT64_C(1) << 62))
		return false;
	return (status == CS_GO_DEAD && low == 0) || (low < high && (sp == 0 || sp <= high));
}

static bool is_length(struct search *search, uint64_t at)
{
	uint64_t length;

	return cs_go_read_u64(search->memory, at, &length) && length >= 1 &&
	       length <= GOROUTINES_MAX;
}

/* A pointer to an array of pointers to goroutines. */
static bool is_goroutines(struct search *search, uint64_t at)
{
	uint64_t array, g;

	return cs_go_read_u64(search->memory, at, &array) && array &&
	       cs_go_read_u64(search->memory, array, &g) && g &&
	       is_goroutine(search->memory, search->layout, g);
}

static bool is_scheduler(struct search *search, uint64_t at)
{
	uint64_t last_goid;
	uint64_t machines;

	return cs_go_read_u64(search->memory, at, &last_goid) && last_goid >= 1 &&
	       last_goid < (UINT64_C(1) << 62) &&
	       cs_go_read_u64(search->memory, at + search->layout->sched_mnext, &machines) &&
	       machines >= 1 && machines < 10000000;
}

/* A pointer to an m whose g0 points back to it. */
static bool is_machines(struct search *search, uint64_t at)
{
	uint64_t m, g0, back;

	return cs_go_read_u64(search->memory, at, &m) && m &&
	       cs_go_read_u64(search->memory, m, &g0) && g0 &&
	       cs_go_read_u64(search->memory, g0 + search->layout->g_m, &back) && back == m;
}

/* A slice of pointers to processors that are numbered from 0. */
static bool is_processors(struct search *search, uint64_t at)
{
	uint64_t slice[3];

	if (cs_go_read(search->memory, at, slice, sizeof(slice)) || !slice[0] || !slice[1] ||
	    slice[1] > PROCESSORS_MAX || slice[2] < slice[1])
		return false;
	for (uint64_t i = 0; i < slice[1]; i++) {
		uint32_t head[2];
		uint64_t p;

		if (!cs_go_read_u64(search->memory, slice[0] + i * 8, &p) || !p ||
		    cs_go_read(search->memory, p, head, sizeof(head)) || head[0] != i ||
		    head[1] > 4)
			return false;
	}
	return true;
}

static bool is_processor_count(struct search *search, uint64_t at)
{
	uint64_t count;
	uint32_t value;

	return search->found->allp &&
	       cs_go_read_u64(search->memory, search->found->allp + 8, &count) &&
	       cs_go_read_u32(search->memory, at, &value) && value == count;
}

static bool is_strings(struct search *search, uint64_t at)
{
	char text[64];

	/* The first reason is "", the second is not. */
	return cs_go_read_string(search->memory, at + 16, text, sizeof(text));
}

static bool is_small(struct search *search, uint64_t at)
{
	uint64_t value;

	return cs_go_read_u64(search->memory, at, &value) && value < (UINT64_C(1) << 40);
}

static bool is_mutex_rate(struct search *search, uint64_t at)
{
	return at != search->found->block_rate && is_small(search, at);
}

static bool is_readable(struct search *search, uint64_t at)
{
	uint32_t value;

	return cs_go_read_u32(search->memory, at, &value);
}

/* Whether FUNCTION touches AT as well. */
static bool is_used_by(struct search *search, enum function function, uint64_t at)
{
	struct cs_go_operand others[CS_GO_OPERANDS_MAX];
	uint32_t count = cs_go_code_operands(search->module, &search->functions[function],
	                                     search->memory, others);

	for (uint32_t i = 0; i < count; i++)
		if (others[i].target == at)
			return true;
	return false;
}

/* Both who allocates and who makes a cache draw the distance to the next sample. */
static bool is_memory_rate(struct search *search, uint64_t at)
{
	return is_used_by(search, ALLOC_CACHE, at) && is_small(search, at);
}

/* Where it is set, the rate is set to 0: the next that is touched. */
static bool is_profile_switch(struct search *search, uint64_t at)
{
	uint64_t rate = search->found->memory_rate;
	uint8_t value;

	for (uint32_t i = 0; i + 1 < search->count; i++) {
		const struct cs_go_operand *next = &search->operands[i + 1];

		if (search->operands[i].target == at && next->access == CS_GO_STORE && next->wide &&
		    (!rate || next->target == rate))
			return cs_go_read_u8(search->memory, at, &value) && value <= 1;
	}
	return false;
}

/* What stkbucket takes the address of is more than that: the collector counts itself there. */
static bool is_memstats(struct search *search, uint64_t at)
{
	uint64_t pause;
	uint32_t collections;

	return is_used_by(search, STACK_BUCKET, at + search->layout->ms_buckhash_sys) &&
	       is_used_by(search, MARK_TERMINATION, at + search->layout->ms_numgc) &&
	       is_used_by(search, MARK_TERMINATION, at + search->layout->ms_pause_total) &&
	       cs_go_read_u32(search->memory, at + search->layout->ms_numgc, &collections) &&
	       collections < (UINT32_C(1) << 31) &&
	       cs_go_read_u64(search->memory, at + search->layout->ms_pause_total, &pause) &&
	       pause < (UINT64_C(1) << 62);
}

/* Three numbers of bytes beside each other: in use (in pages), released, free. */
static bool is_heap_in_use(struct search *search, uint64_t at)
{
	uint64_t bytes[3];

	if (search->layout->ms_heap_sys != CS_GO_ABSENT) /* 1.18 has other books */
		return false;
	for (uint32_t i = 1; i <= 2; i++) {
		bool used = false;

		for (uint32_t k = 0; k < search->count && !used; k++)
			used = search->operands[k].target == at + (uint64_t)i * 8;
		if (!used)
			return false;
	}
	return cs_go_read(search->memory, at, bytes, sizeof(bytes)) == 0 && bytes[0] &&
	       bytes[0] % PAGE_BYTES == 0 && bytes[1] % 4096 == 0 && bytes[2] % 4096 == 0;
}

/* Behind it lies a slice of pointers to spans. */
static bool is_sweepgen(struct search *search, uint64_t at)
{
	uint64_t slice[3], span, start, pages;

	if (cs_go_read(search->memory, at + 8, slice, sizeof(slice)) || !slice[0] || !slice[1] ||
	    slice[1] > slice[2] || slice[2] > SPANS_MAX)
		return false;
	for (uint64_t i = 0; i < 4 && i < slice[1]; i++)
		if (!cs_go_read_u64(search->memory, slice[0] + i * 8, &span) || !span ||
		    !cs_go_read_u64(search->memory, span + search->layout->span_start, &start) ||
		    !cs_go_read_u64(search->memory, span + search->layout->span_pages, &pages) ||
		    start % PAGE_BYTES || pages > (UINT64_C(1) << 36))
			return false;
	return true;
}

/* ---- the table ---- */

/* How the operand lies to the variable. */
enum shift {
	NO_SHIFT,
	MAYBE_SECOND,     /* it may be its second word */
	BEHIND_SCHEDULER, /* it is the lock of sched */
	BEHIND_MEMSTATS,  /* it is buckhash_sys of memstats */
	ANYWHERE,         /* it is the variable, which may be constant */
};

#define VARIABLE(name) offsetof(struct cs_go_variables, name)

struct pattern {
	size_t variable;
	uint8_t function;
	uint8_t access;
	bool wide;
	uint8_t shift;
	bool (*test)(struct search *search, uint64_t at);
};

/* Later ones may use what earlier ones have found; the first that finds a variable counts. */
static const struct pattern patterns[] = {
	{VARIABLE(allglen), FOR_EACH_G, CS_GO_LOAD, true, NO_SHIFT, is_length},
	{VARIABLE(allgptr), FOR_EACH_G, CS_GO_LOAD, true, NO_SHIFT, is_goroutines},
	{VARIABLE(allglen), ATOMIC_ALL_G, CS_GO_LOAD, true, NO_SHIFT, is_length},
	{VARIABLE(allgptr), ATOMIC_ALL_G, CS_GO_LOAD, true, NO_SHIFT, is_goroutines},
	{VARIABLE(sched), M_COMMON_INIT, CS_GO_ADDRESS, true, BEHIND_SCHEDULER, is_scheduler},
	{VARIABLE(allm), M_COMMON_INIT, CS_GO_LOAD, true, NO_SHIFT, is_machines},
	{VARIABLE(allp), PROC_RESIZE, 0xff, true, MAYBE_SECOND, is_processors},
	{VARIABLE(gomaxprocs), PROC_RESIZE, CS_GO_LOAD, false, NO_SHIFT, is_processor_count},
	{VARIABLE(wait_reasons), REASON_STRING, CS_GO_ADDRESS, true, ANYWHERE, is_strings},
	{VARIABLE(profile_cycle), MEM_PROFILE_INTERNAL, CS_GO_LOAD, false, NO_SHIFT, is_readable},
	{VARIABLE(profile_cycle), MEM_PROFILE, CS_GO_LOAD, false, NO_SHIFT, is_readable},
	{VARIABLE(profile_cycle), FLUSH_PROFILE, CS_GO_LOAD, false, NO_SHIFT, is_readable},
	{VARIABLE(memory_rate), PROFILE_ALLOC, CS_GO_LOAD, true, NO_SHIFT, is_memory_rate},
	{VARIABLE(no_profile), SCHED_INIT, CS_GO_OTHER, false, NO_SHIFT, is_profile_switch},
	{VARIABLE(block_rate), CHAN_RECEIVE, CS_GO_OTHER, true, NO_SHIFT, is_small},
	{VARIABLE(mutex_rate), SEM_ACQUIRE, CS_GO_OTHER, true, NO_SHIFT, is_mutex_rate},
	{VARIABLE(memstats), READ_MEMSTATS, CS_GO_ADDRESS, true, NO_SHIFT, is_memstats},
	{VARIABLE(memstats), STACK_BUCKET, CS_GO_ADDRESS, true, BEHIND_MEMSTATS, is_memstats},
	/* In every program, which READ_MEMSTATS is not: the linker leaves out what nobody calls. */
	{VARIABLE(heap_in_use), ALLOC_SPAN, CS_GO_ADDRESS, true, NO_SHIFT, is_heap_in_use},
	{VARIABLE(heap_in_use), READ_MEMSTATS, CS_GO_LOAD, true, NO_SHIFT, is_heap_in_use},
	{VARIABLE(sweepgen), SWEEP_ONE, CS_GO_LOAD, false, NO_SHIFT, is_sweepgen},
};

static bool is_variable(const struct search *search, uint64_t at)
{
	return at >= search->module->data && at < search->module->data_end;
}

static uint64_t match(struct search *search, const struct pattern *pattern)
{
	for (uint32_t i = 0; i < search->count; i++) {
		const struct cs_go_operand *operand = &search->operands[i];
		uint64_t at = operand->target;

		if (!(operand->access & pattern->access) || operand->wide != pattern->wide)
			continue;
		if (pattern->shift == BEHIND_SCHEDULER)
			at -= search->layout->sched_lock;
		if (pattern->shift == BEHIND_MEMSTATS)
			at -= search->layout->ms_buckhash_sys;
		if ((pattern->shift == ANYWHERE || is_variable(search, at)) &&
		    pattern->test(search, at))
			return at;
		if (pattern->shift == MAYBE_SECOND && is_variable(search, at - 8) &&
		    pattern->test(search, at - 8))
			return at - 8;
	}
	return 0;
}

/* ---- profiles ---- */

static bool is_bucket_list(struct search *search, uint64_t at, uint64_t type)
{
	uint64_t bucket, found;

	return cs_go_read_u64(search->memory, at, &bucket) &&
	       (!bucket || (cs_go_read_u64(search->memory, bucket + CS_GO_BUCKET_TYPE, &found) &&
	                    found == type));
}

/*
 * Up to 1.18 the head of a list is loaded, then stored; later its address is taken, once, and
 * it lies near the table of all buckets.
 */
static bool is_head(const struct search *search, uint32_t index, uint64_t table)
{
	const struct cs_go_operand *operand = &search->operands[index];
	const struct cs_go_operand *next = operand + 1;

	if (operand->access == CS_GO_ADDRESS)
		return operand->target - table + 0x400 < 0x800;
	return operand->access == CS_GO_LOAD && index + 1 < search->count &&
	       next->access == CS_GO_STORE && next->wide && next->target == operand->target;
}

/* In the order of stkbucket's code: memory, mutex, block. */
static void find_buckets(struct search *search)
{
	static const uint64_t types[3] = {1, 3, 2};
	uint64_t *const places[3] = {&search->found->memory_buckets, &search->found->mutex_buckets,
	                             &search->found->block_buckets};
	uint64_t table = 0, heads[3] = {0};
	uint32_t count = 0;

	for (uint32_t i = 0; i < search->count && count < 3; i++) {
		const struct cs_go_operand *operand = &search->operands[i];
		bool known = operand->target == table;

		if (!operand->wide)
			continue;
		if (!table && operand->access == CS_GO_LOAD) {
			table = operand->target; /* of all buckets, by hash */
			continue;
		}
		for (uint32_t k = 0; k < count; k++)
			known |= heads[k] == operand->target;
		if (!known && table && is_head(search, i, table) &&
		    is_bucket_list(search, operand->target, types[count]))
			heads[count++] = operand->target;
	}
	for (uint32_t i = 0; count == 3 && i < 3; i++)
		*places[i] = heads[i];
}

/* ---- */

static void load_function(struct search *search, enum function function)
{
	search->count = cs_go_code_operands(search->module, &search->functions[function],
	                                    search->memory, search->operands);
}

/* Of a runtime that is shared between files, code reaches variables by way of a table. */
static int explain(struct search *search, struct cs_diag *diag)
{
	if (!search->functions[FOR_EACH_G].end)
		return cs_diag_set(diag, -ENOENT,
		                   "read its goroutines: it has no Go runtime of its own");
	load_function(search, FOR_EACH_G);
	for (uint32_t i = 0; i < search->count; i++)
		if (is_variable(search, search->operands[i].target))
			return cs_diag_set(diag, -ENOTSUP,
			                   "read its goroutines: the list of them was not found "
			                   "in this program");
	return cs_diag_set(diag, -ENOENT,
	                   "read its goroutines: its Go runtime is a shared library "
	                   "(-linkshared), which can't be read");
}

int cs_go_locate(struct cs_go_variables *variables, const struct cs_go_module *module,
                 const struct cs_go_layout *layout, struct cs_go_memory *memory,
                 struct cs_diag *diag)
{
	struct search search = {
		.memory = memory, .layout = layout, .module = module, .found = variables};

	*variables = (struct cs_go_variables){0};
	cs_go_table_find_names(&module->table, function_names, FUNCTIONS, search.functions);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		const struct pattern *pattern = &patterns[i];
		uint64_t *place = (uint64_t *)(void *)((char *)variables + pattern->variable);

		if (*place)
			continue;
		load_function(&search, (enum function)pattern->function);
		*place = match(&search, pattern);
	}
	load_function(&search, STACK_BUCKET);
	find_buckets(&search);
	int last = cs_go_code_compared_byte(module, &search.functions[REASON_STRING], memory);

	variables->wait_reason_count = last >= 0 && last < 255 ? (uint64_t)last + 1 : 0;
	if (variables->allglen && variables->allgptr)
		return 0;
	return explain(&search, diag);
}
