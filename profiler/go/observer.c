/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Go observer: opens a process and brings the model up to date at each look.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "go/mapped.h"
#include "go/observation.h"
#include "go/samples.h"

static uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* ---- open and close ---- */

static void close_observation(struct cs_observation *observation)
{
	if (!observation)
		return;
	cs_go_names_free(&observation->names);
	cs_go_goroutines_free(&observation->goroutines);
	cs_go_labels_free(&observation->labels);
	cs_go_close(observation->go);
	free(observation->last);
	cs_threads_free(&observation->kernel);
	free(observation->threads);
	free(observation);
}

/* The files that hold its code; a plugin is known by the name it was loaded by. */
static bool name_modules(struct cs_observation *observation)
{
	struct cs_go *go = observation->go;

	for (uint32_t i = 0; i < go->module_count; i++) {
		struct cs_go_module *module = &go->modules[i];

		if (i == 0)
			module->module = cs_model_module(observation->model, go->path,
			                                 go->image.build_id,
			                                 go->image.build_id_bytes);
		else
			cs_go_mapped_name(module, go->pid, observation->model);
		if (!module->module)
			return false;
	}
	return true;
}

static struct cs_observation *open_observation(uint32_t pid, uint32_t process,
                                               struct cs_model *model, struct cs_symbols *symbols,
                                               struct cs_diag *diag)
{
	struct cs_observation *observation = calloc(1, sizeof(*observation));
	const char *version;

	if (!observation) {
		cs_diag_set(diag, -ENOMEM, "read %" PRIu32 ": out of memory", pid);
		return NULL;
	}
	observation->model = model;
	observation->process = process;
	observation->go = cs_go_open(pid, diag);
	if (!observation->go) {
		close_observation(observation);
		return NULL;
	}
	version = observation->go->version.text;
	observation->runtime = cs_model_runtime(model, process, "go", version[0] ? version : NULL);
	observation->clock_ns = clock_now();
	observation->clock_stamp = __builtin_ia32_rdtsc();
	if (!observation->runtime || !name_modules(observation) ||
	    cs_go_names_init(&observation->names, model, symbols, &observation->go->memory,
	                     &observation->go->places)) {
		close_observation(observation);
		cs_diag_set(diag, -ENOMEM, "read %" PRIu32 ": out of memory", pid);
		return NULL;
	}
	return observation;
}

/* ---- a look ---- */

static void warn(struct cs_observe_result *result, const char *text)
{
	if (!result->warning[0])
		snprintf(result->warning, sizeof(result->warning), "%s", text);
}

static int read_goroutines(struct cs_observation *observation,
                           const struct cs_observe_options *options,
                           struct cs_observe_result *result, struct cs_diag *diag)
{
	struct cs_go_freeze freeze = {0};
	struct cs_go_read_options read = {
		.stacks = options->stacks,
		.hide = CS_GO_HIDE_RUNTIME,
	};
	int error = 0;

	if (options->level != CS_LEVEL_READ) {
		error = cs_go_freeze(&freeze, observation->go->pid, diag);
		if (error)
			return error;
		read.freeze = &freeze;
	}
	error = cs_go_goroutines_read(&observation->goroutines, observation->go,
	                              &observation->names, &read);
	result->frozen_ns = cs_go_thaw(&freeze);
	result->coroutines = observation->goroutines.count;
	result->unstable = observation->goroutines.unstable;
	result->rejected = observation->goroutines.rejected;
	return error;
}

static int explain(int error, uint32_t pid, struct cs_diag *diag)
{
	if (error == -ESRCH)
		return cs_diag_set(diag, error, "read %" PRIu32 ": it has ended", pid);
	if (error == -ENOMEM)
		return cs_diag_set(diag, error, "read %" PRIu32 ": out of memory", pid);
	if (error == -EIO)
		return cs_diag_set(diag, error,
		                   "read %" PRIu32 ": its list of goroutines can't be read", pid);
	return cs_diag_set(diag, error, "read %" PRIu32 ": %s", pid, strerror(-error));
}

static void tell_profiles(struct cs_observation *observation, struct cs_observe_result *result)
{
	const char *why = NULL;
	char warning[sizeof(result->warning)];

	if (cs_go_heap_tell(observation, &why) == 0 && why) {
		cs_go_spans_tell(observation);
		snprintf(warning, sizeof(warning),
		         "%s: its heap is shown by size of objects, not by who allocated them",
		         why);
		warn(result, warning);
	}
	cs_go_delays_tell(observation);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int look(struct cs_observation *observation, const struct cs_observe_options *options,
                struct cs_observe_result *result, struct cs_diag *diag)
{
	char warning[sizeof(result->warning)];
	uint64_t start_ns = clock_now();

	*result = (struct cs_observe_result){0};
	observation->looks++;
	cs_go_labels_forget(&observation->labels);
	int error = cs_go_threads_read(observation);

	if (error)
		return explain(error, observation->go->pid, diag);
	error = read_goroutines(observation, options, result, diag);
	/* What lies in memory may be another program's by now: nothing of it is told. */
	if (cs_go_program_changed(observation->go->pid, observation->go->stamp, diag))
		return -ESTALE;
	if (error && error != -ESRCH)
		return diag && diag->error ? error : explain(error, observation->go->pid, diag);
	/* What was read before it ended is told all the same. */
	int told = cs_go_tell(observation, start_ns, error != -ESRCH);

	if (error || told)
		return explain(error ? error : told, observation->go->pid, diag);
	cs_go_threads_tell(observation);
	cs_go_figures_tell(observation);
	if (options->heap)
		tell_profiles(observation, result);
	if (observation->go->other[0]) {
		snprintf(warning, sizeof(warning),
		         "it holds two Go runtimes: that of %.80s is shown, that of %.80s is not",
		         base_name(observation->go->path), base_name(observation->go->other));
		warn(result, warning);
	}
	if (observation->go->layout_guessed)
		warn(result, "its version of Go is not known: it is read as the newest known one, "
		             "which all its goroutines agree with");
	result->duration_ns = clock_now() - start_ns;
	return 0;
}

const struct cs_observer cs_go_observer = {
	.name = "go",
	.probe = cs_go_probe,
	.open = open_observation,
	.look = look,
	.close = close_observation,
};

const struct cs_observer cs_go_library_observer = {
	.name = "go",
	.probe = cs_go_probe_libraries,
	.open = open_observation,
	.look = look,
	.close = close_observation,
};
