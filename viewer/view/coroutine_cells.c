/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the cells of a coroutine's row, how rows are sorted, and what filters and
 * searches see of them.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/query.h"
#include "view/coroutine_rows.h"
#include "view/words.h"

enum { ID, STATE, REASON, WAIT, AGE, CPU, SWITCHES, HEAP, STACK, FUNCTION };

const struct csv_column csv_coroutine_columns[] = {
	{"ID", 18, false, false, 0},       {"STATE", 9, false, false, 0},
	{"REASON", 14, false, false, 60},  {"SINCE", 7, true, false, 0},
	{"AGE", 7, true, false, 90},       {"CPU", 7, true, false, 100},
	{"SWITCHES", 9, true, false, 110}, {"HEAP", 7, true, false, 70},
	{"STACK", 7, true, false, 80},     {"FUNCTION", 20, false, true, 0},
	{NULL, 0, false, false, 0},
};

enum {
	F_STATE,
	F_RUNTIME,
	F_REASON,
	F_FUNCTION,
	F_SPAWN,
	F_NAME,
	F_LABEL,
	F_ID,
	F_AGE,
	F_WAIT,
	F_CPU,
	F_HEAP,
	F_STACK,
	F_SWITCHES,
};

const struct csv_field csv_coroutine_fields[] = {
	[F_STATE] = {"state", CSV_FIELD_TEXT, cs_coroutine_state_names, CS_COROUTINE_STATES},
	[F_RUNTIME] = {"runtime", CSV_FIELD_TEXT},
	[F_REASON] = {"reason", CSV_FIELD_TEXT},
	[F_FUNCTION] = {"function", CSV_FIELD_TEXT}, /* any on its stack */
	[F_SPAWN] = {"spawn", CSV_FIELD_TEXT},       /* any on the stack that created it */
	[F_NAME] = {"name", CSV_FIELD_TEXT},
	[F_LABEL] = {"label", CSV_FIELD_TEXT}, /* key=value */
	[F_ID] = {"id", CSV_FIELD_TEXT},
	[F_AGE] = {"age", CSV_FIELD_DURATION},
	[F_WAIT] = {"wait", CSV_FIELD_DURATION}, /* since it is in its state */
	[F_CPU] = {"cpu", CSV_FIELD_DURATION},
	[F_HEAP] = {"heap", CSV_FIELD_BYTES},
	[F_STACK] = {"stack", CSV_FIELD_BYTES},
	[F_SWITCHES] = {"switches", CSV_FIELD_COUNT},
	{NULL, 0},
};

static double known(uint64_t number)
{
	return number == CS_UNKNOWN ? NAN : (double)number;
}

static const char *reason_of(const struct csv_scene *scene, const struct cs_coroutine *coroutine)
{
	const char *reason = cs_model_text_at(scene->now->model, coroutine->reason);

	return reason ? reason : "";
}

static const struct cs_stack *stack_of(const struct csv_scene *scene, uint32_t node)
{
	return node ? cs_stacks_get(scene->stacks, scene->now, node) : NULL;
}

static const char *function_of(const struct csv_scene *scene, const struct cs_coroutine *coroutine)
{
	const struct cs_call *call = csv_telling_call(stack_of(scene, coroutine->stack));

	return call ? call->function : "";
}

static double number_of(const struct csv_scene *scene, const struct cs_coroutine *coroutine,
                        int field)
{
	switch (field) {
	case F_AGE:
		return known(csv_coroutine_age_ns(coroutine, scene->now->time_ns));
	case F_WAIT:
		return known(csv_coroutine_wait_ns(coroutine, scene->now->time_ns));
	case F_CPU:
		return known(coroutine->cpu_ns);
	case F_HEAP:
		return known(cs_coroutine_heap_bytes(coroutine));
	case F_STACK:
		return known(coroutine->stack_used);
	default:
		return known(coroutine->switches);
	}
}

static uint64_t identity(const void *context, uint32_t row)
{
	const struct cs_coroutine *coroutine = csv_coroutine_of(context, row);

	return (uint64_t)coroutine->runtime << 48 ^ coroutine->number;
}

static uint64_t sort_key(const void *context, uint32_t row, int column)
{
	static const int fields[] = {
		[WAIT] = F_WAIT,         [AGE] = F_AGE,   [CPU] = F_CPU,
		[SWITCHES] = F_SWITCHES, [HEAP] = F_HEAP, [STACK] = F_STACK,
	};
	const struct csv_coroutine_rows *rows = context;
	const struct cs_coroutine *coroutine = csv_coroutine_of(rows, row);

	switch (column) {
	case ID:
		return identity(context, row);
	case STATE:
		return coroutine->state;
	case REASON:
		return csv_sort_text(reason_of(rows->scene, coroutine));
	case FUNCTION:
		return csv_sort_text(function_of(rows->scene, coroutine));
	default:
		return csv_sort_number(number_of(rows->scene, coroutine, fields[column]));
	}
}

