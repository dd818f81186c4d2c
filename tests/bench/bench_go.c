/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at a Go process again and again through the observer, without a command around it:
 *
 *     bench_go look  PID read|freeze LOOKS    one line of JSON for each look
 *     bench_go churn PID read|freeze STACKS   the same for all, and how many stacks were wrong
 *
 * churn: the process is tests/targets/go/churn, whose stacks spell the number of their
 * goroutine, lowest bit outermost. Links the profiler's libraries.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "go/samples.h"
#include "model/coroutine.h"

#define BITS 24

struct bench {
	struct cs_model *model;
	struct cs_symbols *symbols;
	uint32_t process;
	struct cs_observation *observation;
	struct cs_observe_options options;
	uint64_t now_ns;
	uint64_t looks, stacks, whole, wrong, unstable, rejected, frozen_ns, duration_ns;
};

static void fail(const struct cs_diag *diag)
{
	fprintf(stderr, "cannot %s\n", diag->text);
	exit(1);
}

static void begin(struct bench *bench, uint32_t pid, const char *level)
{
	struct cs_process start = {.pid = pid};
	struct cs_diag diag = {0};

	bench->model = cs_model_new();
	bench->symbols = cs_symbols_new();
	bench->process = cs_model_process(bench->model, &start);
	bench->options = (struct cs_observe_options){
		.level = strcmp(level, "freeze") ? CS_LEVEL_READ : CS_LEVEL_FREEZE,
		.stacks = true,
		.threads = true,
	};
	bench->observation =
		cs_go_observer.open(pid, bench->process, bench->model, bench->symbols, &diag);
	if (!bench->observation)
		fail(&diag);
}

static struct cs_observe_result look(struct bench *bench)
{
	struct cs_observe_result result;
	struct cs_diag diag = {0};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	bench->now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	cs_model_set_now(bench->model, bench->now_ns);
	if (cs_go_observer.look(bench->observation, &bench->options, &result, &diag))
		fail(&diag);
	bench->looks++;
	bench->unstable += result.unstable;
	bench->rejected += result.rejected;
	bench->frozen_ns += result.frozen_ns;
	bench->duration_ns += result.duration_ns;
	return result;
}

/* ---- stacks that spell a number ---- */

static const char *function_of(const struct bench *bench, uint32_t node)
{
	const struct cs_name *names;
	uint32_t count =
		cs_symbols_get(bench->symbols, cs_model_node_at(bench->model, node)->frame, &names);

	return count && names[count - 1].function ? names[count - 1].function : "";
}

/*
 * 1: the stack is whole and right; 0: right as far as it goes; -1: wrong. Outermost frames are
 * those that were called first.
 */
static int check(const struct bench *bench, const struct cs_coroutine *coroutine)
{
	uint32_t nodes[1024];
	uint32_t depth = 0, bits = 0;
	bool parked = false;

	for (uint32_t node = coroutine->stack; node && depth < 1024;
	     node = cs_model_node_at(bench->model, node)->parent)
		nodes[depth++] = node;
	for (uint32_t i = depth; i-- > 0;) {
		const char *name = function_of(bench, nodes[i]);
		bool one = !strcmp(name, "main.one");

		parked |= !strcmp(name, "main.park");
		if (!one && strcmp(name, "main.zero") != 0)
			continue;
		if (bits >= BITS || (coroutine->number >> bits & 1) != one)
			return -1;
		bits++;
	}
	if (parked && bits != BITS)
		return -1;
	return parked;
}

static void check_all(struct bench *bench)
{
	uint32_t slots = cs_model_coroutine_slots(bench->model);

	for (uint32_t id = 1; id <= slots; id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(bench->model, id);
		int right;

		if (!coroutine || coroutine->observed_ns != bench->now_ns || !coroutine->stack)
			continue;
		bench->stacks++;
		right = check(bench, coroutine);
		bench->whole += right > 0;
		if (right < 0 && bench->wrong++ < 3)
			fprintf(stderr, "wrong stack of goroutine %" PRIu64 "\n",
			        coroutine->number);
	}
}

static void churn(struct bench *bench, uint64_t wanted)
{
	while (bench->stacks < wanted) {
		look(bench);
		check_all(bench);
		cs_model_sweep_coroutines(bench->model);
	}
	printf("{\"looks\": %" PRIu64 ", \"stacks\": %" PRIu64 ", \"whole\": %" PRIu64
	       ", \"wrong\": %" PRIu64 ", \"unstable\": %" PRIu64 ", \"rejected\": %" PRIu64
	       ", \"ms\": %.1f, \"frozen_ms\": %.1f}\n",
	       bench->looks, bench->stacks, bench->whole, bench->wrong, bench->unstable,
	       bench->rejected, (double)bench->duration_ns / 1e6, (double)bench->frozen_ns / 1e6);
}

static void looks(struct bench *bench, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct cs_observe_result result = look(bench);
		struct rusage usage;

		getrusage(RUSAGE_SELF, &usage);
		printf("{\"coroutines\": %" PRIu64 ", \"unstable\": %" PRIu64
		       ", \"rejected\": %" PRIu64
		       ", \"ms\": %.1f, \"frozen_ms\": %.1f, \"rss_kib\": %ld}\n",
		       result.coroutines, result.unstable, result.rejected,
		       (double)result.duration_ns / 1e6, (double)result.frozen_ns / 1e6,
		       usage.ru_maxrss);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct bench bench = {0};

	if (argc != 5)
		return 2;
	begin(&bench, (uint32_t)strtoul(argv[2], NULL, 10), argv[3]);
	if (!strcmp(argv[1], "churn"))
		churn(&bench, strtoull(argv[4], NULL, 10));
	else
		looks(&bench, strtoull(argv[4], NULL, 10));
	cs_go_observer.close(bench.observation);
	cs_symbols_free(bench.symbols);
	cs_model_free(bench.model);
	return bench.wrong != 0;
}
