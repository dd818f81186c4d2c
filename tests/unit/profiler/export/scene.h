/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap told in a few lines, for tests of what is drawn from it: programs, threads, stacks
 * written as "main;parse:12;grow" and blocks on them.
 */
#ifndef CS_TEST_SCENE_H
#define CS_TEST_SCENE_H

#include "base/sink.h"
#include "export/export.h"
#include "model/rollup.h"

struct scene {
	struct cs_model *model;
	struct cs_symbols *symbols;
	struct cs_snapshot *snapshots[8];
	unsigned snapshot_count;
	struct cs_rollup *rollups[16];
	unsigned rollup_count;
	struct cs_sink out;
	uint64_t offset; /* of the next frame: no two share one */
};

void scene_begin(struct scene *scene);
void scene_end(struct scene *scene);

/* For cmocka: *STATE is a scene. */
int scene_setup(void **state);
int scene_teardown(void **state);

/* MEAN as in struct cs_process. */
uint32_t scene_process(struct scene *scene, const char *program, uint32_t pid, uint64_t mean);
uint32_t scene_thread(struct scene *scene, uint32_t process, const char *name, uint32_t tid);

/*
 * The node of STACK, outermost call first, joined by ';', all in MODULE: "f" is a function,
 * "f:7" at line 7 of "f.c", "f<g" has g inlined into f, "+40" has no name, "!1" is mark 1.
 */
uint32_t scene_stack(struct scene *scene, const char *module, const char *stack);

/* COUNT blocks of BYTES each. */
void scene_alloc(struct scene *scene, uint32_t process, uint32_t thread, uint32_t node,
                 uint64_t bytes, uint64_t count);
void scene_release(struct scene *scene, uint32_t process, uint32_t thread, uint32_t node,
                   uint64_t bytes, uint64_t count);

/* Two programs with three threads; what they allocated is in scene.c. */
void scene_of_two_programs(struct scene *scene);

/* The following live as long as the scene. */
struct cs_snapshot *scene_take(struct scene *scene);
const struct cs_rollup *scene_sum(struct scene *scene, const struct cs_snapshot *snapshot,
                                  struct cs_rollup_options options);
/* What EXPORT makes of it, until the next call. */
const char *scene_write(struct scene *scene, const struct cs_export *export,
                        const struct cs_rollup *rollup, struct cs_export_style style);

/* The entry with LABEL; the test fails when there is none. */
const struct cs_entry *scene_entry(const struct cs_rollup *rollup, const char *label);

#endif
