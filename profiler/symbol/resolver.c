/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames are sorted by module and address, so that each file is opened once, closed before
 * the next, and read from front to back.
 */
#include "symbol/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/files.h"
#include "symbol/lookup.h"

struct cs_resolver {
	struct cs_files *files;
	bool use_debuginfod;
	char **debug_dirs; /* ended by NULL */
};

/* A frame without a name. */
struct wanted {
	uint64_t offset;
	uint32_t module;
	uint32_t frame;
};

/* One call of cs_resolver_resolve(). */
struct work {
	struct cs_resolver *resolver;
	const struct cs_model *model;
	struct cs_symbols *symbols;
	cs_resolver_progress *progress;
	void *context;
	struct cs_resolver_result result;
	struct cs_debugfile_search search;
	struct wanted *wanted;
	size_t count, done;
};

static char **copy_dirs(const char *const *dirs)
{
	static const char *const standard[] = {"/usr/lib/debug", NULL};
	size_t count = 0;

	if (!dirs)
		dirs = standard;
	while (dirs[count])
		count++;
	char **copy = calloc(count + 1, sizeof(char *));
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = strdup(dirs[i]);
		if (!copy[i])
			break; /* the rest is not searched */
	}
	return copy;
}

struct cs_resolver *cs_resolver_new(const struct cs_resolver_options *options)
{
	static const struct cs_resolver_options standard;
	struct cs_resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		return NULL;
	if (!options)
		options = &standard;
	resolver->use_debuginfod = options->debuginfod;
	resolver->files = cs_files_new(options->max_open_files ? options->max_open_files : 256);
	resolver->debug_dirs = copy_dirs(options->debug_dirs);
	if (resolver->files && resolver->debug_dirs)
		return resolver;
	cs_resolver_free(resolver);
	return NULL;
}

void cs_resolver_free(struct cs_resolver *resolver)
{
	if (!resolver)
		return;
	cs_files_free(resolver->files);
	for (char **dir = resolver->debug_dirs; dir && *dir; dir++)
		free(*dir);
	free(resolver->debug_dirs);
	free(resolver);
}

int cs_resolver_add_module(struct cs_resolver *resolver, uint32_t module, int fd, const char *path)
{
	return cs_files_add(resolver->files, module, fd, path);
}

static int compare(const void *left, const void *right)
{
	const struct wanted *a = left;
	const struct wanted *b = right;

	if (a->module != b->module)
		return a->module < b->module ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static int collect(struct work *work)
{
	uint32_t count = cs_model_frame_count(work->model);
	const struct cs_name *names;

	work->wanted = calloc((size_t)count + 1, sizeof(*work->wanted));
	if (!work->wanted)
		return -ENOMEM;
	for (uint32_t id = 1; id <= count; id++) {
		const struct cs_frame *frame = cs_model_frame_at(work->model, id);
		if (frame->module == CS_MODULE_NONE ||
		    cs_symbols_get(work->symbols, id, &names) > 0)
			continue;
		work->wanted[work->count++] = (struct wanted){
			.offset = frame->offset, .module = frame->module, .frame = id};
	}
	if (work->count > 0)
		qsort(work->wanted, work->count, sizeof(*work->wanted), compare);
	work->result.frames = work->count;
	return 0;
}

static int tell(struct work *work)
{
	if (!work->progress || work->progress(work->context, work->done, work->count))
		return 0;
	return -ECANCELED;
}

/*
 * Opens the file of MODULE if it is what was mapped. -ENOENT with the reason counted
 * otherwise.
 */
static int open_module(struct work *work, uint32_t id, struct cs_object *object)
{
	const struct cs_module *module = cs_model_module_at(work->model, id);
	bool handed = false;
	int fd = module ? cs_files_open(work->resolver->files, id, module->path, &handed) : -ENOENT;
	bool replaced = fd == -ESTALE;

	if (fd < 0 && !replaced) {
		work->result.first_missing = work->result.missing++ ? work->result.first_missing
		                                                    : id;
		return -ENOENT;
	}
	if (!replaced && cs_object_open(object, fd) != 0) {
		work->result.damaged++;
		return -ENOENT;
	}
	if (!replaced && module->build_id_bytes == 0 && !handed)
		work->result.unverified++;
	if (!replaced && module->build_id_bytes > 0 &&
	    !cs_object_has_build_id(object, module->build_id, module->build_id_bytes)) {
		cs_object_close(object);
		replaced = true;
	}
	if (!replaced)
		return 0;
	work->result.first_replaced = work->result.replaced++ ? work->result.first_replaced : id;
	return -ENOENT;
}

static int name_frame(struct work *work, struct cs_lookup *lookup, const struct wanted *wanted)
{
	const struct cs_name *names;
	uint32_t count;
	int error = cs_lookup_find(lookup, wanted->offset, &names, &count);

	if (error || count == 0)
		return error;
	work->result.named += names[count - 1].function != NULL;
	work->result.with_lines += names[0].line != 0;
	return cs_symbols_set(work->symbols, wanted->frame, names, count);
}

static int name_frames(struct work *work, struct cs_object *object, const struct wanted *wanted,
                       size_t count)
{
	const char *path = cs_files_path(work->resolver->files, wanted->module);
	int error = 0;

	if (!path)
		path = cs_model_module_at(work->model, wanted->module)->path;
	struct cs_lookup *lookup = cs_lookup_new(object, path, &work->search);
	if (!lookup)
		return -ENOMEM;
	work->result.dwarf += cs_lookup_has_dwarf(lookup);
	work->result.stripped += cs_lookup_is_stripped(lookup);
	for (size_t i = 0; i < count && !error; i++) {
		error = name_frame(work, lookup, &wanted[i]);
		work->done++;
		if (!error && i % 256 == 255)
			error = tell(work);
	}
	cs_lookup_free(lookup);
	return error;
}

/* The frames from FIRST on that lie in one module; *NEXT is the first of the next. */
static int name_module(struct work *work, size_t first, size_t *next)
{
	struct wanted *wanted = &work->wanted[first];
	struct cs_object object = {.fd = -1};
	size_t count = 1;
	int error;

	while (first + count < work->count && wanted[count].module == wanted->module)
		count++;
	*next = first + count;
	error = tell(work);
	if (error)
		return error;
	if (open_module(work, wanted->module, &object) == 0)
		error = name_frames(work, &object, wanted, count);
	if (!error)
		work->done = *next;
	return error;
}

int cs_resolver_resolve(struct cs_resolver *resolver, const struct cs_model *model,
                        struct cs_symbols *symbols, cs_resolver_progress *progress, void *context,
                        struct cs_resolver_result *result, struct cs_diag *diag)
{
	struct work work = {.resolver = resolver,
	                    .model = model,
	                    .symbols = symbols,
	                    .progress = progress,
	                    .context = context};
	size_t next = 0;
	int error = collect(&work);

	work.search.dirs = (const char *const *)resolver->debug_dirs;
	if (resolver->use_debuginfod)
		work.search.debuginfod = cs_debuginfod_new();
	while (!error && next < work.count)
		error = name_module(&work, next, &next);
	if (!error)
		error = tell(&work);
	cs_debuginfod_free(work.search.debuginfod);
	free(work.wanted);
	if (result)
		*result = work.result;
	if (error == -ENOMEM)
		cs_diag_set(diag, error, "look up symbols: out of memory");
	else if (error)
		cs_diag_set(diag, error, "look up symbols: interrupted");
	return error;
}
