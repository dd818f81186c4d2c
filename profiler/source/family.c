/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings are taken in by the time of their start: parents before children, an image before
 * the one that replaced it.
 */
#include "source/family.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEARCHES_MAX 16u

/* ---- new rings ---- */

static bool is_known(const struct cs_family *family, const char *name)
{
	for (uint32_t i = 0; i < family->count; i++)
		if (!strcmp(family->members[i]->ring->name, name))
			return true;
	for (uint32_t i = 0; i < family->fresh_count; i++)
		if (!strcmp(family->fresh[i]->name, name))
			return true;
	return false;
}

static void open_ring(void *context, const char *name)
{
	struct cs_family *family = context;
	const struct cs_session_folder *session = family->session;
	struct cs_ring_reader *ring;
	struct cs_diag diag = {0};

	if (family->fresh_count == CS_FRESH_MAX || is_known(family, name))
		return;
	ring = cs_ring_open(session->fd, name, session->config.lane_bytes, &diag);
	if (ring) {
		family->fresh[family->fresh_count++] = ring;
		return;
	}
	if (diag.error == -EMFILE || diag.error == -ENFILE || diag.error == -ENOMEM)
		return; /* it stays, for better times */
	family->unreadable++;
	cs_problems_add(family->problems, &diag);
	unlinkat(session->fd, name, 0); /* or it would be met again and again */
}

static int by_start(const void *a, const void *b)
{
	const struct cs_ring_reader *one = *(struct cs_ring_reader *const *)a;
	const struct cs_ring_reader *two = *(struct cs_ring_reader *const *)b;

	return one->info.start_mono_ns < two->info.start_mono_ns   ? -1
	       : one->info.start_mono_ns > two->info.start_mono_ns ? 1
	                                                           : 0;
}

/* The image that the same process ran before; the last one there is. */
static struct cs_recorded *find_former(const struct cs_family *family,
                                       const struct cs_ring_info *info)
{
	for (uint32_t i = family->count; i-- > 0;) {
		const struct cs_ring_info *other = &family->members[i]->ring->info;

		if (other->pid == info->pid && other->boot_ticks == info->boot_ticks)
			return family->members[i];
	}
	return NULL;
}

static struct cs_recorded *find_parent(const struct cs_family *family,
                                       const struct cs_ring_info *info)
{
	struct cs_recorded *found = NULL;

	for (uint32_t i = 0; i < family->count; i++) {
		const struct cs_ring_info *other = &family->members[i]->ring->info;

		/* Who forked a child in between that told nothing, is its grandparent. */
		if (info->flags & CS_RING_FORKED && other->start_stamp == info->fork_ring_start)
			return family->members[i];
		if (!(info->flags & CS_RING_FORKED) && other->pid == info->parent_pid)
			found = family->members[i];
	}
	return found;
}

static bool reserve(struct cs_family *family)
{
	uint32_t capacity = family->capacity ? family->capacity * 2 : 16;
	struct cs_recorded **recorded;

	if (family->count < family->capacity)
		return true;
	recorded = realloc(family->members, capacity * sizeof(struct cs_recorded *));
	if (!recorded)
		return false;
	family->members = recorded;
	family->capacity = capacity;
	return true;
}

/* One that a checkpoint speaks of. False: it is new. */
static bool take_up(struct cs_family *family, struct cs_ring_reader *ring)
{
	struct cs_recorded *recorded;
	struct cs_proc proc;

	if (cs_checkpoint_is_over(family->checkpoint, ring->name)) {
		unlinkat(family->session->fd, ring->name, 0);
		cs_ring_close(ring);
		return true;
	}
	if (!reserve(family))
		return false;
	cs_ring_look(ring, 0);
	cs_proc_find(&proc, ring->info.pid, ring->info.boot_ticks, true);
	recorded = cs_checkpoint_resume(family->checkpoint, family->world, ring, &proc);
	if (recorded)
		family->members[family->count++] = recorded;
	else
		cs_proc_close(&proc);
	family->changed = true;
	return recorded != NULL;
}

