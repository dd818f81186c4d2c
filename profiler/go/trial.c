/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goroutines change while they are read, so single nonsense proves nothing: what does not fit
 * is read again, and most of them have to fit.
 */
#include "go/trial.h"

#include <errno.h>
#include <inttypes.h>

#define SAMPLES_MAX 1000u
#define ATTEMPTS 5
#define MACHINES_MAX 100000u

/* ---- goroutines ---- */

static bool is_code(const struct cs_go_module *module, uint64_t pc, bool entry)
{
	struct cs_go_function function;

	/* Plugins have functions of their own: what lies elsewhere proves nothing. */
	if (pc < module->text || pc >= module->etext)
		return pc != 0;
	return cs_go_table_find(&module->table, pc - module->text, &function) &&
	       (!entry || module->text + function.entry == pc);
}

/* The first goroutine has no creator, a thread's own no start; a running one has no place. */
bool cs_go_trial_fits(const unsigned char *g, const struct cs_go_layout *layout,
                      const struct cs_go_module *module, uint64_t last_goid)
{
	uint64_t low = cs_go_u64(g, 0), high = cs_go_u64(g, 8);
	uint64_t sp = cs_go_u64(g, layout->g_sp), goid = cs_go_u64(g, layout->g_goid);
	uint64_t start = cs_go_u64(g, layout->g_start_pc);
	uint64_t creator = cs_go_u64(g, layout->g_creator_pc);
	uint32_t status = cs_go_u32(g, layout->g_status) & ~CS_GO_STATUS_SCAN;
	bool placed = status == CS_GO_WAITING || status == CS_GO_RUNNABLE;

	return status <= CS_GO_STATUS_LAST && goid >= 1 && (!last_goid || goid <= last_goid) &&
	       low < high && high - low <= (UINT64_C(1) << 32) &&
	       (!placed || (sp >= low && sp <= high)) && (!start || is_code(module, start, true)) &&
	       (!creator || is_code(module, creator, false));
}

/* Started by a function of the program's own, as the first one and the runtime's always are. */
static bool is_entry(const unsigned char *g, const struct cs_go_layout *layout,
                     const struct cs_go_module *module)
{
	uint64_t start = cs_go_u64(g, layout->g_start_pc);

	return start >= module->text && start < module->etext;
}

enum answer { NOT_ALIVE, FITS, STARTED, NONSENSE };

/* What makes no sense may have been changing: it is asked again. */
static enum answer try_one(struct cs_go_memory *memory, const struct cs_go_layout *layout,
                           const struct cs_go_variables *variables,
                           const struct cs_go_module *module, uint64_t address)
{
	unsigned char g[CS_GO_G_BYTES];

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		uint64_t last_goid = 0;

		if (cs_go_read(memory, address, g, sizeof(g)))
			return NOT_ALIVE;
		/* Numbers are given in batches: every one in use is at most this. */
		if (variables->sched)
			cs_go_read_u64(memory, variables->sched, &last_goid);
		uint32_t status = cs_go_u32(g, layout->g_status) & ~CS_GO_STATUS_SCAN;

		if (status == CS_GO_DEAD || status == CS_GO_IDLE || status == CS_GO_DEAD_EXTRA)
			return NOT_ALIVE;
		if (cs_go_trial_fits(g, layout, module, last_goid))
			return is_entry(g, layout, module) ? STARTED : FITS;
	}
	return NONSENSE;
}

static int try_goroutines(struct cs_go_memory *memory, const struct cs_go_layout *layout,
                          const struct cs_go_variables *variables,
                          const struct cs_go_module *module, struct cs_diag *diag)
{
	uint64_t count, array, tried = 0, fitted = 0, started = 0;

	if (!cs_go_read_u64(memory, variables->allglen, &count) ||
	    !cs_go_read_u64(memory, variables->allgptr, &array))
		return cs_diag_set(diag, -ENOTSUP, "read its goroutines: their list is not there");
	uint64_t step = count / SAMPLES_MAX + 1;

	for (uint64_t i = 0; i < count; i += step) {
		enum answer answer = NOT_ALIVE;
		uint64_t address;

		if (cs_go_read_u64(memory, array + i * 8, &address))
			answer = try_one(memory, layout, variables, module, address);
		tried += answer != NOT_ALIVE;
		fitted += answer == FITS || answer == STARTED;
		started += answer == STARTED;
	}
	/* One of a hundred may be changing all the time; some have been started by somebody. */
	if (tried && fitted * 100 >= tried * 99 && started)
		return 0;
	return cs_diag_set(diag, -ENOTSUP,
	                   "read its goroutines: %" PRIu64 " of %" PRIu64
	                   " make no sense in the layout that is known",
	                   tried - fitted, tried);
}

/* ---- threads ---- */

/* All m's when `m_next` lies at OFFSET; 0: they are none. */
static uint64_t count_machines(struct cs_go_memory *memory, const struct cs_go_layout *layout,
                               const struct cs_go_variables *variables, uint32_t offset)
{
	uint64_t m, g0, back, tid, count = 0;

	if (!cs_go_read_u64(memory, variables->allm, &m))
		return 0;
	while (m && count < MACHINES_MAX) {
		if (!cs_go_read_u64(memory, m, &g0) ||
		    !cs_go_read_u64(memory, g0 + layout->g_m, &back) || back != m ||
		    !cs_go_read_u64(memory, m + layout->m_tid, &tid) ||
		    tid >= (UINT64_C(1) << 32) || !cs_go_read_u64(memory, m + offset, &m))
			return 0;
		count++;
	}
	return count;
}

/*
 * Point releases have moved what lies behind m's records of cgo calls by a few words: the list
 * is right when it is as long as the scheduler says.
 */
static void try_machines(struct cs_go_memory *memory, struct cs_go_layout *layout,
                         struct cs_go_variables *variables)
{
	static const int32_t shifts[] = {0, -24, 24, -8, 8, -16, 16, -32, 32, -40, 40};
	uint64_t made, freed, want = 0;

	if (!variables->allm)
		return;
	if (variables->sched &&
	    cs_go_read_u64(memory, variables->sched + layout->sched_mnext, &made) &&
	    cs_go_read_u64(memory, variables->sched + layout->sched_freed_ms, &freed))
		want = made - freed;
	for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		uint32_t offset = layout->m_next + (uint32_t)shifts[i];
		uint64_t count = count_machines(memory, layout, variables, offset);

		/* Threads come and go while we count. */
		if (!count || (want && count + 2 < want))
			continue;
		layout->m_next = offset;
		layout->m_locked_g += (uint32_t)shifts[i];
		layout->m_vdso_sp += (uint32_t)shifts[i];
		return;
	}
	variables->allm = 0;
}

int cs_go_trial(struct cs_go_memory *memory, struct cs_go_layout *layout,
                struct cs_go_variables *variables, const struct cs_go_module *module,
                struct cs_diag *diag)
{
	int error = try_goroutines(memory, layout, variables, module, diag);

	if (!error)
		try_machines(memory, layout, variables);
	return error;
}
