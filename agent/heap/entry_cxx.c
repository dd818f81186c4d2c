/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C++ operators. libstdc++'s end in malloc and free, where they are met, so those calls
 * are passed on as they are, without a frame in between: an exception from operator new goes
 * straight through. An allocator's own operators (jemalloc, tcmalloc, mimalloc) do not call
 * malloc: they are sampled here.
 *
 * Their C++ names are given by asm labels; std::align_val_t is passed as a size_t,
 * std::nothrow_t const & as a pointer.
 */
#include "heap/cxx.h"
#include "heap/real.h"
#include "heap/sampler.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define OPERATOR(symbol) __asm__(symbol) __attribute__((visibility("default")))

/* NULL until the first call, which goes the slow way and finds it. */
static inline void *real(enum csa_cxx which)
{
	return __atomic_load_n(&csa_cxx_real[which].function, __ATOMIC_ACQUIRE);
}

/* Passed on, or unsampled; `own` is only known once the function has been found. */
#define PASS_NEW(which, size, function) \
	LIKELY(function && (!csa_cxx_real[which].own || !csa_take_bytes(size)))
#define PASS_DELETE(which, block, function) \
	LIKELY(function && (!csa_cxx_real[which].own || !csa_perhaps_recorded(block)))

#define NEW(name, symbol, which)                           \
	void *name(size_t size) OPERATOR(symbol);          \
	void *name(size_t size)                            \
	{                                                  \
		void *(*function)(size_t) = real(which);   \
		if (PASS_NEW(which, size, function))       \
			return function(size);             \
		return csa_new_slow(size, 0, NULL, which); \
	}
#define NEW_NOTHROW(name, symbol, which)                               \
	void *name(size_t size, const void *nothrow) OPERATOR(symbol); \
	void *name(size_t size, const void *nothrow)                   \
	{                                                              \
		void *(*function)(size_t, const void *) = real(which); \
		if (PASS_NEW(which, size, function))                   \
			return function(size, nothrow);                \
		return csa_new_slow(size, 0, nothrow, which);          \
	}
#define NEW_ALIGNED(name, symbol, which)                            \
	void *name(size_t size, size_t alignment) OPERATOR(symbol); \
	void *name(size_t size, size_t alignment)                   \
	{                                                           \
		void *(*function)(size_t, size_t) = real(which);    \
		if (PASS_NEW(which, size, function))                \
			return function(size, alignment);           \
		return csa_new_slow(size, alignment, NULL, which);  \
	}
#define NEW_ALIGNED_NOTHROW(name, symbol, which)                                         \
	void *name(size_t size, size_t alignment, const void *nothrow) OPERATOR(symbol); \
	void *name(size_t size, size_t alignment, const void *nothrow)                   \
	{                                                                                \
		void *(*function)(size_t, size_t, const void *) = real(which);           \
		if (PASS_NEW(which, size, function))                                     \
			return function(size, alignment, nothrow);                       \
		return csa_new_slow(size, alignment, nothrow, which);                    \
	}
/* Up to two more arguments (size, alignment or nothrow), all of one register each. */
#define DELETE(name, symbol, which)                                           \
	void name(void *block, uintptr_t a, uintptr_t b) OPERATOR(symbol);    \
	void name(void *block, uintptr_t a, uintptr_t b)                      \
	{                                                                     \
		void (*function)(void *, uintptr_t, uintptr_t) = real(which); \
		if (PASS_DELETE(which, block, function))                      \
			function(block, a, b);                                \
		else                                                          \
			csa_delete_slow(block, a, b, which);                  \
	}

NEW(csa_op_new, "_Znwm", CSA_NEW)
NEW(csa_op_new_array, "_Znam", CSA_NEW_ARRAY)
NEW_NOTHROW(csa_op_new_nothrow, "_ZnwmRKSt9nothrow_t", CSA_NEW_NOTHROW)
NEW_NOTHROW(csa_op_new_array_nothrow, "_ZnamRKSt9nothrow_t", CSA_NEW_ARRAY_NOTHROW)
NEW_ALIGNED(csa_op_new_aligned, "_ZnwmSt11align_val_t", CSA_NEW_ALIGNED)
NEW_ALIGNED(csa_op_new_array_aligned, "_ZnamSt11align_val_t", CSA_NEW_ARRAY_ALIGNED)
NEW_ALIGNED_NOTHROW(csa_op_new_aligned_nothrow, "_ZnwmSt11align_val_tRKSt9nothrow_t",
                    CSA_NEW_ALIGNED_NOTHROW)
NEW_ALIGNED_NOTHROW(csa_op_new_array_aligned_nothrow, "_ZnamSt11align_val_tRKSt9nothrow_t",
                    CSA_NEW_ARRAY_ALIGNED_NOTHROW)
DELETE(csa_op_delete, "_ZdlPv", CSA_DELETE)
DELETE(csa_op_delete_array, "_ZdaPv", CSA_DELETE_ARRAY)
DELETE(csa_op_delete_sized, "_ZdlPvm", CSA_DELETE_SIZED)
DELETE(csa_op_delete_array_sized, "_ZdaPvm", CSA_DELETE_ARRAY_SIZED)
DELETE(csa_op_delete_nothrow, "_ZdlPvRKSt9nothrow_t", CSA_DELETE_NOTHROW)
DELETE(csa_op_delete_array_nothrow, "_ZdaPvRKSt9nothrow_t", CSA_DELETE_ARRAY_NOTHROW)
DELETE(csa_op_delete_aligned, "_ZdlPvSt11align_val_t", CSA_DELETE_ALIGNED)
DELETE(csa_op_delete_array_aligned, "_ZdaPvSt11align_val_t", CSA_DELETE_ARRAY_ALIGNED)
DELETE(csa_op_delete_sized_aligned, "_ZdlPvmSt11align_val_t", CSA_DELETE_SIZED_ALIGNED)
DELETE(csa_op_delete_array_sized_aligned, "_ZdaPvmSt11align_val_t", CSA_DELETE_ARRAY_SIZED_ALIGNED)
DELETE(csa_op_delete_aligned_nothrow, "_ZdlPvSt11align_val_tRKSt9nothrow_t",
       CSA_DELETE_ALIGNED_NOTHROW)
DELETE(csa_op_delete_array_aligned_nothrow, "_ZdaPvSt11align_val_tRKSt9nothrow_t",
       CSA_DELETE_ARRAY_ALIGNED_NOTHROW)
