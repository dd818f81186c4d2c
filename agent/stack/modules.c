/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules met so far. A slot is filled under `busy` and published by its generation; from
 * then on all but `told` stay as they are until the module has gone. Readers take no lock:
 * generation, range, generation again. Whoever asks about an address has it on its stack, so
 * the module that holds it stays loaded and its slot stays valid.
 *
 * `busy` is only tried, with a bound: who does not get it goes without the module this time.
 */
#include "stack/modules.h"

#include <link.h>

#include "core/emit.h"
#include "core/loader.h"
#include "core/sys.h"
#include "stack/object.h"
#include "stack/rules.h"

#define MODULES_MAX 4096u
#define PATH_BYTES 704u
#define HINTS 256u
#define BUSY_TRIES 2000u

struct range {
	_Atomic uint64_t generation; /* 0: free. Acquire pairs with the release in publish() */
	_Atomic uint64_t start;
	_Atomic uint64_t end;
};

struct module {
	struct csa_object object; /* object.name is void once the module may have gone */
	_Atomic bool told;
	uint32_t path_bytes;
	char path[PATH_BYTES];
};

_Atomic uint64_t csa_modules_epoch = 1;

static struct {
	struct range ranges[MODULES_MAX]; /* apart from the rest: they are searched in order */
	_Atomic uint32_t count;
	_Atomic uint16_t hints[HINTS]; /* where the search begins, by address; only a hint */
	_Atomic uint32_t busy;
	_Atomic uint32_t checks_wanted;
	_Atomic uint32_t readers;   /* threads that read what a guess has led them to */
	_Atomic uint32_t unloading; /* dlcloses under way */
	_Atomic bool may_be_gone;   /* there has been a dlclose, or is one */
	uint64_t generation;        /* the newest; under busy */
	struct module *modules;     /* mapped */
} table;

/*
 * In a forked child: the thread that would have noticed which modules have gone, may not have come
 * along.
 */
static void forget_all(void)
{
	for (uint32_t i = 0; i < table.count; i++)
		atomic_store_explicit(&table.ranges[i].generation, 0, memory_order_relaxed);
	atomic_store_explicit(&table.count, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&csa_modules_epoch, 1, memory_order_release);
	csa_rules_clear();
}

int csa_modules_start(bool find_object)
{
	atomic_store_explicit(&table.busy, 0, memory_order_relaxed);
	atomic_store_explicit(&table.readers, 0, memory_order_relaxed);
	atomic_store_explicit(&table.unloading, 0, memory_order_relaxed);
	if (atomic_load_explicit(&table.may_be_gone, memory_order_relaxed))
		forget_all();
	for (uint32_t i = 0; table.modules && i < table.count; i++)
		atomic_store_explicit(&table.modules[i].told, false, memory_order_relaxed);
	if (!table.modules)
		table.modules = csa_map(MODULES_MAX * sizeof(*table.modules));
	if (!table.modules)
		return -12; /* ENOMEM */
	csa_object_start(find_object);
	return 0;
}

size_t csa_modules_bytes(void)
{
	return sizeof(table) + table.count * sizeof(struct module);
}

static bool lock(void)
{
	for (unsigned i = 0; i < BUSY_TRIES; i++) {
		uint32_t none = 0;

		if (atomic_compare_exchange_strong_explicit(
			    &table.busy, &none, 1, memory_order_acquire, memory_order_relaxed))
			return true;
		if (i % 64 == 63)
			csa_sys0(SYS_sched_yield);
		else
			__builtin_ia32_pause();
	}
	return false;
}

static void unlock(void)
{
	atomic_store_explicit(&table.busy, 0, memory_order_release);
}

/* The slot's generation if ADDRESS is in it, else 0. */
static uint64_t holds(const struct range *range, uint64_t address)
{
	uint64_t generation = atomic_load_explicit(&range->generation, memory_order_acquire);
	uint64_t start = atomic_load_explicit(&range->start, memory_order_relaxed);
	uint64_t end = atomic_load_explicit(&range->end, memory_order_relaxed);

	csa_load_barrier();
	if (generation != atomic_load_explicit(&range->generation, memory_order_relaxed))
		return 0;
	return address - start < end - start ? generation : 0;
}

