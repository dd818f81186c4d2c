/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session: the trace that is viewed, which may still be growing, and the moments of it that
 * are shown. A live target is viewed through the trace that a recorder of its own is writing:
 * so its past can be travelled to, and its death or ours hurts nothing else.
 *
 * The scene holds until the next call that is not const.
 */
#ifndef CSV_APP_SESSION_H
#define CSV_APP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "view/scene.h"

#define CSV_THE_END UINT64_MAX

struct csv_session;

/* PATH may be growing. NULL with DIAG set. */
struct csv_session *csv_session_open(const char *path, struct cs_diag *diag);
void csv_session_close(struct csv_session *session);

/* Takes in what was appended. 1: the scene is another, 0: it is as before, -errno with DIAG. */
int csv_session_refresh(struct csv_session *session, struct cs_diag *diag);

/* The same, but the moment that is shown stays. */
int csv_session_look(struct csv_session *session, struct cs_diag *diag);

/* How old what is shown is; of a living target alone, else CSV_THE_END. */
uint64_t csv_session_age_ns(const struct csv_session *session);

/* To TIME of the recording, CSV_THE_END: its end, and on with it. 0 or -errno with DIAG. */
int csv_session_seek(struct csv_session *session, uint64_t time_ns, struct cs_diag *diag);
bool csv_session_at_end(const struct csv_session *session);

/* The present moment becomes what others are compared with; again: no longer. */
int csv_session_mark(struct csv_session *session, struct cs_diag *diag);

/* Loads what scene->start and the census of start and of a minute ago need, if not there. */
int csv_session_history(struct csv_session *session, struct cs_diag *diag);
/* scene->story becomes that of WHO, as far as it can be had in a moment; NULL: nobody's. */
int csv_session_story(struct csv_session *session, const struct csv_who *who, struct cs_diag *diag);
/* Makes scene->now a snapshot with coroutines, threads and figures in it. */
int csv_session_whole(struct csv_session *session, struct cs_diag *diag);
/* The same of scene->series. */
int csv_session_timeline(struct csv_session *session, struct cs_diag *diag);

/* TEXT as in FILE@TIME. 0 or -errno with DIAG. */
int csv_session_time(struct csv_session *session, const char *text, uint64_t *time_ns,
                     struct cs_diag *diag);

/* When the heap was highest, and the end of the stretch in which it grew most. -ENOENT: no heap. */
int csv_session_peak(struct csv_session *session, uint64_t *time_ns, struct cs_diag *diag);
int csv_session_growth(struct csv_session *session, uint64_t *time_ns, struct cs_diag *diag);

struct csv_scene *csv_session_scene(struct csv_session *session);

/* A step of time travel: the recording's tick, or what its looks are apart. */
uint64_t csv_session_step_ns(const struct csv_session *session);
/* A recorder is writing it. */
bool csv_session_is_growing(const struct csv_session *session);
/* What is damaged or missing in the file; NULL: nothing. */
const char *csv_session_warning(const struct csv_session *session);

/* The trace up to now as a file of its own. 0 or -errno with DIAG. */
int csv_session_copy(const struct csv_session *session, const char *path, struct cs_diag *diag);

#endif
