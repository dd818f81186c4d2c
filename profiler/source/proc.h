/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is being recorded, as the kernel shows it to us: whether it lives, its
 * threads' names, its memory. All of it may vanish at any time, and may not be ours to read.
 */
#ifndef CS_SOURCE_PROC_H
#define CS_SOURCE_PROC_H

#include <stdbool.h>
#include <stdint.h>

struct cs_proc {
	uint32_t pid;   /* in our PID namespace; 0: not found, taken for gone */
	bool same_ids;  /* it sees the same process and thread numbers as we do */
	int pidfd;      /* -1: none */
	uint64_t ticks; /* its start, field 22 of /proc/PID/stat */
};

/* Of /proc/PID/stat. */
struct cs_proc_stat {
	char state;
	uint32_t parent, flags;
	uint64_t ticks; /* when it started, since boot */
};

/* Our own number in /proc, which may be that of another PID namespace; 0: it can't be read. */
uint32_t cs_proc_self(void);
/* False: there is no such process; STAT is all 0 then. */
bool cs_proc_stat(uint32_t pid, struct cs_proc_stat *stat);
/* Whose rights it has; false: there is no such process. */
bool cs_proc_user(uint32_t pid, uint32_t *user);

/*
 * Finds the process that calls itself PID and started at TICKS. SEARCH: also in other PID
 * namespaces, by reading all of /proc. False: it is gone.
 */
bool cs_proc_find(struct cs_proc *proc, uint32_t pid, uint64_t ticks, bool search);
bool cs_proc_alive(const struct cs_proc *proc);
void cs_proc_close(struct cs_proc *proc);

/*
 * Live processes, but not us, that have a file mapped whose name is in FOLDER: those that
 * belong to a session, even if they have recorded nothing yet. Reads all of /proc.
 */
void cs_proc_each_user(const char *folder, void (*visit)(void *context, uint32_t pid),
                       void *context);
uint32_t cs_proc_count_users(const char *folder);
/*
 * Live processes that act for another user than we do, and are ROOT or were started by it or by
 * those that it started, as far as the line of parents is unbroken. Reads all of /proc.
 */
void cs_proc_each_foreigner(uint32_t root, void (*visit)(void *context, uint32_t pid),
                            void *context);

/*
 * The stack pointer of the thread TID while it waits in the kernel; 0: it runs, or that can't be
 * read. PID and TID are as we see them.
 */
uint64_t cs_proc_thread_sp(uint32_t pid, uint32_t tid);

/* The name of a thread, at most SIZE - 1 bytes; false: it is gone. */
bool cs_proc_thread_name(const struct cs_proc *proc, uint32_t tid, char *name, uint32_t size);

#endif
