/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is of the trace up to now, as one that is whole: with an end, an index, and the names
 * that are known here, so that it can be read elsewhere.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/session_private.h"

static int write_end(struct cs_trace_writer *writer, const struct csv_session *session,
                     const struct cs_model *model, struct cs_diag *diag)
{
	const struct cs_trace_summary summary = {
		.duration_ns = cs_model_now(model),
		.exit_status = -1,
		.ended_by = (char *)"it was copied out of a view",
	};
	int error = cs_trace_write_symbols(writer, model, session->symbols), end;

	if (error)
		cs_diag_set(diag, error, "write the names: %s", strerror(-error));
	end = cs_trace_finish(writer, &summary, error ? NULL : diag);
	return error ? error : end;
}

int csv_session_copy(struct csv_session *session, const char *path, struct cs_diag *diag)
{
	struct cs_trace_writer *writer;
	struct cs_model *model;
	struct cs_trace *trace;
	int error = 0;

	if (!access(path, F_OK))
		return cs_diag_set(diag, -EEXIST, "write %s: %s", path, strerror(EEXIST));
	csv_session_make_room(session);
	trace = cs_trace_open(session->path, diag);
	model = cs_model_new();
	if (trace)
		cs_trace_pace(trace, session->pace);
	if (!trace)
		error = diag->error;
	else if (!model)
		error = csv_session_no_memory(session, diag);
	else
		error = cs_trace_load(trace, UINT64_MAX, model, NULL, diag);
	if (!error) {
		writer = cs_trace_continue(path, trace, cs_model_now(model), model, diag);
		error = writer ? write_end(writer, session, model, diag) : diag->error;
		if (error)
			unlink(path);
	}
	cs_trace_close(trace);
	cs_model_free(model);
	return error;
}
