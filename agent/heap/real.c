/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the real functions. Stand-ins are only ever called while csa_real still holds
 * them; two threads that find at the same time write the same values.
 */
#include "heap/real.h"

#include <string.h>

#include "core/agent.h"
#include "core/lookup.h"

static void *boot_malloc(size_t size)
{
	csa_real_find();
	return csa_real.malloc(size);
}

static void boot_free(void *block)
{
	csa_real_find();
	csa_real.free(block);
}

static void *boot_calloc(size_t count, size_t size)
{
	csa_real_find();
	return csa_real.calloc(count, size);
}

static void *boot_realloc(void *block, size_t size)
{
	csa_real_find();
	return csa_real.realloc(block, size);
}

static int boot_posix_memalign(void **block, size_t alignment, size_t size)
{
	csa_real_find();
	return csa_real.posix_memalign(block, alignment, size);
}

static void *boot_aligned_alloc(size_t alignment, size_t size)
{
	csa_real_find();
	return csa_real.aligned_alloc(alignment, size);
}

static void *boot_memalign(size_t alignment, size_t size)
{
	csa_real_find();
	return csa_real.memalign(alignment, size);
}

static void *boot_valloc(size_t size)
{
	csa_real_find();
	return csa_real.valloc(size);
}

static void *boot_pvalloc(size_t size)
{
	csa_real_find();
	return csa_real.pvalloc(size);
}

static void *boot_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	csa_real_find();
	return csa_real.mmap(at, bytes, protection, flags, fd, offset);
}

static int boot_munmap(void *start, size_t bytes)
{
	csa_real_find();
	return csa_real.munmap(start, bytes);
}

static void *boot_mremap(void *start, size_t old_bytes, size_t bytes, int flags, void *at)
{
	csa_real_find();
	return csa_real.mremap(start, old_bytes, bytes, flags, at);
}

static int boot_brk(void *end)
{
	csa_real_find();
	return csa_real.brk(end);
}

static void *boot_sbrk(intptr_t by)
{
	csa_real_find();
	return csa_real.sbrk(by);
}

struct csa_real csa_real = {
	.malloc = boot_malloc,
	.free = boot_free,
	.calloc = boot_calloc,
	.realloc = boot_realloc,
	.posix_memalign = boot_posix_memalign,
	.aligned_alloc = boot_aligned_alloc,
	.memalign = boot_memalign,
	.valloc = boot_valloc,
	.pvalloc = boot_pvalloc,
	.mmap = boot_mmap,
	.munmap = boot_munmap,
	.mremap = boot_mremap,
	.brk = boot_brk,
	.sbrk = boot_sbrk,
};

#define ROW(name)                                      \
	{                                              \
#name, offsetof(struct csa_real, name) \
	}

/* free before malloc: whoever sees the real malloc may free. */
static const struct {
	const char *name;
	size_t offset;
} functions[] = {
	ROW(free),
	ROW(malloc),
	ROW(calloc),
	ROW(realloc),
	ROW(posix_memalign),
	ROW(aligned_alloc),
	ROW(memalign),
	ROW(valloc),
	ROW(pvalloc),
	ROW(free_sized),
	ROW(free_aligned_sized),
	ROW(mmap),
	ROW(munmap),
	ROW(mremap),
	ROW(brk),
	ROW(sbrk),
	ROW(dlclose),
};

void csa_real_find(void)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *found = csa_lookup_next(functions[i].name);

		if (found)
			*(void **)((char *)&csa_real + functions[i].offset) = found;
	}
}

/* ---- C++ ---- */

struct csa_cxx_real csa_cxx_real[CSA_CXX_COUNT];

static const char *const cxx_names[CSA_CXX_COUNT] = {
	[CSA_NEW] = "_Znwm",
	[CSA_NEW_ARRAY] = "_Znam",
	[CSA_NEW_NOTHROW] = "_ZnwmRKSt9nothrow_t",
	[CSA_NEW_ARRAY_NOTHROW] = "_ZnamRKSt9nothrow_t",
	[CSA_NEW_ALIGNED] = "_ZnwmSt11align_val_t",
	[CSA_NEW_ARRAY_ALIGNED] = "_ZnamSt11align_val_t",
	[CSA_NEW_ALIGNED_NOTHROW] = "_ZnwmSt11align_val_tRKSt9nothrow_t",
	[CSA_NEW_ARRAY_ALIGNED_NOTHROW] = "_ZnamSt11align_val_tRKSt9nothrow_t",
	[CSA_DELETE] = "_ZdlPv",
	[CSA_DELETE_ARRAY] = "_ZdaPv",
	[CSA_DELETE_SIZED] = "_ZdlPvm",
	[CSA_DELETE_ARRAY_SIZED] = "_ZdaPvm",
	[CSA_DELETE_NOTHROW] = "_ZdlPvRKSt9nothrow_t",
	[CSA_DELETE_ARRAY_NOTHROW] = "_ZdaPvRKSt9nothrow_t",
	[CSA_DELETE_ALIGNED] = "_ZdlPvSt11align_val_t",
	[CSA_DELETE_ARRAY_ALIGNED] = "_ZdaPvSt11align_val_t",
	[CSA_DELETE_SIZED_ALIGNED] = "_ZdlPvmSt11align_val_t",
	[CSA_DELETE_ARRAY_SIZED_ALIGNED] = "_ZdaPvmSt11align_val_t",
	[CSA_DELETE_ALIGNED_NOTHROW] = "_ZdlPvSt11align_val_tRKSt9nothrow_t",
	[CSA_DELETE_ARRAY_ALIGNED_NOTHROW] = "_ZdaPvSt11align_val_tRKSt9nothrow_t",
};

struct runtime {
	const char *name;
	uintptr_t allocator;
	enum csa_cxx_kind kind;
};

static bool look_for_runtime(const struct csa_image *image, void *context)
{
	struct runtime *runtime = context;

	if (image->is_agent || !csa_lookup_in(image, runtime->name))
		return false;
	if (image->low == runtime->allocator)
		runtime->kind = CSA_CXX_ALLOCATOR;
	else if (strstr(image->name, "/libstdc++.so.6"))
		runtime->kind = CSA_CXX_STANDARD;
	return true;
}

static enum csa_cxx_kind kind_of(const char *name)
{
	struct runtime runtime = {.name = name, .kind = CSA_CXX_PASSED};
	struct csa_image allocator;

	if (!csa_lookup_owner("malloc", &allocator))
		return CSA_CXX_PASSED;
	runtime.allocator = allocator.low;
	csa_lookup_each(look_for_runtime, &runtime);
	return runtime.kind;
}

void *csa_cxx_find(enum csa_cxx which)
{
	struct csa_cxx_real *real = &csa_cxx_real[which];
	void *function = csa_lookup_next(cxx_names[which]);

	real->kind = kind_of(cxx_names[which]);
	__atomic_store_n(&real->function, function, __ATOMIC_RELEASE);
	return function;
}
