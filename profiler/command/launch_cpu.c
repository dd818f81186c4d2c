/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where code lies is asked of the agent first: it knows modules that have gone by now, and
 * processes that lived shorter than it takes to read /proc. What it does not know (the time
 * before it was loaded, code without a file) is read there.
 */
#include "command/launch_cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "command/stack_walk.h"
#include "kernel/profile.h"
#include "source/recorded.h"

#define THREADS 256u /* of which the model's id is remembered */
/* What a sample copies of the stack; what lies further out is read from the process. */
#define STACK_BYTES 8192u

/* One process image. */
struct image {
	uint32_t process; /* of the model */
	struct cs_code code;
	struct cs_stack_walk walk;
	struct cs_agent *agent; /* of the sample at hand */
	uint64_t time_ns;
	uint64_t guessed;
	struct {
		uint32_t tid, id;
	} threads[THREADS];
};

struct cs_launch_cpu {
	struct cs_launch_cpu_options options;
	struct cs_perf *perf;
	struct cs_profile profile;
	struct cs_list images;
	const struct cs_collector *collector; /* of the drain at hand */
	uint64_t strangers;
};

/* ---- one image ---- */

static uint32_t frame_at(void *context, uint64_t address)
{
	struct image *image = context;
	const struct cs_module_range *range = cs_module_map_find(&image->agent->modules, address);

	if (range)
		return cs_model_frame(image->code.model, range->module, address - range->bias);
	return cs_code_frame(&image->code, address, image->time_ns);
}

static void owner_of(void *context, const struct cs_perf_sample *sample,
                     struct cs_profile_owner *owner)
{
	struct image *image = context;
	uint32_t slot = sample->tid % THREADS;

	if (image->threads[slot].tid != sample->tid ||
	    cs_model_thread_at(image->code.model, image->threads[slot].id)->end_ns) {
		image->threads[slot].tid = sample->tid;
		image->threads[slot].id =
			cs_agent_thread_of(image->agent, sample->tid, image->time_ns);
	}
	owner->thread = image->threads[slot].id;
}

static bool walk(void *context, const struct cs_perf_sample *sample, struct cs_profile_stack *stack)
{
	struct image *image = context;
	bool walked = cs_stack_walk(&image->walk, sample, image->time_ns, stack);

	image->guessed += !walked;
	return walked;
}

static const struct cs_profile_hooks hooks = {
	.frame = frame_at,
	.owner = owner_of,
	.walk = walk,
};

static struct image *find_image(struct cs_launch_cpu *cpu, const struct cs_recorded *recorded)
{
	uint32_t process = recorded->agent->process;
	struct image *image;

	for (uint32_t i = cpu->images.count; i-- > 0;) {
		image = cs_list_at(&cpu->images, i);
		if (image->process == process)
			return image;
	}
	image = cs_list_push(&cpu->images);
	if (!image)
		return NULL;
	image->process = process;
	cs_code_start(&image->code, cpu->options.model, recorded->pid, cpu->options.on_module,
	              cpu->options.context);
	cs_stack_walk_start(&image->walk, recorded->pid);
	return image;
}

/* ---- samples ---- */

static void take(void *context, const struct cs_perf_sample *sample)
{
	struct cs_launch_cpu *cpu = context;
	uint64_t start_ns = cpu->options.clock->mono_start_ns;
	uint64_t time_ns = sample->time_ns > start_ns ? sample->time_ns - start_ns : 0;
	const struct cs_recorded *recorded =
		cs_collector_recorded(cpu->collector, sample->pid, time_ns);
	struct image *image = recorded ? find_image(cpu, recorded) : NULL;

	if (!image) {
		cpu->strangers++;
		return;
	}
	image->agent = recorded->agent;
	image->time_ns = time_ns;
	cs_profile_charge(&cpu->profile, image->process, &hooks, image, sample);
}

void cs_launch_cpu_drain(struct cs_launch_cpu *cpu, const struct cs_collector *collector)
{
	if (!cpu)
		return;
	cpu->collector = collector;
	cs_perf_drain(cpu->perf, take, cpu);
	/* Who has ended is walked no more; files and rules are many. */
	for (uint32_t i = 0; i < cpu->images.count; i++) {
		struct image *image = cs_list_at(&cpu->images, i);

		if (cs_model_process_at(cpu->options.model, image->process)->ended)
			cs_stack_walk_stop(&image->walk);
	}
}

int cs_launch_cpu_attach(struct cs_launch_cpu *cpu, uint32_t pid, struct cs_diag *diag)
{
	return cs_perf_attach_exec(cpu->perf, pid, diag);
}

/* ---- life and questions ---- */

struct cs_launch_cpu *cs_launch_cpu_new(const struct cs_launch_cpu_options *options,
                                        struct cs_diag *diag)
{
	struct cs_perf_options perf = {
		.hz = options->hz,
		.stack_bytes = STACK_BYTES,
		.threads_only = !options->children,
	};
	struct cs_launch_cpu *cpu = calloc(1, sizeof(*cpu));

	if (!cpu) {
		cs_diag_set(diag, -ENOMEM, "sample CPU time: not enough memory");
		return NULL;
	}
	cpu->options = *options;
	cs_list_init(&cpu->images, sizeof(struct image), 2);
	cpu->perf = cs_perf_new(&perf, diag);
	if (!cpu->perf) {
		cs_launch_cpu_free(cpu);
		return NULL;
	}
	cs_profile_start(&cpu->profile, options->model, cs_perf_period_ns(cpu->perf));
	return cpu;
}

void cs_launch_cpu_free(struct cs_launch_cpu *cpu)
{
	if (!cpu)
		return;
	for (uint32_t i = 0; i < cpu->images.count; i++) {
		struct image *image = cs_list_at(&cpu->images, i);

		cs_stack_walk_stop(&image->walk);
		cs_code_stop(&image->code);
	}
	cs_list_free(&cpu->images);
	cs_perf_free(cpu->perf);
	free(cpu);
}

void cs_launch_cpu_stats(const struct cs_launch_cpu *cpu, struct cs_launch_cpu_stats *stats)
{
	*stats = (struct cs_launch_cpu_stats){0};
	if (!cpu)
		return;
	cs_perf_counts(cpu->perf, &stats->perf);
	stats->perf.lost += cpu->profile.unbooked;
	stats->hz = cpu->options.hz;
	stats->charged_ns = cpu->profile.charged_ns;
	stats->strangers = cpu->strangers;
	for (uint32_t i = 0; i < cpu->images.count; i++)
		stats->guessed += ((const struct image *)cs_list_at(&cpu->images, i))->guessed;
}
