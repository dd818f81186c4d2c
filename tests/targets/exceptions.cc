/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap: C++ exceptions and longjmp leave frames behind, among them a hook's own: new throws,
 * a new_handler throws or jumps. Afterwards every allocation must still be counted, once.
 */
#include <csetjmp>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "target.h"

static jmp_buf back;
static volatile size_t too_much = (size_t)-1 / 2;

struct guard {
	std::vector<int> numbers;

	explicit guard(int n) : numbers((size_t)n, 1)
	{
	}
};

SITE void *site_after(size_t n)
{
	return ::operator new(n);
}

SITE void *site_after_malloc(size_t n)
{
	return malloc(n);
}

static __attribute__((noinline)) int dive(int depth)
{
	guard g(depth + 1);

	if (depth == 0)
		throw std::runtime_error(std::string(300, 'e'));
	return dive(depth - 1) + g.numbers[0];
}

static void part_throw()
{
	int caught = 0;

	for (int i = 0; i < 500; i++) {
		try {
			dive(i % 50);
		} catch (const std::runtime_error &error) {
			caught += strlen(error.what()) == 300;
		}
		::operator delete(site_after(100));
	}
	say("throw: %d\n", caught);
}

static void handler_throws()
{
	throw std::bad_alloc();
}

static void handler_jumps()
{
	longjmp(back, 1);
}

static int handler_calls;

static void handler_gives_up()
{
	if (++handler_calls % 3 == 0)
		std::set_new_handler(nullptr);
	free(malloc(100));
}

static void part_new_handler()
{
	int thrown = 0;
	volatile int jumped = 0;

	for (volatile int i = 0; i < 300; i = i + 1) {
		std::set_new_handler(i % 3 == 0 ? handler_throws : handler_gives_up);
		try {
			if (i % 2)
				::operator delete(::operator new(too_much));
			else
				::operator delete[](::operator new[](too_much,
				                                     std::align_val_t{64}),
				                    std::align_val_t{64});
		} catch (const std::bad_alloc &) {
			thrown++;
		}
		std::set_new_handler(handler_jumps);
		if (setjmp(back) == 0)
			::operator delete(::operator new(too_much));
		else
			jumped = jumped + 1;
	}
	std::set_new_handler(nullptr);
	say("new_handler: thrown %d, jumped %d\n", thrown, (int)jumped);
}

int main()
{
	part_throw();
	part_new_handler();
	/* Still counted, and once: new nests into malloc. */
	for (int i = 0; i < 1000; i++) {
		site_after(16);
		site_after_malloc(24);
	}
	say("after: 1000 of 16 and 1000 of 24 bytes\n");
	fflush(stdout);
	_exit(0);
}
