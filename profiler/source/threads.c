/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread may end between any two reads, and its number be given to another: what could not
 * be read whole is left as it was until the next look.
 */
#include "source/threads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"

/* Shares of less than that tell of chance. */
#define SHARE_NS UINT64_C(100000000)
#define WHOLE_PPM UINT64_C(1000000)

/* ---- what the files say ---- */

static enum cs_thread_state state_of(char letter)
{
	static const struct {
		char letter;
		enum cs_thread_state state;
	} states[] = {
		{'R', CS_THREAD_RUNNING}, {'S', CS_THREAD_SLEEPING}, {'D', CS_THREAD_DISK_SLEEP},
		{'T', CS_THREAD_STOPPED}, {'t', CS_THREAD_TRACED},   {'I', CS_THREAD_IDLE},
		{'Z', CS_THREAD_ZOMBIE},  {'X', CS_THREAD_DEAD},     {'x', CS_THREAD_DEAD},
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (states[i].letter == letter)
			return states[i].state;
	return CS_THREAD_UNKNOWN;
}

/* Fields 14 and 15 of stat, in ticks. AT is at field 3. */
static bool get_ticks(const char *at, uint64_t *ticks)
{
	char *end;

	for (int field = 3; field < 14; field++) {
		at = strchr(at, ' ');
		if (!at)
			return false;
		at++;
	}
	*ticks = strtoull(at, &end, 10);
	if (end == at || *end != ' ')
		return false;
	at = end + 1;
	*ticks += strtoull(at, &end, 10);
	return end != at;
}

bool cs_thread_parse(const char *stat, const char *schedstat, uint64_t ticks_per_second,
                     struct cs_thread_facts *facts)
{
	const char *name = strchr(stat, '('), *end = strrchr(stat, ')');
	uint64_t ticks;

	if (!name || !end || end < name || end[1] != ' ' || !end[2] || !get_ticks(end + 2, &ticks))
		return false;
	snprintf(facts->name, sizeof(facts->name), "%.*s", (int)(end - name - 1), name + 1);
	facts->state = state_of(end[2]);
	facts->cpu_ns = ticks * (UINT64_C(1000000000) / ticks_per_second);
	facts->wait_ns = CS_UNKNOWN;
	/* To the nanosecond; kernels without scheduler statistics say 0 0 0. */
	if (schedstat) {
		uint64_t cpu, wait, slices;

		if (sscanf(schedstat, "%" SCNu64 " %" SCNu64 " %" SCNu64, &cpu, &wait, &slices) ==
		            3 &&
		    slices > 0) {
			facts->cpu_ns = cpu;
			facts->wait_ns = wait;
		}
	}
	return true;
}

static bool read_at(int folder, const char *tid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%.20s/%s", tid, file);
	fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, text, size - 1);
	close(fd);
	if (length <= 0)
		return false;
	text[length] = '\0';
	return true;
}

/* ---- the model ---- */

