/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lua is asked which function a coroutine begins with, whether it can be resumed, where it was
 * when it yielded.
 */
#include "coroutine/lua.h"

#include <stdatomic.h>
#include <string.h>

#include "coroutine/adapters.h"
#include "coroutine/board.h"
#include "coroutine/core.h"
#include "coroutine/lua_library.h"
#include "coroutine/map.h"
#include "coroutine/tell.h"
#include "coroutine/unwound.h"

#define RUNTIME "lua"
#define STATUS_OK 0
#define STATUS_YIELD 1
#define TYPE_FUNCTION 6

/* The memory that a coroutine is known by: this much of its lua_State. */
#define BODY_BYTES 64

/* ---- which coroutine ---- */

static uint64_t body_of(const struct csa_lua_library *library, const void *state)
{
	return (uint64_t)state - library->layout->state_gap;
}

static struct cs_slot *slot_of(const struct csa_lua_library *library, const void *state)
{
	struct cs_slot *slot =
		csa_board->slots ? csa_map_find_low(&csa_slot_map, body_of(library, state)) : NULL;

	return slot && (slot->flags & CS_SLOT_BODY) ? slot : NULL;
}

static struct cs_slot *be_born(const struct csa_lua_library *library, const void *state,
                               const struct csa_frame *at)
{
	struct csa_birth birth = {
		.runtime = RUNTIME,
		.low = body_of(library, state),
		.high = body_of(library, state) + BODY_BYTES,
		.flags = CS_SLOT_BODY,
		.at = at,
	};

	return csa_coro_create(&birth);
}

/* ---- places in Lua's code ---- */

static int number_at(const struct csa_lua_record *record, uint16_t offset)
{
	int number;

	memcpy(&number, record->bytes + offset, sizeof(number));
	return number;
}

struct text {
	char text[CS_SLOT_TEXT_BYTES];
	uint32_t used;
};

static void put(struct text *text, const char *more)
{
	while (*more && text->used + 1 < sizeof(text->text))
		text->text[text->used++] = *more++;
	text->text[text->used] = '\0';
}

/* A file and its folder: paths would not fit, and bare names are too often the same. */
static void put_source(struct text *text, const char *source)
{
	const char *from = source;
	int slashes = 0;

	for (const char *at = source + strlen(source); at > source && slashes < 2; at--)
		if (at[-1] == '/' && ++slashes == 2)
			from = at;
	put(text, source[0] == '[' ? source : from);
}

static void put_line(struct text *text, int line)
{
	char digits[12];
	size_t at = sizeof(digits) - 1;

	if (line <= 0)
		return;
	digits[at] = '\0';
	for (; line > 0; line /= 10)
		digits[--at] = (char)('0' + line % 10);
	put(text, ":");
	put(text, digits + at);
}

/* The function of Lua that is nearest to where STATE is, and its line. False: there is none. */
static bool put_place(const struct csa_lua_library *library, void *state, struct text *text)
{
	const struct csa_lua_layout *layout = library->layout;
	struct csa_lua_record record;

	for (int level = 0; level < 4; level++) {
		if (!library->get_stack(state, level, &record) ||
		    !library->get_info(state, "Sl", &record))
			return false;
		int line = number_at(&record, layout->line);

		if (line <= 0)
			continue;
		put_source(text, record.bytes + layout->source);
		put_line(text, line);
		return true;
	}
	return false;
}

/* What STATE is about to begin with: its source, and the line where it is defined. */
static bool put_function(const struct csa_lua_library *library, void *state, int count,
                         struct text *text)
{
	struct csa_lua_record record;

	if (count < 0 || library->top(state) <= count ||
	    library->type(state, -(count + 1)) != TYPE_FUNCTION)
		return false;
	library->push(state, -(count + 1));
	if (!library->get_info(state, ">S", &record))
		return false;
	put_source(text, record.bytes + library->layout->source);
	put_line(text, number_at(&record, library->layout->line_defined));
	return true;
}

