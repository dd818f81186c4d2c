/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of `coroscope top`: the target, the recorder beside it, the viewer.
 *
 * The viewer is a program of its own and views a trace; for a live target a recorder of ours
 * writes one beside it. What the two have to tell each other goes through small files in a folder
 * of theirs: `control` (from the viewer to the recorder, control.h), `next` (what can be watched
 * when the target has ended), `list` and `chosen` (processes to choose from).
 */
#ifndef CS_COMMAND_TOP_H
#define CS_COMMAND_TOP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "command/command.h"

#define CS_TOP_WORDS 64

/* How the viewer ended, besides 0 and 2. */
#define CS_TOP_CHOOSE 3 /* another process is to be chosen */
#define CS_TOP_NEXT 4   /* what `next` says is to be watched */

struct cs_top {
	const struct cs_args *args;
	char viewer[PATH_MAX];
	char folder[64];      /* "": none */
	int lock;             /* held on it as long as it is ours */
	char trace[PATH_MAX]; /* what is viewed */
	char title[256];
	char at[64];            /* the time of a trace that is shown first; "": the end */
	char program[PATH_MAX]; /* that a process runs; "" */
	bool ours;              /* the trace is our recorder's: it goes with the view */
	pid_t recorder;         /* 0: none, or it has ended */
	uint64_t pid;           /* 0: a launched program, or a file */
	uint32_t next;          /* offered when the target has ended; 0 none */
	bool launched;
	char refusal[256]; /* why the process that was chosen can't be watched */
};

/* A command line to come. */
struct cs_top_words {
	const char *words[CS_TOP_WORDS];
	unsigned count;
};
void cs_top_add(struct cs_top_words *words, const char *word);

/* The file NAME in the folder. */
struct cs_top_path {
	char s[96];
};
struct cs_top_path cs_top_file(const struct cs_top *top, const char *name);
/* It holds TEXT from now on, whole at any time. 0 or -errno. */
int cs_top_tell(const struct cs_top *top, const char *name, const char *text, size_t bytes);

/* Makes the folder if there is none, and takes away those whose owners were killed. */
int cs_top_folder(struct cs_top *top, struct cs_diag *diag);
void cs_top_clean(struct cs_top *top);

/* Everything for PROCESS top->pid, or the program of the command line. 0 or -errno with DIAG. */
int cs_top_watch_process(struct cs_top *top, struct cs_diag *diag);
int cs_top_watch_program(struct cs_top *top, struct cs_diag *diag);
/* FILE or FILE@TIME. 1: that is no trace, and is not called like one. */
int cs_top_watch_trace(struct cs_top *top, const char *text, struct cs_diag *diag);
void cs_top_stop(struct cs_top *top);
/* Something that runs in the background of a view, about once a second. */
void cs_top_mind(struct cs_top *top);

#endif
