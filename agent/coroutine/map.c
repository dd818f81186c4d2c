/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables: by the page that holds a stack's high end, and by its lowest address. Each is a
 * series of levels, every one twice as large as the one before; what is new goes into the
 * largest, so older ones empty by themselves and nothing is ever moved. Pages on which no range
 * has ever begun or ended are passed over by a bit map: most searches are for what is not there.
 */
#include "coroutine/map.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "core/sys.h"
#include "coroutine/switch.h"

#define LEVEL_MIN 12u
#define LEVEL_MAX 22u
#define BUCKET 16u /* cells: a cache line */
#define BUCKETS_TRIED 4u
#define PAGE_SHIFT 12
#define LINE_MASK ((1u << CSA_MAP_LINE_BITS) - 1)

_Static_assert((uint64_t)CS_SLOTS_MAX *CSA_SLOT_LINES <= LINE_MASK, "all slots have a line");

/* Pages whose numbers are this far apart share a bit. */
#define PAGES_BITS 22u
#define PAGES_MASK ((UINT64_C(1) << PAGES_BITS) - 1)

struct csa_map csa_slot_map = {
	.items = &csa_slots,
	.live = offsetof(struct cs_slot, number),
	.low = offsetof(struct cs_slot, stack_low),
	.high = offsetof(struct cs_slot, stack_high),
	.cell = offsetof(struct cs_slot, agents_cell),
	.disjoint = true,
};

static inline uint8_t *item_at(const struct csa_map *map, uint32_t line)
{
	return *map->items + (size_t)line * 64;
}

static inline uint32_t line_of(const struct csa_map *map, const void *item)
{
	return (uint32_t)((size_t)((const uint8_t *)item - *map->items) / 64);
}

static inline uint64_t word_at(const void *item, uint16_t offset)
{
	return __atomic_load_n((const uint64_t *)((const uint8_t *)item + offset),
	                       __ATOMIC_RELAXED);
}

static inline uint32_t *cells_of(const struct csa_map *map, void *item)
{
	return (uint32_t *)((uint8_t *)item + map->cell);
}

static uint64_t key_of(const struct csa_map *map, const void *item, int kind)
{
	return kind == CSA_MAP_BY_TOP ? (word_at(item, map->high) - 1) >> PAGE_SHIFT
	                              : word_at(item, map->low);
}

/* Where the page's bit is. */
static uint64_t page_of(uint64_t key, int kind)
{
	return (kind == CSA_MAP_BY_TOP ? key : key >> PAGE_SHIFT) & PAGES_MASK;
}

static uint32_t bucket_of(uint64_t key, uint32_t level)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(hash >> (64 - level)) & ~(BUCKET - 1);
}

static void *reserve(size_t bytes)
{
	long start = csa_sys6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return csa_sys_failed(start) ? NULL : (void *)start;
}

bool csa_map_open(struct csa_map *map)
{
	for (int kind = 0; kind < CSA_MAP_KINDS; kind++) {
		map->pages[kind] = reserve((size_t)1 << (PAGES_BITS - 3));
		map->cells[kind] = reserve((size_t)4 << (LEVEL_MAX + 1));
		if (!map->pages[kind] || !map->cells[kind])
			return false;
	}
	atomic_store(&map->level, LEVEL_MIN);
	return true;
}

void csa_map_grow(struct csa_map *map, uint32_t items)
{
	uint32_t level = atomic_load(&map->level);

	while (level < LEVEL_MAX && items > (1u << level) / 2)
		level++;
	if (level > atomic_load(&map->level))
		atomic_store(&map->level, level);
}

/* ---- cells ---- */

static uint32_t line_in(const struct csa_map *map, int kind, uint32_t cell)
{
	return atomic_load_explicit(&map->cells[kind][cell], memory_order_acquire) & LINE_MASK;
}

static bool is_live(const struct csa_map *map, uint32_t line, int kind, uint32_t cell)
{
	uint8_t *item = item_at(map, line);

	return line && __atomic_load_n(&cells_of(map, item)[kind], __ATOMIC_RELAXED) == cell &&
	       __atomic_load_n((uint64_t *)(item + map->live), __ATOMIC_ACQUIRE) != 0;
}

