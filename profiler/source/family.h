/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorded process images of a session and how they descend from each other: who has
 * appeared, by fork or exec or anew, and who has gone.
 */
#ifndef CS_SOURCE_FAMILY_H
#define CS_SOURCE_FAMILY_H

#include "source/agent.h"
#include "source/checkpoint.h"
#include "source/discover.h"
#include "source/problems.h"
#include "source/recorded.h"
#include "source/session.h"

#define CS_FRESH_MAX 64u

struct cs_family {
	const struct cs_session_folder *session;
	const struct cs_agent_world *world;
	struct cs_discover discover;
	struct cs_recorded **members; /* all whose ring is still there, in order of start */
	uint32_t count, capacity;
	struct cs_ring_reader *fresh[CS_FRESH_MAX]; /* opened, not taken in yet */
	uint32_t fresh_count;
	uint32_t searches;   /* for processes in other namespaces, in vain */
	uint32_t unreadable; /* rings that could not be opened */
	bool changed;        /* somebody has come or gone; the user clears it */
	struct cs_problems *problems;
	const struct cs_checkpoint *checkpoint; /* where others have been; NULL: nowhere */
};

void cs_family_start(struct cs_family *family, const struct cs_session_folder *session,
                     const struct cs_agent_world *world, struct cs_problems *problems);
void cs_family_free(struct cs_family *family);

/* Takes in the rings that have appeared. */
void cs_family_find_rings(struct cs_family *family);

/* Ends those whose process has gone. */
void cs_family_find_ends(struct cs_family *family);

/* Hands those that ended before NOW_NS - GRAVE_NS to VISIT, removes their rings, forgets them. */
void cs_family_bury(struct cs_family *family, uint64_t now_ns, uint64_t grave_ns,
                    void (*visit)(void *context, const struct cs_recorded *recorded),
                    void *context);

#endif
