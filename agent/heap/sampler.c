/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gaps, the filter, and the table of live samples: cache lines of eight addresses; an address
 * lives in one of LINES_TRIED lines after its hash. Lock-free: a slot is taken and given back
 * by compare-and-swap, and only the thread that frees a block looks for its address.
 */
#include "heap/sampler.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "core/agent.h"
#include "core/sys.h"

#define LINE 8u
#define LINES_TRIED 4u
#define SPARSE_LINES (UINT64_C(1) << 13) /* 64 Ki samples: 32 GiB live at the default mean */
#define DENSE_LINES (UINT64_C(1) << 16)  /* 512 Ki samples, 4 MiB */
#define DENSE_MEAN UINT64_C(65536)
#define STICKY 255u
#define NEVER (INT64_MAX / 2)

/* So many samples live at once, and the filter takes more cache lines. */
#define FEW_LIVE 256

size_t csa_large_bytes = SIZE_MAX;
struct csa_filter csa_filter = {.mask = CSA_FILTER_FEW};

static struct {
	_Atomic uintptr_t *table;
	uint64_t lines;
	double mean;
	uint64_t seed;
	_Atomic uint64_t threads;
	_Atomic uint32_t stopped;
	_Atomic int64_t live;
} sampler;

/* ---- randomness ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t next_random(uint64_t *state)
{
	return mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

static void seed_thread(void)
{
	uint64_t number = atomic_fetch_add(&sampler.threads, 1) + 1;
	uint64_t seed = sampler.seed;

	if (!seed)
		seed = csa_stamp() ^ (uintptr_t)&csa_tls ^ (uint64_t)csa_sys0(SYS_gettid) << 40;
	csa_tls.random = mix(seed ^ number * UINT64_C(0xd1342543de82ef95)) | 1;
}

/* ln(x) for a normal x > 0, without libm: x = m * 2^e, ln m by the series of atanh. */
static double natural_log(double x)
{
	uint64_t bits;
	double mantissa, s, square, sum = 0;

	memcpy(&bits, &x, sizeof(bits));
	int64_t exponent = (int64_t)(bits >> 52) - 1023;

	bits = (bits & UINT64_C(0xfffffffffffff)) | UINT64_C(1023) << 52;
	memcpy(&mantissa, &bits, sizeof(mantissa));
	s = (mantissa - 1.4142135623730951) / (mantissa + 1.4142135623730951);
	square = s * s;
	for (int n = 15; n >= 1; n -= 2)
		sum = sum * square + 1.0 / n;
	return (double)exponent * 0.6931471805599453 + 0.34657359027997264 + 2 * s * sum;
}

/* At least 1: a gap of 0 would record one block twice. */
static int64_t draw_gap(void)
{
	double uniform = ((double)(next_random(&csa_tls.random) >> 12) + 0.5) * 0x1p-52;
	double gap = -natural_log(uniform) * sampler.mean;

	return gap < 0x1p61 ? (int64_t)gap + 1 : INT64_C(1) << 61;
}

/* Recording is off for good: calls become unconditional forwards again. */
static void stop(void)
{
	csa_tls.bytes_left = NEVER;
	csa_large_bytes = SIZE_MAX;
	if (!atomic_exchange(&sampler.stopped, 1))
		memset(csa_filter.counts, 0, sizeof(csa_filter.counts));
}

bool csa_sampler_due(size_t size)
{
	struct csa_tls *tls = &csa_tls;
	int64_t take = csa_bytes_taken(size);

	if (tls->bytes_left > 0) /* it is no more than large */
		return false;
	if (tls->inside) { /* an allocator's own nested call: counted by the outer one */
		tls->bytes_left += take;
		return false;
	}
	if (!csa_agent_on() && !csa_agent_start()) {
		if (atomic_load(&csa_agent.state) == CSA_OFF)
			tls->bytes_left = NEVER;
		else
			tls->bytes_left = 0;
		if (csa_agent.session && !atomic_load(&csa_agent.session->enabled))
			stop();
		return false;
	}
	if (csa_agent.exact) {
		tls->bytes_left = 0;
		return true;
	}
	if (!csa_agent.heap) {
		tls->bytes_left = NEVER;
		return false;
	}
	if (!tls->random) { /* the thread's first call: no gap had been drawn */
		seed_thread();
		tls->bytes_left = draw_gap() - take;
		if (tls->bytes_left > 0)
			return false;
	}
	tls->bytes_left = draw_gap();
	return true;
}

