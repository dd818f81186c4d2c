/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlopen raises `asked`, and the next dlsym or dlopen looks, until it has seen what was loaded
 * since and dealt with it. What was loaded already, or can't be loaded, is never seen: so
 * looks that see nothing new are counted.
 */
#include "core/late.h"

#include <dlfcn.h>

#include "core/agent.h"
#include "core/lookup.h"
#include "core/sys.h"
#include "core/work.h"
#include "coroutine/coroutine.h"

#define HIDDEN __attribute__((visibility("hidden")))

/* At some 0.1 microseconds each. */
#define LOOKS (1u << 20)

/* For entry_dl.S. */
_Atomic uint32_t csa_late_asked HIDDEN;
_Atomic uint32_t csa_late_done HIDDEN;
void *csa_real_dlopen HIDDEN;
void *csa_real_dlsym HIDDEN;

static int (*real_dladdr)(const void *, Dl_info *);
static _Atomic uint64_t seen; /* so many modules have been dealt with */
static _Atomic uint32_t looks;

static bool look(const struct csa_image *image, void *loads)
{
	*(uint64_t *)loads = image->loads;
	return true;
}

uint64_t csa_late_loads(void)
{
	uint64_t loads = 0;

	csa_lookup_each(look, &loads);
	return loads;
}

bool csa_late_whole(const struct csa_image *image, uint64_t loads)
{
	return image->loads == loads;
}

/* Takes the loader's lock and gives it back: whoever was loading modules has ended. */
static void wait_for_loads(void)
{
	Dl_info info;

	if (real_dladdr)
		real_dladdr(NULL, &info);
}

static void find(void)
{
	if (!csa_real_dlopen)
		csa_real_dlopen = csa_lookup_next("dlopen");
	if (!real_dladdr)
		real_dladdr = (int (*)(const void *, Dl_info *))csa_lookup_next("dladdr");
	if (!csa_real_dlsym)
		csa_real_dlsym = csa_lookup_next("dlsym");
}

/* What libc binds lazily for the first dladdr, it binds here, and not on a small stack. */
void csa_late_start(void)
{
	find();
	wait_for_loads();
}

static void count_loads(void *loads)
{
	*(uint64_t *)loads = csa_late_loads();
}

struct load {
	uint64_t loads;
	bool bound;
};

static void bind(void *argument)
{
	struct load *load = argument;

	load->bound = csa_heap_part.loaded(load->loads) && csa_coroutine_part.loaded(load->loads);
}

/*
 * The heavy part goes aside: dlsym may be called on a small stack. Not so the waiting: the
 * program's signals must come through.
 */
void csa_late_look(void) HIDDEN;
void csa_late_look(void)
{
	uint32_t asked = atomic_load(&csa_late_asked);
	struct load load = {0};

	if (!csa_real_dlopen || !csa_real_dlsym)
		find();
	if (asked == atomic_load(&csa_late_done) || !csa_agent_on() || csa_sandboxed)
		return;
	if (!csa_work_aside(count_loads, &load.loads))
		return;
	if (load.loads != atomic_load(&seen)) {
		wait_for_loads();
		if (!csa_work_aside(bind, &load) || !load.bound)
			return; /* somebody loads more: the next one looks */
		atomic_store(&seen, load.loads);
	} else if (atomic_fetch_add(&looks, 1) < LOOKS) {
		return;
	}
	atomic_store(&looks, 0);
	atomic_store(&csa_late_done, asked);
}

void csa_late_opening(const char *file, int mode) HIDDEN;
void csa_late_opening(const char *file, int mode)
{
	csa_late_look(); /* what an earlier one has left to do */
	if (!file || !csa_agent_on())
		return;
	if (mode & RTLD_DEEPBIND)
		csa_heap_part.loading_apart();
	atomic_fetch_add(&csa_late_asked, 1);
}
