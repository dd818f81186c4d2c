/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack that is not known belongs to a coroutine of a switcher that we do not know. What
 * holds the stack is its identity: a block or mapping that was followed since it was asked
 * for, or else, with less confidence, the aligned piece of memory around the stack pointer.
 *
 * A mapping, or a piece, may hold many stacks with guard pages between them. A stack ends where
 * memory can't be read: what looks for its outermost frame must not run into that.
 *
 * A stack that ends in one function now and in another one then is not one coroutine's: it is
 * copied in and out, or has been used again. Such are marked, and not told apart.
 */
#include "coroutine/found.h"

#include "core/emit.h"
#include "core/sys.h"
#include "coroutine/map.h"
#include "coroutine/region.h"
#include "stack/modules.h"

#define PIECE UINT64_C(65536)
#define PAGE UINT64_C(4096)

/* What is larger may hold several stacks; so far down the end of one is looked for. */
#define MANY_BYTES UINT64_C(262144)
#define GUARD_PAGES 16

/* Not the thread that this block speaks of, but a child that borrows its memory. */
static bool is_borrowed(const struct csa_thread *thread)
{
	return (uint32_t)csa_sys0(SYS_gettid) != thread->tid;
}

/* Whose stack is known does not end because somebody runs beside it. */
static void keep_off_others(uint64_t address, uint64_t *low, uint64_t *high)
{
	for (int tries = 0; tries < 32; tries++) {
		struct cs_slot *slot = csa_map_find(&csa_slot_map, *low);
		uint64_t end = slot ? slot->stack_high : 0;

		if (end > *low && end <= address) {
			*low = end;
			continue;
		}
		slot = csa_map_find(&csa_slot_map, *high - 1);
		end = slot ? slot->stack_low : 0;
		if (end <= address || end >= *high)
			return;
		*high = end;
	}
}

/* Looks no further down than LOWEST. False: nothing can be read there. */
static bool keep_to_readable(uint64_t address, uint64_t lowest, uint64_t *low, uint64_t *high)
{
	uint64_t page = address & ~(PAGE - 1), end = csa_readable_until(page, *high);

	if (end <= address)
		return false;
	*high = end;
	while (page > *low && page > lowest) {
		page -= PAGE;
		if (csa_readable_until(page, page + 1) == page) {
			*low = page + PAGE;
			break;
		}
	}
	return true;
}

static uint64_t down_to(uint64_t address, uint64_t low, uint64_t high)
{
	if (high - low <= MANY_BYTES)
		return address;
	return address > MANY_BYTES ? address - MANY_BYTES : 0;
}

/* A mapping begins with its guard, as a rule: that is no part of the stack. */
static uint64_t above_guard(uint64_t low, uint64_t address)
{
	for (int i = 0; i < GUARD_PAGES && low % PAGE == 0 && low + PAGE <= address &&
	                csa_readable_until(low, low + 1) == low;
	     i++)
		low += PAGE;
	return low;
}

/* REGION may be ended and be another one meanwhile. */
static bool is_within(const struct csa_region *region, uint64_t address, struct csa_birth *birth)
{
	if (!region)
		return false;
	birth->low = __atomic_load_n(&region->low, __ATOMIC_RELAXED);
	birth->high = __atomic_load_n(&region->high, __ATOMIC_RELAXED);
	birth->spawn = region->spawn;
	if (birth->low > address || address >= birth->high ||
	    !keep_to_readable(address, down_to(address, birth->low, birth->high), &birth->low,
	                      &birth->high))
		return false;
	birth->low = above_guard(birth->low, address);
	return true;
}

struct cs_slot *csa_found_as(struct csa_thread *thread, uint64_t address, const char *runtime)
{
	const struct csa_region *region = csa_region_find(address);
	struct csa_birth birth = {
		.runtime = runtime,
		.flags = CS_SLOT_FOUND,
	};

	if (is_within(region, address, &birth)) {
		csa_region_is_stack(region);
	} else {
		birth.low = address & ~(PIECE - 1);
		birth.high = birth.low + PIECE;
		birth.spawn = 0;
		keep_to_readable(address, birth.low, &birth.low, &birth.high);
		birth.flags |= CS_SLOT_GUESSED;
	}
	keep_off_others(address, &birth.low, &birth.high);
	return csa_coro_new(thread, &birth);
}

void csa_coro_ends_in(uint64_t outermost)
{
	struct cs_slot *here = csa_here;
	uint64_t function = csa_modules_function(outermost);

	if (!here || !function)
		return;
	here->agents_own = (uint32_t)outermost;
	if (!here->entry)
		here->entry = function;
	if (here->entry == function)
		return;
	here->flags |= CS_SLOT_SHARED_STACK;
	csa_count(CS_AGENT_CORO_SHARED, 1);
}

struct cs_slot *csa_found(struct csa_thread *thread, uint64_t sp)
{
	return is_borrowed(thread) ? NULL : csa_found_as(thread, sp, "stack");
}
