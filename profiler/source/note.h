/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder's note in its session's folder: who it is and where its trace is, for those who
 * find the folder later. While the recorder lives it holds a lock on the note, which the kernel
 * takes away however it ends.
 */
#ifndef CS_SOURCE_NOTE_H
#define CS_SOURCE_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#define CS_NOTE_FILE "recorder"

/* Texts are owned; all zero is an empty note. */
struct cs_note {
	uint32_t pid;           /* of the recorder */
	uint32_t root_pid;      /* of the program; 0 none */
	uint64_t wall_start_ns; /* as in the trace's SESSION */
	uint64_t mono_start_ns;
	uint64_t start_stamp; /* counter at mono_start_ns */
	char *command;        /* what is recorded; NULL left out */
	char *trace;          /* its absolute path */
};

/* Writes it into FOLDER. The lock's descriptor, or -errno. */
int cs_note_write(int folder, const struct cs_note *note);

/* 0 or -errno: there is none, it is not ours, or not whole. */
int cs_note_read(int folder, struct cs_note *note);
void cs_note_free(struct cs_note *note);

/* The recorder lives. */
bool cs_note_is_held(int folder);

/* Takes the lock in place of a recorder that is gone: its descriptor, or -EBUSY, or -errno. */
int cs_note_take(int folder);

#endif