static uint32_t written_again(uint32_t cell, uint32_t line)
{
	return (cell & ~LINE_MASK) + LINE_MASK + 1 + line;
}

static bool insert(struct csa_map *map, void *item, int kind)
{
	uint32_t level = atomic_load_explicit(&map->level, memory_order_relaxed);
	uint32_t mask = (1u << level) - 1, line = line_of(map, item);
	uint32_t first = bucket_of(key_of(map, item, kind), level);

	for (uint32_t i = 0; i < BUCKET * BUCKETS_TRIED; i++) {
		uint32_t cell = (1u << level) + ((first + i) & mask);
		uint32_t have = atomic_load_explicit(&map->cells[kind][cell], memory_order_acquire);

		if ((have & LINE_MASK) != line && is_live(map, have & LINE_MASK, kind, cell))
			continue;
		__atomic_store_n(&cells_of(map, item)[kind], cell, __ATOMIC_RELAXED);
		if (atomic_compare_exchange_strong(&map->cells[kind][cell], &have,
		                                   written_again(have, line)))
			return true;
		__atomic_store_n(&cells_of(map, item)[kind], 0, __ATOMIC_RELAXED);
	}
	return false;
}

static bool matches(const struct csa_map *map, const void *item, uint64_t address, int kind)
{
	uint64_t low = word_at(item, map->low);

	return kind == CSA_MAP_BY_LOW ? low == address
	                              : address - low < word_at(item, map->high) - low;
}

/* Whether ITEM is the one that is looked for, rather than BEST, which is there as well. */
static bool is_better(const struct csa_map *map, const void *item, const void *best)
{
	return !best || word_at(item, map->low) > word_at(best, map->low) ||
	       word_at(item, map->high) < word_at(best, map->high);
}

static void *search_level(struct csa_map *map, uint64_t key, uint64_t address, int kind,
                          uint32_t level)
{
	bool nested = atomic_load_explicit(&map->nested, memory_order_relaxed);
	uint32_t mask = (1u << level) - 1, first = bucket_of(key, level);
	void *best = NULL;

	for (uint32_t i = 0; i < BUCKET * BUCKETS_TRIED; i++) {
		uint32_t cell = (1u << level) + ((first + i) & mask);
		uint32_t line = line_in(map, kind, cell);

		/* Cells are used from the first of a bucket on. */
		if (!line)
			break;
		if (!is_live(map, line, kind, cell) ||
		    !matches(map, item_at(map, line), address, kind))
			continue;
		if (!nested)
			return item_at(map, line);
		if (is_better(map, item_at(map, line), best))
			best = item_at(map, line);
	}
	return best;
}

static void *search(struct csa_map *map, uint64_t key, uint64_t address, int kind)
{
	uint32_t level = atomic_load_explicit(&map->level, memory_order_relaxed);
	uint64_t page = page_of(key, kind);
	void *item = NULL;

	if (!(atomic_load_explicit(&map->pages[kind][page / 64], memory_order_acquire) >>
	              page % 64 &
	      1))
		return NULL;
	for (; !item && level >= LEVEL_MIN; level--)
		item = search_level(map, key, address, kind, level);
	if (!item || !atomic_load_explicit(&map->nested, memory_order_relaxed))
		return item;
	/* There may be one within it that is older. */
	for (; level >= LEVEL_MIN; level--) {
		void *older = search_level(map, key, address, kind, level);

		if (older && is_better(map, older, item))
			item = older;
	}
	return item;
}

/* One that ends on PAGE and lies in [low, high). */
static void *search_page(const struct csa_map *map, uint64_t page, uint64_t low, uint64_t high)
{
	uint32_t level = atomic_load_explicit(&map->level, memory_order_relaxed);

	for (; level >= LEVEL_MIN; level--) {
		uint32_t mask = (1u << level) - 1, first = bucket_of(page, level);

		for (uint32_t i = 0; i < BUCKET * BUCKETS_TRIED; i++) {
			uint32_t cell = (1u << level) + ((first + i) & mask);
			uint32_t line = line_in(map, CSA_MAP_BY_TOP, cell);
			uint8_t *item = item_at(map, line);

			if (!line)
				break;
			if (is_live(map, line, CSA_MAP_BY_TOP, cell) &&
			    key_of(map, item, CSA_MAP_BY_TOP) == page &&
			    word_at(item, map->low) >= low && word_at(item, map->high) <= high)
				return item;
		}
	}
	return NULL;
}

