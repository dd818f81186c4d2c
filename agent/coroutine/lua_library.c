/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each library is looked up once, and again when modules may have gone.
 */
#include "coroutine/lua_library.h"

#include <stddef.h>

#include "core/lookup.h"

static const struct csa_lua_layout layouts[] = {
	{.name = 8, .line = 40, .line_defined = 48, .source = 56},                         /* 5.1 */
	{.name = 8, .line = 40, .line_defined = 44, .source = 56, .count_is_third = true}, /* 5.2 */
	{8, 40, 44, 56, .state_gap = 8, .count_is_third = true},                           /* 5.3 */
	{8, 48, 52, 68, .state_gap = 8, .count_is_third = true},                           /* 5.4 */
};

static struct csa_lua_library libraries[4];

static _Atomic uint32_t libraries_busy;

/* Versions are told apart by what each has brought. */
static const struct csa_lua_layout *layout_of(const struct csa_image *image)
{
	if (csa_lookup_in(image, "luaJIT_setmode"))
		return NULL;
	if (csa_lookup_in(image, "lua_setwarnf"))
		return &layouts[3];
	if (csa_lookup_in(image, "lua_rotate"))
		return &layouts[2];
	return csa_lookup_in(image, "lua_yieldk") ? &layouts[1] : &layouts[0];
}

static bool holds(const struct csa_image *image, uintptr_t address)
{
	return address >= image->low && address < image->high;
}

struct search {
	uintptr_t address;
	struct csa_image image;
};

static bool look_at(const struct csa_image *image, void *context)
{
	struct search *search = context;

	search->image = *image;
	return holds(image, search->address);
}

static void fill(struct csa_lua_library *library, const struct csa_image *image)
{
	library->low = image->low;
	library->high = image->high;
	library->get_stack = csa_lookup_in(image, "lua_getstack");
	library->get_info = csa_lookup_in(image, "lua_getinfo");
	library->top = csa_lookup_in(image, "lua_gettop");
	library->type = csa_lookup_in(image, "lua_type");
	library->push = csa_lookup_in(image, "lua_pushvalue");
	library->status = csa_lookup_in(image, "lua_status");
	library->layout = layout_of(image);
	if (!library->get_stack || !library->get_info || !library->top || !library->type ||
	    !library->push || !library->status)
		library->layout = NULL;
}

static const struct csa_lua_library *known_library(uintptr_t function, uint64_t unloads)
{
	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
		struct csa_lua_library *library = &libraries[i];

		if (atomic_load_explicit(&library->unloads, memory_order_acquire) == unloads &&
		    function >= library->low && function < library->high)
			return library;
	}
	return NULL;
}

static bool is_loaded(const struct csa_lua_library *library)
{
	struct search search = {.address = library->low};

	return library->high && csa_lookup_each(look_at, &search) &&
	       search.image.low == library->low;
}

/*
 * Its own if it has one: what is written there then is what is there. Another's is not taken as
 * long as that is loaded: some thread may be in it, and will look there when a coroutine yields.
 */
static struct csa_lua_library *place_for(const struct csa_image *image)
{
	const size_t count = sizeof(libraries) / sizeof(*libraries);

	for (size_t i = 0; i < count; i++)
		if (libraries[i].low == image->low && libraries[i].high == image->high)
			return &libraries[i];
	for (size_t i = 0; i < count; i++)
		if (!is_loaded(&libraries[i]))
			return &libraries[i];
	return NULL;
}

const struct csa_lua_library *csa_lua_library_of(void *function)
{
	uint64_t unloads = atomic_load(&csa_unloads);
	const struct csa_lua_library *known = known_library((uintptr_t)function, unloads);
	struct search search = {.address = (uintptr_t)function};
	struct csa_lua_library *free_place;

	if (known)
		return known->layout ? known : NULL;
	if (!csa_lookup_each(look_at, &search) || atomic_exchange(&libraries_busy, 1))
		return NULL;
	free_place = place_for(&search.image);
	if (free_place) {
		fill(free_place, &search.image);
		atomic_store_explicit(&free_place->unloads, unloads, memory_order_release);
	}
	atomic_store(&libraries_busy, 0);
	return free_place && free_place->layout ? free_place : NULL;
}

void csa_lua_library_forked(void)
{
	atomic_store(&libraries_busy, 0);
}
