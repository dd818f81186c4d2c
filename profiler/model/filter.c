/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters hold what the user typed, not ids: the same filter serves two traces of a diff.
 */
#include "model/filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list "a,b,c" cut into its words. */
struct words {
	char *text; /* the commas replaced by 0 */
	char **word;
	unsigned count;
};

struct cs_filter {
	struct words processes, threads;
	regex_t focus, ignore;
	bool has_focus, has_ignore;
};

static void words_free(struct words *words)
{
	free(words->text);
	free(words->word);
}

static bool words_cut(struct words *words, const char *list)
{
	unsigned commas = 0;

	if (!list)
		return true;
	for (const char *at = list; *at; at++)
		commas += *at == ',';
	words->text = strdup(list);
	words->word = calloc(commas + 1, sizeof(*words->word));
	if (!words->text || !words->word)
		return false;
	char *rest = words->text;
	for (char *word; (word = strsep(&rest, ","));)
		if (*word)
			words->word[words->count++] = word;
	return true;
}

/* A number, or a name with the wildcards of the shell. */
static bool word_fits(const char *word, uint32_t number, const char *name)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", number);
	return strcmp(word, digits) == 0 || (name && fnmatch(word, name, 0) == 0);
}

static const char *program(const struct cs_process *process)
{
	const char *path = process->executable ? process->executable : "?";
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static bool process_fits(const char *word, const struct cs_process *process)
{
	return word_fits(word, process->pid, program(process)) ||
	       (process->executable && strcmp(word, process->executable) == 0);
}

static int compile(regex_t *regex, const char *option, const char *pattern, bool *has,
                   struct cs_diag *diag)
{
	char reason[128];

	if (!pattern)
		return 0;
	int error = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (error == 0) {
		*has = true;
		return 0;
	}
	regerror(error, regex, reason, sizeof(reason));
	cs_diag_set(diag, -EINVAL, "use %s '%s': %s", option, pattern, reason);
	return cs_diag_hint(diag, "a pattern is an extended regular expression, as of grep -E; "
	                          "a character that means itself is written \\( \\[ \\* \\+ \\?");
}

struct cs_filter *cs_filter_new(const struct cs_filter_options *options, struct cs_diag *diag)
{
	struct cs_filter *filter = calloc(1, sizeof(*filter));

	if (!filter || !words_cut(&filter->processes, options->process) ||
	    !words_cut(&filter->threads, options->thread)) {
		cs_diag_set(diag, -ENOMEM, "filter: out of memory");
		goto fail;
	}
	if (compile(&filter->focus, "--focus", options->focus, &filter->has_focus, diag) ||
	    compile(&filter->ignore, "--ignore", options->ignore, &filter->has_ignore, diag))
		goto fail;
	return filter;
fail:
	cs_filter_free(filter);
	return NULL;
}

void cs_filter_free(struct cs_filter *filter)
{
	if (!filter)
		return;
	words_free(&filter->processes);
	words_free(&filter->threads);
	if (filter->has_focus)
		regfree(&filter->focus);
	if (filter->has_ignore)
		regfree(&filter->ignore);
	free(filter);
}

/* Adds "NAME (NUMBER)" to a list for a person, which ends in "…" when it is full. */
static void list_add(char *list, size_t size, unsigned *shown, const char *name, uint32_t number)
{
	size_t used = strlen(list);

	if (*shown == 8)
		snprintf(list + used, size - used, ", …");
	if (++*shown <= 8)
		snprintf(list + used, size - used, "%s%.40s (%u)", used ? ", " : "", name, number);
}

static int check_process(const char *word, const struct cs_model *model, struct cs_diag *diag)
{
	char list[512] = "";
	unsigned shown = 0;

	for (uint32_t id = 1; id <= cs_model_process_count(model); id++)
		if (process_fits(word, cs_model_process_at(model, id)))
			return 0;
	for (uint32_t id = 1; id <= cs_model_process_count(model); id++) {
		const struct cs_process *process = cs_model_process_at(model, id);
		list_add(list, sizeof(list), &shown, program(process), process->pid);
	}
	return cs_diag_set(diag, -ENOENT, "select process '%s': there are %s", word,
	                   *list ? list : "none");
}

static int check_thread(const char *word, const struct cs_model *model, struct cs_diag *diag)
{
	char list[512] = "";
	unsigned shown = 0;

	for (uint32_t id = 1; id <= cs_model_thread_count(model); id++) {
		const struct cs_thread *thread = cs_model_thread_at(model, id);
		if (word_fits(word, thread->tid, thread->name))
			return 0;
	}
	for (uint32_t id = 1; id <= cs_model_thread_count(model); id++) {
		const struct cs_thread *thread = cs_model_thread_at(model, id);
		list_add(list, sizeof(list), &shown, thread->name, thread->tid);
	}
	return cs_diag_set(diag, -ENOENT, "select thread '%s': there are %s", word,
	                   *list ? list : "none");
}

int cs_filter_check(const struct cs_filter *filter, const struct cs_snapshot *snapshot,
                    struct cs_diag *diag)
{
	int error = 0;

	for (unsigned i = 0; filter && !error && i < filter->processes.count; i++)
		error = check_process(filter->processes.word[i], snapshot->model, diag);
	for (unsigned i = 0; filter && !error && i < filter->threads.count; i++)
		error = check_thread(filter->threads.word[i], snapshot->model, diag);
	return error;
}

bool cs_filter_process(const struct cs_filter *filter, const struct cs_process *process)
{
	if (!filter || !filter->processes.word)
		return true;
	for (unsigned i = 0; i < filter->processes.count; i++)
		if (process_fits(filter->processes.word[i], process))
			return true;
	return false;
}

bool cs_filter_thread(const struct cs_filter *filter, const struct cs_thread *thread)
{
	if (!filter || !filter->threads.word)
		return true;
	for (unsigned i = 0; i < filter->threads.count; i++)
		if (word_fits(filter->threads.word[i], thread->tid, thread->name))
			return true;
	return false;
}

bool cs_filter_has_patterns(const struct cs_filter *filter)
{
	return filter && (filter->has_focus || filter->has_ignore);
}

unsigned cs_filter_call(const struct cs_filter *filter, const struct cs_call *call)
{
	unsigned bits = 0;

	if (!filter || !filter->has_focus ||
	    regexec(&filter->focus, call->function, 0, NULL, 0) == 0)
		bits |= 1;
	if (filter && filter->has_ignore &&
	    regexec(&filter->ignore, call->function, 0, NULL, 0) == 0)
		bits |= 2;
	return bits;
}
