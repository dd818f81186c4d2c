/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that appears while others are being attached may be covered twice: by an event that
 * it inherited and by its own. Samples say which event they are of, so those of a thread that
 * was opened here are taken from its own event only; each moment counts once.
 */
#include "kernel/perf_events.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/index.h"
#include "base/list.h"
#include "kernel/perf_open.h"
#include "kernel/perf_ring.h"

#define CPUS_MAX 4096u
/* A ring holds what a CPU that is busy all the time gives in this time. */
#define RING_NS UINT64_C(500000000)
#define RING_MIN (UINT64_C(32) << 10)
#define RING_MAX (UINT64_C(4) << 20)
/* A sample with a full chain of 127 frames and all registers. */
#define SAMPLE_BYTES 1280u
/* Threads that come while we attach are looked for again, this many times at most. */
#define SCANS_MAX 16u

struct thread {
	uint32_t tid;
	bool ending, ended;
};

struct event {
	int fd;
	uint32_t thread; /* index of it */
	uint64_t id;
};

struct cs_perf {
	struct cs_perf_options options;
	struct cs_perf_counts counts;
	uint32_t *cpus;
	uint32_t cpu_count;
	struct cs_perf_ring **rings; /* one for each CPU; NULL as long as it has no event */
	int *owners;                 /* the event that a CPU's ring belongs to */
	uint64_t ring_bytes;
	struct cs_list threads; /* opened by us */
	struct cs_index by_tid; /* index in threads, plus 1 */
	struct cs_list events;
	uint32_t ending;             /* threads whose end was seen in the drain that runs */
	cs_perf_sample_visit *visit; /* of the drain that runs */
	void *context;
};

/* ---- rings ---- */

static uint64_t choose_ring_bytes(const struct cs_perf_options *options)
{
	uint64_t sample = SAMPLE_BYTES + options->stack_bytes;
	uint64_t wanted = sample * options->hz / 1000 * (RING_NS / 1000000);
	uint64_t bytes = RING_MIN;

	while (bytes < wanted && bytes < RING_MAX)
		bytes *= 2;
	return bytes;
}

/* The kernel gives users without privileges little memory for rings: less will have to do. */
static struct cs_perf_ring *map_ring(struct cs_perf *perf, int fd, int *error)
{
	struct cs_perf_ring *ring = calloc(1, sizeof(*ring));
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = MAP_FAILED;

	*error = -ENOMEM;
	if (!ring)
		return NULL;
	for (; perf->ring_bytes >= page; perf->ring_bytes /= 2) {
		memory = mmap(NULL, page + perf->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		              0);
		if (memory != MAP_FAILED)
			break;
		*error = -errno;
		if (errno != EPERM && errno != ENOMEM)
			break;
	}
	if (memory == MAP_FAILED) {
		perf->ring_bytes = choose_ring_bytes(&perf->options);
		free(ring);
		return NULL;
	}
	ring->page = memory;
	ring->data = (const uint8_t *)memory + page;
	ring->bytes = perf->ring_bytes;
	return ring;
}

static void unmap_ring(struct cs_perf_ring *ring)
{
	if (!ring)
		return;
	munmap(ring->page, (size_t)(ring->data - (const uint8_t *)ring->page) + ring->bytes);
	free(ring);
}

static int join_ring(struct cs_perf *perf, uint32_t cpu, int fd)
{
	int error = 0;

	if (perf->rings[cpu])
		return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, perf->owners[cpu]) ? -errno : 0;
	perf->rings[cpu] = map_ring(perf, fd, &error);
	if (!perf->rings[cpu])
		return error;
	perf->owners[cpu] = fd;
	return 0;
}

/* ---- threads ---- */

static uint32_t find_thread(const struct cs_perf *perf, uint32_t tid)
{
	struct cs_probe probe = cs_index_probe(&perf->by_tid, cs_hash_u64(tid));
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		const struct thread *thread = cs_list_at(&perf->threads, id - 1);

		if (thread->tid == tid && !thread->ended)
			return id;
	}
	return 0;
}

static int add_event(struct cs_perf *perf, uint32_t thread, uint32_t cpu, int fd)
{
	struct event *event = cs_list_push(&perf->events);

	if (!event)
		return -ENOMEM;
	event->fd = fd;
	event->thread = thread;
	if (ioctl(fd, PERF_EVENT_IOC_ID, &event->id))
		return -errno;
	return join_ring(perf, cpu, fd);
}