static _Atomic uint16_t *hint_of(uint64_t address)
{
	return &table.hints[(address >> 16 ^ address >> 24) % HINTS];
}

static struct module *known(uint64_t address)
{
	_Atomic uint16_t *hint = hint_of(address);
	uint32_t count = atomic_load_explicit(&table.count, memory_order_acquire);
	uint32_t i = atomic_load_explicit(hint, memory_order_relaxed);

	if (i < count && holds(&table.ranges[i], address))
		return &table.modules[i];
	for (i = count; i-- > 0;) {
		if (holds(&table.ranges[i], address)) {
			atomic_store_explicit(hint, (uint16_t)i, memory_order_relaxed);
			return &table.modules[i];
		}
	}
	return NULL;
}

/* A new slot, or that of a module which has gone; under busy. MODULES_MAX: all are taken. */
static uint32_t free_slot(void)
{
	uint32_t count = table.count;

	if (count < MODULES_MAX)
		return count;
	for (uint32_t i = 0; i < MODULES_MAX; i++)
		if (!table.ranges[i].generation)
			return i;
	return MODULES_MAX;
}

static struct module *publish(const struct csa_object *object, uint32_t slot)
{
	struct module *module = &table.modules[slot];
	struct range *range = &table.ranges[slot];

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the table is mapped at start */
	module->object = *object;
	module->path_bytes = (uint32_t)csa_object_path(object, module->path, PATH_BYTES);
	atomic_store_explicit(&module->told, false, memory_order_relaxed);
	atomic_store_explicit(&range->start, object->start, memory_order_relaxed);
	atomic_store_explicit(&range->end, object->end, memory_order_relaxed);
	atomic_store_explicit(&range->generation, ++table.generation, memory_order_release);
	if (slot == table.count)
		atomic_store_explicit(&table.count, slot + 1, memory_order_release);
	return module;
}

static struct module *find(uint64_t address)
{
	struct module *module = known(address);
	struct csa_object object;
	uint32_t slot;

	if (module || !csa_object_find(address, &object) || !lock())
		return module;
	module = known(address); /* another thread may have been first */
	slot = module ? MODULES_MAX : free_slot();
	if (slot < MODULES_MAX)
		module = publish(&object, slot);
	unlock();
	return module;
}

bool csa_modules_hold(uint64_t pc)
{
	return find(pc - 1) != NULL;
}

uint64_t csa_modules_rule(uint64_t pc)
{
	const struct module *module = find(pc - 1);
	uint64_t rule;

	if (!module)
		return CSA_RULE_GUESS;
	rule = csa_cfi_rule(&module->object.cfi, pc - 1);
	csa_rules_put(pc, rule);
	return rule;
}

uint64_t csa_modules_function(uint64_t pc)
{
	const struct module *module = find(pc - 1);

	return module ? csa_cfi_function(&module->object.cfi, pc - 1) : 0;
}

bool csa_modules_tell(struct csa_thread *thread, uint64_t pc)
{
	struct module *module = find(pc - 1);
	struct cs_record_module *record;
	uint32_t path_room;

	if (!module || atomic_load_explicit(&module->told, memory_order_acquire))
		return true;
	path_room = (module->path_bytes + 8) & ~UINT32_C(7);
	record = csa_emit_begin(thread, CS_RECORD_MODULE, (uint32_t)sizeof(*record) + path_room,
	                        (uint32_t)table.ranges[module - table.modules].generation);
	if (!record)
		return false;
	record->bias = module->object.bias;
	record->start = module->object.start;
	record->end = module->object.end;
	for (uint32_t i = 0; i < CSA_BUILD_ID_MAX; i++)
		record->build_id[i] = module->object.build_id[i];
	record->build_id_bytes = module->object.build_id_bytes;
	record->path_bytes = module->path_bytes;
	for (uint32_t i = 0; i < path_room; i++)
		record->path[i] = i < module->path_bytes ? module->path[i] : '\0';
	csa_emit_commit(thread, record, CS_RECORD_MODULE);
	/* Only now: the definition of a stack, in any lane, comes after it. */
	atomic_store_explicit(&module->told, true, memory_order_release);
	return true;
}

