/* SPDX-License-Identifier: Apache-2.0 */
/* A process with four threads, its books, and events told in short words. */
#ifndef CS_TEST_BOOKS_SCENE_H
#define CS_TEST_BOOKS_SCENE_H

#include "model/books.h"

#define THREADS 4
#define CELLS 12

struct scene {
	struct cs_model *model;
	struct cs_books *books;
	uint32_t process;
	uint32_t threads[THREADS];
	uint32_t cells[CELLS]; /* cells[i] belongs to threads[i % THREADS] */
};

struct scene books_scene(uint64_t mean);
struct scene books_scene_fork(const struct scene *parent, uint64_t mean);
void books_scene_end(struct scene *scene);
void books_alloc(struct scene *scene, int thread, uint64_t address, uint64_t size);
void books_release(struct scene *scene, int thread, uint64_t address);
void books_release_to_realloc(struct scene *scene, int thread, uint64_t address);
void books_restore(struct scene *scene, int thread, uint64_t address);
const struct cs_process *books_process(const struct scene *scene);
uint64_t books_in_use(const struct scene *scene);
const struct cs_heap_sum *books_sum(const struct scene *scene, int thread);

#endif
