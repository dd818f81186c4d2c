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

#define PAGE 4096
#define MADV_WIPEONFORK_ 18
#define RECENT_BITS_MIN 10u
#define RECENT_BITS_MAX 22u
#define OPENING_NAPS 500 /* of 0.1 ms */

static struct csa_board no_board = {.shift = 63};
struct csa_board *csa_board = &no_board;

static struct {
	bool wanted;
	_Atomic uint32_t opening;
	_Atomic uint32_t *recent; /* levels, as in map.c */
} board_state;

static bool new_board(void)
{
	struct csa_board *board = csa_map(PAGE);

	if (!board || csa_sys3(SYS_madvise, board, PAGE, MADV_WIPEONFORK_) != 0)
		return false;
	if (!(csa_agent.session->flags & CS_SESSION_SCHED_TIME))
		board->present = &csa_agent.session->present;
	board->recent = board_state.recent + (1u << RECENT_BITS_MIN);
	board->shift = 64 - RECENT_BITS_MIN;
	board->slots = csa_slots;
	board->fast = (csa_agent.session->flags & CS_SESSION_SCHED_EVENTS) ? NULL : csa_slots;
	__atomic_store_n(&csa_board, board, __ATOMIC_RELEASE);
	return true;
}

void csa_board_grow(uint32_t used)
{
	struct csa_board *board = csa_board;
	uint32_t bits = 64 - board->shift;

	csa_map_grow(&csa_slot_map, used);
	if (used <= 1u << bits || bits >= RECENT_BITS_MAX)
		return;
	/* A switch in between may use the old place with the new shift: it misses, no more. */
	__atomic_store_n(&board->recent, board_state.recent + (2u << bits), __ATOMIC_RELEASE);
	__atomic_store_n(&board->shift, 64 - (bits + 1), __ATOMIC_RELEASE);
}

static bool open_tables(void)
{
	long start = csa_sys6(SYS_mmap, 0, (long)4 << (RECENT_BITS_MAX + 1), PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (csa_sys_failed(start))
		return false;
	board_state.recent = (_Atomic uint32_t *)start;
	return csa_map_open(&csa_slot_map) && csa_slots_open() && new_board();
}

/* Somebody else is at it; once in the life of a process, and not for long. */
static bool wait_for_tables(void)
{
	const struct timespec nap = {.tv_nsec = 100000};

	for (int i = 0; i < OPENING_NAPS && !csa_sandboxed && board_state.wanted; i++) {
		if (__atomic_load_n(&csa_board, __ATOMIC_ACQUIRE)->slots)
			return true;
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
	if (csa_slots_fork_open() && new_board()) {
		csa_board_grow(csa_slots_used());
		return true;
	}
	csa_board = &no_board;
	csa_slots = NULL;
	board_state.wanted = false;
	return false;
}
