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
#include "base/pace.h"
#include "view/scene.h"

#define CSV_THE_END UINT64_MAX

struct csv_session;

/* PATH may be growing. NULL with DIAG set. */
struct csv_session *csv_session_open(const char *path, struct cs_diag *diag);
void csv_session_close(struct csv_session *session);

/*
 * Preparing, seeking and reading other moments rest at PACE (NULL: they do not), which must outlive
 * the session. In a rest the scene is as it was, and stays so; of the session nothing may be
 * asked but its scene and what takes a const one. -ECANCELED of a rest ends them: nothing has
 * happened then.
 */
void csv_session_pace(struct csv_session *session, const struct cs_pace *pace);

/*
 * Takes in what was appended, out of sight. 1: there is something new to be shown, 0: there is
 * not, -errno with DIAG.
 */
int csv_session_prepare(struct csv_session *session, struct cs_diag *diag);
/* The same for TIME of the recording, CSV_THE_END: its end, and on with it. 0 or -errno. */
int csv_session_prepare_seek(struct csv_session *session, uint64_t time_ns, struct cs_diag *diag);
/* The scene as it will be, with the serial that it will have, unless that of the present one
 * changes; it holds until then. NULL: no other picture was prepared. */
const struct csv_scene *csv_session_next(struct csv_session *session);
/* What was prepared is shown: the scene is another. 0 or -ENOMEM: its timeline is not. */
int csv_session_commit(struct csv_session *session, struct cs_diag *diag);

/* The same, but the moment that is shown stays. */
int csv_session_look(struct csv_session *session, struct cs_diag *diag);

/* How old what is shown is; of a living target alone, else CSV_THE_END. */
uint64_t csv_session_age_ns(const struct csv_session *session);

/* To TIME at once. 0 or -errno with DIAG. */
int csv_session_seek(struct csv_session *session, uint64_t time_ns, struct cs_diag *diag);
bool csv_session_at_end(const struct csv_session *session);

/* The present moment becomes what others are compared with; again: no longer. */
int csv_session_mark(struct csv_session *session, struct cs_diag *diag);

/*
 * Loads what scene->start and the census of start and of a minute ago need, if not there. 1: the
 * scene is another, 0: all was there, or can't be had yet, -errno with DIAG.
 */
int csv_session_history(struct csv_session *session, struct cs_diag *diag);
/* scene->story becomes that of WHO, as far as it can be had in a moment; NULL: nobody's. 1: it is
 * another, 0: it is as it was, -errno with DIAG. */
int csv_session_story(struct csv_session *session, const struct csv_who *who, struct cs_diag *diag);
/* Makes scene->now a snapshot with coroutines, threads and figures in it. */
int csv_session_whole(struct csv_session *session, struct cs_diag *diag);
/* As csv_session_history(), of scene->series. */
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
int csv_session_copy(struct csv_session *session, const char *path, struct cs_diag *diag);

#endif
