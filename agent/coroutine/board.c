/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables are made by the first thread that needs them and grow with the slots.
 */
#include "coroutine/board.h"

#include <sys/mman.h>
#include <time.h>

#include "core/sys.h"
#include "coroutine/map.h"
#include "coroutine/switch.h"

#define MADV_WIPEONFORK_ 18
#define RECENT_BITS_MIN 10u
#define RECENT_BITS_MAX 22u
/* Nothing that a program has in a register by chance. */
#define MARK_FACTOR UINT64_C(0x9e3779b97f4a7c15)
#define OPENING_NAPS 500 /* of 0.1 ms */
/* Of all threads together: whoever is at it may have been stopped, or ended. */
#define OPENING_NAPS_ALL 8192

struct csa_board csa_board[1];

static struct {
	bool wanted;
	_Atomic uint32_t opening;
	_Atomic uint32_t naps;
	_Atomic uint32_t *recent; /* levels, as in map.c */
} board_state;

/* What was in the library's file, or may be shared with it, can't be wiped: a fresh page. */
static bool new_page(void)
{
	long page = (long)csa_board;

	return csa_sys6(SYS_mmap, page, CSA_BOARD_BYTES, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page &&
	       csa_sys3(SYS_madvise, page, CSA_BOARD_BYTES, MADV_WIPEONFORK_) == 0;
}

/* Others look at it meanwhile: what they look at first comes last. */
static void fill_board(void)
{
	uint32_t flags = csa_agent.session->flags;
	uint64_t mark = csa_agent.ring->start_stamp * MARK_FACTOR | 1;
	uint64_t none = 0;

	if (!(flags & CS_SESSION_SCHED_TIME)) {
		csa_board->present = &csa_agent.session->present;
		atomic_compare_exchange_strong(csa_board->present, &none, csa_stamp());
	}
	csa_board->recent = board_state.recent + (1u << RECENT_BITS_MIN);
	csa_board->shift = 64 - RECENT_BITS_MIN;
	__atomic_store_n(&csa_board->slots, csa_slots, __ATOMIC_RELEASE);
	if (flags & CS_SESSION_SCHED_EVENTS)
		return;
	__atomic_store_n(&csa_board->fast, csa_slots, __ATOMIC_RELEASE);
	__atomic_store_n(&csa_board->mark, mark, __ATOMIC_RELEASE);
	if (csa_board->present)
		__atomic_store_n(&csa_board->mark_counted, mark, __ATOMIC_RELEASE);
}

void csa_board_grow(uint32_t used)
{
	uint32_t bits = 64 - csa_board->shift;

	csa_map_grow(&csa_slot_map, used);
	if (used <= 1u << bits || bits >= RECENT_BITS_MAX)
		return;
	/* A switch in between may use the old place with the new shift: it misses, no more. */
	__atomic_store_n(&csa_board->recent, board_state.recent + (2u << bits), __ATOMIC_RELEASE);
	__atomic_store_n(&csa_board->shift, 64 - (bits + 1), __ATOMIC_RELEASE);
}

static bool open_tables(void)
{
	long start = csa_sys6(SYS_mmap, 0, (long)4 << (RECENT_BITS_MAX + 1), PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (csa_sys_failed(start))
		return false;
	board_state.recent = (_Atomic uint32_t *)start;
	if (!csa_map_open(&csa_slot_map) || !new_page() || !csa_slots_open())
		return false;
	fill_board();
	return true;
}

/* Somebody else is at it; once in the life of a process, and not for long. */
static bool wait_for_tables(void)
{
	const struct timespec nap = {.tv_nsec = 100000};

	for (int i = 0; i < OPENING_NAPS && !csa_sandboxed && board_state.wanted; i++) {
		if (__atomic_load_n(&csa_board->slots, __ATOMIC_ACQUIRE))
			return true;
		if (atomic_load(&board_state.naps) >= OPENING_NAPS_ALL)
			return false;
		atomic_fetch_add(&board_state.naps, 1);
		csa_sys2(SYS_nanosleep, &nap, NULL);
	}
	return false;
}

bool csa_board_ready(void)
{
	if (csa_board->slots)
		return true;
	if (!board_state.wanted)
		return false;
	if (atomic_exchange(&board_state.opening, 1))
		return wait_for_tables();
	if (open_tables())
		return true;
	board_state.wanted = false; /* `opening` stays: nobody tries again */
	csa_slots = NULL;
	return false;
}

void csa_board_want(bool wanted)
{
	board_state.wanted = wanted;
}

bool csa_board_wanted(void)
{
	return board_state.wanted;
}

bool csa_board_forked(void)
{
	if (!csa_slots_whole()) {
		csa_slots_forget();
		atomic_store(&board_state.opening, 0);
		atomic_store(&board_state.naps, 0);
		return false;
	}
	if (csa_slots_fork_open()) {
		fill_board();
		csa_board_grow(csa_slots_used());
		return true;
	}
	csa_board->mark = csa_board->mark_counted = 0;
	csa_board->slots = csa_board->fast = NULL;
	csa_slots = NULL;
	board_state.wanted = false;
	return false;
}
