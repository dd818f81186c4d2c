/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of fibers, ten to each, whose leaves hand their numbers up through channels: usage:
 * coro_skynet LEAVES. The leaves, of which each holds a block, wait until the end of the
 * program's input, before which it says "ready". Prints the sum.
 */
/* cs-link: -lboost_fiber -lboost_context -pthread */
#include <boost/fiber/all.hpp>

#include "target.h"

namespace fibers = boost::fibers;
using channel = fibers::buffered_channel<unsigned long>;

static unsigned long leaves, waiting, made;
static fibers::mutex mutex;
static fibers::condition_variable condition;
static bool go;

SITE static void leaf(channel &up, unsigned long number)
{
	void *block = malloc(100);

	{
		std::unique_lock<fibers::mutex> lock(mutex);

		waiting++;
		condition.wait(lock, [] { return go; });
	}
	free(block);
	up.push(number);
}

static void node(channel &up, unsigned long number, unsigned long size);

template <typename Function> SITE static void spawn(Function function)
{
	made++;
	fibers::fiber(fibers::launch::post, std::allocator_arg, fibers::fixedsize_stack(16384),
	              function)
		.detach();
}

SITE static unsigned long inner(unsigned long number, unsigned long size)
{
	channel down{16};
	unsigned long sum = 0;

	for (unsigned long i = 0; i < 10; i++) {
		unsigned long part = number + i * (size / 10);

		spawn([&down, part, size] { node(down, part, size / 10); });
	}
	for (int i = 0; i < 10; i++)
		sum += down.value_pop();
	return sum;
}

static void node(channel &up, unsigned long number, unsigned long size)
{
	if (size == 1)
		leaf(up, number);
	else
		up.push(inner(number, size));
}

int main(int argc, char **argv)
{
	char byte;

	leaves = argument(argc, argv, 1, 1000);
	fibers::fiber teller([] {
		while (waiting < leaves)
			boost::this_fiber::yield();
		say("ready\n");
	});
	fibers::fiber root([] {
		unsigned long sum = inner(0, leaves);

		say("{\"sum\": %lu, \"made\": %lu}\n", sum, made + 2);
	});
	teller.join();
	while (read(0, &byte, 1) > 0)
		continue;
	{
		std::unique_lock<fibers::mutex> lock(mutex);

		go = true;
	}
	condition.notify_all();
	root.join();
	return 0;
}