/* The last events are taken back: those of a thread that can't be attached on every CPU. */
static void drop_events(struct cs_perf *perf, uint32_t from)
{
	for (uint32_t i = from; i < perf->events.count; i++) {
		struct event *event = cs_list_at(&perf->events, i);

		for (uint32_t cpu = 0; cpu < perf->cpu_count; cpu++) {
			if (!perf->rings[cpu] || perf->owners[cpu] != event->fd)
				continue;
			unmap_ring(perf->rings[cpu]);
			perf->rings[cpu] = NULL;
			perf->owners[cpu] = -1;
		}
		close(event->fd);
		event->fd = -1;
		event->id = 0;
	}
}

static int open_on_cpus(struct cs_perf *perf, uint32_t thread, uint32_t tid, bool on_exec)
{
	struct cs_perf_want want = {&perf->options, on_exec, perf->counts.user_only};
	int error = -ENODEV;

	for (uint32_t cpu = 0; cpu < perf->cpu_count; cpu++) {
		int fd = cs_perf_open(&want, tid, (int)perf->cpus[cpu]);

		/* Users without privileges may see user code only. */
		if ((fd == -EACCES || fd == -EPERM) && !want.user_only) {
			want.user_only = true;
			fd = cs_perf_open(&want, tid, (int)perf->cpus[cpu]);
		}
		if (fd == -ENODEV) /* a CPU that has gone since it was listed */
			continue;
		if (fd < 0)
			return fd;
		error = add_event(perf, thread, cpu, fd);
		if (error)
			return error;
	}
	perf->counts.user_only = want.user_only;
	return error;
}

/* 0, or -errno: the thread is not attached at all. */
static int attach_thread(struct cs_perf *perf, uint32_t tid, bool on_exec)
{
	uint32_t first = perf->events.count;
	struct thread *thread = cs_list_push(&perf->threads);
	int error;

	if (!thread || cs_index_add(&perf->by_tid, cs_hash_u64(tid), perf->threads.count))
		return -ENOMEM;
	thread->tid = tid;
	error = open_on_cpus(perf, perf->threads.count, tid, on_exec);
	if (error) {
		thread->ended = true;
		drop_events(perf, first);
		return error;
	}
	perf->counts.threads++;
	return 0;
}

/* ---- processes ---- */

struct scan {
	uint32_t known, attached, missed;
	int error; /* the first one */
};

static void attach_new(struct cs_perf *perf, DIR *tasks, struct scan *scan)
{
	struct dirent *entry;

	while ((entry = readdir(tasks))) {
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		int error;

		if (!tid)
			continue;
		if (find_thread(perf, tid)) {
			scan->known++;
			continue;
		}
		error = attach_thread(perf, tid, false);
		scan->attached += error == 0;
		if (!error || error == -ESRCH) /* it ended */
			continue;
		scan->missed++;
		scan->error = scan->error ? scan->error : error;
	}
}

int cs_perf_attach(struct cs_perf *perf, uint32_t pid, struct cs_diag *diag)
{
	struct scan scan = {0};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	for (unsigned i = 0; i < SCANS_MAX; i++) {
		DIR *tasks = opendir(path);

		if (!tasks)
			break;
		scan = (struct scan){0};
		attach_new(perf, tasks, &scan);
		closedir(tasks);
		if (!scan.attached || scan.missed)
			break;
	}
	perf->counts.unattached += scan.missed;
	if (scan.known + scan.attached > 0)
		return 0;
	return cs_perf_explain(scan.error ? scan.error : -ESRCH, pid, diag);
}

int cs_perf_attach_exec(struct cs_perf *perf, uint32_t pid, struct cs_diag *diag)
{
	int error = attach_thread(perf, pid, true);

	return error ? cs_perf_explain(error, pid, diag) : 0;
}

/* ---- draining ---- */

/* Of the thread's own event if it has one, else of any: see above. */
static bool is_of_own_event(const struct cs_perf *perf, const struct cs_perf_sample *sample)
{
	uint32_t thread = find_thread(perf, sample->tid);

	if (!thread)
		return true;
	/* Events of a thread lie together; there are as many as CPUs, so this is short. */
	uint32_t low = 0, high = perf->events.count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct event *event = cs_list_at(&perf->events, middle);

		if (event->thread < thread)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < perf->events.count; low++) {
		const struct event *event = cs_list_at(&perf->events, low);

		if (event->thread != thread)
			return false;
		if (event->id == sample->id)
			return true;
	}
	return false;
}

/* Its number may come again; but samples of it may still be in other CPUs' rings. */
static void note_end(struct cs_perf *perf, uint32_t tid)
{
	uint32_t id = find_thread(perf, tid);

	if (!id || ((struct thread *)cs_list_at(&perf->threads, id - 1))->ending)
		return;
	((struct thread *)cs_list_at(&perf->threads, id - 1))->ending = true;
	perf->ending++;
}