/* A range that ends on PAGE begins above ADDRESS. */
static bool is_above(const struct csa_map *map, uint64_t page, uint64_t address)
{
	return search_page(map, page, address + 1, UINT64_MAX) != NULL;
}

/* ---- ranges ---- */

bool csa_map_add(struct csa_map *map, void *item)
{
	uint64_t bytes = word_at(item, map->high) - word_at(item, map->low);
	uint64_t pages = (bytes >> PAGE_SHIFT) + 2;
	uint32_t most = atomic_load_explicit(&map->pages_max, memory_order_relaxed);

	if (pages > CSA_MAP_REACH >> PAGE_SHIFT)
		pages = CSA_MAP_REACH >> PAGE_SHIFT;
	while (pages > most &&
	       !atomic_compare_exchange_weak(&map->pages_max, &most, (uint32_t)pages))
		;
	for (int kind = 0; kind < CSA_MAP_KINDS; kind++) {
		uint64_t page = page_of(key_of(map, item, kind), kind);

		atomic_fetch_or(&map->pages[kind][page / 64], UINT64_C(1) << page % 64);
	}
	return insert(map, item, CSA_MAP_BY_TOP) && insert(map, item, CSA_MAP_BY_LOW);
}

/* The first page from PAGE on that may hold a high end; at least END if it is not before that. */
static uint64_t next_top(const struct csa_map *map, uint64_t page, uint64_t end)
{
	while (page < end) {
		uint64_t bit = page & PAGES_MASK;
		uint64_t word = atomic_load_explicit(&map->pages[CSA_MAP_BY_TOP][bit / 64],
		                                     memory_order_acquire) >>
		                bit % 64;

		if (word)
			return page + (uint64_t)__builtin_ctzll(word);
		page += 64 - bit % 64;
	}
	return page;
}

void *csa_map_find(struct csa_map *map, uint64_t address)
{
	uint32_t most = atomic_load_explicit(&map->pages_max, memory_order_relaxed);
	uint64_t page = address >> PAGE_SHIFT, end = page + most;
	bool nested = atomic_load_explicit(&map->nested, memory_order_relaxed);
	void *item = NULL;

	if (!*map->items || address >> 47)
		return NULL;
	/* The page of the range's high end is this one, or one that follows; and when it is the
	 * next one above, there is no other. */
	while (!item && (page = next_top(map, page, end)) < end) {
		item = search(map, page, address, CSA_MAP_BY_TOP);
		if (!item && map->disjoint && !nested && is_above(map, page, address))
			break;
		page++;
	}
	return item;
}

void *csa_map_find_near(struct csa_map *map, uint64_t address)
{
	return *map->items ? search(map, address >> PAGE_SHIFT, address, CSA_MAP_BY_TOP) : NULL;
}

void *csa_map_find_below(struct csa_map *map, uint64_t address, uint32_t bytes)
{
	uint64_t page = (address - 1) >> PAGE_SHIFT;
	void *item = *map->items ? search(map, page, address - bytes, CSA_MAP_BY_TOP) : NULL;

	if (!item && *map->items)
		item = search(map, page - 1, address - bytes, CSA_MAP_BY_TOP);
	return item && word_at(item, map->high) <= address ? item : NULL;
}

void *csa_map_find_low(struct csa_map *map, uint64_t low)
{
	return *map->items ? search(map, low, low, CSA_MAP_BY_LOW) : NULL;
}

void *csa_map_next_within(struct csa_map *map, uint64_t low, uint64_t high, uint64_t *cursor)
{
	uint64_t page = (*cursor > low ? *cursor : low) >> PAGE_SHIFT;
	uint64_t end = ((high - 1) >> PAGE_SHIFT) + 1;
	void *item = NULL;

	if (!*map->items || low >= high || high >> 47)
		return NULL;
	for (; (page = next_top(map, page, end)) < end; page++) {
		item = search_page(map, page, low, high);
		if (item)
			break;
	}
	*cursor = page << PAGE_SHIFT;
	return item;
}
