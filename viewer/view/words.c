/* SPDX-License-Identifier: Apache-2.0 */
/* Texts come back by value, and what is CS_UNKNOWN never reads as a number. */
#include "view/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct cs_text unknown = {"?"};

struct cs_text csv_words_id(const struct cs_model *model, uint32_t runtime, uint64_t number)
{
	const struct cs_runtime *known = cs_model_runtime_at(model, runtime);
	struct cs_text text;

	if (!known)
		return unknown;
	snprintf(text.s, sizeof(text.s), "%.16s/%" PRIu64, known->name, number);
	return text;
}

struct cs_text csv_words_duration(uint64_t ns)
{
	return ns == CS_UNKNOWN ? unknown : cs_text_duration(ns);
}

struct cs_text csv_words_bytes(uint64_t bytes)
{
	return bytes == CS_UNKNOWN ? unknown : cs_text_bytes((double)bytes);
}

struct cs_text csv_words_count(uint64_t count)
{
	return count == CS_UNKNOWN ? unknown : cs_text_count((double)count);
}

struct cs_text csv_words_short_duration(uint64_t ns)
{
	uint64_t s = ns / 1000000000;
	struct cs_text text;

	if (ns == CS_UNKNOWN)
		return unknown;
	if (ns < 1000)
		snprintf(text.s, sizeof(text.s), "%" PRIu64 "ns", ns);
	else if (ns < 1000000)
		snprintf(text.s, sizeof(text.s), "%.0fus", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(text.s, sizeof(text.s), "%.0fms", (double)ns / 1e6);
	else if (s < 60)
		snprintf(text.s, sizeof(text.s), "%.1fs", (double)ns / 1e9);
	else if (s < 3600)
		snprintf(text.s, sizeof(text.s), "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text.s, sizeof(text.s), "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
		         s / 60 % 60);
	else
		snprintf(text.s, sizeof(text.s), "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
		         s / 3600 % 24);
	return text;
}

struct cs_text csv_words_short_bytes(double bytes)
{
	static const char units[] = "BKMGTPE";
	struct cs_text text;
	unsigned unit = 0;

	if (isnan(bytes))
		return unknown;
	while (unit < 6 && fabs(bytes) >= 1023.95) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text.s, sizeof(text.s), unit ? "%.1f%c" : "%.0f%c", bytes + 0.0, units[unit]);
	return text;
}

struct cs_text csv_words_metric(enum cs_metric metric, double value)
{
	const char *unit = cs_metric_info[metric].unit;

	if (isnan(value))
		return unknown;
	if (!strcmp(unit, "bytes"))
		return cs_text_bytes(value);
	if (!strcmp(unit, "ns"))
		return cs_text_duration(value > 0 ? (uint64_t)value : 0);
	return cs_text_count(value);
}

struct cs_text csv_words_metric_change(enum cs_metric metric, double value)
{
	const char *unit = cs_metric_info[metric].unit;
	struct cs_text text;

	if (isnan(value))
		return unknown;
	if (!strcmp(unit, "bytes"))
		return cs_text_bytes_change(value);
	if (strcmp(unit, "ns") != 0)
		return cs_text_count_change(value);
	snprintf(text.s, sizeof(text.s), "%c%.30s", value < 0 ? '-' : '+',
	         cs_text_duration((uint64_t)fabs(value)).s);
	return text;
}

/* ---- coroutines ---- */

/* Times before the recording are negative. */
static uint64_t between(uint64_t from_ns, uint64_t to_ns)
{
	if (from_ns == CS_UNKNOWN)
		return CS_UNKNOWN;
	return (int64_t)(to_ns - from_ns) > 0 ? to_ns - from_ns : 0;
}

uint64_t csv_coroutine_wait_ns(const struct cs_coroutine *coroutine, uint64_t now_ns)
{
	return between(coroutine->since_ns, now_ns);
}

uint64_t csv_coroutine_age_ns(const struct cs_coroutine *coroutine, uint64_t now_ns)
{
	return between(coroutine->created_ns, now_ns);
}

static struct cs_text at_least(uint64_t value, bool open, csv_duration_form *form)
{
	struct cs_text exact = form(value), text;

