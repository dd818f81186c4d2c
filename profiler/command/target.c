/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every reading command does first, done once: so that they agree on which time a
 * target means, what is said about a damaged file, and where names come from.
 */
#include "command/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "symbol/resolver.h"

int cs_target_split(const char *text, char **path, char **time)
{
	const char *at = strrchr(text, '@');

	*time = NULL;
	if (!at || at == text || access(text, F_OK) == 0) {
		*path = strdup(text);
		return *path ? 0 : -ENOMEM;
	}
	*path = strndup(text, (size_t)(at - text));
	*time = strdup(at + 1);
	if (*path && *time)
		return 0;
	free(*path);
	free(*time);
	*path = *time = NULL;
	return -ENOMEM;
}

static int out_of_memory(const struct cs_target *target, struct cs_diag *diag)
{
	return cs_diag_set(diag, -ENOMEM, "read %s: out of memory", target->path);
}

int cs_target_open(struct cs_target *target, const char *text, struct cs_diag *diag)
{
	*target = (struct cs_target){0};
	if (cs_target_split(text, &target->path, &target->time))
		return cs_diag_set(diag, -ENOMEM, "read %s: out of memory", text);
	target->trace = cs_trace_open(target->path, diag);
	return target->trace ? 0 : diag->error;
}

void cs_target_close(struct cs_target *target)
{
	cs_trace_close(target->trace);
	free(target->path);
	free(target->time);
	*target = (struct cs_target){0};
}

void cs_target_warn(const struct cs_target *target)
{
	const char *warning = cs_trace_warning(target->trace);

	if (warning)
		cs_warn("%s: %s\nhint: what could be read is shown; 'coroscope info %s' says more",
		        target->path, warning, target->path);
}

static int load(struct cs_target *target, uint64_t time_ns, struct cs_moment *moment,
                struct cs_diag *diag)
{
	moment->model = cs_model_new();
	moment->symbols = cs_symbols_new();
	if (!moment->model || !moment->symbols)
		return out_of_memory(target, diag);
	return cs_trace_load(target->trace, time_ns, moment->model, moment->symbols, diag);
}

static int take(const struct cs_target *target, struct cs_moment *moment, struct cs_diag *diag)
{
	moment->snapshot = (moment->at_peak ? cs_snapshot_take_peak
	                                    : cs_snapshot_take)(moment->model, moment->symbols);
	return moment->snapshot ? 0 : out_of_memory(target, diag);
}

int cs_target_load(struct cs_target *target, const char *time, struct cs_moment *moment,
                   struct cs_diag *diag)
{
	uint64_t time_ns = UINT64_MAX;

	*moment = (struct cs_moment){0};
	int error = time ? cs_trace_time(target->trace, time, &time_ns, diag) : 0;
	if (!error)
		error = load(target, time_ns, moment, diag);
	if (!error)
		error = take(target, moment, diag);
	return error;
}

int cs_target_load_in_use(struct cs_target *target, const char *time, struct cs_moment *moment,
                          struct cs_diag *diag)
{
	if (!time || strcmp(time, "peak") != 0)
		return cs_target_load(target, time, moment, diag);
	uint64_t time_ns;

	*moment = (struct cs_moment){.at_peak = true};
	int error = cs_trace_time(target->trace, time, &time_ns, diag);
	if (!error)
		error = load(target, time_ns, moment, diag);
	return error ? error : take(target, moment, diag);
}

void cs_moment_release(struct cs_moment *moment)
{
	cs_snapshot_free(moment->snapshot);
	cs_symbols_free(moment->symbols);
	cs_model_free(moment->model);
	*moment = (struct cs_moment){0};
}

/* Traces recorded with --no-symbols are read where their programs are, as a rule. */
int cs_target_name_frames(const struct cs_target *target, struct cs_moment *moment,
                          struct cs_diag *diag)
{
	if (cs_trace_has_symbols(target->trace))
		return 0;
	struct cs_resolver *resolver = cs_resolver_new(NULL);
	if (!resolver)
		return out_of_memory(target, diag);
	int error = cs_resolver_resolve(resolver, moment->model, moment->symbols, NULL, NULL, NULL,
	                                diag);
	cs_resolver_free(resolver);
	return error;
}
