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

static void *call_new(enum csa_cxx which, size_t size, size_t alignment, const void *nothrow)
{
	void *function = csa_cxx_real[which].function;

	if (!function)
		function = csa_cxx_find(which);
	if (!function) /* no C++ runtime at all: then nobody could catch what it throws */
		return alignment ? csa_real.aligned_alloc(alignment, size)
		                 : csa_real.malloc(size | !size);
	if (!alignment)
		return ((void *(*)(size_t, const void *))function)(size, nothrow);
	return ((void *(*)(size_t, size_t, const void *))function)(size, alignment, nothrow);
}

void *csa_new_slow(size_t size, size_t alignment, const void *nothrow, enum csa_cxx which)
{
	bool first = !csa_cxx_real[which].function;
	bool own = (!first || csa_cxx_find(which)) && csa_cxx_real[which].own;
	bool due = own && (!first || csa_take_bytes(size)) && csa_sampler_due(size);
	void *block;

	if (!due)
		return call_new(which, size, alignment, nothrow);
	csa_tls.inside++;
	block = call_new(nothrow_form[which], size, alignment, nothrow ? nothrow : &any_nothrow);
	csa_tls.inside--;
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
