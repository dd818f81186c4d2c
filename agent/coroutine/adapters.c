/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the real functions. The loader would look in what the program was started with
 * first, then in the libraries that the caller was loaded with.
 */
#include "coroutine/adapters.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "core/lookup.h"
#include "core/sys.h"

void csa_adapters_find(void)
{
	csa_ucontext_find();
	csa_fcontext_find();
	csa_jump_find();
	csa_st_find();
	csa_fiber_find();
	csa_gccgo_find();
	csa_pth_find();
}

void csa_real_pin(const struct csa_real_function *functions, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		void *found = csa_lookup_next(functions[i].name);

		if (found && *functions[i].pinned == functions[i].boot)
			__atomic_store_n(functions[i].pinned, found, __ATOMIC_RELEASE);
	}
}

/* ---- what was loaded later ---- */

/* The last answers: a few functions of one library or two, for a few callers, are all that is
 * ever asked for. */
static struct answer {
	_Atomic uint32_t version; /* odd: being written */
	const char *name;
	uintptr_t caller_low, caller_high;
	uint64_t unloads;
	void *function;
} answers[64];

static struct answer *place_of(const char *name, uintptr_t caller)
{
	uint64_t key = ((uintptr_t)name >> 3) ^ caller >> 12 << 20;

	return &answers[key * UINT64_C(0x9e3779b97f4a7c15) >> 58];
}

_Static_assert(sizeof(answers) / sizeof(*answers) == 1u << (64 - 58), "a place for each hash");

static void *recall(const char *name, uintptr_t caller)
{
	struct answer *place = place_of(name, caller);
	uint32_t version = atomic_load_explicit(&place->version, memory_order_acquire);
	void *function = place->function;
	bool valid = place->name == name && caller >= place->caller_low &&
	             caller < place->caller_high &&
	             place->unloads == atomic_load_explicit(&csa_unloads, memory_order_relaxed);

	csa_load_barrier();
	return valid && !(version & 1) && version == atomic_load(&place->version) ? function : NULL;
}

/* UNLOADS: before it was looked for. What has gone since must not be recalled. */
static void remember(const char *name, uintptr_t caller, const struct csa_image *image,
                     uint64_t unloads, void *function)
{
	struct answer *place = place_of(name, caller);
	uint32_t version = atomic_load(&place->version);

	if ((version & 1) ||
	    !atomic_compare_exchange_strong(&place->version, &version, version + 1))
		return;
	place->name = name;
	place->caller_low = image->low;
	place->caller_high = image->high;
	place->unloads = unloads;
	place->function = function;
	atomic_store_explicit(&place->version, version + 2, memory_order_release);
}

struct search {
	const char *name;
	uintptr_t caller;
	struct csa_image image; /* the caller's */
	uint32_t version;       /* in which it wants NAME; 0 any */
	void *own, *versioned, *first;
};

static bool find_caller(const struct csa_image *image, void *context)
{
	struct search *search = context;

	if (search->caller < image->low || search->caller >= image->high)
		return false;
	search->image = *image;
	if (image->is_agent) /* a hook calls: for whom is not known here */
		return true;
	search->own = csa_lookup_in(image, search->name);
	if (!search->own)
		search->version = csa_lookup_wanted_version(image, search->name);
	return true;
}

static bool look_at(const struct csa_image *image, void *context)
{
	struct search *search = context;
	void *found = image->is_agent ? NULL : csa_lookup_in(image, search->name);

	if (found && !search->first)
		search->first = found;
	if (found && search->version && !search->versioned &&
	    csa_lookup_defined_version(image, search->name) == search->version)
		search->versioned = found;
	return false;
}

static void *look_for(struct search *search)
{
	csa_lookup_each(find_caller, search);
	if (!search->own)
		csa_lookup_each(look_at, search);
	return search->own ? search->own : search->versioned ? search->versioned : search->first;
}

void *csa_real_now(const char *name, uintptr_t caller)
{
	struct search search = {.name = name, .caller = caller};

	return look_for(&search);
}

void *csa_real_for(const char *name, uintptr_t caller)
{
	void *function = recall(name, caller);
	struct search search = {.name = name, .caller = caller};
	uint64_t unloads = atomic_load(&csa_unloads);

	if (function)
		return function;
	function = look_for(&search);
	if (function)
		remember(name, caller, &search.image, unloads, function);
	return function;
}

/* ---- what is nowhere ---- */

/* As much as any of them returns. */
struct words {
	uint64_t first, second;
};

static struct words none(void)
{
	errno = ENOSYS;
	return (struct words){0, 0};
}

static int64_t fail(void)
{
	errno = ENOSYS;
	return -1;
}

void *csa_real_or_none(const char *name, uintptr_t caller)
{
	void *function = csa_real_for(name, caller);

	return function ? function : (void *)none;
}

void *csa_real_or_fail(const char *name, uintptr_t caller)
{
	void *function = csa_real_for(name, caller);

	return function ? function : (void *)fail;
}
