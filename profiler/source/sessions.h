/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sessions of this user that are on this machine: those that are being recorded, and those
 * that a killed recorder has left.
 */
#ifndef CS_SOURCE_SESSIONS_H
#define CS_SOURCE_SESSIONS_H

#include <stddef.h>

#include "source/note.h"
#include "source/session.h"

struct cs_session_entry {
	char path[256];
	char name[64];
	struct cs_note note; /* empty: none, or not readable */
	bool recording;      /* its recorder lives */
	uint32_t images;     /* rings: process images that recorded something */
	uint32_t running;    /* those whose process lives */
	uint64_t bytes;      /* of memory or disk */
};

struct cs_session_list {
	struct cs_session_entry *entries; /* oldest first */
	size_t count, room;
};

/* 0 or -ENOMEM. Places that are not ours alone are passed over. */
int cs_sessions_find(struct cs_session_list *list);
void cs_sessions_free(struct cs_session_list *list);

/*
 * The one that NAME means: its name, the beginning of it that no other has, or its path. NULL:
 * none; DIAG says so, with those that there are.
 */
const struct cs_session_entry *cs_sessions_by_name(const struct cs_session_list *list,
                                                   const char *name, struct cs_diag *diag);

#endif
