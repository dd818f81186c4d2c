/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot is ours to bind if it names something that the agent exports and holds the function
 * that we forward to, or has not been resolved yet (lazy binding would pass us again).
 */
#include "heap/deepbind.h"

#include <elf.h>

#include "core/agent.h"
#include "core/lookup.h"
#include "heap/slots.h"

#define HIDDEN __attribute__((visibility("hidden")))

/* A library that never allocates leaves nothing to bind: do not look for ever. */
#define TRIES 64u

/* For entry_dl.S. `wanted` counts down the looks that are left. */
uint32_t csa_deepbind_wanted HIDDEN;
void *csa_real_dlopen HIDDEN;
void *csa_real_dlsym HIDDEN;

struct binding {
	struct csa_image agent;
	bool bound;
};

static void bind_slot(void *context, const struct csa_image *image, void **slot, const char *name)
{
	struct binding *binding = context;
	uintptr_t value = (uintptr_t)*slot;
	void *ours = csa_lookup_in(&binding->agent, name);
	bool lazy = value >= image->low && value < image->high;

	if (!ours || *slot == ours || (!lazy && *slot != csa_lookup_next(name)))
		return;
	csa_slot_store(image, slot, ours);
	binding->bound = true;
}

static bool find_agent(const struct csa_image *image, void *agent)
{
	if (image->is_agent)
		*(struct csa_image *)agent = *image;
	return image->is_agent;
}

static bool bind_module(const struct csa_image *image, void *context)
{
	/* The executable and the allocator keep what they have chosen for themselves. */
	if (!image->is_agent && !image->is_program && image->low != csa_agent.allocator_low)
		csa_slots_each(image, bind_slot, context);
	return false;
}

void csa_deepbind_bind(void)
{
	struct binding binding = {0};

	if (!csa_real_dlopen)
		csa_real_dlopen = csa_lookup_next("dlopen");
	if (!csa_real_dlsym)
		csa_real_dlsym = csa_lookup_next("dlsym");
	if (!csa_deepbind_wanted)
		return;
	csa_deepbind_wanted--;
	if (!csa_agent_on() || !csa_lookup_each(find_agent, &binding.agent))
		return;
	csa_lookup_each(bind_module, &binding);
	if (binding.bound)
		csa_deepbind_wanted = 0;
}

/* Called by dlopen with RTLD_DEEPBIND, before it begins. */
void csa_deepbind_ask(void) HIDDEN;
void csa_deepbind_ask(void)
{
	csa_deepbind_bind(); /* what an earlier one has left to do */
	csa_deepbind_wanted = TRIES;
}
