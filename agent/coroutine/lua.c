/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lua is asked by its own functions, of those alone that neither allocate nor run anything nor
 * raise errors: which function a coroutine begins with, where it was when it yielded.
 */
#include "coroutine/lua.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "core/lookup.h"
#include "coroutine/adapters.h"
#include "coroutine/board.h"
#include "coroutine/core.h"
#include "coroutine/map.h"
#include "coroutine/tell.h"
#include "stack/modules.h"

#define RUNTIME "lua"
#define STATUS_OK 0
#define STATUS_YIELD 1
#define TYPE_FUNCTION 6

/* The memory that a coroutine is known by: this much of its lua_State. */
#define BODY_BYTES 64

/* ---- the library ---- */

/* lua_Debug: what is asked for lies at different places in each version, and it may grow. */
struct record {
	_Alignas(16) char bytes[256];
};

struct layout {
	uint16_t name, line, line_defined, source, state_gap;
	bool count_is_third; /* lua_resume's arguments: state, from, count; else state, count */
};

static const struct layout layouts[] = {
	{.name = 8, .line = 40, .line_defined = 48, .source = 56},                         /* 5.1 */
	{.name = 8, .line = 40, .line_defined = 44, .source = 56, .count_is_third = true}, /* 5.2 */
	{8, 40, 44, 56, .state_gap = 8, .count_is_third = true},                           /* 5.3 */
	{8, 48, 52, 68, .state_gap = 8, .count_is_third = true},                           /* 5.4 */
};

static struct library {
	_Atomic uint64_t epoch; /* of the modules when this was right; 0 nothing is here */
	uintptr_t low, high;
	const struct layout *layout; /* NULL: not one that we know */
	int (*get_stack)(void *state, int level, struct record *record);
	int (*get_info)(void *state, const char *what, struct record *record);
	int (*top)(void *state);
	int (*type)(void *state, int index);
	void (*push)(void *state, int index);
	int (*status)(void *state);
} libraries[4];

static _Atomic uint32_t libraries_busy;

/* Versions are told apart by what each has brought. */
static const struct layout *layout_of(const struct csa_image *image)
{
	if (csa_lookup_in(image, "luaJIT_setmode"))
		return NULL;
	if (csa_lookup_in(image, "lua_setwarnf"))
		return &layouts[3];
	if (csa_lookup_in(image, "lua_rotate"))
		return &layouts[2];
	return csa_lookup_in(image, "lua_yieldk") ? &layouts[1] : &layouts[0];
}

static bool holds(const struct csa_image *image, uintptr_t address)
{
	return address >= image->low && address < image->high;
}

struct search {
	uintptr_t address;
	struct csa_image image;
};

static bool look_at(const struct csa_image *image, void *context)
{
	struct search *search = context;

	search->image = *image;
	return holds(image, search->address);
}

static void fill(struct library *library, const struct csa_image *image)
{
	library->low = image->low;
	library->high = image->high;
	library->get_stack = csa_lookup_in(image, "lua_getstack");
	library->get_info = csa_lookup_in(image, "lua_getinfo");
	library->top = csa_lookup_in(image, "lua_gettop");
	library->type = csa_lookup_in(image, "lua_type");
	library->push = csa_lookup_in(image, "lua_pushvalue");
	library->status = csa_lookup_in(image, "lua_status");
	library->layout = layout_of(image);
	if (!library->get_stack || !library->get_info || !library->top || !library->type ||
	    !library->push || !library->status)
		library->layout = NULL;
}

static const struct library *known_library(uintptr_t function, uint64_t epoch)
{
	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
		struct library *library = &libraries[i];

		if (atomic_load_explicit(&library->epoch, memory_order_acquire) == epoch &&
		    function >= library->low && function < library->high)
			return library;
	}
	return NULL;
}

static bool is_loaded(const struct library *library)
{
	struct search search = {.address = library->low};

	return library->high && csa_lookup_each(look_at, &search) &&
	       search.image.low == library->low;
}

/*
 * Its own if it has one: what is written there then is what is there. Another's is not taken as
 * long as that is loaded: some thread may be in it, and will look there when a coroutine yields.
 */
static struct library *place_for(const struct csa_image *image)
{
	const size_t count = sizeof(libraries) / sizeof(*libraries);

	for (size_t i = 0; i < count; i++)
		if (libraries[i].low == image->low && libraries[i].high == image->high)
			return &libraries[i];
	for (size_t i = 0; i < count; i++)
		if (!is_loaded(&libraries[i]))
			return &libraries[i];
	return NULL;
}