static bool same(const struct csa_object *a, const struct csa_object *b)
{
	bool equal = a->start == b->start && a->end == b->end && a->bias == b->bias &&
	             a->name == b->name && a->name_hash == b->name_hash &&
	             a->build_id_bytes == b->build_id_bytes;

	for (uint32_t i = 0; equal && i < a->build_id_bytes; i++)
		equal = a->build_id[i] == b->build_id[i];
	return equal;
}

static bool is_gone(uint32_t slot)
{
	const struct csa_object *was = &table.modules[slot].object;
	struct csa_object now;
	uint64_t inside = (uint64_t)was->cfi.text_low;

	return !csa_object_find(inside ? inside : was->start, &now) || !same(was, &now);
}

static void forget(struct csa_thread *thread, uint32_t slot)
{
	uint64_t generation = table.ranges[slot].generation;
	struct cs_record_module_gone *record;

	atomic_store_explicit(&table.ranges[slot].generation, 0, memory_order_release);
	if (!atomic_load_explicit(&table.modules[slot].told, memory_order_acquire))
		return;
	record = csa_emit_begin(thread, CS_RECORD_MODULE_GONE, sizeof(*record),
	                        (uint32_t)generation);
	if (record)
		csa_emit_commit(thread, record, CS_RECORD_MODULE_GONE);
}

struct check {
	bool locked;
	uint64_t gone[MODULES_MAX / 64]; /* a bit for each slot */
};

/*
 * With the loader's lock: what another thread unloads is not mapped any more for a moment while the
 * loader still knows it. That lock comes first, since who has it may want ours.
 */
static int look_for_gone(struct dl_phdr_info *first, size_t bytes, void *context)
{
	struct check *check = context;

	(void)first;
	(void)bytes;
	check->locked = lock();
	if (!check->locked)
		return 1;
	atomic_store_explicit(&table.checks_wanted, 0, memory_order_relaxed);
	for (uint32_t i = 0; i < table.count; i++)
		if (table.ranges[i].generation && is_gone(i))
			check->gone[i / 64] |= UINT64_C(1) << i % 64;
	return 1;
}

/* Under busy. The epoch comes first: no stack of the old one runs through what comes next. */
static bool forget_gone(struct csa_thread *thread, const struct check *check)
{
	bool any = false;

	for (uint32_t i = 0; i < table.count; i++) {
		if (!(check->gone[i / 64] >> i % 64 & 1))
			continue;
		if (!any)
			atomic_fetch_add_explicit(&csa_modules_epoch, 1, memory_order_release);
		any = true;
		forget(thread, i);
	}
	if (any)
		csa_rules_clear();
	return any;
}

bool csa_modules_check(struct csa_thread *thread)
{
	bool any = false;

	if (csa_loader_is_stuck())
		return false;
	atomic_fetch_add_explicit(&table.checks_wanted, 1, memory_order_release);
	while (atomic_load_explicit(&table.checks_wanted, memory_order_acquire)) {
		struct check check = {0};

		csa_loader_each(look_for_gone, &check);
		if (!check.locked)
			break;
		any |= forget_gone(thread, &check);
		unlock();
	}
	return any;
}

/* ---- while modules go ---- */

bool csa_modules_begin_to_read(void)
{
	atomic_fetch_add(&table.readers, 1);
	if (!atomic_load(&table.unloading))
		return true;
	csa_modules_end_reading();
	return false;
}

void csa_modules_end_reading(void)
{
	atomic_fetch_sub(&table.readers, 1);
}

void csa_modules_begin_to_unload(void)
{
	struct csa_patience patience = {0};

	atomic_store_explicit(&table.may_be_gone, true, memory_order_relaxed);
	atomic_fetch_add(&table.unloading, 1);
	while (atomic_load(&table.readers) && csa_wait_a_turn(&patience))
		;
}

/* In a child of whoever was unloading there is nothing to count down. */
void csa_modules_end_unloading(void)
{
	uint32_t count = atomic_load(&table.unloading);

	while (count && !atomic_compare_exchange_weak(&table.unloading, &count, count - 1))
		;
}
