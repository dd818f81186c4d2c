/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that may not be there, read through the kernel: a copy can fail, but not fault.
 */
#include "stack/window.h"

#include "core/sys.h"

#define PAGE UINT64_C(4096)

static bool fill(struct csa_walk *walk, uint64_t address)
{
	uint64_t page = address & ~(PAGE - 1);
	uint64_t start = address - page > 256 ? address - 256 : page;
	struct {
		uint64_t base, bytes;
	} here, there[2];
	long got;

	walk->window_start = walk->window_end = 0;
	if (walk->windows == CSA_WALK_WINDOWS_MAX)
		return false;
	walk->windows++;
	here.base = (uint64_t)walk->window;
	here.bytes = CSA_WALK_WINDOW;
	/* One piece for each page: a piece is copied in full or not at all. */
	there[0].base = start;
	there[0].bytes = page + PAGE - start;
	there[1].base = page + PAGE;
	there[1].bytes = CSA_WALK_WINDOW - there[0].bytes;
	got = csa_sys6(SYS_process_vm_readv, csa_sys0(SYS_getpid), (long)&here, 1, (long)there, 2,
	               0);
	if (got <= 0)
		return false;
	walk->window_start = start;
	walk->window_end = start + (uint64_t)got;
	return true;
}

bool csa_window_load(struct csa_walk *walk, uint64_t address, uint64_t *value)
{
	if (address >> 47)
		return false;
	if (address < walk->window_start || address + 8 > walk->window_end) {
		if (!fill(walk, address) || address + 8 > walk->window_end)
			return false;
	}
	*value = walk->window[(address - walk->window_start) / 8];
	return true;
}
