/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU samples of processes, taken by the kernel: a clock that runs while a thread runs
 * interrupts it every 1/HZ seconds of its CPU time, and what it was doing goes into a ring.
 * Nothing of ours runs in the target, which needs neither restart nor cooperation.
 *
 * The clock is the kernel's software one: it is there in virtual machines and containers,
 * needs no counter that others may hold, and each sample stands for the same time exactly.
 *
 * One event for each thread and CPU, with `inherit`: threads (and, unless THREADS_ONLY,
 * processes) that come later are covered by the kernel itself. All events of a CPU share one
 * ring. One thread calls all of this.
 */
#ifndef CS_KERNEL_PERF_EVENTS_H
#define CS_KERNEL_PERF_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "kernel/perf_record.h"

#define CS_PERF_HZ_DEFAULT 99u /* not in step with what happens a hundred times a second */
#define CS_PERF_HZ_MAX 10000u

struct cs_perf_options {
	uint32_t hz;          /* 1 … CS_PERF_HZ_MAX */
	uint32_t stack_bytes; /* copied of a thread's stack; 0 none; a multiple of 8 */
	bool threads_only;    /* not the processes that it starts */
};

struct cs_perf;

/* NULL with DIAG: the kernel does not allow it, and what to do about that. Attached to nobody. */
struct cs_perf *cs_perf_new(const struct cs_perf_options *options, struct cs_diag *diag);
void cs_perf_free(struct cs_perf *perf);

/*
 * From now on: all threads of PID. 0, or -errno with DIAG; nothing is attached then. Too many
 * threads for the limit of open files: as many as can be, see cs_perf_counts. May be asked
 * again, for threads that can't have inherited; drain before that.
 */
int cs_perf_attach(struct cs_perf *perf, uint32_t pid, struct cs_diag *diag);
/* PID waits to be let go, with one thread; it is sampled from its exec on. */
int cs_perf_attach_exec(struct cs_perf *perf, uint32_t pid, struct cs_diag *diag);

/* Each sample once, those of one CPU in order of time. Pointers hold for the call. */
typedef void cs_perf_sample_visit(void *context, const struct cs_perf_sample *sample);
void cs_perf_drain(struct cs_perf *perf, cs_perf_sample_visit *visit, void *context);

struct cs_perf_counts {
	uint64_t samples;
	uint64_t lost; /* records that found the ring full */
	uint64_t damaged;
	uint64_t throttled;  /* times that the kernel found it too much */
	uint32_t threads;    /* attached by us; others inherit */
	uint32_t unattached; /* threads that could not be */
	bool user_only;      /* the kernel shows only time in user code */
};
void cs_perf_counts(const struct cs_perf *perf, struct cs_perf_counts *counts);

/* CPU time that one sample stands for. */
uint64_t cs_perf_period_ns(const struct cs_perf *perf);

/* Whether this machine lets us: 0, or -errno with DIAG. For doctor, and for defaults. */
int cs_perf_probe(struct cs_diag *diag);

#endif