/* The one that FUNCTION belongs to; NULL: nothing is known of it, or this once nothing. */
static const struct library *library_of(void *function)
{
	uint64_t epoch = atomic_load(&csa_modules_epoch) + 1;
	const struct library *known = known_library((uintptr_t)function, epoch);
	struct search search = {.address = (uintptr_t)function};
	struct library *free_place;

	if (known)
		return known->layout ? known : NULL;
	if (!csa_lookup_each(look_at, &search) || atomic_exchange(&libraries_busy, 1))
		return NULL;
	free_place = place_for(&search.image);
	if (free_place) {
		fill(free_place, &search.image);
		atomic_store_explicit(&free_place->epoch, epoch, memory_order_release);
	}
	atomic_store(&libraries_busy, 0);
	return free_place && free_place->layout ? free_place : NULL;
}

/* ---- which coroutine ---- */

static uint64_t body_of(const struct library *library, const void *state)
{
	return (uint64_t)state - library->layout->state_gap;
}

static struct cs_slot *slot_of(const struct library *library, const void *state)
{
	struct cs_slot *slot =
		csa_board->slots ? csa_map_find_low(&csa_slot_map, body_of(library, state)) : NULL;

	return slot && (slot->flags & CS_SLOT_BODY) ? slot : NULL;
}

static struct cs_slot *be_born(const struct library *library, const void *state,
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

static int number_at(const struct record *record, uint16_t offset)
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
static bool put_place(const struct library *library, void *state, struct text *text)
{
	const struct layout *layout = library->layout;
	struct record record;

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
static bool put_function(const struct library *library, void *state, int count, struct text *text)
{
	struct record record;

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

static void name_it(const struct library *library, struct cs_slot *slot, void *state,
                    const struct csa_lua_arguments *more)
{
	uint64_t count = library->layout->count_is_third ? more->third : more->second;
	struct text name = {0};

	if (put_function(library, state, (int)count, &name))
		csa_coro_name(slot, name.text, NULL);
}

static void note_place(const struct library *library, struct cs_slot *slot, void *state)
{
	struct text reason = {0};

	put(&reason, "yield at ");
	if (put_place(library, state, &reason))
		slot->reason = csa_slots_text(reason.text);
}

/* ---- switches ---- */

static bool is_present(const struct cs_slot *here, uint64_t sp)
{
	return here && ((here->flags & CS_SLOT_BODY) ||
	                sp - here->stack_low < here->stack_high - here->stack_low);
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
static void stopped(const struct library *library, struct cs_slot *slot, void *state, int status)
{
	if (status == STATUS_YIELD)
		note_place(library, slot, state);
	else
		slot->reason = 0;
}

static struct cs_slot *begin(const struct library *library, void *state,
                             const struct csa_lua_arguments *more, const struct csa_frame *at)
{
	struct cs_slot *slot = slot_of(library, state);
	bool fresh = library->status(state) == STATUS_OK;

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

int csa_lua_resume(void *state, const struct csa_lua_arguments *more, const struct csa_frame *at)
{
	static struct csa_reason normal = {.text = "normal"};
	lua_resume_function *real = csa_real_or_fail("lua_resume", at->pc);
	const struct library *library = csa_board_wanted() ? library_of(real) : NULL;
	struct cs_slot *slot, *from;
	uint64_t number, from_number;
	int status;

	if (library && !is_present(csa_here, at->sp))
		csa_coro_look(at->sp);
	slot = library ? begin(library, state, more, at) : NULL;
	if (!slot)
		return real(state, more->second, more->third, more->fourth);
	from = csa_here;
	from_number = number_of(from);
	number = number_of(slot);
	csa_coro_park_for(&normal);
	go_to(slot, at->sp, 0);
	status = real(state, more->second, more->third, more->fourth);
	if (!csa_board->slots)
		return status;
	if (number_of(from) != from_number)
		from = NULL;
	bool lives = number_of(slot) == number;

	if (lives)
		stopped(library, slot, state, status);
	bool ends = lives && csa_here == slot && status != STATUS_YIELD;

	come_back(from, at->sp,
	          !ends                 ? 0
	          : status == STATUS_OK ? CS_CORO_END_FINISHED
	                                : CS_CORO_END_LEFT);
	if (lives && !ends && status != STATUS_YIELD)
		csa_coro_finish(slot, CS_CORO_END_LEFT);
	return status;
}

/* ---- births and ends ---- */

void *csa_lua_new(void *state, const struct csa_frame *at)
{
	void *(*real)(void *) = csa_real_or_none("lua_newthread", at->pc);
	void *made = real(state);
	const struct library *library = made && csa_board_wanted() ? library_of(real) : NULL;
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
	const struct library *library =
		csa_board->slots ? library_of(csa_real_for("lua_resume", caller)) : NULL;
	struct cs_slot *slot = library ? slot_of(library, state) : NULL;

	if (slot && slot != csa_here)
		csa_coro_finish(slot, CS_CORO_END_STACK_FREED);
}
