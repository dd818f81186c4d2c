/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int read_scene(void *context, struct cs_go_piece *pieces, size_t count)
{
	const unsigned char *bytes = context;

	for (size_t i = 0; i < count; i++) {
		uint64_t offset = pieces[i].address - SCENE_BASE;

		if (pieces[i].address < SCENE_BASE || offset > SCENE_BYTES ||
		    pieces[i].bytes > SCENE_BYTES - offset)
			continue;
		memcpy(pieces[i].to, bytes + offset, pieces[i].bytes);
		pieces[i].got = true;
	}
	return 0;
}

static int open_program(struct scene *scene, struct cs_diag *diag)
{
	struct cs_go_memory memory = {.read = read_scene, .context = scene->bytes};
	struct cs_go_image image;
	int fd = memfd_create("scene", MFD_CLOEXEC);

	if (fd < 0 || write(fd, scene->bytes, SCENE_FILE_BYTES) != (ssize_t)SCENE_FILE_BYTES)
		abort();
	int error = cs_go_image_open(&image, fd, "scene", diag);

	if (error)
		return error;
	scene->observation.go = cs_go_open_image(&image, 0, &memory, diag);
	return scene->observation.go ? 0 : diag->error;
}

int scene_open(struct scene *scene, struct cs_diag *diag)
{
	struct cs_observation *observation = &scene->observation;
	struct cs_process start = {.pid = 1};
	int error;

	memset(observation, 0, sizeof(*observation));
	scene->model = cs_model_new();
	scene->symbols = cs_symbols_new();
	error = open_program(scene, diag);
	if (error)
		return error;
	observation->model = scene->model;
	observation->process = cs_model_process(scene->model, &start);
	observation->runtime = cs_model_runtime(scene->model, observation->process, "go", "test");
	for (uint32_t i = 0; i < observation->go->module_count; i++)
		observation->go->modules[i].module =
			cs_model_module(scene->model, "/scene", NULL, 0);
	return cs_go_names_init(&observation->names, scene->model, scene->symbols,
	                        &observation->go->memory, &observation->go->places);
}

int scene_look(struct scene *scene)
{
	struct cs_observation *observation = &scene->observation;
	struct cs_go_read_options options = {.stacks = true, .hide = CS_GO_HIDE_RUNTIME};
	const char *why;

	observation->looks++;
	cs_model_set_now(scene->model, observation->looks * 1000);
	cs_go_labels_forget(&observation->labels);
	int error = cs_go_goroutines_read(&observation->goroutines, observation->go,
	                                  &observation->names, &options);

	if (!error)
		error = cs_go_tell(observation, 1000, true);
	cs_go_figures_tell(observation);
	cs_go_heap_tell(observation, &why);
	cs_go_spans_tell(observation);
	cs_go_delays_tell(observation);
	return error;
}

void scene_close(struct scene *scene)
{
	cs_go_names_free(&scene->observation.names);
	cs_go_goroutines_free(&scene->observation.goroutines);
	cs_go_labels_free(&scene->observation.labels);
	cs_go_close(scene->observation.go);
	free(scene->observation.last);
	cs_symbols_free(scene->symbols);
	cs_model_free(scene->model);
}
