/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a Go process, damaged: the input is a list of words and where in the image they
 * go, 12 bytes each. The first byte of the input says how many of them are there when it is
 * opened; the others come before the look.
 */
#include <stdlib.h>
#include <string.h>

#include "unit/profiler/go/image.c"
#include "unit/profiler/go/scene.c"

#define PATCH_BYTES 12u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void patch(struct scene *scene, const uint8_t *data)
{
	uint32_t offset;

	memcpy(&offset, data, sizeof(offset));
	memcpy(scene->bytes + offset % (SCENE_BYTES - 8), data + 4, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene clean; /* made once */
	struct scene *scene = malloc(sizeof(*scene));
	struct cs_diag diag = {0};
	size_t early, count;

	if (!clean.bytes[0])
		scene_make(&clean);
	if (!scene || size == 0) {
		free(scene);
		return 0;
	}
	memcpy(scene, &clean, sizeof(*scene));
	early = data[0];
	count = (size - 1) / PATCH_BYTES;
	for (size_t i = 0; i < early && i < count; i++)
		patch(scene, data + 1 + i * PATCH_BYTES);
	int error = scene_open(scene, &diag);

	for (size_t i = early; i < count; i++)
		patch(scene, data + 1 + i * PATCH_BYTES);
	if (!error)
		scene_look(scene);
	scene_close(scene);
	free(scene);
	return 0;
}