static void take_in(struct cs_family *family, struct cs_ring_reader *ring)
{
	const struct cs_ring_info *info = &ring->info;
	bool forked = (info->flags & CS_RING_FORKED) != 0;
	struct cs_recorded *former = forked ? NULL : find_former(family, info);
	struct cs_recorded *parent = former ? NULL : find_parent(family, info);
	struct cs_recorded *recorded;
	struct cs_proc proc;
	bool search = family->searches < SEARCHES_MAX;

	if (family->checkpoint && take_up(family, ring))
		return;
	cs_ring_look(ring, 0);
	search = search && ring->state == CS_RING_OPEN;
	if (!cs_proc_find(&proc, info->pid, info->boot_ticks, search))
		family->searches += search;
	family->changed = true;
	if (former)
		cs_recorded_end(former); /* by exec: nobody writes there any more */
	if (forked && parent && !parent->ended)
		cs_recorded_drain_to(parent, info->fork_stamp);
	if (!reserve(family)) {
		cs_ring_close(ring);
		return;
	}
	recorded = cs_recorded_new(family->world, ring, &proc, parent, former);
	if (!recorded)
		return;
	family->members[family->count++] = recorded;
	if (forked && parent)
		cs_forks_drop(&parent->agent->forks, info->fork_stamp);
	if (family->checkpoint)
		cs_checkpoint_rewind(family->checkpoint, recorded);
}

void cs_family_find_rings(struct cs_family *family)
{
	/* A round takes in CS_FRESH_MAX; more rounds than these are somebody's joke. */
	for (uint32_t round = 0; round < CS_LANES_MAX / CS_FRESH_MAX; round++) {
		uint32_t found;

		cs_discover_each(&family->discover, open_ring, family);
		found = family->fresh_count;
		qsort(family->fresh, found, sizeof(family->fresh[0]), by_start);
		for (uint32_t i = 0; i < found; i++)
			take_in(family, family->fresh[i]);
		family->fresh_count = 0;
		if (found < CS_FRESH_MAX)
			break;
	}
}

/* ---- ends ---- */

void cs_family_find_ends(struct cs_family *family)
{
	bool gone[256];
	uint32_t known = family->count;
	bool any = false;

	/* Who is dead is asked before the rings are looked for: a child that such a process
	 * left behind is then found before its parent's books are closed. */
	for (uint32_t from = 0; from < known; from += sizeof(gone)) {
		for (uint32_t i = 0; i < sizeof(gone) && from + i < known; i++) {
			struct cs_recorded *recorded = family->members[from + i];

			gone[i] = !recorded->ended && !cs_proc_alive(&recorded->proc);
			any = any || gone[i];
		}
		if (any)
			cs_family_find_rings(family);
		for (uint32_t i = 0; i < sizeof(gone) && from + i < known; i++)
			if (gone[i])
				cs_recorded_end(family->members[from + i]);
		family->changed = family->changed || any;
	}
}

void cs_family_bury(struct cs_family *family, uint64_t now_ns, uint64_t grave_ns,
                    void (*visit)(void *context, const struct cs_recorded *recorded), void *context)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < family->count; i++) {
		struct cs_recorded *recorded = family->members[i];

		if (!recorded->ended || now_ns - recorded->ended_ns < grave_ns) {
			family->members[kept++] = recorded;
			continue;
		}
		visit(context, recorded);
		unlinkat(family->session->fd, recorded->ring->name, 0);
		cs_slots_unlink(family->session->fd, recorded->ring->name);
		cs_recorded_free(recorded);
	}
	family->count = kept;
}

void cs_family_start(struct cs_family *family, const struct cs_session_folder *session,
                     const struct cs_agent_world *world, struct cs_problems *problems)
{
	memset(family, 0, sizeof(*family));
	family->session = session;
	family->world = world;
	family->problems = problems;
	cs_discover_start(&family->discover, session->path, session->fd);
}

void cs_family_free(struct cs_family *family)
{
	for (uint32_t i = 0; i < family->count; i++)
		cs_recorded_free(family->members[i]);
	free(family->members);
	cs_discover_stop(&family->discover);
}
