/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot is bound if it holds exactly the function that ours would pass the call on to. One
 * that the loader has not resolved yet leads back into its own module: it is bound unless that
 * module has a function of this name itself, which the loader may prefer. All else stays: a
 * slot that is empty, since the reference is weak, or holds somebody else's function.
 */
#include "coroutine/hooks.h"

#include <string.h>

#include "core/late.h"
#include "core/lookup.h"
#include "coroutine/adapters.h"
#include "coroutine/board.h"
#include "heap/slots.h"

#define BEGIN 6

struct binding {
	const struct csa_hook *hooks;
	size_t count;
	struct csa_hooks_bound *bound;
	uint64_t there[CSA_HOOKS_MAX / 64];
	uint64_t begins[4]; /* a bit for each sum of the first letters of those that are there */
	uint64_t loads;
	uintptr_t agent_low, agent_high;
	uint32_t modules; /* looked at */
	bool whole;
};

/* Tells most names of a program apart from all of a runtime. */
static uint8_t sum_of_begin(const char *name)
{
	uint8_t sum = 0;

	for (int i = 0; i < BEGIN && name[i]; i++)
		sum = (uint8_t)(sum * 31 + name[i]);
	return sum;
}

static const struct csa_hook *hook_of(const struct binding *binding, const char *name)
{
	uint8_t sum = sum_of_begin(name);

	if (!(binding->begins[sum / 64] >> sum % 64 & 1))
		return NULL;
	for (size_t i = 0; i < binding->count; i++)
		if (binding->there[i / 64] >> i % 64 & 1 &&
		    strcmp(binding->hooks[i].name, name) == 0)
			return &binding->hooks[i];
	return NULL;
}

/* What HOOK passes a call of IMAGE on to. */
static void *passed_on_to(const struct binding *binding, const struct csa_hook *hook,
                          const struct csa_image *image)
{
	void *pinned = hook->real ? __atomic_load_n(hook->real, __ATOMIC_ACQUIRE) : NULL;
	bool is_boot = (uintptr_t)pinned >= binding->agent_low &&
	               (uintptr_t)pinned < binding->agent_high;

	return pinned && !is_boot ? pinned : csa_real_now(hook->name, image->low);
}

static void *bind_slot(void *context, const struct csa_image *image, const void *value,
                       const char *name)
{
	const struct binding *binding = context;
	const struct csa_hook *hook = hook_of(binding, name);

	if (!hook || value == hook->function)
		return NULL;
	void *real = passed_on_to(binding, hook, image);
	void *own = csa_lookup_in(image, name);
	bool inside = (uintptr_t)value >= image->low && (uintptr_t)value < image->high;
	bool unresolved = inside && (!own || own == real);

	return real && (value == real || unresolved) ? hook->function : NULL;
}

static bool is_hooked(const void *binding, const char *name)
{
	return hook_of(binding, name) != NULL;
}

/* A module that neither wants one of them nor has one itself has no slot for one: most are such. */
static bool has_slots(const struct binding *binding, const struct csa_image *image)
{
	if (csa_lookup_wants(image, is_hooked, binding))
		return true;
	for (size_t i = 0; i < binding->count; i++)
		if (binding->there[i / 64] >> i % 64 & 1 &&
		    csa_lookup_in(image, binding->hooks[i].name))
			return true;
	return false;
}

/* With the loader's lock, as all that uses `bound`. */
static void begin(const struct binding *binding, const struct csa_image *image)
{
	struct csa_hooks_bound *bound = binding->bound;

	if (bound->unloads == image->unloads &&
	    memcmp(bound->there, binding->there, sizeof(bound->there)) == 0)
		return;
	memcpy(bound->there, binding->there, sizeof(bound->there));
	bound->unloads = image->unloads;
	bound->modules = 0;
}

static bool bind_module(const struct csa_image *image, void *context)
{
	struct binding *binding = context;

	binding->whole = csa_late_whole(image, binding->loads);
	if (!binding->whole)
		return true;
	if (!binding->modules)
		begin(binding, image);
	if (++binding->modules <= binding->bound->modules)
		return false;
	if (!image->is_agent && has_slots(binding, image))
		csa_slots_each(image, bind_slot, context);
	binding->bound->modules = binding->modules;
	return false;
}

static bool find_agent(const struct csa_image *image, void *context)
{
	struct binding *binding = context;

	if (image->is_agent) {
		binding->agent_low = image->low;
		binding->agent_high = image->high;
	}
	return image->is_agent;
}

/*
 * What the executable has itself it calls without a slot, so its libraries' calls alone would
 * tell half of the truth.
 */
static bool is_there(const char *name, const char *mark)
{
	struct csa_image owner;

	return csa_lookup_owner(name, &owner) && !owner.is_program &&
	       csa_lookup_in(&owner, mark) != NULL;
}

static bool look(struct binding *binding)
{
	const char *mark = NULL;
	bool marked = false, any = false;

	for (size_t i = 0; i < binding->count; i++) {
		const struct csa_hook *hook = &binding->hooks[i];
		uint8_t sum = sum_of_begin(hook->name);

		if (!mark || strcmp(mark, hook->mark) != 0) {
			mark = hook->mark;
			marked = is_there(mark, mark);
		}
		if (!marked || !is_there(hook->name, mark))
			continue;
		binding->there[i / 64] |= UINT64_C(1) << i % 64;
		binding->begins[sum / 64] |= UINT64_C(1) << sum % 64;
		any = true;
	}
	return any;
}

/* All in one visit, with the loader's lock: what is read in between would be unloaded else. */
static bool bind_modules(const struct csa_image *first, void *context)
{
	struct binding *binding = context;

	(void)first;
	if (look(binding) && csa_lookup_each(find_agent, binding))
		csa_lookup_each(bind_module, binding);
	return true;
}

bool csa_hooks_bind(const struct csa_hook *hooks, size_t count, uint64_t loads,
                    struct csa_hooks_bound *bound)
{
	struct binding binding = {
		.bound = bound,
		.hooks = hooks,
		.count = count < CSA_HOOKS_MAX ? count : CSA_HOOKS_MAX,
		.loads = loads,
		.whole = true,
	};

	csa_lookup_each(bind_modules, &binding);
	return binding.whole;
}

static bool bind_all(uint64_t loads, struct csa_hooks_bound *bound)
{
	return !csa_board_wanted() || !csa_hooks ||
	       csa_hooks_bind(csa_hooks, csa_hook_count, loads, bound);
}

void csa_hooks_start(void)
{
	struct csa_hooks_bound bound = {0};

	bind_all(csa_late_loads(), &bound);
}

bool csa_hooks_loaded(uint64_t loads)
{
	static struct csa_hooks_bound bound;

	return bind_all(loads, &bound);
}