static void name_it(const struct csa_lua_library *library, struct cs_slot *slot, void *state,
                    const struct csa_lua_arguments *more)
{
	uint64_t count = library->layout->count_is_third ? more->third : more->second;
	struct text name = {0};

	if (put_function(library, state, (int)count, &name))
		csa_coro_name(slot, name.text, NULL);
}

static void note_place(const struct csa_lua_library *library, struct cs_slot *slot, void *state)
{
	struct text reason = {0};

	put(&reason, "yield at ");
	if (put_place(library, state, &reason))
		slot->reason = csa_slots_text(reason.text);
}

/* ---- switches ---- */

static bool is_present(const struct cs_slot *here, uint64_t sp)
{
	if (here && (here->flags & CS_SLOT_BODY))
		return !csa_unwound_maybe(here, sp);
	return here && sp - here->stack_low < here->stack_high - here->stack_low;
}

/* From the present one to TO, which may be the thread itself. ENDS: enum cs_coro_end, or 0. */
static void go_to(struct cs_slot *to, uint64_t sp, uint8_t ends)
{
	struct cs_slot *from = csa_here;
	struct csa_switch how = {
		.sp = sp,
		.from_key = from ? from->agents_key : 0,
		.to = to,
		.to_thread = !to,
		.from_ends = ends,
	};

	if (!csa_board->fast || !from || !to || ends || from == to) {
		csa_coro_switch(&how);
		return;
	}
	uint64_t stamp = csa_switch_stamp(csa_board);

	from->context_kind = CS_SLOT_CONTEXT_NONE;
	csa_switch_leave(from, stamp);
	csa_switch_enter(to, from->tid, stamp);
	csa_here = to;
}

/* Control is back at TO: nobody has resumed it. */
static void come_back(struct cs_slot *to, uint64_t sp, uint8_t ends)
{
	go_to(to, sp, ends);
	if (to && csa_here == to)
		atomic_store_explicit(&to->turn, atomic_load(&to->turn) - 0x100,
		                      memory_order_release);
}

static uint64_t number_of(const struct cs_slot *slot)
{
	return slot ? atomic_load_explicit(&slot->number, memory_order_relaxed) : 0;
}

/* STATE has stopped running, by yielding, at its end, or by an error. */
static void stopped(const struct csa_lua_library *library, struct cs_slot *slot, void *state,
                    int status)
{
	if (status == STATUS_YIELD)
		note_place(library, slot, state);
	else
		slot->reason = 0;
}

/*
 * Whether Lua will run it: not one that has ended, that runs, or has resumed who runs. (It may
 * still find that it is too deep in its own calls: see has_run().)
 */
static bool can_run(const struct csa_lua_library *library, void *state, int status,
                    const struct csa_lua_arguments *more)
{
	uint64_t count = library->layout->count_is_third ? more->third : more->second;
	struct csa_lua_record record;

	return status == STATUS_YIELD ||
	       (status == STATUS_OK && !library->get_stack(state, 0, &record) &&
	        library->top(state) > (int)count);
}

/* A failed resume marks STATE, whose status was BEFORE, as dead, unless it has not run at all. */
static bool has_run(const struct csa_lua_library *library, void *state, int before, int status)
{
	return status == STATUS_OK || status == STATUS_YIELD || library->status(state) != before;
}

static struct cs_slot *begin(const struct csa_lua_library *library, void *state, bool fresh,
                             const struct csa_lua_arguments *more, const struct csa_frame *at)
{
	struct cs_slot *slot = slot_of(library, state);

	/* A lua_State whose coroutine has ended, or was emptied unseen, may begin another. */
	if (slot && fresh && atomic_load(&slot->turn) >> 8) {
		csa_coro_finish(slot, CS_CORO_END_REPLACED);
		slot = NULL;
	}
	if (!slot)
		slot = be_born(library, state, at);
	if (slot && fresh)
		name_it(library, slot, state, more);
	return slot;
}

typedef int lua_resume_function(void *state, uint64_t second, uint64_t third, uint64_t fourth);

