/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A runtime's annotations. What the program keeps for us is believed only if the slot that it
 * names is still that coroutine's.
 */
#include "coroutine/annotated.h"

#include "coroutine/coroutine.h"
#include "coroutine/tell.h"
#include "heap/hook.h"

/* As in include/coroscope.h, which is compiled into programs of all ages. */
struct csa_annotation {
	uint64_t registers[8];
	uint64_t number;
	uint64_t place; /* the slot's line */
};

struct csa_annotation_hooks {
	uint32_t version, bytes;
	void (*create)(struct csa_annotation *self, const void *stack, size_t bytes,
	               const void *entry);
	void (*switch_to)(struct csa_annotation *from, struct csa_annotation *to);
	void (*park)(const char *reason);
	void (*wake)(struct csa_annotation *self);
	void (*finish)(struct csa_annotation *self);
	void (*name)(struct csa_annotation *self, const char *name);
	void (*label)(struct csa_annotation *self, const char *labels);
};

static struct cs_slot *slot_of(const struct csa_annotation *self)
{
	struct cs_slot *slot;

	if (!csa_board->slots || !self || !self->number ||
	    self->place >= csa_slots_used() * CSA_SLOT_LINES)
		return NULL;
	slot = csa_slot_at((uint32_t)self->place);
	return csa_slot_number(slot) == self->number ? slot : NULL;
}

void csa_annotated_create(struct csa_annotation *self, const void *stack, size_t bytes,
                          const void *entry)
{
	struct csa_frame at = CSA_CALLER();
	struct csa_birth birth = {
		.runtime = "annotated",
		.low = (uint64_t)stack,
		.high = (uint64_t)stack + bytes,
		.entry = (uint64_t)entry,
		.at = &at,
	};
	struct cs_slot *slot = csa_coro_create(&birth);

	self->number = csa_slot_number(slot);
	self->place = slot ? csa_slot_line(slot) : 0;
}

void csa_annotated_switch(struct csa_annotation *from, struct csa_annotation *to, uint64_t sp)
{
	struct csa_switch how = {
		.sp = sp - 8,
		.to = slot_of(to),
		.to_thread = !to,
		.from_context = (uint64_t)from,
		.from_kind = from ? CS_SLOT_CONTEXT_JMPBUF_PLAIN : CS_SLOT_CONTEXT_NONE,
	};

	if (how.to || how.to_thread)
		csa_coro_switch(&how);
}

static void wake(struct csa_annotation *self)
{
	csa_coro_wake(slot_of(self));
}

static void finish(struct csa_annotation *self)
{
	csa_coro_finish(slot_of(self), CS_CORO_END_FINISHED);
}

static void name(struct csa_annotation *self, const char *text)
{
	csa_coro_name(slot_of(self), text, NULL);
}

static void label(struct csa_annotation *self, const char *text)
{
	csa_coro_name(slot_of(self), NULL, text);
}

__attribute__((visibility("default"))) extern const struct csa_annotation_hooks coroscope_hooks_1;

const struct csa_annotation_hooks coroscope_hooks_1 = {
	.version = 1,
	.bytes = sizeof(coroscope_hooks_1),
	.create = csa_annotated_create,
	.switch_to = csa_annotated_leave,
	.park = csa_coro_park,
	.wake = wake,
	.finish = finish,
	.name = name,
	.label = label,
};
