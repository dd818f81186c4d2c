/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large process has tens of thousands of mappings, and reading them keeps its page tables
 * locked: the next reading comes after two hundred times what the last one took.
 */
#include "source/readings.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "source/memory.h"

#define FIRST_NS UINT64_C(200000000)
#define INTERVAL_NS UINT64_C(1000000000)
#define COST_FACTOR 200u
#define NAMES_AT_ONCE 64u

static uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

/* What the kernel says is compared with what was live at that moment. */
static void note_in_use(struct cs_readings *readings, uint32_t process, uint64_t bytes)
{
	if (process >= readings->in_use_count) {
		uint32_t count = process + 16;
		uint64_t *in_use = realloc(readings->in_use, count * sizeof(*in_use));

		if (!in_use)
			return;
		memset(in_use + readings->in_use_count, 0,
		       (count - readings->in_use_count) * sizeof(*in_use));
		readings->in_use = in_use;
		readings->in_use_count = count;
	}
	readings->in_use[process] = bytes;
}

static void read_memory(struct cs_readings *readings, struct cs_recorded *recorded, uint64_t now_ns)
{
	struct cs_agent *agent = recorded->agent;
	struct cs_process *process = cs_model_process_at(agent->world->model, agent->process);
	struct cs_memory_known known = {
		.agent = agent,
		.ring_inode = recorded->ring->inode,
		.session_path = readings->session_path,
		.agent_bytes = process->counters[CS_AGENT_OWN_BYTES],
	};
	struct cs_memory memory;

	if (cs_memory_read(recorded->proc.pid, &known, &memory))
		return;
	memory.time_ns = now_ns;
	if (!process->memory)
		process->memory = malloc(sizeof(*process->memory));
	if (!process->memory)
		return;
	*process->memory = memory;
	note_in_use(readings, agent->process, process->inuse_bytes);
	cs_model_process_changed(agent->world->model, agent->process);
}

static void read_names(struct cs_recorded *recorded)
{
	struct cs_agent *agent = recorded->agent;
	uint32_t read = 0;
	char name[32];

	/* The youngest first: they are the ones that have just been named. */
	for (uint32_t i = agent->thread_count; i-- > 0 && read < NAMES_AT_ONCE;) {
		if (agent->threads[i].ended)
			continue;
		read++;
		if (cs_proc_thread_name(&recorded->proc, agent->threads[i].tid, name, sizeof(name)))
			cs_agent_name_thread(agent, i, name);
	}
}

/* One that has nothing to tell: it neither allocates nor switches. Its number may be a dead one's. */
static uint32_t silent_thread(void *context, uint32_t tid)
{
	struct cs_agent *agent = context;
	struct cs_model *model = agent->world->model;
	uint32_t id = cs_agent_thread_of(agent, tid, cs_model_now(model));

	if (id)
		cs_model_thread_at(model, id)->end_ns = 0;
	return id;
}

/* States and times, where the kernel calls them by the numbers that the agent told. */
static void read_threads(struct cs_recorded *recorded)
{
	struct cs_agent *agent = recorded->agent;

	if (recorded->proc.pid != agent->info->pid)
		return;
	recorded->threads.maker = silent_thread;
	recorded->threads.context = agent;
	(void)cs_threads_look(&recorded->threads, recorded->proc.pid, agent->world->model,
	                      agent->process, true);
}

void cs_readings_take(struct cs_readings *readings, struct cs_recorded *recorded, uint64_t now_ns)
{
	uint64_t before, cost;

	if (!recorded->reading_ns)
		recorded->reading_ns = recorded->names_ns = now_ns + FIRST_NS;
	if (now_ns < recorded->reading_ns && now_ns < recorded->names_ns)
		return;
	/* A hundredth of the session in all, over however many processes. */
	if (readings->cost_ns > FIRST_NS / 50 + now_ns / 100)
		return;
	before = cpu_ns();
	if (now_ns >= recorded->names_ns) {
		read_names(recorded);
		read_threads(recorded);
		recorded->names_ns = now_ns + INTERVAL_NS;
	}
	if (now_ns >= recorded->reading_ns) {
		read_memory(readings, recorded, now_ns);
		cost = (cpu_ns() - before) * COST_FACTOR;
		recorded->reading_ns = now_ns + (cost > INTERVAL_NS ? cost : INTERVAL_NS);
	}
	readings->cost_ns += cpu_ns() - before;
}

void cs_readings_last(struct cs_readings *readings, struct cs_recorded *recorded, uint64_t now_ns)
{
	if (!cs_proc_alive(&recorded->proc))
		return;
	read_names(recorded);
	read_threads(recorded);
	read_memory(readings, recorded, now_ns);
}

void cs_readings_free(struct cs_readings *readings)
{
	free(readings->in_use);
	readings->in_use = NULL;
	readings->in_use_count = 0;
}
