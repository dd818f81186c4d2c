/* SPDX-License-Identifier: Apache-2.0 */
#include "books_scene.h"

#include "support/unit.h"

static void scene_process(struct scene *scene, uint64_t mean)
{
	struct cs_process start = {.pid = 1, .heap_mean_bytes = mean};

	scene->process = cs_model_process(scene->model, &start);
	for (uint32_t i = 0; i < THREADS; i++)
		scene->threads[i] = cs_model_thread(scene->model, scene->process, 100 + i, 0);
	for (uint32_t i = 0; i < CELLS; i++) {
		uint32_t frame = cs_model_frame(scene->model, CS_MODULE_NONE, 0x5000 + i);

		scene->cells[i] = cs_model_cell(scene->model, scene->process,
		                                scene->threads[i % THREADS],
		                                cs_model_node(scene->model, 0, frame));
	}
}

struct scene books_scene(uint64_t mean)
{
	struct scene scene = {.model = cs_model_new()};

	scene_process(&scene, mean);
	scene.books = cs_books_new(scene.model, scene.process, mean);
	return scene;
}

struct scene books_scene_fork(const struct scene *parent, uint64_t mean)
{
	struct scene scene = {.model = parent->model};

	scene_process(&scene, mean);
	scene.books = cs_books_fork(parent->books, scene.process);
	return scene;
}

void books_scene_end(struct scene *scene)
{
	cs_books_free(scene->books);
	cs_model_free(scene->model);
}

void books_alloc(struct scene *scene, int thread, uint64_t address, uint64_t size)
{
	assert_int_equal(cs_books_alloc(scene->books, scene->threads[thread], scene->cells[thread],
	                                address, size, 0),
	                 0);
}

void books_release(struct scene *scene, int thread, uint64_t address)
{
	cs_books_release(scene->books, scene->threads[thread], address, false, 0);
}

void books_release_to_realloc(struct scene *scene, int thread, uint64_t address)
{
	cs_books_release(scene->books, scene->threads[thread], address, true, 0);
}

void books_restore(struct scene *scene, int thread, uint64_t address)
{
	cs_books_restore(scene->books, scene->threads[thread], address, 0);
}

const struct cs_process *books_process(const struct scene *scene)
{
	return cs_model_process_at(scene->model, scene->process);
}

uint64_t books_in_use(const struct scene *scene)
{
	return books_process(scene)->inuse_bytes;
}

const struct cs_heap_sum *books_sum(const struct scene *scene, int thread)
{
	return &cs_model_cell_at(scene->model, scene->cells[thread])->sum;
}
