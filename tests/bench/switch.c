/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch [PART]: nanoseconds of a switch by jump_fcontext and by swapcontext, without whoever
 * has put himself before these functions, and with him. Both ways take turns within fractions of
 * a millisecond, so what differs between them is not what else the machine does. Of the rounds,
 * each of which is a pair, the quarter counts that was disturbed least.
 *
 * Prints a line for each of several blocks: jump or swap, the median of these rounds without, and
 * the median of what those with took longer than their neighbour. The last line is of one look
 * at the counter. PART, 1 by default: a block has one PARTth of its rounds.
 */
#define _GNU_SOURCE
#include "itself.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <x86intrin.h>

#define STACK_BYTES 65536
#define BLOCKS 6
#define ROUNDS 600u
#define WARM 20u
#define JUMPS 1000u /* and as many back */
#define SWAPS 100u
#define LOOKS 1000000u

struct transfer {
	void *context;
	void *data;
};

typedef struct transfer jump_function(void *to, void *data);
typedef int swap_function(ucontext_t *from, const ucontext_t *to);

jump_function jump_fcontext;
void *make_fcontext(void *stack, size_t bytes, void (*function)(struct transfer));

static jump_function *volatile jump;
static swap_function *volatile swap;
static ucontext_t main_context, other_context;
static void *other;
static volatile uint64_t sum;

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void jump_back(struct transfer from)
{
	for (;;)
		from = jump(from.context, NULL);
}

static void swap_back(void)
{
	for (;;)
		swap(&other_context, &main_context);
}

static void jumps(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		other = jump(other, NULL).context;
}

static void swaps(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		swap(&main_context, &other_context);
}

static void looks(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		sum += __rdtsc();
}

/*
 * What floating point has noted goes with the context, and to load other notes than there are
 * takes seventy nanoseconds: the coroutine has none, so its caller shall have none.
 */
static double each_ns(void (*work)(unsigned), unsigned count)
{
	double start = now_ns();

	_mm_setcsr(_mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK);
	work(count);
	return (now_ns() - start) / count;
}

/* ---- blocks ---- */

struct pair {
	double bare, longer;
};

static int by_sum(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	double difference = 2 * a->bare + a->longer - 2 * b->bare - b->longer;

	return (difference > 0) - (difference < 0);
}

static int by_bare(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;

	return (a->bare > b->bare) - (a->bare < b->bare);
}

static int by_longer(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;

	return (a->longer > b->longer) - (a->longer < b->longer);
}

static void report(const char *name, struct pair *pairs, unsigned rounds)
{
	unsigned calm = (rounds + 3) / 4;
	double bare;

	qsort(pairs, rounds, sizeof(*pairs), by_sum);
	qsort(pairs, calm, sizeof(*pairs), by_bare);
	bare = pairs[calm / 2].bare;
	qsort(pairs, calm, sizeof(*pairs), by_longer);
	printf("%s %.3f %.3f\n", name, bare, pairs[calm / 2].longer);
}

static void use_jump(bool with, void *without)
{
	jump = with ? jump_fcontext : (jump_function *)without;
}

static void use_swap(bool with, void *without)
{
	swap = with ? swapcontext : (swap_function *)without;
}

static void block(const char *name, void (*use)(bool with, void *without), void *without,
                  void (*work)(unsigned), unsigned count, unsigned rounds)
{
	static struct pair pairs[ROUNDS];

	for (unsigned round = 0; round < rounds; round++) {
		double ns[2];

		for (unsigned turn = 0; turn < 2; turn++) {
			bool with = (turn + round) % 2;

			use(with, without);
			each_ns(work, WARM);
			ns[with] = each_ns(work, count) / 2;
		}
		pairs[round] = (struct pair){ns[0], ns[1] - ns[0]};
	}
	report(name, pairs, rounds);
}

int main(int argc, char **argv)
{
	void *own_jump = itself("libboost_context", "jump_fcontext");
	void *own_swap = itself("libc.so", "swapcontext");
	unsigned part = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
	unsigned rounds = part && part < ROUNDS ? ROUNDS / part : ROUNDS;
	char *stack = malloc(STACK_BYTES);
	double look = 1e9;

	other = make_fcontext(stack + STACK_BYTES, STACK_BYTES, jump_back);
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = malloc(STACK_BYTES);
	other_context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&other_context, swap_back, 0);
	for (int i = 0; i < BLOCKS; i++)
		block("jump", use_jump, own_jump, jumps, JUMPS, rounds);
	for (int i = 0; i < BLOCKS; i++)
		block("swap", use_swap, own_swap, swaps, SWAPS, rounds);
	for (int i = 0; i < 7; i++) {
		double ns = each_ns(looks, LOOKS / 10);

		look = ns < look ? ns : look;
	}
	printf("look %.3f\n", look);
	return 0;
}
