/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short texts that recur, and the runtimes of processes: both defined once, found by key.
 */
#include <stdlib.h>
#include <string.h>

#include "model/state.h"

static uint32_t text_hash(const void *thing)
{
	const char *text = *(const char *const *)thing;

	return cs_hash_bytes(text, strlen(text));
}

uint32_t cs_model_text(struct cs_model *model, const char *text)
{
	struct cs_keyed *texts = &model->texts;
	char **place, *copy;
	uint32_t hash, id;

	if (!text || !*text || cs_keyed_catch_up(texts, text_hash))
		return 0;
	hash = text_hash(&text);
	struct cs_probe probe = cs_index_probe(&texts->index, hash);

	while ((id = cs_probe_next(&probe)))
		if (!strcmp(cs_model_text_at(model, id), text))
			return id;
	copy = strdup(text);
	place = copy ? cs_keyed_add(texts, hash) : NULL;
	if (!place) {
		free(copy);
		return 0;
	}
	*place = copy;
	return texts->list.count;
}

uint32_t cs_model_text_count(const struct cs_model *model)
{
	return model->texts.list.count;
}

const char *cs_model_text_at(const struct cs_model *model, uint32_t id)
{
	const struct cs_list *list = &model->texts.list;

	return id && id <= list->count ? *(char *const *)cs_list_at(list, id - 1) : NULL;
}

/* ---- runtimes ---- */

static uint32_t runtime_hash(const void *thing)
{
	const struct cs_runtime *runtime = thing;
	const char *version = runtime->version ? runtime->version : "";

	return cs_hash_pair((uint64_t)runtime->process << 32 |
	                            cs_hash_bytes(runtime->name, strlen(runtime->name)),
	                    cs_hash_bytes(version, strlen(version)));
}

static bool same_runtime(const struct cs_runtime *a, const struct cs_runtime *b)
{
	return a->process == b->process && !strcmp(a->name, b->name) &&
	       !a->version == !b->version && (!a->version || !strcmp(a->version, b->version));
}

uint32_t cs_model_runtime(struct cs_model *model, uint32_t process, const char *name,
                          const char *version)
{
	struct cs_runtime key = {.process = process};
	struct cs_keyed *runtimes = &model->runtimes;
	struct cs_runtime *runtime;
	uint32_t hash, id;

	if (!cs_process_entry(model, process) || cs_keyed_catch_up(runtimes, runtime_hash))
		return 0;
	key.name = strdup(name);
	key.version = version ? strdup(version) : NULL;
	if (!key.name || (version && !key.version))
		goto fail;
	hash = runtime_hash(&key);
	struct cs_probe probe = cs_index_probe(&runtimes->index, hash);

	while ((id = cs_probe_next(&probe))) {
		if (same_runtime(cs_list_at(&runtimes->list, id - 1), &key)) {
			free(key.name);
			free(key.version);
			return id;
		}
	}
	runtime = cs_keyed_add(runtimes, hash);
	if (!runtime)
		goto fail;
	*runtime = key;
	return runtimes->list.count;
fail:
	free(key.name);
	free(key.version);
	return 0;
}

uint32_t cs_model_runtime_count(const struct cs_model *model)
{
	return model->runtimes.list.count;
}

const struct cs_runtime *cs_model_runtime_at(const struct cs_model *model, uint32_t id)
{
	const struct cs_list *list = &model->runtimes.list;

	return id && id <= list->count ? cs_list_at(list, id - 1) : NULL;
}

void cs_texts_free(struct cs_model *model)
{
	for (uint32_t id = 1; id <= model->texts.list.count; id++)
		free(*(char **)cs_list_at(&model->texts.list, id - 1));
	for (uint32_t id = 1; id <= model->runtimes.list.count; id++) {
		struct cs_runtime *runtime = cs_list_at(&model->runtimes.list, id - 1);

		free(runtime->name);
		free(runtime->version);
	}
	cs_keyed_free(&model->texts);
	cs_keyed_free(&model->runtimes);
}