/* Where TID is, or would be. */
static size_t place_of(const struct cs_threads *threads, uint32_t tid)
{
	size_t low = 0, high = threads->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (threads->known[middle].tid < tid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct cs_known_thread *known_of(const struct cs_threads *threads, uint32_t tid)
{
	size_t at = place_of(threads, tid);

	return at < threads->count && threads->known[at].tid == tid ? &threads->known[at] : NULL;
}

/* TID is ID from now on, whoever it was before. */
static int know(struct cs_threads *threads, uint32_t tid, uint32_t id)
{
	size_t at = place_of(threads, tid);
	void *known = threads->known;

	if (at < threads->count && threads->known[at].tid == tid) {
		threads->known[at].id = id;
		threads->known[at].cpu_ns = CS_UNKNOWN;
		return 0;
	}
	if (cs_array_reserve(&known, &threads->room, sizeof(*threads->known), threads->count + 1))
		return -ENOMEM;
	threads->known = known;
	memmove(&threads->known[at + 1], &threads->known[at],
	        (threads->count - at) * sizeof(*threads->known));
	threads->known[at] = (struct cs_known_thread){.tid = tid, .id = id, .cpu_ns = CS_UNKNOWN};
	threads->count++;
	return 0;
}

/* Threads that others made since the last look. */
static int adopt(struct cs_threads *threads, const struct cs_model *model, uint32_t process)
{
	while (threads->seen < cs_model_thread_count(model)) {
		const struct cs_thread *thread = cs_model_thread_at(model, ++threads->seen);
		const struct cs_known_thread *old;

		if (thread->process != process || thread->end_ns)
			continue;
		old = known_of(threads, thread->tid);
		if (old && old->id >= threads->seen)
			continue;
		if (know(threads, thread->tid, threads->seen))
			return -ENOMEM;
	}
	return 0;
}

/* SHARE is left as it was where not enough time has passed. */
static void count_share(struct cs_known_thread *known, uint64_t cpu_ns, uint64_t *share_ppm)
{
	struct timespec now;
	uint64_t now_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
	if (known->cpu_ns != CS_UNKNOWN && known->cpu_ns <= cpu_ns) {
		double passed_ns = (double)(now_ns - known->at_ns);

		if (now_ns < known->at_ns + SHARE_NS)
			return;
		*share_ppm = (uint64_t)((double)(cpu_ns - known->cpu_ns) / passed_ns * WHOLE_PPM);
		/* The kernel adds up in ticks: no thread has more than one CPU. */
		if (*share_ppm > WHOLE_PPM)
			*share_ppm = WHOLE_PPM;
	}
	known->cpu_ns = cpu_ns;
	known->at_ns = now_ns;
}

static void set_facts(struct cs_model *model, struct cs_known_thread *known,
                      const struct cs_thread_facts *facts)
{
	struct cs_thread *thread = cs_model_thread_at(model, known->id);
	uint64_t share_ppm = thread->share_ppm;

	count_share(known, facts->cpu_ns, &share_ppm);
	if (thread->state == facts->state && thread->cpu_ns == facts->cpu_ns &&
	    thread->wait_ns == facts->wait_ns && thread->share_ppm == share_ppm &&
	    !strcmp(thread->name, facts->name))
		return;
	thread->state = (uint8_t)facts->state;
	thread->cpu_ns = facts->cpu_ns;
	thread->wait_ns = facts->wait_ns;
	thread->share_ppm = share_ppm;
	memcpy(thread->name, facts->name, sizeof(thread->name));
	cs_model_thread_changed(model, known->id);
}

struct looking {
	struct cs_threads *threads;
	struct cs_model *model;
	uint32_t process;
	bool make;
	int folder;
	uint64_t ticks_per_second;
};

/* Nobody has told of TID. 0: it is known from now on, perhaps without being made yet. */
static int make(struct looking *looking, uint32_t tid, bool seen_before)
{
	struct cs_threads *threads = looking->threads;
	uint32_t id;

	if (threads->maker && !seen_before)
		return know(threads, tid, 0);
	id = threads->maker ? threads->maker(threads->context, tid)
	                    : cs_model_thread(looking->model, looking->process, tid,
	                                      cs_model_now(looking->model));
	return id ? know(threads, tid, id) : -ENOMEM;
}

static int look_at(struct looking *looking, const char *name)
{
	struct cs_thread_facts facts = {.state = CS_THREAD_UNKNOWN};
	uint32_t tid = (uint32_t)strtoul(name, NULL, 10);
	struct cs_known_thread *known = known_of(looking->threads, tid);
	char stat[1024], schedstat[128];
	bool has;

	if (!tid || (!known && !looking->make) ||
	    !read_at(looking->folder, name, "stat", stat, sizeof(stat)))
		return 0;
	has = read_at(looking->folder, name, "schedstat", schedstat, sizeof(schedstat));
	if (!cs_thread_parse(stat, has ? schedstat : NULL, looking->ticks_per_second, &facts))
		return 0;
	if (!known || !known->id) {
		int error = make(looking, tid, known != NULL);

		if (error)
			return error;
		known = known_of(looking->threads, tid);
	}
	known->look = looking->threads->look;
	if (known->id)
		set_facts(looking->model, known, &facts);
	return 0;
}

static void end_the_others(struct cs_threads *threads, struct cs_model *model)
{
	size_t kept = 0;

	for (size_t i = 0; i < threads->count; i++) {
		struct cs_known_thread *known = &threads->known[i];
		struct cs_thread *thread;

		if (known->look == threads->look) {
			threads->known[kept++] = *known;
			continue;
		}
		if (!known->id)
			continue;
		thread = cs_model_thread_at(model, known->id);
		if (!thread->end_ns)
			thread->end_ns = cs_model_now(model);
		thread->state = CS_THREAD_DEAD;
		thread->share_ppm = 0;
		thread->coroutine = 0;
		cs_model_thread_changed(model, known->id);
	}
	threads->count = kept;
}

int cs_threads_look(struct cs_threads *threads, uint32_t pid, struct cs_model *model,
                    uint32_t process, bool make)
{
	struct looking looking = {
		.threads = threads,
		.model = model,
		.process = process,
		.make = make,
		.ticks_per_second = (uint64_t)sysconf(_SC_CLK_TCK),
	};
	const struct dirent *entry;
	char path[64];
	DIR *folder;
	int error = adopt(threads, model, process);

	if (error)
		return error;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task", pid);
	folder = opendir(path);
	if (!folder)
		return errno == ENOENT ? -ESRCH : -errno;
	threads->look++;
	looking.folder = dirfd(folder);
	while (!error && (entry = readdir(folder)))
		error = look_at(&looking, entry->d_name);
	closedir(folder);
	if (!error)
		end_the_others(threads, model);
	return error;
}

uint32_t cs_threads_find(const struct cs_threads *threads, uint32_t tid)
{
	const struct cs_known_thread *known = known_of(threads, tid);

	return known && known->look == threads->look ? known->id : 0;
}

void cs_threads_free(struct cs_threads *threads)
{
	free(threads->known);
	*threads = (struct cs_threads){0};
}
