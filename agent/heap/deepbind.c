/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot is ours to bind if it names something that the agent exports and holds the function
 * that we forward to, or has not been resolved yet (lazy binding would pass us again).
 */
#include "heap/deepbind.h"

#include <elf.h>

#include "core/agent.h"
#include "core/late.h"
#include "core/lookup.h"
#include "heap/slots.h"

/* There may be one from now on, or may be soon: so it stays. */
static _Atomic bool wanted;

struct binding {
	struct csa_image agent;
	uint64_t loads;
	bool whole;
};

static void *bind_slot(void *context, const struct csa_image *image, const void *value,
                       const char *name)
{
	struct binding *binding = context;
	void *ours = csa_lookup_in(&binding->agent, name);
	bool lazy = (uintptr_t)value >= image->low && (uintptr_t)value < image->high;

	if (!ours || value == ours || (!lazy && value != csa_lookup_next(name)))
		return NULL;
	return ours;
}

static bool find_agent(const struct csa_image *image, void *agent)
{
	if (image->is_agent)
		*(struct csa_image *)agent = *image;
	return image->is_agent;
}

static bool bind_module(const struct csa_image *image, void *context)
{
	struct binding *binding = context;

	binding->whole = csa_late_whole(image, binding->loads);
	if (!binding->whole)
		return true;
	/* The executable and the allocator keep what they have chosen for themselves. */
	if (!image->is_agent && !image->is_program && image->low != csa_agent.allocator_low)
		csa_slots_each(image, bind_slot, context);
	return false;
}

bool csa_deepbind_bind(uint64_t loads)
{
	struct binding binding = {.loads = loads};

	if (!atomic_load(&wanted) || !csa_lookup_each(find_agent, &binding.agent))
		return true;
	csa_lookup_each(bind_module, &binding);
	return binding.whole;
}

void csa_deepbind_ask(void)
{
	atomic_store(&wanted, true);
}
