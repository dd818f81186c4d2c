/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the loader's words its lock is, is seen at start: the one that this thread has inside
 * dl_iterate_phdr, and has not, or less often, outside.
 *
 * Where the lock is lost, the list is walked without it. It is whole: a module is taken in and out
 * by one store in each direction. It stays as it is: whoever would change it waits for ever. Of a
 * module that was on its way in or out it is not known whether it is mapped, so the kernel is
 * asked.
 */
#include "core/loader.h"

#include <elf.h>
#include <stdint.h>
#include <sys/auxv.h>

#include "core/lookup.h"
#include "core/sys.h"

#define PAGE UINT64_C(4096)
#define FOUND_MAX 8u

/* How every pthread_mutex_t of x86-64 begins. */
struct mutex {
	_Atomic int lock;
	unsigned count;
	int owner;
	unsigned users;
	int kind;
};

static __thread uint32_t depth; /* of csa_loader_each() on this thread */

static struct {
	const struct mutex *lock; /* NULL: not found, and taken for free */
	const struct r_debug *debug;
	uint64_t loads, unloads; /* as they were last seen */
	bool stuck;
	_Atomic uint32_t inside; /* threads that are in the list, with the lock or about to */
	_Atomic uint32_t forking;
} loader;

/* ---- the lock ---- */

struct search {
	int tid;
	uint32_t count;
	struct found {
		const struct mutex *lock;
		unsigned depth;
	} found[FOUND_MAX];
};

static unsigned depth_of(const struct mutex *lock, int tid)
{
	return lock->kind == 1 /* PTHREAD_MUTEX_RECURSIVE */ && lock->owner == tid &&
	                       atomic_load_explicit(&lock->lock, memory_order_relaxed)
	               ? lock->count
	               : 0;
}

static bool look_for_locks(const struct csa_image *image, void *context)
{
	struct search *search = context;
	uintptr_t low, high;

	if (!csa_lookup_code(image, "_rtld_global", &low, &high))
		return false;
	for (; low + sizeof(struct mutex) <= high && search->count < FOUND_MAX; low += 8) {
		const struct mutex *lock = (const struct mutex *)low;
		unsigned taken = depth_of(lock, search->tid);

		if (taken)
			search->found[search->count++] = (struct found){lock, taken};
	}
	return true;
}

void csa_loader_start(void)
{
	struct search search = {.tid = (int)csa_sys0(SYS_gettid)};

	loader.debug = csa_lookup("_r_debug");
	csa_lookup_each(look_for_locks, &search);
	for (uint32_t i = 0; i < search.count; i++)
		if (depth_of(search.found[i].lock, search.tid) < search.found[i].depth)
			loader.lock = search.found[i].lock;
}

bool csa_loader_is_stuck(void)
{
	return loader.stuck;
}

/* ---- without the lock ---- */

static bool is_there(uint64_t address)
{
	uint64_t page = address & ~(PAGE - 1);

	return csa_readable_until(page, page + PAGE) > page;
}

/* The program headers lie in the page that the module begins with, behind its ELF header. */
static bool describe(const struct link_map *map, struct dl_phdr_info *info)
{
	const ElfW(Ehdr) *elf = (const ElfW(Ehdr) *)map->l_addr;

	info->dlpi_addr = map->l_addr;
	info->dlpi_name = map->l_name;
	info->dlpi_adds = loader.loads;
	info->dlpi_subs = loader.unloads;
	if (!elf) { /* an executable that lies where it was linked to */
		info->dlpi_phdr = (const ElfW(Phdr) *)getauxval(AT_PHDR);
		info->dlpi_phnum = (ElfW(Half))getauxval(AT_PHNUM);
		return info->dlpi_phdr != NULL;
	}
	if (map->l_addr & (PAGE - 1) || !is_there(map->l_addr) || !is_there((uint64_t)map->l_ld) ||
	    *(const uint32_t *)elf->e_ident != 0x464c457f ||
	    elf->e_phentsize != sizeof(ElfW(Phdr)) || elf->e_phoff >= PAGE ||
	    elf->e_phnum > (PAGE - elf->e_phoff) / sizeof(ElfW(Phdr)))
		return false;
	info->dlpi_phdr = (const ElfW(Phdr) *)(map->l_addr + elf->e_phoff);
	info->dlpi_phnum = elf->e_phnum;
	return true;
}

__attribute__((noinline)) static int each_without_lock(csa_loader_visit *visit, void *context)
{
	const struct link_map *map = loader.debug ? loader.debug->r_map : NULL;
	int result = 0;

	for (; map && !result; map = map->l_next) {
		struct dl_phdr_info info = {0};

		if (describe(map, &info))
			result = visit(&info, sizeof(info), context);
	}
	return result;
}

/* ---- fork ---- */

/* Stands back while somebody forks, but not for ever. */
__attribute__((noinline)) static void wait_for_fork(void)
{
	struct csa_patience patience = {0};

	do {
		atomic_fetch_sub(&loader.inside, 1);
		bool again = csa_wait_a_turn(&patience);
		atomic_fetch_add(&loader.inside, 1);
		if (!again)
			return;
	} while (atomic_load(&loader.forking));
}

/* No handler comes in between: one that jumped away would take the loader's lock with it. */
static void enter(uint64_t *signals)
{
	if (depth++)
		return;
	csa_signals_block(signals);
	atomic_fetch_add(&loader.inside, 1);
	if (atomic_load(&loader.forking))
		wait_for_fork();
}

static void leave(const uint64_t *signals)
{
	if (--depth)
		return;
	atomic_fetch_sub(&loader.inside, 1);
	csa_signals_restore(signals);
}

void csa_loader_before_fork(void)
{
	const uint32_t own = depth != 0;
	struct csa_patience patience = {0};

	atomic_fetch_add(&loader.forking, 1);
	while (atomic_load(&loader.inside) > own && csa_wait_a_turn(&patience))
		;
}

void csa_loader_after_fork(void)
{
	atomic_fetch_sub(&loader.forking, 1);
}

/* Nobody is here but the thread that has forked. The lock is not that thread's either: it is
 * another one now, by its number. */
void csa_loader_in_child(void)
{
	atomic_store(&loader.forking, 0);
	atomic_store(&loader.inside, depth != 0);
	loader.stuck = loader.lock && atomic_load(&loader.lock->lock) != 0;
}

/* ---- the list ---- */

struct visit {
	csa_loader_visit *visit;
	void *context;
};

static int pass_on(struct dl_phdr_info *info, size_t bytes, void *context)
{
	const struct visit *to = context;

	loader.loads = info->dlpi_adds;
	loader.unloads = info->dlpi_subs;
	return to->visit(info, bytes, to->context);
}

/* What is rare has functions of its own: this one may be called on a small stack. */
int csa_loader_each(csa_loader_visit *visit, void *context)
{
	struct visit to = {visit, context};
	uint64_t signals = 0;
	int result;

	if (loader.stuck)
		return each_without_lock(visit, context);
	enter(&signals);
	result = dl_iterate_phdr(pass_on, &to);
	leave(&signals);
	return result;
}
