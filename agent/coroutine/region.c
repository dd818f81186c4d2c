/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions are items of a map (map.h) in memory of the agent's own.
 */
#include "coroutine/region.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "core/sys.h"
#include "coroutine/coroutine.h"
#include "coroutine/map.h"
#include "heap/sampler.h"

#define REGIONS_MAX (1u << 20)
_Static_assert(REGIONS_MAX <= 1u << CSA_MAP_LINE_BITS, "all regions have a line");
#define BYTES_MAX ((UINT64_C(8) << 20) + (UINT64_C(64) << 10)) /* with guard pages */
#define PAGE 4096u

/* So many blocks of a site are followed before one of them has been a stack. */
#define CHANCES (1u << 17)
#define SITES_BITS 12u

_Static_assert(sizeof(struct csa_region) == 64, "an item of a map");

static uint8_t *regions;
static struct csa_map map = {
	.items = &regions,
	.live = offsetof(struct csa_region, live),
	.low = offsetof(struct csa_region, low),
	.high = offsetof(struct csa_region, high),
	.cell = offsetof(struct csa_region, cell),
};
static _Atomic uint32_t fresh;
static _Atomic uint64_t free_list; /* changes << 32 | index */
/* By hash of the address: those that share one are one. */
static struct {
	_Atomic uint32_t count;
	_Atomic uint32_t is_stack;
} sites[1u << SITES_BITS];

void csa_region_start(void)
{
	long start = csa_sys6(SYS_mmap, 0, (long)(REGIONS_MAX * sizeof(struct csa_region)),
	                      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	                      -1, 0);

	if (regions || csa_sys_failed(start) || !csa_map_open(&map))
		return;
	regions = (uint8_t *)start;
	atomic_store(&fresh, 1);
	csa_large_bytes = PAGE;
}

/* ---- sites ---- */

static uint32_t site_of(uint64_t pc)
{
	return (uint32_t)(pc * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SITES_BITS));
}

bool csa_region_wanted(uint64_t pc, size_t bytes)
{
	uint32_t site = site_of(pc);

	if (!regions || bytes < PAGE || bytes > BYTES_MAX)
		return false;
	if (atomic_load_explicit(&sites[site].is_stack, memory_order_relaxed))
		return true;
	if (atomic_load_explicit(&sites[site].count, memory_order_relaxed) >= CHANCES)
		return false;
	atomic_fetch_add_explicit(&sites[site].count, 1, memory_order_relaxed);
	return true;
}

void csa_region_is_stack(const struct csa_region *region)
{
	atomic_store_explicit(&sites[site_of(region->site)].is_stack, 1, memory_order_relaxed);
}

/* ---- regions ---- */

static struct csa_region *at(uint32_t index)
{
	return (struct csa_region *)regions + index;
}

static struct csa_region *take(void)
{
	uint64_t head = atomic_load(&free_list);

	while ((uint32_t)head) {
		struct csa_region *region = at((uint32_t)head);
		uint64_t next = ((head >> 32) + 1) << 32 | region->next;

		if (atomic_compare_exchange_weak(&free_list, &head, next))
			return region;
	}
	uint32_t index = atomic_load(&fresh);

	do {
		if (index >= REGIONS_MAX)
			return NULL;
	} while (!atomic_compare_exchange_weak(&fresh, &index, index + 1));
	csa_map_grow(&map, index);
	return at(index);
}

static void give_back(struct csa_region *region)
{
	uint64_t head = atomic_load(&free_list), next;

	do {
		region->next = (uint32_t)head;
		next = ((head >> 32) + 1) << 32 | (uint32_t)(region - at(0));
	} while (!atomic_compare_exchange_weak(&free_list, &head, next));
}

void csa_region_add(uint64_t low, uint64_t bytes, uint64_t spawn, uint64_t site)
{
	struct csa_region *region = csa_region_find_low(low);

	if (region) /* its end was not seen */
		csa_region_end(region);
	region = regions ? take() : NULL;
	if (!region)
		return;
	region->low = low;
	region->high = low + bytes;
	region->spawn = spawn;
	region->site = site;
	region->cell[0] = region->cell[1] = 0;
	__atomic_store_n(&region->live, 1, __ATOMIC_RELEASE);
	if (!csa_map_add(&map, region)) {
		__atomic_store_n(&region->live, 0, __ATOMIC_RELEASE);
		give_back(region);
		return;
	}
	csa_filter_add((const void *)low);
	atomic_fetch_add(&csa_coro_count, 1);
}

void csa_region_end(struct csa_region *region)
{
	uint64_t low = region->low;

	if (!__atomic_exchange_n(&region->live, 0, __ATOMIC_ACQ_REL))
		return; /* somebody else was faster */
	csa_filter_remove((const void *)low);
	atomic_fetch_sub(&csa_coro_count, 1);
	give_back(region);
}

struct csa_region *csa_region_find(uint64_t address)
{
	return csa_map_find(&map, address);
}

struct csa_region *csa_region_find_low(uint64_t low)
{
	return csa_map_find_low(&map, low);
}

/* ---- unmapping ---- */

static void cut(struct csa_region *region, uint64_t low, uint64_t high)
{
	struct csa_region old = *region;

	csa_region_end(region);
	if (old.low < low)
		csa_region_add(old.low, low - old.low, old.spawn, old.site);
	if (old.high > high)
		csa_region_add(high, old.high - high, old.spawn, old.site);
}

void csa_region_cut(uint64_t low, uint64_t bytes)
{
	uint64_t high = low + bytes;
	struct csa_region *region = csa_region_find_low(low);

	/* What is cut off ends where it began, or where it ended: no need to look further. */
	if (region)
		cut(region, low, high);
	region = bytes ? csa_map_find_near(&map, high - 1) : NULL;
	if (region)
		cut(region, low, high);
	if (bytes / PAGE > atomic_load(&fresh)) {
		for (uint32_t i = 1; i < atomic_load(&fresh); i++)
			if (at(i)->live && at(i)->low - low < bytes)
				csa_region_end(at(i));
		return;
	}
	for (uint64_t page = low; page - low < bytes; page += PAGE) {
		region = csa_region_find_low(page);
		if (region)
			csa_region_end(region);
	}
}
