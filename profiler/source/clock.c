/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs are kept for the whole session: when the table is full, every other one of its older
 * half is dropped. What falls on a line that has changed that way moves by less than the
 * clock was slewed there.
 */
#include "source/clock.h"

#include <string.h>
#include <time.h>
#include <x86intrin.h>

/* Between two pairs; shorter at the start, where the rate is not well known yet. */
#define GAP_NS UINT64_C(100000000)
#define FIRST_GAP_NS UINT64_C(1000000)

static uint64_t read_clock(clockid_t id)
{
	struct timespec time;

	clock_gettime(id, &time);
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

uint64_t cs_clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t cs_clock_used_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

uint64_t cs_clock_tsc(void)
{
	return __rdtsc();
}

uint64_t cs_clock_stamp(uint32_t kind)
{
	return kind == CS_CLOCK_MONOTONIC ? cs_clock_monotonic_ns() : cs_clock_tsc();
}

/* The best of some tries: the reading that was interrupted the least. */
static struct cs_clock_pair measure(void)
{
	struct cs_clock_pair best = {0};
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < 4; i++) {
		uint64_t before = __rdtsc();
		uint64_t ns = cs_clock_monotonic_ns();
		uint64_t after = __rdtsc();

		if (after - before < best_width) {
			best_width = after - before;
			best.stamp = before + (after - before) / 2;
			best.mono_ns = ns;
		}
	}
	return best;
}

static void thin(struct cs_clock *clock)
{
	uint32_t half = CS_CLOCK_PAIRS / 2;
	uint32_t kept = 1;

	for (uint32_t i = 2; i < half; i += 2)
		clock->pairs[kept++] = clock->pairs[i];
	memmove(&clock->pairs[kept], &clock->pairs[half],
	        (clock->count - half) * sizeof(clock->pairs[0]));
	clock->count = kept + clock->count - half;
}

void cs_clock_add(struct cs_clock *clock, uint64_t stamp, uint64_t mono_ns)
{
	const struct cs_clock_pair *last = &clock->pairs[clock->count - 1];

	if (stamp <= last->stamp || mono_ns <= last->mono_ns)
		return;
	if (clock->count == CS_CLOCK_PAIRS)
		thin(clock);
	clock->pairs[clock->count++] = (struct cs_clock_pair){stamp, mono_ns};
	clock->line_end = clock->line_stamp = 0; /* look it up again */
}

void cs_clock_start(struct cs_clock *clock)
{
	memset(clock, 0, sizeof(*clock));
	clock->pairs[0] = measure();
	clock->count = 1;
	clock->mono_start_ns = clock->pairs[0].mono_ns;
	clock->wall_start_ns = read_clock(CLOCK_REALTIME);
}

void cs_clock_set_start(struct cs_clock *clock, uint64_t mono_start_ns)
{
	clock->wall_start_ns -= clock->mono_start_ns - mono_start_ns;
	clock->mono_start_ns = mono_start_ns;
}

void cs_clock_resume(struct cs_clock *clock, uint64_t mono_start_ns, uint64_t wall_start_ns,
                     uint64_t stamp)
{
	memset(clock, 0, sizeof(*clock));
	clock->pairs[0] = (struct cs_clock_pair){stamp, mono_start_ns};
	clock->count = 1;
	clock->mono_start_ns = mono_start_ns;
	clock->wall_start_ns = wall_start_ns;
	cs_clock_tick(clock);
}

void cs_clock_tick(struct cs_clock *clock)
{
	const struct cs_clock_pair *last = &clock->pairs[clock->count - 1];
	uint64_t gap = FIRST_GAP_NS + (last->mono_ns - clock->mono_start_ns);

	if (gap > GAP_NS)
		gap = GAP_NS;
	if (cs_clock_monotonic_ns() - last->mono_ns < gap)
		return;
	struct cs_clock_pair pair = measure();
	cs_clock_add(clock, pair.stamp, pair.mono_ns);
}

uint64_t cs_clock_now_ns(const struct cs_clock *clock)
{
	return cs_clock_monotonic_ns() - clock->mono_start_ns;
}

/* Two pairs at least: a rate can be told. */
static void need_rate(struct cs_clock *clock)
{
	while (clock->count < 2) {
		struct cs_clock_pair pair = measure();

		if (pair.mono_ns - clock->mono_start_ns > FIRST_GAP_NS / 10)
			cs_clock_add(clock, pair.stamp, pair.mono_ns);
	}
}

/* Index of the last pair at or before STAMP that has one behind it. */
static uint32_t find_line(const struct cs_clock *clock, uint64_t stamp)
{
	uint32_t low = 0;
	uint32_t high = clock->count - 1;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (clock->pairs[middle].stamp <= stamp)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint64_t cs_clock_ns_slow(struct cs_clock *clock, uint64_t stamp)
{
	need_rate(clock);
	uint32_t index = find_line(clock, stamp);
	const struct cs_clock_pair *from = &clock->pairs[index];
	const struct cs_clock_pair *to = from + 1;

	if (stamp < from->stamp)
		return 0;
	clock->line_stamp = from->stamp;
	/* The last line goes on, as far as 128-bit products and sense allow. */
	clock->line_end = index + 2 == clock->count ? UINT64_MAX : to->stamp;
	clock->line_ns = from->mono_ns - clock->mono_start_ns;
	clock->line_rate = (uint64_t)((((unsigned __int128)(to->mono_ns - from->mono_ns)) << 32) /
	                              (to->stamp - from->stamp));
	return clock->line_ns +
	       (uint64_t)(((unsigned __int128)(stamp - from->stamp) * clock->line_rate) >> 32);
}

uint64_t cs_clock_span(struct cs_clock *clock, uint32_t kind, uint64_t ns)
{
	if (kind == CS_CLOCK_MONOTONIC)
		return ns;
	need_rate(clock);
	const struct cs_clock_pair *first = &clock->pairs[0];
	const struct cs_clock_pair *last = &clock->pairs[clock->count - 1];

	return (uint64_t)((unsigned __int128)ns * (last->stamp - first->stamp) /
	                  (last->mono_ns - first->mono_ns));
}