/* "├ go/18": the branches of the tree before the id. */
static void put_id(const struct csv_coroutine_rows *rows, uint32_t row, char *text, size_t bytes)
{
	const struct csv_coroutine_row *shown = &rows->rows[row];
	const struct cs_coroutine *coroutine = csv_coroutine_of(rows, row);
	int indent = shown->depth < 5 ? 2 * shown->depth : 10;
	const char *sign = "";

	if (shown->children)
		sign = shown->folded ? "+ " : "- ";
	snprintf(text, bytes, "%*s%s%s", indent, "", sign,
	         csv_words_id(rows->scene->now->model, coroutine->runtime, coroutine->number).s);
}

static enum csv_role put_function(const struct csv_coroutine_rows *rows,
                                  const struct cs_coroutine *coroutine, char *text, size_t bytes)
{
	const struct cs_call *call = csv_telling_call(stack_of(rows->scene, coroutine->stack));
	const char *name = coroutine->name ? coroutine->name : "";
	char function[256] = "";

	if (call)
		(void)csv_words_call(call, function, sizeof(function));
	snprintf(text, bytes, "%s%s%s", name, name[0] && function[0] ? "  " : "",
	         function[0]                                ? function
	         : coroutine->flags & CS_COROUTINE_UNSTABLE ? "[changed while it was read]"
	         : coroutine->state == CS_COROUTINE_RUNNING ? "[running]"
	                                                    : "?");
	return coroutine->flags & (CS_COROUTINE_SYSTEM | CS_COROUTINE_UNSTABLE) ? CSV_ROLE_FAINT
	                                                                        : CSV_ROLE_PLAIN;
}

static enum csv_role cell(const void *context, uint32_t row, int column, char *text, size_t bytes)
{
	const struct csv_coroutine_rows *rows = context;
	const struct csv_scene *scene = rows->scene;
	const struct cs_coroutine *coroutine = csv_coroutine_of(rows, row);
	uint64_t now_ns = scene->now->time_ns;

	switch (column) {
	case ID:
		put_id(rows, row, text, bytes);
		return coroutine->flags & CS_COROUTINE_LEAKED ? CSV_ROLE_BAD : CSV_ROLE_PLAIN;
	case STATE:
		snprintf(text, bytes, "%s", cs_coroutine_state_names[coroutine->state]);
		return csv_role_of_state((enum cs_coroutine_state)coroutine->state);
	case REASON:
		snprintf(text, bytes, "%s", reason_of(scene, coroutine));
		break;
	case WAIT:
		snprintf(text, bytes, "%s",
		         csv_coroutine_wait_text(coroutine, now_ns, csv_words_short_duration).s);
		break;
	case AGE:
		snprintf(text, bytes, "%s",
		         csv_coroutine_age_text(coroutine, now_ns, csv_words_short_duration).s);
		break;
	case CPU:
		snprintf(text, bytes, "%s", csv_words_short_duration(coroutine->cpu_ns).s);
		break;
	case SWITCHES:
		snprintf(text, bytes, "%s", csv_switches_text(coroutine->switches, coroutine).s);
		break;
	case HEAP:
		snprintf(text, bytes, "%s",
		         csv_words_short_bytes(known(cs_coroutine_heap_bytes(coroutine))).s);
		break;
	case STACK:
		snprintf(text, bytes, "%s", csv_words_short_bytes(known(coroutine->stack_used)).s);
		break;
	default:
		return put_function(rows, coroutine, text, bytes);
	}
	return CSV_ROLE_PLAIN;
}

/* ---- filter and search ---- */

struct subject {
	const struct csv_scene *scene;
	const struct cs_coroutine *coroutine;
};

static double field_number(const void *row, int field)
{
	const struct subject *subject = row;

	return number_of(subject->scene, subject->coroutine, field);
}

typedef bool text_test(const void *context, const char *text);

static bool any_function(const struct csv_scene *scene, uint32_t node, text_test *test,
                         const void *context)
{
	for (const struct cs_stack *at = stack_of(scene, node); at; at = at->caller)
		if (test(context, at->call->function))
			return true;
	return false;
}

static bool any_label(const char *labels, text_test *test, const void *context)
{
	char label[256];

	while (labels && *labels) {
		size_t length = strcspn(labels, "\n");

		snprintf(label, sizeof(label), "%.*s", (int)(length < 255 ? length : 255), labels);
		if (test(context, label))
			return true;
		labels += length + (labels[length] == '\n');
	}
	return false;
}

