/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tallies and figures: found by key, changed by id.
 */
#include "model/tally.h"

#include <math.h>
#include <string.h>

#include "model/state.h"

static uint32_t tally_hash(const void *thing)
{
	const struct cs_tally *tally = thing;
	uint64_t whose = (uint64_t)tally->process << 32 | tally->thread;
	uint64_t where = (uint64_t)tally->spawn << 32 | tally->node;

	return cs_hash_pair(whose, where ^ cs_hash_pair(tally->label, tally->kind));
}

static bool same_tally(const struct cs_tally *a, const struct cs_tally *b)
{
	return a->process == b->process && a->thread == b->thread && a->node == b->node &&
	       a->spawn == b->spawn && a->label == b->label && a->kind == b->kind;
}

static struct cs_tally *tally_at(const struct cs_model *model, uint32_t id)
{
	const struct cs_list *list = &model->tallies.list;

	return id && id <= list->count ? cs_list_at(list, id - 1) : NULL;
}

uint32_t cs_model_tally(struct cs_model *model, const struct cs_tally *key)
{
	struct cs_keyed *tallies = &model->tallies;
	uint32_t nodes = model->nodes.list.count;
	struct cs_tally *tally;
	uint32_t hash, id;

	if (!cs_process_entry(model, key->process) || key->thread > model->threads.count ||
	    key->node > nodes || key->spawn > nodes || key->label > model->texts.list.count ||
	    key->kind >= CS_TALLY_KINDS || cs_keyed_catch_up(tallies, tally_hash))
		return 0;
	hash = tally_hash(key);
	struct cs_probe probe = cs_index_probe(&tallies->index, hash);

	while ((id = cs_probe_next(&probe)))
		if (same_tally(tally_at(model, id), key))
			return id;
	if (cs_dirty_reserve(&model->dirty_tallies, tallies->list.count + 1))
		return 0;
	tally = cs_keyed_add(tallies, hash);
	if (!tally)
		return 0;
	*tally = *key;
	tally->value = tally->samples = 0;
	tally->dirty = false;
	return tallies->list.count;
}

uint32_t cs_model_tally_count(const struct cs_model *model)
{
	return model->tallies.list.count;
}

const struct cs_tally *cs_model_tally_at(const struct cs_model *model, uint32_t id)
{
	return tally_at(model, id);
}

void cs_model_tally_add(struct cs_model *model, uint32_t id, uint64_t value, uint64_t samples)
{
	struct cs_tally *tally = tally_at(model, id);

	if (!tally)
		return;
	tally->value += value;
	tally->samples += samples;
	cs_dirty_mark(&model->dirty_tallies, &tally->dirty, id);
}

void cs_model_tally_set(struct cs_model *model, uint32_t id, uint64_t value, uint64_t samples)
{
	struct cs_tally *tally = tally_at(model, id);

	if (!tally || (tally->value == value && tally->samples == samples))
		return;
	tally->value = value;
	tally->samples = samples;
	cs_dirty_mark(&model->dirty_tallies, &tally->dirty, id);
}

void cs_model_take_dirty_tallies(struct cs_model *model, cs_model_visit *visit, void *context)
{
	for (size_t i = 0; i < model->dirty_tallies.count; i++)
		tally_at(model, model->dirty_tallies.ids[i])->dirty = false;
	cs_dirty_visit(&model->dirty_tallies, visit, context);
}

/* ---- figures ---- */

const char *const cs_unit_names[CS_UNITS] = {
	[CS_UNIT_COUNT] = "count",
	[CS_UNIT_BYTES] = "bytes",
	[CS_UNIT_NS] = "ns",
	[CS_UNIT_RATIO] = "ratio",
};

static uint32_t figure_hash(const void *thing)
{
	const struct cs_figure *figure = thing;

	return cs_hash_pair(figure->process, figure->name);
}

static struct cs_figure *figure_at(const struct cs_model *model, uint32_t id)
{
	const struct cs_list *list = &model->figures.list;

	return id && id <= list->count ? cs_list_at(list, id - 1) : NULL;
}

uint32_t cs_model_figure(struct cs_model *model, uint32_t process, const char *name,
                         enum cs_unit unit)
{
	struct cs_figure key = {.process = process, .unit = (uint8_t)unit};
	struct cs_keyed *figures = &model->figures;
	struct cs_figure *figure;
	uint32_t hash, id;

	if (!cs_process_entry(model, process) || unit >= CS_UNITS)
		return 0;
	key.name = cs_model_text(model, name);
	if (!key.name || cs_keyed_catch_up(figures, figure_hash))
		return 0;
	hash = figure_hash(&key);
	struct cs_probe probe = cs_index_probe(&figures->index, hash);

	while ((id = cs_probe_next(&probe))) {
		figure = figure_at(model, id);
		if (figure->process == process && figure->name == key.name)
			return id;
	}
	if (cs_dirty_reserve(&model->dirty_figures, figures->list.count + 1))
		return 0;
	figure = cs_keyed_add(figures, hash);
	if (!figure)
		return 0;
	*figure = key;
	return figures->list.count;
}

uint32_t cs_model_figure_count(const struct cs_model *model)
{
	return model->figures.list.count;
}

const struct cs_figure *cs_model_figure_at(const struct cs_model *model, uint32_t id)
{
	return figure_at(model, id);
}

void cs_model_figure_set(struct cs_model *model, uint32_t id, double value)
{
	struct cs_figure *figure = figure_at(model, id);

	if (!figure || !isfinite(value))
		return;
	figure->time_ns = model->now_ns;
	if (figure->known && figure->value == value)
		return;
	figure->known = true;
	figure->value = value;
	cs_dirty_mark(&model->dirty_figures, &figure->dirty, id);
}

void cs_model_take_dirty_figures(struct cs_model *model, cs_model_visit *visit, void *context)
{
	for (size_t i = 0; i < model->dirty_figures.count; i++)
		figure_at(model, model->dirty_figures.ids[i])->dirty = false;
	cs_dirty_visit(&model->dirty_figures, visit, context);
}
