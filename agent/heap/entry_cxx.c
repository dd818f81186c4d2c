/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C++ operators, recorded with the size that the program asks for (libstdc++ rounds some
 * up on the way to malloc). libstdc++'s new is malloc plus what happens when that fails, so
 * malloc serves it here, and only a failure goes to libstdc++, by a jump: its exception has no
 * frame of ours to cross. An allocator's own operators (jemalloc, tcmalloc, mimalloc) serve
 * by themselves; anybody else's are passed on to.
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

/*
 * The unsampled ways. A failing malloc goes on to the real operator; so does a size that can't
 * be rounded up.
 */
#define NEW_BODY(which, size, alignment, nothrow, standard, ...)                     \
	void *function = real(which);                                                \
	enum csa_cxx_kind kind = csa_cxx_real[which].kind;                           \
	if (LIKELY(function) && (kind == CSA_CXX_PASSED || !csa_take_bytes(size))) { \
		void *block = kind == CSA_CXX_STANDARD ? standard : NULL;            \
		return LIKELY(block) ? block : CALL(function, __VA_ARGS__);          \
	}                                                                            \
	return csa_new_slow(size, alignment, nothrow, which)

#define CALL1(function, a) ((void *(*)(size_t))function)(a)
#define CALL2(function, a, b) ((void *(*)(size_t, uintptr_t))function)(a, (uintptr_t)(b))
#define CALL3(function, a, b, c) \
	((void *(*)(size_t, uintptr_t, uintptr_t))function)(a, b, (uintptr_t)(c))
#define CALL_N(_1, _2, _3, name, ...) name
#define CALL(function, ...) CALL_N(__VA_ARGS__, CALL3, CALL2, CALL1)(function, __VA_ARGS__)

#define NEW(name, symbol, which)                                                     \
	void *name(size_t size) OPERATOR(symbol);                                    \
	void *name(size_t size)                                                      \
	{                                                                            \
		NEW_BODY(which, size, 0, NULL, csa_real.malloc(size | !size), size); \
	}
#define NEW_NOTHROW(name, symbol, which)                                                         \
	void *name(size_t size, const void *nothrow) OPERATOR(symbol);                           \
	void *name(size_t size, const void *nothrow)                                             \
	{                                                                                        \
		NEW_BODY(which, size, 0, nothrow, csa_real.malloc(size | !size), size, nothrow); \
	}
#define NEW_ALIGNED(name, symbol, which)                                                       \
	void *name(size_t size, size_t alignment) OPERATOR(symbol);                            \
	void *name(size_t size, size_t alignment)                                              \
	{                                                                                      \
		NEW_BODY(which, size, alignment, NULL, csa_cxx_aligned(size, alignment), size, \
		         alignment);                                                           \
	}
#define NEW_ALIGNED_NOTHROW(name, symbol, which)                                                  \
	void *name(size_t size, size_t alignment, const void *nothrow) OPERATOR(symbol);          \
	void *name(size_t size, size_t alignment, const void *nothrow)                            \
	{                                                                                         \
		NEW_BODY(which, size, alignment, nothrow, csa_cxx_aligned(size, alignment), size, \
		         alignment, nothrow);                                                     \
	}

/* What is not the allocator's own ends in free, which is hooked itself. */
#define PASS_DELETE(which, block, function) \
	LIKELY(function &&                  \
	       (csa_cxx_real[which].kind != CSA_CXX_ALLOCATOR || !csa_perhaps_recorded(block)))

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