static void forget_ended(struct cs_perf *perf)
{
	for (uint32_t i = 0; i < perf->threads.count && perf->ending; i++) {
		struct thread *thread = cs_list_at(&perf->threads, i);

		if (!thread->ending || thread->ended)
			continue;
		thread->ended = true;
		perf->ending--;
	}
}

static void visit_record(void *context, const uint8_t *bytes, uint32_t size)
{
	struct cs_perf *perf = context;
	struct cs_perf_record record;

	cs_perf_decode(bytes, size, perf->options.stack_bytes != 0, &record);
	switch (record.kind) {
	case CS_PERF_SAMPLE:
		if (!is_of_own_event(perf, &record.sample))
			break;
		perf->counts.samples++;
		perf->visit(perf->context, &record.sample);
		break;
	case CS_PERF_LOST:
		perf->counts.lost += record.lost;
		break;
	case CS_PERF_EXIT:
		note_end(perf, record.tid);
		break;
	case CS_PERF_THROTTLED:
		perf->counts.throttled++;
		break;
	case CS_PERF_DAMAGED:
		perf->counts.damaged++;
		break;
	case CS_PERF_OTHER:
		break;
	}
}

void cs_perf_drain(struct cs_perf *perf, cs_perf_sample_visit *visit, void *context)
{
	perf->visit = visit;
	perf->context = context;
	for (uint32_t cpu = 0; cpu < perf->cpu_count; cpu++)
		if (perf->rings[cpu])
			cs_perf_ring_drain(perf->rings[cpu], visit_record, perf);
	forget_ended(perf);
}

/* ---- life and questions ---- */

static bool make_cpus(struct cs_perf *perf)
{
	perf->cpus = calloc(CPUS_MAX, sizeof(*perf->cpus));
	perf->rings = calloc(CPUS_MAX, sizeof(struct cs_perf_ring *));
	perf->owners = calloc(CPUS_MAX, sizeof(*perf->owners));
	if (!perf->cpus || !perf->rings || !perf->owners)
		return false;
	perf->cpu_count = cs_perf_cpus(perf->cpus, CPUS_MAX);
	for (uint32_t i = 0; i < CPUS_MAX; i++)
		perf->owners[i] = -1;
	return true;
}

int cs_perf_probe(struct cs_diag *diag)
{
	struct cs_perf_options options = {.hz = CS_PERF_HZ_DEFAULT};
	struct cs_perf_want want = {.options = &options, .on_exec = true, .user_only = true};
	int fd = cs_perf_open(&want, 0, -1);

	if (fd < 0)
		return cs_perf_explain(fd, 0, diag);
	close(fd);
	return 0;
}

struct cs_perf *cs_perf_new(const struct cs_perf_options *options, struct cs_diag *diag)
{
	struct cs_perf *perf;

	if (options->hz < 1 || options->hz > CS_PERF_HZ_MAX) {
		cs_diag_set(diag, -EINVAL, "take %u samples a second", options->hz);
		cs_diag_hint(diag, "1 to %u can be had", CS_PERF_HZ_MAX);
		return NULL;
	}
	if (cs_perf_probe(diag))
		return NULL;
	perf = calloc(1, sizeof(*perf));
	if (!perf || !make_cpus(perf)) {
		cs_diag_set(diag, -ENOMEM, "sample CPU time: not enough memory");
		cs_perf_free(perf);
		return NULL;
	}
	perf->options = *options;
	perf->ring_bytes = choose_ring_bytes(options);
	cs_list_init(&perf->threads, sizeof(struct thread), 6);
	cs_list_init(&perf->events, sizeof(struct event), 8);
	return perf;
}

void cs_perf_free(struct cs_perf *perf)
{
	if (!perf)
		return;
	for (uint32_t i = 0; i < perf->events.count; i++) {
		const struct event *event = cs_list_at(&perf->events, i);

		if (event->fd >= 0)
			close(event->fd);
	}
	for (uint32_t cpu = 0; cpu < perf->cpu_count; cpu++)
		unmap_ring(perf->rings[cpu]);
	cs_list_free(&perf->events);
	cs_list_free(&perf->threads);
	cs_index_free(&perf->by_tid);
	free(perf->owners);
	free(perf->rings);
	free(perf->cpus);
	free(perf);
}

void cs_perf_counts(const struct cs_perf *perf, struct cs_perf_counts *counts)
{
	*counts = perf->counts;
	for (uint32_t cpu = 0; cpu < perf->cpu_count; cpu++)
		if (perf->rings[cpu])
			counts->damaged += perf->rings[cpu]->damaged;
}

uint64_t cs_perf_period_ns(const struct cs_perf *perf)
{
	return UINT64_C(1000000000) / perf->options.hz;
}