static bool field_any(const void *row, int field, text_test *test, const void *context)
{
	const struct subject *subject = row;
	const struct cs_coroutine *coroutine = subject->coroutine;
	const struct cs_model *model = subject->scene->now->model;
	const struct cs_runtime *runtime;

	switch (field) {
	case F_STATE:
		return test(context, cs_coroutine_state_names[coroutine->state]);
	case F_RUNTIME:
		runtime = cs_model_runtime_at(model, coroutine->runtime);
		return runtime && test(context, runtime->name);
	case F_REASON:
		return test(context, reason_of(subject->scene, coroutine));
	case F_FUNCTION:
		return any_function(subject->scene, coroutine->stack, test, context);
	case F_SPAWN:
		return any_function(subject->scene, coroutine->spawn, test, context);
	case F_NAME:
		return coroutine->name && test(context, coroutine->name);
	case F_LABEL:
		return any_label(coroutine->labels, test, context);
	default:
		return test(context, csv_words_id(model, coroutine->runtime, coroutine->number).s);
	}
}

/* Stacks, reasons, states and runtimes recur; names, labels and ids do not. */
static uint32_t field_same(const void *row, int field)
{
	const struct subject *subject = row;

	switch (field) {
	case F_STATE:
		return subject->coroutine->state + 1u;
	case F_RUNTIME:
		return subject->coroutine->runtime;
	case F_REASON:
		return subject->coroutine->reason + 1u;
	case F_FUNCTION:
		return subject->coroutine->stack;
	case F_SPAWN:
		return subject->coroutine->spawn;
	default:
		return 0;
	}
}

bool csv_coroutine_passes(const struct csv_scene *scene, struct csv_expression *filter,
                          const struct cs_coroutine *coroutine)
{
	const struct subject subject = {scene, coroutine};
	const struct csv_subject asked = {&subject, field_number, field_any, field_same};

	return csv_expression_holds(filter, &asked);
}

static bool passes(const void *context, uint32_t row)
{
	const struct csv_coroutine_rows *rows = context;

	return !rows->filter ||
	       csv_coroutine_passes(rows->scene, rows->filter, csv_coroutine_of(rows, row));
}

/* ---- search ---- */

void csv_coroutine_search_forget(struct csv_coroutine_search *search)
{
	if (search->known)
		memset(search->known, 0, search->known_count);
}

/* Stacks recur: whether the telling function of one holds the needle is found out once. */
static bool function_matches(struct csv_coroutine_search *search, const struct csv_scene *scene,
                             const struct cs_coroutine *coroutine)
{
	uint32_t node = coroutine->stack;
	bool found;

	if (node >= search->known_count) {
		size_t count = cs_model_node_count(scene->now->model) + 1;
		uint8_t *known = count > node ? realloc(search->known, count) : NULL;

		if (!known)
			return strstr(function_of(scene, coroutine), search->needle) != NULL;
		memset(known + search->known_count, 0, count - search->known_count);
		search->known = known;
		search->known_count = count;
	}
	if (search->known[node])
		return search->known[node] == 2;
	found = strstr(function_of(scene, coroutine), search->needle) != NULL;
	search->known[node] = found ? 2 : 1;
	return found;
}

static bool matches(const void *context, uint32_t row, const char *needle)
{
	const struct csv_coroutine_rows *rows = context;
	struct csv_coroutine_search *search = rows->search;
	const struct cs_coroutine *coroutine = csv_coroutine_of(rows, row);

	if (strcmp(search->needle, needle) != 0) {
		snprintf(search->needle, sizeof(search->needle), "%s", needle);
		csv_coroutine_search_forget(search);
	}
	if (function_matches(search, rows->scene, coroutine) ||
	    strstr(cs_coroutine_state_names[coroutine->state], needle) ||
	    strstr(reason_of(rows->scene, coroutine), needle) ||
	    (coroutine->name && strstr(coroutine->name, needle)))
		return true;
	/* Making an id's text is dear, and only what has a digit or a slash can be in one alone. */
	return strpbrk(needle, "/0123456789") &&
	       strstr(csv_words_id(rows->scene->now->model, coroutine->runtime, coroutine->number)
	                      .s,
	              needle);
}

struct csv_rows csv_coroutine_rows_grid(const struct csv_coroutine_rows *rows, bool tree)
{
	return (struct csv_rows){
		.context = rows,
		.count = rows->count,
		.ordered = tree,
		.identity = identity,
		.sort_key = sort_key,
		.cell = cell,
		.passes = rows->filter ? passes : NULL,
		.matches = matches,
	};
}