void csa_sampler_reseed(void)
{
	sampler.seed = sampler.seed ? mix(sampler.seed ^ (uint64_t)csa_sys0(SYS_getpid)) : 0;
	csa_tls.random = 0;
	csa_tls.bytes_left = 0;
}

int csa_sampler_start(uint64_t mean, uint64_t seed)
{
	if (mean == CS_HEAP_ALL) {
		csa_filter.counts[0] = STICKY;
		csa_filter.mask = 0;
		return 0;
	}
	if (mean == CS_HEAP_OFF)
		return 0;
	sampler.live = 0;
	sampler.mean = (double)mean;
	sampler.seed = seed;
	sampler.lines = mean < DENSE_MEAN ? DENSE_LINES : SPARSE_LINES;
	sampler.table = csa_map((sampler.lines + LINES_TRIED) * LINE * sizeof(uintptr_t));
	return sampler.table ? 0 : -ENOMEM;
}

/* ---- live samples ---- */

/* NOLINTNEXTLINE(readability-non-const-parameter): written by the exchange */
static void count_up(uint8_t *count)
{
	uint8_t have = __atomic_load_n(count, __ATOMIC_RELAXED);

	while (have != STICKY && !__atomic_compare_exchange_n(count, &have, have + 1, true,
	                                                      __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

/* A counter that ever was full is never lowered: it has forgotten its number. */
/* NOLINTNEXTLINE(readability-non-const-parameter): written by the exchange */
static void count_down(uint8_t *count)
{
	uint8_t have = __atomic_load_n(count, __ATOMIC_RELAXED);

	while (have != STICKY && have != 0 &&
	       !__atomic_compare_exchange_n(count, &have, have - 1, true, __ATOMIC_RELEASE,
	                                    __ATOMIC_RELAXED))
		;
}

void csa_filter_add(const void *block)
{
	uint32_t hash = csa_filter_hash(block);

	count_up(&csa_filter.counts[hash & CSA_FILTER_FEW]);
	count_up(&csa_filter.counts[hash]);
	/* In exact mode every free is seen, also where coroutines' stacks are followed. */
	if (atomic_fetch_add_explicit(&sampler.live, 1, memory_order_relaxed) >= FEW_LIVE &&
	    __atomic_load_n(&csa_filter.mask, __ATOMIC_RELAXED) != 0)
		__atomic_store_n(&csa_filter.mask, CSA_FILTER_BYTES - 1, __ATOMIC_RELAXED);
}

void csa_filter_remove(const void *block)
{
	uint32_t hash = csa_filter_hash(block);

	count_down(&csa_filter.counts[hash & CSA_FILTER_FEW]);
	count_down(&csa_filter.counts[hash]);
	atomic_fetch_sub_explicit(&sampler.live, 1, memory_order_relaxed);
}

static _Atomic uintptr_t *first_slot(uintptr_t address)
{
	uint64_t hash = (address >> 4) * UINT64_C(0x9e3779b97f4a7c15);

	return sampler.table + (hash >> 32) % sampler.lines * LINE;
}

static bool swap_slot(uintptr_t address, uintptr_t from, uintptr_t to)
{
	_Atomic uintptr_t *slot = first_slot(address);

	for (unsigned i = 0; i < LINES_TRIED * LINE; i++) {
		uintptr_t have = from;

		if (atomic_load_explicit(&slot[i], memory_order_relaxed) == from &&
		    atomic_compare_exchange_strong(&slot[i], &have, to))
			return true;
	}
	return false;
}

bool csa_live_add(const void *block)
{
	if (!swap_slot((uintptr_t)block, 0, (uintptr_t)block))
		return false;
	csa_filter_add(block);
	return true;
}

bool csa_live_remove(const void *block)
{
	if (!sampler.table || !swap_slot((uintptr_t)block, (uintptr_t)block, 0))
		return false;
	csa_filter_remove(block);
	return true;
}
