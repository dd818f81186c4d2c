/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of a table's address space is mapped at once, however short its file is; what lies
 * behind the file's end is not touched, and a file that shrinks is caught by the guard.
 */
#include "source/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/guard.h"
#include "wire/ring.h"
#include "wire/session.h"

#define MAPPED_BYTES (CS_SLOTS_HEADER_BYTES + (uint64_t)CS_SLOTS_MAX * sizeof(struct cs_slot))
#define COPY_TRIES 4

/* ---- opening ---- */

static int check_file(int fd, const char *name, struct cs_diag *diag)
{
	struct stat status;

	if (fstat(fd, &status))
		return cs_diag_set(diag, -errno, "read %s: %s", name, strerror(errno));
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_nlink > 1)
		return cs_diag_set(diag, -EPERM, "read %s: it is not a file of ours alone", name);
	return 0;
}

static int check_header(const struct cs_slots *slots, const char *name, uint64_t ring_start,
                        struct cs_diag *diag)
{
	struct {
		uint64_t magic;
		uint32_t version, header_bytes, slot_bytes, slots_max;
		uint64_t ring_start;
	} head;

	_Static_assert(offsetof(struct cs_slot_table, ring_start) == 24, "the head's layout");
	if (slots->memory_bytes < CS_SLOTS_HEADER_BYTES ||
	    !cs_guard_copy(&head, slots->shared, sizeof(head)))
		return cs_diag_set(diag, -EINVAL, "read %s: it is too short", name);
	if (head.magic != CS_SLOTS_MAGIC)
		return cs_diag_set(diag, -ENOENT, "read %s: it is not made yet", name);
	if (head.version != CS_WIRE_VERSION)
		return cs_diag_set(diag, -EPROTO,
		                   "read %s: its agent speaks version %u of the wire, this "
		                   "coroscope speaks %u",
		                   name, head.version, CS_WIRE_VERSION);
	if (head.header_bytes != CS_SLOTS_HEADER_BYTES ||
	    head.slot_bytes != sizeof(struct cs_slot) || head.slots_max > CS_SLOTS_MAX ||
	    (ring_start && head.ring_start != ring_start))
		return cs_diag_set(diag, -EINVAL, "read %s: its header is wrong", name);
	return 0;
}

static uint64_t size_of(const struct cs_slots *slots)
{
	struct stat status;

	if (slots->fd < 0)
		return slots->memory_bytes;
	if (fstat(slots->fd, &status) || status.st_size < 0)
		return 0;
	return (uint64_t)status.st_size < MAPPED_BYTES ? (uint64_t)status.st_size : MAPPED_BYTES;
}

static struct cs_slots *start(struct cs_slots *slots, const char *name, uint64_t ring_start,
                              struct cs_diag *diag)
{
	slots->memory_bytes = size_of(slots);
	if (check_header(slots, name, ring_start, diag)) {
		cs_slots_close(slots);
		return NULL;
	}
	cs_slots_look(slots);
	return slots;
}

static void name_of(char *name, size_t size, const char *ring_name)
{
	size_t prefix = strlen(CS_RING_PREFIX);

	snprintf(name, size, CS_SLOTS_PREFIX "%.64s",
	         strncmp(ring_name, CS_RING_PREFIX, prefix) ? "" : ring_name + prefix);
}

void cs_slots_unlink(int fd, const char *ring_name)
{
	char name[96];

	name_of(name, sizeof(name), ring_name);
	unlinkat(fd, name, 0);
}

struct cs_slots *cs_slots_open(int fd, const char *ring_name, uint64_t ring_start,
                               struct cs_diag *diag)
{
	struct cs_slots *slots = calloc(1, sizeof(*slots));
	char name[96];
	void *memory;

	if (!slots)
		return cs_diag_set(diag, -ENOMEM, "read a table: not enough memory"), NULL;
	name_of(name, sizeof(name), ring_name);
	slots->fd = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (slots->fd < 0) {
		cs_diag_set(diag, -errno, "open %s: %s", name, strerror(errno));
	} else if (!check_file(slots->fd, name, diag)) {
		memory = mmap(NULL, MAPPED_BYTES, PROT_READ, MAP_SHARED, slots->fd, 0);
		if (memory != MAP_FAILED) {
			slots->shared = memory;
			slots->mapped = MAPPED_BYTES;
			return start(slots, name, ring_start, diag);
		}
		cs_diag_set(diag, -errno, "map %s: %s", name, strerror(errno));
	}
	cs_slots_close(slots);
	return NULL;
}

struct cs_slots *cs_slots_open_memory(const void *memory, uint64_t bytes, struct cs_diag *diag)
{
	struct cs_slots *slots = calloc(1, sizeof(*slots));

	if (!slots)
		return cs_diag_set(diag, -ENOMEM, "read a table: not enough memory"), NULL;
	slots->fd = -1;
	slots->shared = memory;
	slots->memory_bytes = bytes;
	return start(slots, "memory", 0, diag);
}

void cs_slots_close(struct cs_slots *slots)
{
	if (!slots)
		return;
	if (slots->mapped)
		munmap((void *)(uintptr_t)slots->shared, slots->mapped);
	if (slots->fd >= 0)
		close(slots->fd);
	free(slots);
}

/* ---- looking ---- */

static void do_look(void *arg)
{
	struct cs_slots *slots = arg;
	const struct cs_slot_table *shared = slots->shared;
	uint32_t texts = atomic_load_explicit(&shared->text_count, memory_order_acquire);

	slots->count = atomic_load_explicit(&shared->slot_count, memory_order_acquire);
	slots->created = atomic_load_explicit(&shared->created, memory_order_relaxed);
	if (texts >= CS_SLOT_TEXTS)
		texts = CS_SLOT_TEXTS - 1;
	for (uint32_t i = slots->text_count + 1; i <= texts; i++)
		memcpy(slots->texts[i], shared->texts[i].text, CS_SLOT_TEXT_BYTES);
	if (texts > slots->text_count)
		slots->text_count = texts;
}