/* A resume that is under way: of a coroutine, NUMBER, by another one or nobody. */
struct resume {
	struct cs_slot *slot, *from;
	uint64_t number, from_number;
	uint64_t sp;
	int before; /* its status */
};

static void enter(struct resume *resume)
{
	static struct csa_reason normal = {.text = "normal"};

	resume->from = csa_here;
	resume->from_number = number_of(resume->from);
	resume->number = number_of(resume->slot);
	csa_coro_park_for(&normal);
	go_to(resume->slot, resume->sp, 0);
	if (csa_here == resume->slot)
		csa_unwound_note(resume->slot, resume->from, resume->sp);
}

/* It was as if nobody had called. */
static void take_back(const struct resume *resume)
{
	uint64_t turn;

	come_back(resume->from, resume->sp - 16, 0);
	turn = atomic_load(&resume->slot->turn) - 0x100;
	if (!(turn >> 8))
		turn = CS_SLOT_NEW;
	atomic_store_explicit(&resume->slot->turn, turn, memory_order_release);
	resume->slot->reason = 0;
}

/* Lua has come back, with STATUS. */
static void leave(const struct csa_lua_library *library, struct resume *resume, void *state,
                  int status)
{
	struct cs_slot *slot = resume->slot;
	uint64_t within = resume->sp - 16;
	bool lives, ends;

	if (csa_here && csa_unwound_maybe(csa_here, within))
		csa_coro_look(within);
	if (number_of(resume->from) != resume->from_number)
		resume->from = NULL;
	lives = number_of(slot) == resume->number;
	if (lives && !has_run(library, state, resume->before, status)) {
		take_back(resume);
		return;
	}
	if (lives)
		stopped(library, slot, state, status);
	ends = lives && csa_here == slot && status != STATUS_YIELD;
	come_back(resume->from, within,
	          !ends                 ? 0
	          : status == STATUS_OK ? CS_CORO_END_FINISHED
	                                : CS_CORO_END_LEFT);
	if (lives && !ends && status != STATUS_YIELD)
		csa_coro_finish(slot, CS_CORO_END_LEFT);
}

int csa_lua_resume(void *state, const struct csa_lua_arguments *more, const struct csa_frame *at)
{
	lua_resume_function *real = csa_real_or_fail("lua_resume", at->pc);
	const struct csa_lua_library *library = csa_board_wanted() ? csa_lua_library_of(real)
	                                                           : NULL;
	struct resume resume = {.sp = at->sp};
	int status;

	if (library && !is_present(csa_here, at->sp))
		csa_coro_look(at->sp);
	if (library)
		resume.before = library->status(state);
	if (library && can_run(library, state, resume.before, more))
		resume.slot = begin(library, state, resume.before == STATUS_OK, more, at);
	if (!resume.slot)
		return real(state, more->second, more->third, more->fourth);
	enter(&resume);
	status = real(state, more->second, more->third, more->fourth);
	if (csa_board->slots)
		leave(library, &resume, state, status);
	return status;
}

/* ---- births and ends ---- */

void *csa_lua_new(void *state, const struct csa_frame *at)
{
	void *(*real)(void *) = csa_real_or_none("lua_newthread", at->pc);
	void *made = real(state);
	const struct csa_lua_library *library =
		made && csa_board_wanted() ? csa_lua_library_of(real) : NULL;
	struct cs_slot *slot = library ? be_born(library, made, at) : NULL;
	struct text place = {0};

	if (!slot)
		return made;
	put(&place, "created=");
	if (put_place(library, state, &place))
		csa_coro_name(slot, NULL, place.text);
	return made;
}

void csa_lua_reset(const void *state, uint64_t caller)
{
	const struct csa_lua_library *library =
		csa_board->slots ? csa_lua_library_of(csa_real_for("lua_resume", caller)) : NULL;
	struct cs_slot *slot = library ? slot_of(library, state) : NULL;

	if (slot && slot != csa_here)
		csa_coro_finish(slot, CS_CORO_END_STACK_FREED);
}
