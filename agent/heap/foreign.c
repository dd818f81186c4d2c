/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry points that only some allocators have: jemalloc's mallocx family, tcmalloc's tc_*,
 * mimalloc's mi_*. The agent must not export such names, because programs look for them to
 * find out which allocator they run on; so the relocation slots of the modules that call
 * them are bound to wrappers when the process starts, and only if the allocator is there.
 * mimalloc 3 brings a strdup as well, which does not call malloc as libc's does.
 */
#include <string.h>

#include "core/lookup.h"
#include "heap/hook.h"
#include "heap/real.h"
#include "heap/sampler.h"
#include "heap/slots.h"

/* ---- what the wrappers do ---- */

#define RECORD(block, size)                                                     \
	do {                                                                    \
		if (csa_take_bytes(size) && csa_sampler_due(size) && (block)) { \
			struct csa_frame at = CSA_CALLER();                     \
			csa_record_alloc(block, size, &at);                     \
		}                                                               \
	} while (0)

/* name(..., size, ...) returns a block of SIZE. */
#define ALLOCATES(name, size, parameters, arguments) \
	static void *(*real_##name)parameters;       \
	static void *wrap_##name parameters          \
	{                                            \
		csa_tls.inside++;                    \
		void *block = real_##name arguments; \
		csa_tls.inside--;                    \
		RECORD(block, size);                 \
		return block;                        \
	}

/* name(block, ...) frees it. */
#define FREES(name, parameters, arguments)                      \
	static void(*real_##name) parameters;                   \
	static void wrap_##name parameters                      \
	{                                                       \
		if (csa_perhaps_recorded(block))                \
			csa_record_free(block, CS_RECORD_FREE); \
		csa_tls.inside++;                               \
		real_##name arguments;                          \
		csa_tls.inside--;                               \
	}

/* name(block, ...) returns it with room for SIZE, moved or not; NULL: it is as it was. */
#define MOVES(name, size, parameters, arguments)                           \
	static void *(*real_##name)parameters;                             \
	static void *wrap_##name parameters                                \
	{                                                                  \
		bool released = csa_record_free(block, CS_RECORD_RELEASE); \
		csa_tls.inside++;                                          \
		void *moved = real_##name arguments;                       \
		csa_tls.inside--;                                          \
		if (moved)                                                 \
			RECORD(moved, size);                               \
		else if (released && (size) != 0)                          \
			csa_record_restore(block);                         \
		return moved;                                              \
	}

/*
 * A throwing new: served by its nothrow form, for an exception must not pass through us with
 * `inside` raised; when that finds nothing, the throwing one is called and does as it does.
 */
#define THROWS(name, parameters, arguments, nothrow_call) \
	static void *(*real_##name)parameters;            \
	static void *wrap_##name parameters               \
	{                                                 \
		csa_tls.inside++;                         \
		void *block = nothrow_call;               \
		csa_tls.inside--;                         \
		if (!block)                               \
			return real_##name arguments;     \
		RECORD(block, size);                      \
		return block;                             \
	}

/* std::nothrow is an empty object: any address will do. */
static const char nothrow;

/* As posix_memalign: 0 and the block in *RESULT, or an error. */
#define STORES(name)                                                             \
	static int (*real_##name)(void **result, size_t alignment, size_t size); \
	static int wrap_##name(void **result, size_t alignment, size_t size)     \
	{                                                                        \
		csa_tls.inside++;                                                \
		int error = real_##name(result, alignment, size);                \
		csa_tls.inside--;                                                \
		if (!error)                                                      \
			RECORD(*result, size);                                   \
		return error;                                                    \
	}

/* jemalloc */
ALLOCATES(mallocx, size, (size_t size, int flags), (size, flags))
MOVES(rallocx, size, (void *block, size_t size, int flags), (block, size, flags))
FREES(dallocx, (void *block, int flags), (block, flags))
FREES(sdallocx, (void *block, size_t size, int flags), (block, size, flags))

/* In place or not at all: returns the size it has then, and the address stays. */
static size_t (*real_xallocx)(void *block, size_t size, size_t extra, int flags);
static size_t wrap_xallocx(void *block, size_t size, size_t extra, int flags)
{
	bool released = csa_record_free(block, CS_RECORD_RELEASE);
	size_t now;

	csa_tls.inside++;
	now = real_xallocx(block, size, extra, flags);
	csa_tls.inside--;
	if (now >= size)
		RECORD(block, size);
	else if (released)
		csa_record_restore(block);
	return now;
}

/* tcmalloc */
ALLOCATES(tc_malloc, size, (size_t size), (size))
ALLOCATES(tc_calloc, count *size, (size_t count, size_t size), (count, size))
MOVES(tc_realloc, size, (void *block, size_t size), (block, size))
ALLOCATES(tc_memalign, size, (size_t alignment, size_t size), (alignment, size))
ALLOCATES(tc_valloc, size, (size_t size), (size))
ALLOCATES(tc_pvalloc, size, (size_t size), (size))
ALLOCATES(tc_new_nothrow, size, (size_t size, const void *tag), (size, tag))
ALLOCATES(tc_newarray_nothrow, size, (size_t size, const void *tag), (size, tag))
ALLOCATES(tc_malloc_skip_new_handler, size, (size_t size), (size))
STORES(tc_posix_memalign)
THROWS(tc_new, (size_t size), (size), real_tc_new_nothrow(size, &nothrow))
THROWS(tc_newarray, (size_t size), (size), real_tc_newarray_nothrow(size, &nothrow))
FREES(tc_free, (void *block), (block))
FREES(tc_cfree, (void *block), (block))
FREES(tc_free_sized, (void *block, size_t size), (block, size))
FREES(tc_delete, (void *block), (block))
FREES(tc_deletearray, (void *block), (block))
FREES(tc_delete_sized, (void *block, size_t size), (block, size))
FREES(tc_deletearray_sized, (void *block, size_t size), (block, size))

static size_t length(const char *text, size_t most)
{
	size_t bytes = 0;

	while (bytes < most && text[bytes])
		bytes++;
	return bytes;
}

/* mimalloc */
ALLOCATES(mi_malloc, size, (size_t size), (size))
ALLOCATES(mi_malloc_small, size, (size_t size), (size))
ALLOCATES(mi_zalloc, size, (size_t size), (size))
ALLOCATES(mi_zalloc_small, size, (size_t size), (size))
ALLOCATES(mi_calloc, count *size, (size_t count, size_t size), (count, size))
ALLOCATES(mi_mallocn, count *size, (size_t count, size_t size), (count, size))
MOVES(mi_realloc, size, (void *block, size_t size), (block, size))
MOVES(mi_reallocn, count *size, (void *block, size_t count, size_t size), (block, count, size))
MOVES(mi_rezalloc, size, (void *block, size_t size), (block, size))
MOVES(mi_recalloc, count *size, (void *block, size_t count, size_t size), (block, count, size))
ALLOCATES(mi_malloc_aligned, size, (size_t size, size_t alignment), (size, alignment))
ALLOCATES(mi_zalloc_aligned, size, (size_t size, size_t alignment), (size, alignment))
ALLOCATES(mi_memalign, size, (size_t alignment, size_t size), (alignment, size))
ALLOCATES(mi_aligned_alloc, size, (size_t alignment, size_t size), (alignment, size))
ALLOCATES(mi_new_nothrow, size, (size_t size), (size))
STORES(mi_posix_memalign)
THROWS(mi_new, (size_t size), (size), real_mi_new_nothrow(size))
ALLOCATES(mi_strdup, length(text, SIZE_MAX) + 1, (const char *text), (text))
ALLOCATES(mi_strndup, length(text, most) + 1, (const char *text, size_t most), (text, most))
ALLOCATES(strdup, length(text, SIZE_MAX) + 1, (const char *text), (text))
ALLOCATES(strndup, length(text, most) + 1, (const char *text, size_t most), (text, most))
FREES(mi_free, (void *block), (block))
FREES(mi_free_size, (void *block, size_t size), (block, size))
FREES(mi_free_aligned, (void *block, size_t alignment), (block, alignment))
FREES(mi_free_size_aligned, (void *block, size_t size, size_t alignment), (block, size, alignment))

struct binding {
	const char *name;
	void **real;
	void *wrapper;
};

#define BIND(name)                                                \
	{                                                         \
#name, (void **)&real_##name, (void *)wrap_##name \
	}

static const struct binding bindings[] = {
	BIND(mallocx),
	BIND(rallocx),
	BIND(xallocx),
	BIND(dallocx),
	BIND(sdallocx),
	BIND(tc_malloc),
	BIND(tc_calloc),
	BIND(tc_realloc),
	BIND(tc_memalign),
	BIND(tc_valloc),
	BIND(tc_pvalloc),
	BIND(tc_new_nothrow),
	BIND(tc_new),
	BIND(tc_malloc_skip_new_handler),
	BIND(tc_posix_memalign),
	BIND(tc_newarray),
	BIND(tc_newarray_nothrow),
	BIND(tc_free),
	BIND(tc_cfree),
	BIND(tc_free_sized),
	BIND(tc_delete),
	BIND(tc_deletearray),
	BIND(tc_delete_sized),
	BIND(tc_deletearray_sized),
	BIND(mi_malloc),
	BIND(mi_malloc_small),
	BIND(mi_zalloc),
	BIND(mi_zalloc_small),
	BIND(mi_calloc),
	BIND(mi_mallocn),
	BIND(mi_realloc),
	BIND(mi_reallocn),
	BIND(mi_rezalloc),
	BIND(mi_recalloc),
	BIND(mi_malloc_aligned),
	BIND(mi_zalloc_aligned),
	BIND(mi_memalign),
	BIND(mi_aligned_alloc),
	BIND(mi_new_nothrow),
	BIND(mi_new),
	BIND(mi_posix_memalign),
	BIND(mi_strdup),
	BIND(mi_strndup),
	BIND(mi_free),
	BIND(mi_free_size),
	BIND(mi_free_aligned),
	BIND(mi_free_size_aligned),
};

#define BINDINGS (sizeof(bindings) / sizeof(bindings[0]))

/* What libc has, too: these are bound where such an allocator has its own. */
static const struct binding libcs[] = {
	BIND(strdup),
	BIND(strndup),
};

#define LIBCS (sizeof(libcs) / sizeof(libcs[0]))

/* ---- binding ---- */

static const struct binding *wanted(const char *name)
{
	for (size_t i = 0; i < BINDINGS; i++)
		if (*bindings[i].real && strcmp(bindings[i].name, name) == 0)
			return &bindings[i];
	for (size_t i = 0; i < LIBCS; i++)
		if (*libcs[i].real && strcmp(libcs[i].name, name) == 0)
			return &libcs[i];
	return NULL;
}

static void *bind_slot(void *context, const struct csa_image *image, const void *value,
                       const char *name)
{
	const struct binding *binding = wanted(name);

	(void)context;
	(void)image;
	(void)value;
	return binding ? binding->wrapper : NULL;
}

/* The allocator's own calls of its entry points stay what they are. */
static bool bind_module(const struct csa_image *image, void *allocator_bias)
{
	if (!image->is_agent && image->bias != *(uintptr_t *)allocator_bias)
		csa_slots_each(image, bind_slot, NULL);
	return false;
}

void csa_foreign_bind(void)
{
	struct csa_image allocator;
	bool any = false;

	if (!csa_agent.heap || !csa_lookup_owner("malloc", &allocator))
		return;
	for (size_t i = 0; i < BINDINGS; i++) {
		*bindings[i].real = csa_lookup_next(bindings[i].name);
		any = any || *bindings[i].real;
	}
	if (!any)
		return;
	for (size_t i = 0; i < LIBCS; i++)
		*libcs[i].real = csa_lookup_in(&allocator, libcs[i].name);
	csa_lookup_each(bind_module, &allocator.bias);
}