/* What a target calls things goes to terminals and files. */
static void clean(char *text)
{
	text[CS_SLOT_TEXT_BYTES - 1] = '\0';
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void cs_slots_look(struct cs_slots *slots)
{
	uint32_t before = slots->text_count;
	uint64_t room;

	if (slots->damage)
		return;
	if (!cs_guard_call(do_look, slots)) {
		slots->damage = "the file of its coroutines became shorter";
		slots->count = 0;
		return;
	}
	for (uint32_t i = before + 1; i <= slots->text_count; i++)
		clean(slots->texts[i]);
	/* Not more than the file holds, whatever it says. */
	room = size_of(slots);
	room = room > CS_SLOTS_HEADER_BYTES
	               ? (room - CS_SLOTS_HEADER_BYTES) / sizeof(struct cs_slot)
	               : 0;
	if (slots->count > room)
		slots->count = (uint32_t)room;
	if (slots->count > CS_SLOTS_MAX)
		slots->count = CS_SLOTS_MAX;
}

const char *cs_slots_text(const struct cs_slots *slots, uint32_t id)
{
	return id && id <= slots->text_count && slots->texts[id][0] ? slots->texts[id] : NULL;
}

/* ---- copying ---- */

static const struct cs_slot *slot_at(const struct cs_slots *slots, uint32_t index)
{
	const uint8_t *behind = (const uint8_t *)slots->shared + CS_SLOTS_HEADER_BYTES;

	return (const struct cs_slot *)behind + index;
}

struct sweep {
	struct cs_slots *slots;
	const struct cs_slot_known *known;
	struct cs_slot_copy *copies;
	uint32_t at, end, copied, room;
	bool walk;
};

static bool is_wanted(const struct cs_slot_known *known, uint64_t number, uint64_t turn, bool walk)
{
	if (number != known->number || turn != known->turn)
		return true;
	if (!number)
		return false;
	return cs_slot_state(turn) == CS_SLOT_RUNNING ||
	       (walk && cs_slot_is_parked(turn) && known->walked != turn);
}

static void copy_one(const struct cs_slot *shared, struct cs_slot_copy *copy, uint64_t number,
                     uint64_t turn)
{
	for (int tries = 0; tries < COPY_TRIES; tries++) {
		uint64_t again, turn_again;

		memcpy(&copy->slot, shared, sizeof(copy->slot));
		/* Loads stay in order here: only the compiler has to be told. */
		atomic_signal_fence(memory_order_acquire);
		turn_again = atomic_load_explicit(&shared->turn, memory_order_relaxed);
		again = atomic_load_explicit(&shared->number, memory_order_relaxed);
		copy->torn = again != number || turn_again != turn;
		if (!copy->torn)
			break;
		number = atomic_load_explicit(&shared->number, memory_order_acquire);
		turn = atomic_load_explicit(&shared->turn, memory_order_acquire);
	}
	copy->slot.number = number;
	copy->slot.turn = turn;
}

static void do_sweep(void *arg)
{
	struct sweep *sweep = arg;

	for (; sweep->at < sweep->end && sweep->copied < sweep->room; sweep->at++) {
		const struct cs_slot *shared = slot_at(sweep->slots, sweep->at);
		uint64_t number = atomic_load_explicit(&shared->number, memory_order_acquire);
		uint64_t turn = atomic_load_explicit(&shared->turn, memory_order_acquire);
		const struct cs_slot_known *known = sweep->known++;

		if (!number)
			turn = known->turn; /* of a free slot only that it is free matters */
		if (!is_wanted(known, number, turn, sweep->walk))
			continue;
		sweep->copies[sweep->copied].index = sweep->at;
		copy_one(shared, &sweep->copies[sweep->copied++], number, turn);
	}
}

/* NOLINTNEXTLINE(readability-function-size): what is read, and where it goes */
uint32_t cs_slots_changed(struct cs_slots *slots, uint32_t from, uint32_t count,
                          const struct cs_slot_known *known, bool walk, struct cs_slot_copy *copies,
                          uint32_t room, uint32_t *next)
{
	struct sweep sweep = {
		.slots = slots,
		.known = known,
		.copies = copies,
		.at = from,
		.end = from + count,
		.room = room,
		.walk = walk,
	};

	if (sweep.end > slots->count)
		sweep.end = slots->count;
	if (slots->damage || !cs_guard_call(do_sweep, &sweep)) {
		slots->damage = "the file of its coroutines became shorter";
		sweep.copied = 0;
		sweep.at = sweep.end;
	}
	*next = sweep.at;
	return sweep.copied;
}

struct check {
	struct cs_slots *slots;
	const struct cs_slot_copy *copies;
	uint32_t count;
	bool *still;
};

static void do_check(void *arg)
{
	const struct check *check = arg;

	for (uint32_t i = 0; i < check->count; i++) {
		const struct cs_slot_copy *copy = &check->copies[i];
		const struct cs_slot *shared = slot_at(check->slots, copy->index);

		if (atomic_load_explicit(&shared->turn, memory_order_acquire) != copy->slot.turn ||
		    atomic_load_explicit(&shared->number, memory_order_acquire) !=
		            copy->slot.number)
			check->still[i] = false;
	}
}

void cs_slots_check(struct cs_slots *slots, const struct cs_slot_copy *copies, uint32_t count,
                    bool *still)
{
	struct check check = {slots, copies, count, still};

	if (!cs_guard_call(do_check, &check))
		memset(still, 0, count * sizeof(*still));
}
