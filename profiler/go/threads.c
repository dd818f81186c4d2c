/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads are the kernel's, what they run is the runtime's to say. In a container the runtime
 * knows its threads by other numbers than we do.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "go/observation.h"

#define THREADS_MAX 100000u

static bool read_file(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length = file ? fread(text, 1, size - 1, file) : 0;

	if (file)
		fclose(file);
	text[length] = '\0';
	return length > 0;
}

/* ---- the kernel's side ---- */

/* What the thread calls itself in its own PID namespace. */
static uint32_t inner_tid(uint32_t pid, uint32_t tid)
{
	char path[64], text[4096];
	const char *line, *last;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task/%" PRIu32 "/status", pid, tid);
	if (!read_file(path, text, sizeof(text)) || !(line = strstr(text, "\nNSpid:")))
		return tid;
	line++;
	last = line + strcspn(line, "\n");
	while (last > line && last[-1] >= '0' && last[-1] <= '9')
		last--;
	return (uint32_t)strtoul(last, NULL, 10);
}

static struct cs_go_thread *thread_at(struct cs_observation *observation, uint32_t tid)
{
	for (uint32_t i = 0; i < observation->thread_count; i++)
		if (observation->threads[i].tid == tid)
			return &observation->threads[i];
	if (observation->thread_count == observation->thread_room) {
		uint32_t room = observation->thread_room ? observation->thread_room * 2 : 64;
		struct cs_go_thread *larger =
			room <= THREADS_MAX ? realloc(observation->threads, room * sizeof(*larger))
					    : NULL;

		if (!larger)
			return NULL;
		observation->threads = larger;
		observation->thread_room = room;
	}
	struct cs_go_thread *thread = &observation->threads[observation->thread_count++];

	*thread = (struct cs_go_thread){
		.tid = tid,
		.inner_tid = inner_tid(observation->go->pid, tid),
		.id = cs_model_thread(observation->model, observation->process, tid,
	                              cs_model_now(observation->model)),
	};
	return thread;
}

/* The model's threads end by what the kernel says, see cs_threads_look(). */
static void forget_unseen(struct cs_observation *observation)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < observation->thread_count; i++)
		if (observation->threads[i].looks == observation->looks)
			observation->threads[kept++] = observation->threads[i];
	observation->thread_count = kept;
}

/* ---- the runtime's side ---- */

static struct cs_go_thread *by_inner_tid(const struct cs_observation *observation, uint64_t tid)
{
	for (uint32_t i = 0; i < observation->thread_count; i++)
		if (observation->threads[i].inner_tid == tid)
			return &observation->threads[i];
	return NULL;
}

static void read_machines(struct cs_observation *observation)
{
	struct cs_go *go = observation->go;
	const struct cs_go_layout *layout = &go->layout;
	unsigned char m[CS_GO_M_BYTES];
	uint64_t address = 0;

	if (go->variables.allm)
		cs_go_read_u64(&go->memory, go->variables.allm, &address);
	for (uint32_t i = 0; address && i < THREADS_MAX; i++) {
		if (cs_go_read(&go->memory, address, m, sizeof(m)))
			return;
		struct cs_go_thread *thread =
			by_inner_tid(observation, cs_go_u64(m, layout->m_tid));

		if (thread) {
			thread->m = address;
			thread->current = cs_go_u64(m, layout->m_current);
			thread->in_cgo = m[layout->m_in_cgo] == 1;
		}
		address = cs_go_u64(m, layout->m_next);
	}
}

int cs_go_threads_read(struct cs_observation *observation)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;
	int error = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task", observation->go->pid);
	tasks = opendir(path);
	if (!tasks)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!error && (entry = readdir(tasks))) {
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		struct cs_go_thread *thread = tid ? thread_at(observation, tid) : NULL;

		if (!tid)
			continue;
		if (!thread) {
			error = -ENOMEM;
			break;
		}
		thread->looks = observation->looks;
		thread->m = thread->current = 0;
	}
	closedir(tasks);
	if (!error)
		error = cs_threads_look(&observation->kernel, observation->go->pid,
		                        observation->model, observation->process, false);
	forget_unseen(observation);
	read_machines(observation);
	return error;
}

/* By address of m: tens of threads, asked for by goroutines that run or are locked to one. */
const struct cs_go_thread *cs_go_thread_of(const struct cs_observation *observation, uint64_t m)
{
	for (uint32_t i = 0; m && i < observation->thread_count; i++)
		if (observation->threads[i].m == m)
			return &observation->threads[i];
	return NULL;
}

void cs_go_threads_tell(struct cs_observation *observation)
{
	for (uint32_t i = 0; i < observation->thread_count; i++) {
		const struct cs_go_thread *thread = &observation->threads[i];
		struct cs_thread *known = cs_model_thread_at(observation->model, thread->id);
		uint64_t number = 0;
		uint32_t slot = 0;

		if (thread->current)
			cs_go_read_u64(&observation->go->memory,
			               thread->current + observation->go->layout.g_goid, &number);
		if (number)
			slot = cs_model_coroutine_find(observation->model, observation->process,
			                               observation->runtime, number);
		if (!known || known->coroutine == slot)
			continue;
		known->coroutine = slot;
		cs_model_thread_changed(observation->model, thread->id);
	}
}
