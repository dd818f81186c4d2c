/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions and switches: usage: coro_throw COUNT. Coroutines on ucontext that switch while an
 * exception is handled, that throw after they were resumed elsewhere, whose exceptions the
 * resumer throws on, and that are unwound by one while they wait. Prints what was made.
 */
#include <cxxabi.h>
#include <exception>
#include <stdexcept>
#include <ucontext.h>
#include <vector>

#include "target.h"

static const size_t stack_bytes = 65536;

struct cancelled {
};

struct handled {
	void *caught = nullptr;
	unsigned long uncaught = 0;
};

struct coroutine {
	handled exceptions;
	ucontext_t context;
	char *stack;
	unsigned long number, entered = 0, caught = 0, unwound = 0;
	bool stop = false, over = false;
	std::exception_ptr left; /* an exception that left its function */
};

static ucontext_t main_context;
static coroutine *current;
static unsigned long switches;

SITE static void site_in_coroutine(unsigned long n)
{
	free(malloc(64 + n));
}

SITE static void yield()
{
	coroutine *self = current;

	swapcontext(&self->context, &main_context);
	self->entered++;
	if (self->stop)
		throw cancelled{};
}

/* What must be undone when it is unwound. */
struct counting {
	coroutine *self;
	~counting()
	{
		site_in_coroutine(1);
		self->unwound++;
	}
};

SITE static void thrower(coroutine *self, unsigned depth)
{
	counting undo{self};

	if (depth == 0) {
		yield();
		throw std::runtime_error("after a switch");
	}
	thrower(self, depth - 1);
}

static void work(coroutine *self)
{
	for (int round = 0; round < 3; round++) {
		try {
			thrower(self, 4);
		} catch (const std::runtime_error &error) {
			site_in_coroutine(2);
			yield(); /* with the exception in flight, as all the others have */
			check(!strcmp(error.what(), "after a switch"));
			self->caught++;
		}
	}
	if (self->number % 2)
		throw std::logic_error("for who resumes it");
	yield();
	check(false); /* it is only resumed to be unwound */
}

static void body()
{
	coroutine *self = current;

	self->entered++;
	try {
		work(self);
	} catch (const cancelled &) {
		self->caught++;
	} catch (...) {
		self->left = std::current_exception();
	}
	self->over = true;
}

/* As runtimes must: what is being handled belongs to a coroutine, and C++ keeps it by thread. */
static void exchange(handled &mine, handled &theirs)
{
	void *present = abi::__cxa_get_globals();

	memcpy(&mine, present, sizeof(mine));
	memcpy(present, &theirs, sizeof(theirs));
}

static void enter(coroutine &one)
{
	handled mine;

	current = &one;
	switches++;
	exchange(mine, one.exceptions);
	check(swapcontext(&main_context, &one.context) == 0);
	exchange(one.exceptions, mine);
	if (one.left) {
		std::exception_ptr left = one.left;

		one.left = nullptr;
		std::rethrow_exception(left);
	}
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 10), passed_on = 0, cut_off = 0;
	std::vector<coroutine> all(count);

	for (unsigned long i = 0; i < count; i++) {
		all[i].number = i;
		all[i].stack = static_cast<char *>(malloc(stack_bytes));
		getcontext(&all[i].context);
		all[i].context.uc_stack.ss_sp = all[i].stack;
		all[i].context.uc_stack.ss_size = stack_bytes;
		all[i].context.uc_link = &main_context;
		makecontext(&all[i].context, body, 0);
	}
	for (int round = 0; round < 7; round++)
		for (coroutine &one : all) {
			try {
				enter(one);
			} catch (const std::logic_error &) {
				passed_on++;
			}
		}
	for (coroutine &one : all)
		if (!one.over) {
			one.stop = true;
			enter(one);
			cut_off++;
		}
	for (coroutine &one : all) {
		check(one.over && one.caught == (one.number % 2 ? 3 : 4) && one.unwound == 15);
		free(one.stack);
	}
	check(passed_on == count / 2 && cut_off == count - count / 2);
	say("{\"created\": %lu, \"switches\": %lu, \"finished\": %lu}\n", count, switches, count);
	return 0;
}
