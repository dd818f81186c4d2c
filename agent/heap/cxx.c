/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator's own C++ operators.
 *
 * A sampled throwing new is served by its nothrow form, because an exception must not pass
 * through our frame with `inside` raised; if that finds no memory, the throwing form is called
 * last, and what it does is its own.
 */
#include "heap/cxx.h"

#include "heap/hook.h"
#include "heap/sampler.h"

static const enum csa_cxx nothrow_form[CSA_CXX_COUNT] = {
	[CSA_NEW] = CSA_NEW_NOTHROW,
	[CSA_NEW_ARRAY] = CSA_NEW_ARRAY_NOTHROW,
	[CSA_NEW_NOTHROW] = CSA_NEW_NOTHROW,
	[CSA_NEW_ARRAY_NOTHROW] = CSA_NEW_ARRAY_NOTHROW,
	[CSA_NEW_ALIGNED] = CSA_NEW_ALIGNED_NOTHROW,
	[CSA_NEW_ARRAY_ALIGNED] = CSA_NEW_ARRAY_ALIGNED_NOTHROW,
	[CSA_NEW_ALIGNED_NOTHROW] = CSA_NEW_ALIGNED_NOTHROW,
	[CSA_NEW_ARRAY_ALIGNED_NOTHROW] = CSA_NEW_ARRAY_ALIGNED_NOTHROW,
};

/* std::nothrow is an empty object: any address will do. */
static const char any_nothrow;

void *csa_cxx_aligned(size_t size, size_t alignment)
{
	size_t rounded = (size + !size + alignment - 1) & ~(alignment - 1);

	if (alignment & (alignment - 1) || rounded < size)
		return NULL;
	return csa_real.aligned_alloc(alignment < sizeof(void *) ? sizeof(void *) : alignment,
	                              rounded);
}

/* WHICH itself, which may throw: from here there is nothing of ours left to do. */
static void *call_new(enum csa_cxx which, size_t size, size_t alignment, const void *nothrow)
{
	void *function = csa_cxx_real[which].function;

	if (!function) /* no C++ runtime at all: then nobody could catch what it throws */
		return alignment ? csa_cxx_aligned(size, alignment) : csa_real.malloc(size | !size);
	if (!alignment)
		return ((void *(*)(size_t, const void *))function)(size, nothrow);
	if (!nothrow)
		return ((void *(*)(size_t, size_t))function)(size, alignment);
	return ((void *(*)(size_t, size_t, const void *))function)(size, alignment, nothrow);
}

/* A block, or NULL: never an exception. */
static void *serve(enum csa_cxx which, size_t size, size_t alignment, const void *nothrow)
{
	void *block;

	csa_tls.inside++;
	if (csa_cxx_real[which].kind != CSA_CXX_ALLOCATOR)
		block = alignment ? csa_cxx_aligned(size, alignment)
		                  : csa_real.malloc(size | !size);
	else if (!csa_cxx_real[nothrow_form[which]].function && !csa_cxx_find(nothrow_form[which]))
		block = NULL;
	else
		block = call_new(nothrow_form[which], size, alignment,
		                 nothrow ? nothrow : &any_nothrow);
	csa_tls.inside--;
	return block;
}

void *csa_new_slow(size_t size, size_t alignment, const void *nothrow, enum csa_cxx which)
{
	bool first = !csa_cxx_real[which].function && csa_cxx_find(which);
	bool passed = csa_cxx_real[which].kind == CSA_CXX_PASSED;
	bool taken = !first || (!passed && csa_take_bytes(size));
	bool due = !passed && taken && csa_sampler_due(size);
	void *block = due ? serve(which, size, alignment, nothrow) : NULL;

	if (!block)
		return call_new(which, size, alignment, nothrow);
	struct csa_frame at = CSA_CALLER();

	csa_record_alloc(block, size, &at);
	return block;
}

void csa_delete_slow(void *block, uintptr_t a, uintptr_t b, enum csa_cxx which)
{
	void (*function)(void *, uintptr_t, uintptr_t) =
		(void (*)(void *, uintptr_t, uintptr_t))csa_cxx_real[which].function;

	if (!function) { /* no C++ runtime: free is hooked itself, and records */
		if (csa_perhaps_recorded(block))
			csa_free_slow(block);
		else
			csa_real.free(block);
		return;
	}
	csa_record_free(block, CS_RECORD_FREE);
	csa_tls.inside++; /* jemalloc's calls free */
	function(block, a, b);
	csa_tls.inside--;
}
