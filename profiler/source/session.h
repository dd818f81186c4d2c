/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's folder, from the reader's side: made for one recording, removed with all that
 * is in it at the end. See wire/session.h for what agents find there.
 */
#ifndef CS_SOURCE_SESSION_H
#define CS_SOURCE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "source/note.h"
#include "wire/session.h"

struct cs_session_config {
	uint64_t heap_mean_bytes;   /* wire/session.h */
	uint64_t lane_bytes;        /* power of two */
	uint64_t stack_table_bytes; /* power of two; 0: the default */
	uint64_t seed;              /* 0: every process draws its own */
	uint32_t flags;             /* enum cs_session_flag */
	uint32_t depth_max;         /* 0: the default */
};

struct cs_session_folder {
	char path[256];
	int base_fd; /* the folder that holds it */
	int fd;      /* the folder itself, -1 none */
	int note_fd; /* holds the lock that says that somebody reads it; -1 none */
	char name[64];
	struct cs_session *shared; /* mapped; agents may write to it and cut it: see guard.h */
	struct cs_session_config config; /* ours, which nobody else can change */
};

/*
 * Makes the folder in the first place that is ours alone and has room: /dev/shm, then
 * $XDG_RUNTIME_DIR, then $TMPDIR or /tmp. Agents take part once it is published.
 */
int cs_session_create(struct cs_session_folder *folder, const struct cs_session_config *config,
                      struct cs_diag *diag);

/* Leaves a note for those who find the folder, and holds its lock. */
int cs_session_tell(struct cs_session_folder *folder, const struct cs_note *note,
                    struct cs_diag *diag);

/* Tells agents that the session is complete; ROOT_PID 0: no launched process. */
void cs_session_publish(struct cs_session_folder *folder, uint32_t root_pid);

/* Agents stop recording at once. */
void cs_session_disable(struct cs_session_folder *folder);

/*
 * Opens the folder at PATH that a recorder has left, and takes its place. shared is NULL where
 * the session's file is of no use. 0 or -errno, -EBUSY: the recorder lives; close it either way.
 */
int cs_session_open(struct cs_session_folder *folder, const char *path, struct cs_diag *diag);
void cs_session_close(struct cs_session_folder *folder);

/* Where sessions may be, by preference: the name of place INDEX, if there is one. */
#define CS_SESSION_PLACES 3
bool cs_session_place(int index, char *path, size_t size);

/* Removes folder and contents, following no link; also after a failed create. */
void cs_session_remove(struct cs_session_folder *folder);

#endif
