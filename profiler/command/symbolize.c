/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope symbolize: puts names into a trace that was recorded without, so that it can be
 * read where the program is not.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "command/registry.h"
#include "command/target.h"
#include "command/written.h"
#include "symbol/resolver.h"

/* Model and names of the trace as it is, and the files' names for the rest. */
struct work {
	struct cs_target target;
	struct cs_model *model;
	struct cs_symbols *symbols;
	struct cs_resolver_result result;
};

static bool show_progress(void *context, uint64_t done, uint64_t total)
{
	const struct cs_args *args = context;

	if (!args->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "\rfinding names: %" PRIu64 " of %" PRIu64 "%s", done, total,
		        done == total ? "\n" : "");
	return true;
}

static int resolve(const struct cs_args *args, struct work *work, struct cs_diag *diag)
{
	struct cs_resolver_options options = {.debuginfod = cs_args_on(args, "debuginfod")};
	struct cs_resolver *resolver = cs_resolver_new(&options);

	if (!resolver)
		return cs_diag_set(diag, -ENOMEM, "symbolize %s: out of memory", work->target.path);
	int error = cs_resolver_resolve(resolver, work->model, work->symbols, show_progress,
	                                (void *)(uintptr_t)args, &work->result, diag);
	cs_resolver_free(resolver);
	return error;
}

static const char *module_path(const struct work *work, uint32_t module)
{
	const struct cs_module *found = cs_model_module_at(work->model, module);

	return found && found->path ? found->path : "?";
}

/* Which modules gave nothing, and why; the first of each kind by name. */
static void tell_missing(const struct cs_args *args, const struct work *work)
{
	const struct cs_resolver_result *result = &work->result;

	if (result->missing)
		cs_say(args, "%" PRIu32 " modules are not here, such as %s", result->missing,
		       module_path(work, result->first_missing));
	if (result->replaced)
		cs_say(args, "%" PRIu32 " modules are here in another version, such as %s",
		       result->replaced, module_path(work, result->first_replaced));
	if (result->damaged)
		cs_say(args, "%" PRIu32 " modules can't be read as ELF files", result->damaged);
	if (result->unverified)
		cs_say(args,
		       "%" PRIu32 " modules have no build id: their names are of the files "
		       "that are here now",
		       result->unverified);
}

static int add_names(const struct cs_args *args, struct work *work, struct cs_diag *diag)
{
	const struct cs_resolver_result *result = &work->result;
	int error = resolve(args, work, diag);

	if (error)
		return error;
	tell_missing(args, work);
	if (result->frames == 0) {
		cs_say(args, "%s has all its names already", work->target.path);
		return CS_EXIT_DONE;
	}
	if (result->named == 0) {
		cs_diag_set(diag, -ENOENT,
		            "symbolize %s: no name was found for %s %" PRIu64 " addresses%s",
		            work->target.path,
		            cs_trace_has_symbols(work->target.trace) ? "the" : "any of its",
		            result->frames,
		            cs_trace_has_symbols(work->target.trace) ? " that have none yet" : "");
		return cs_diag_hint(diag, "do this where the recorded programs are, or with "
		                          "--debuginfod");
	}
	/* The file is changed in place: let nothing of ours read it meanwhile. */
	cs_trace_close(work->target.trace);
	work->target.trace = NULL;
	error = cs_trace_append_symbols(work->target.path, work->model, work->symbols, diag);
	if (!error)
		cs_say(args,
		       "%s: %" PRIu64 " of %" PRIu64 " addresses named, %" PRIu64
		       " with source lines",
		       work->target.path, result->named, result->frames, result->with_lines);
	return error;
}

static int symbolize(const struct cs_args *args, struct work *work, struct cs_diag *diag)
{
	if (work->target.time) {
		cs_diag_set(diag, -EINVAL, "symbolize %s@%s: a trace gets its names as a whole",
		            work->target.path, work->target.time);
		return cs_diag_hint(diag, "leave out @%s", work->target.time);
	}
	work->model = cs_model_new();
	work->symbols = cs_symbols_new();
	if (!work->model || !work->symbols)
		return cs_diag_set(diag, -ENOMEM, "symbolize %s: out of memory", work->target.path);
	int error = cs_trace_load(work->target.trace, UINT64_MAX, work->model, work->symbols, diag);
	if (error)
		return error;
	cs_target_warn(&work->target);
	return add_names(args, work, diag);
}

static int run_symbolize(const struct cs_args *args, struct cs_diag *diag)
{
	struct work work = {0};
	int error = cs_target_open(&work.target, args->operands[0], diag);

	if (!error)
		error = symbolize(args, &work, diag);
	cs_symbols_free(work.symbols);
	cs_model_free(work.model);
	cs_target_close(&work.target);
	return error;
}

static const struct cs_option options[] = {
	CS_OPTION_DEBUGINFOD,
	{0},
};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_symbolize = {
	.name = "symbolize",
	.summary = "put function names and lines into a trace recorded without them",
	.usage = (const char *const[]){"[OPTIONS] FILE", NULL},
	.description =
		"Looks up the addresses of a trace in the programs and libraries that are here now and "
		"adds the names to the file, which then reads on every machine. A file counts only if "
		"its build id is that of the recorded one.",
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope symbolize app.42.coro", "after recording with --no-symbols"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_TRACE,
	.operands_min = 1,
	.operands_max = 1,
	.run = run_symbolize,
};
