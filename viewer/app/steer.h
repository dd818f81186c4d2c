/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of the view of a live target: how often it is looked at, recordings that are
 * kept, and what can be watched when it has ended. Who does it is the command that started us;
 * we tell it by a file, and by how we end (profiler/command/top.h).
 */
#ifndef CSV_APP_STEER_H
#define CSV_APP_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"

enum csv_leave { CSV_LEAVE_DONE, CSV_LEAVE_CHOOSE = 3, CSV_LEAVE_NEXT = 4 };

struct csv_steer {
	const char *control;  /* of the recorder beside us; NULL: there is none */
	const char *next;     /* where it is told what can be watched next; NULL: nobody tells */
	uint64_t looks_ns;    /* the interval of its looks; 0: it does not look, it is told */
	char recording[512];  /* that is to be kept: its file; "" none */
	uint64_t recorded_ns; /* of the target's time: when it began */
	enum csv_leave leave; /* what is wanted when we have ended */
};

struct csv_session;

/* Looks FASTER, or less often. False: nobody can be told. */
bool csv_steer_looks(struct csv_steer *steer, bool faster);

/* From the present moment on. 0 or -errno with DIAG. */
int csv_steer_start(struct csv_steer *steer, struct csv_session *session, const char *path,
                    struct cs_diag *diag);
/* The file is written. 0 or -errno with DIAG: the recording goes on. */
int csv_steer_end(struct csv_steer *steer, struct csv_session *session, struct cs_diag *diag);

/* What can be watched next, in words; false: nothing that is known. */
bool csv_steer_next(const struct csv_steer *steer, char *text, unsigned bytes);

#endif
