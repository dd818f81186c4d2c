/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording made up for screen tests: a server with a main coroutine, workers that wait on a
 * channel, one that runs and one that was never seen to be created; two threads; a little heap;
 * figures. Three moments: the start, a minute ago, now.
 */
#ifndef CS_TEST_VIEW_SCENE_H
#define CS_TEST_VIEW_SCENE_H

#include "model/coroutine.h"
#include "model/snapshot.h"
#include "view/scene.h"

#define SCENE_WORKERS 5

struct made_scene {
	struct cs_model *now, *start;
	struct cs_symbols *symbols;
	struct cs_snapshot *now_snapshot, *start_snapshot;
	struct csv_point heap[4], coroutines[4];
	struct csv_series series[2];
	struct csv_scene scene;
};

void scene_make(struct made_scene *made);
void scene_release(struct made_scene *made);

#endif