	if (!open || value == CS_UNKNOWN)
		return exact;
	snprintf(text.s, sizeof(text.s), ">%.30s", exact.s);
	return text;
}

struct cs_text csv_coroutine_wait_text(const struct cs_coroutine *coroutine, uint64_t now_ns,
                                       csv_duration_form *form)
{
	return at_least(csv_coroutine_wait_ns(coroutine, now_ns),
	                coroutine->since_after_ns == CS_UNKNOWN, form);
}

struct cs_text csv_coroutine_age_text(const struct cs_coroutine *coroutine, uint64_t now_ns,
                                      csv_duration_form *form)
{
	return at_least(csv_coroutine_age_ns(coroutine, now_ns),
	                coroutine->created_after_ns == CS_UNKNOWN, form);
}

struct cs_text csv_switches_text(uint64_t switches, const struct cs_coroutine *of)
{
	return at_least(switches, of->flags & CS_COROUTINE_UNTOLD, csv_words_count);
}

double csv_thread_share(const struct csv_scene *scene, uint32_t thread)
{
	const struct cs_thread *now = cs_model_thread_at(scene->now->model, thread);

	return !now || now->share_ppm == CS_UNKNOWN ? NAN : (double)now->share_ppm / 1e6;
}

enum csv_role csv_role_of_state(enum cs_coroutine_state state)
{
	static const enum csv_role roles[CS_COROUTINE_STATES] = {
		[CS_COROUTINE_UNKNOWN] = CSV_ROLE_FAINT,
		[CS_COROUTINE_NEW] = CSV_ROLE_RUNNABLE,
		[CS_COROUTINE_RUNNABLE] = CSV_ROLE_RUNNABLE,
		[CS_COROUTINE_RUNNING] = CSV_ROLE_RUNNING,
		[CS_COROUTINE_WAITING] = CSV_ROLE_WAITING,
		[CS_COROUTINE_SYSCALL] = CSV_ROLE_SYSCALL,
		[CS_COROUTINE_DEAD] = CSV_ROLE_FAINT,
	};

	return state < CS_COROUTINE_STATES ? roles[state] : CSV_ROLE_FAINT;
}

/* How functions begin through which runtimes park; those that wait call them. */
static const char *const parking[] = {
	"runtime.",      "internal/poll.", "sync.runtime_", "boost::fibers::", "boost::context",
	"jump_fcontext", "ontop_fcontext", "make_fcontext", "swapcontext",     "_st_",
	"st_",           "pth_",           "__pth_",        "__sigsetjmp",     "qemu_coroutine_",
	"lua_yieldk",
};

/* Templates of C++ are named with what they return before them: "void boost::fibers::…". */
static bool names_parking(const char *function)
{
	size_t end = strcspn(function, "(<");

	for (size_t at = 0; at < end; at += strcspn(function + at, " ") + 1)
		for (size_t i = 0; i < sizeof(parking) / sizeof(*parking); i++)
			if (!strncmp(function + at, parking[i], strlen(parking[i])))
				return true;
	return false;
}

/* What is inlined out of a runtime's headers has no name that would tell. */
static bool is_from_headers(const struct cs_call *call)
{
	return call->file &&
	       (strstr(call->file, "/boost/fiber/") || strstr(call->file, "/boost/context/"));
}

static bool is_parking(const struct cs_call *call)
{
	return call->mark || !call->named || names_parking(call->function) || is_from_headers(call);
}

const struct cs_call *csv_telling_call(const struct cs_stack *stack)
{
	for (const struct cs_stack *at = stack; at; at = at->caller)
		if (!is_parking(at->call))
			return at->call;
	return stack ? cs_stack_self(stack) : NULL;
}

size_t csv_words_call(const struct cs_call *call, char *text, size_t bytes)
{
	bool nameless = call->file && !strncmp(call->function, "operator()", strlen("operator()"));
	int length = nameless ? snprintf(text, bytes, "%s %s:%" PRIu32, call->function,
	                                 cs_text_basename(call->file), call->line)
	                      : snprintf(text, bytes, "%s", call->function);

	return length > 0 ? (size_t)length : 0;
}
