/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block and mutex profiles: how long goroutines waited, by where. The runtime counts in ticks
 * of the processor's counter, which we read as well.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "go/buckets.h"
#include "go/observation.h"
#include "model/tally.h"

#define CALIBRATE_NS 20000000

static uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Since the observation was opened, which may be only now. */
static double ns_per_tick(const struct cs_observation *observation)
{
	uint64_t elapsed = clock_now() - observation->clock_ns;

	if (elapsed < CALIBRATE_NS) {
		const struct timespec wait = {.tv_nsec = (long)(CALIBRATE_NS - elapsed)};

		nanosleep(&wait, NULL);
	}
	uint64_t ticks = __builtin_ia32_rdtsc() - observation->clock_stamp;

	return ticks ? (double)(clock_now() - observation->clock_ns) / (double)ticks : 0;
}

static void tell_tally(struct cs_observation *observation, const struct cs_go_bucket *bucket,
                       enum cs_tally_kind kind, uint32_t label, double value, double count)
{
	struct cs_tally key = {
		.process = observation->process,
		.node = bucket->node,
		.label = label,
		.kind = (uint8_t)kind,
	};
	uint32_t id;

	if (!bucket->node || !(value >= 0 && value < 9e18) || !(count >= 0 && count < 9e18))
		return;
	id = cs_model_tally(observation->model, &key);
	if (id)
		cs_model_tally_set(observation->model, id, (uint64_t)llround(value),
		                   (uint64_t)llround(count));
}

static int tell_list(struct cs_observation *observation, uint64_t head, enum cs_go_bucket_type type,
                     const char *name, double scale)
{
	struct cs_go_buckets buckets;
	int error = cs_go_buckets_read(&buckets, observation->go, &observation->names, head, type);
	uint32_t label = error || !buckets.count ? 0 : cs_model_text(observation->model, name);
	double ns = label ? ns_per_tick(observation) : 0;

	for (size_t i = 0; label && i < buckets.count; i++) {
		const struct cs_go_bucket *bucket = &buckets.at[i];
		double count;

		memcpy(&count, bucket->record, sizeof(count));
		double cycles = (double)(int64_t)cs_go_u64(bucket->record, 8);

		tell_tally(observation, bucket, CS_TALLY_DELAY, label, cycles * ns * scale,
		           count * scale);
		tell_tally(observation, bucket, CS_TALLY_CONTENTIONS, label, count * scale,
		           count * scale);
	}
	cs_go_buckets_free(&buckets);
	return error;
}

static uint64_t tell_rate(struct cs_observation *observation, uint64_t variable, const char *name,
                          enum cs_unit unit)
{
	uint32_t figure = cs_model_figure(observation->model, observation->process, name, unit);
	uint64_t rate = 0;

	if (figure && variable && cs_go_read_u64(&observation->go->memory, variable, &rate))
		cs_model_figure_set(observation->model, figure, (double)rate);
	return rate;
}

int cs_go_delays_tell(struct cs_observation *observation)
{
	const struct cs_go_variables *variables = &observation->go->variables;
	uint64_t fraction = tell_rate(observation, variables->mutex_rate,
	                              "go.profile.mutex_fraction", CS_UNIT_COUNT);
	/* Up to 1.19 a record counts once, and readers multiply. */
	double scale = observation->go->behaves_as <= 19 && fraction ? (double)fraction : 1;

	tell_rate(observation, variables->block_rate, "go.profile.block_rate", CS_UNIT_COUNT);
	int error =
		tell_list(observation, variables->block_buckets, CS_GO_BUCKETS_BLOCK, "block", 1);

	return error ? error
	             : tell_list(observation, variables->mutex_buckets, CS_GO_BUCKETS_MUTEX,
	                         "mutex", scale);
}
