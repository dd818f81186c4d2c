/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fibers of Boost.Fiber: usage: coro_fibers MODE COUNT ROUNDS THREADS.
 *
 *   waits   one fiber for each thing that there is to wait for, in the order of `waits` below;
 *           says "ready", and lets all of them go at the end of its input
 *   wakes   fibers that wait for one another, sleep and yield; prints what its scheduling
 *           algorithm was told to wake, and how many fibers it picked
 *   share   the same on several threads, which take fibers from one queue
 *   steal   the same on several threads, which take them from one another
 */
/* cs-link: -lboost_fiber -lboost_context -pthread */
#include <atomic>
#include <boost/fiber/all.hpp>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "target.h"

namespace fibers = boost::fibers;
namespace this_fiber = boost::this_fiber;
using std::chrono::seconds;

static unsigned long count, rounds, threads;

/* ---- what there is to wait for ---- */

struct things {
	fibers::mutex held, other;
	fibers::timed_mutex timed;
	fibers::recursive_mutex recursive;
	fibers::condition_variable condition;
	fibers::barrier barrier{2};
	fibers::unbuffered_channel<int> unbuffered;
	fibers::buffered_channel<int> buffered{4};
	fibers::buffered_channel<int> filled{2};
	fibers::unbuffered_channel<int> unread;
	fibers::promise<int> promise;
	std::mutex foreign;
	fibers::condition_variable_any any;
	fibers::future<int> future = promise.get_future();
	fibers::fiber joined;
	bool go = false;
};

static void until_go(things &all)
{
	while (!all.go)
		this_fiber::yield();
}

using action = void (*)(things &);
static const action waits[] = {
	[](things &all) { all.held.lock(), all.held.unlock(); },
	[](things &all) {
		if (all.timed.try_lock_for(seconds(1000)))
			all.timed.unlock();
	},
	[](things &all) { all.recursive.lock(), all.recursive.unlock(); },
	[](things &all) {
		std::unique_lock<fibers::mutex> lock(all.other);
		all.condition.wait(lock, [&] { return all.go; });
	},
	[](things &all) {
		std::unique_lock<fibers::mutex> lock(all.other);
		all.condition.wait_for(lock, seconds(1000), [&] { return all.go; });
	},
	[](things &all) {
		std::unique_lock<std::mutex> lock(all.foreign);
		all.any.wait(lock, [&] { return all.go; });
	},
	[](things &all) { all.barrier.wait(); },
	[](things &all) {
		int value;
		all.unbuffered.pop(value);
	},
	[](things &all) {
		int value;
		all.buffered.pop(value);
	},
	[](things &all) {
		while (all.filled.push(1) == fibers::channel_op_status::success && !all.go)
			;
	},
	[](things &all) { all.unread.push(1); },
	[](things &all) { all.future.get(); },
	[](things &all) {
		while (!all.go)
			this_fiber::sleep_for(std::chrono::milliseconds(50));
	},
	[](things &all) { all.joined.join(); },
	until_go,
};

static int wait_for_everything()
{
	things all;
	std::vector<fibers::fiber> those;
	char byte;

	/* The joined one holds what others want, and waits as none of them does. */
	all.joined = fibers::fiber([&] {
		all.held.lock();
		all.timed.lock();
		all.recursive.lock();
		until_go(all);
		all.held.unlock();
		all.timed.unlock();
		all.recursive.unlock();
	});
	this_fiber::yield();
	for (action each : waits)
		those.emplace_back([each, &all] { each(all); });
	for (int i = 0; i < 4; i++)
		this_fiber::yield();
	say("ready\n");
	while (read(0, &byte, 1) > 0)
		continue;
	{
		std::unique_lock<fibers::mutex> lock(all.other);
		all.go = true;
	}
	all.condition.notify_all();
	all.any.notify_all();
	all.filled.close();
	all.unread.close();
	all.barrier.wait();
	all.unbuffered.push(1);
	all.buffered.push(1);
	all.promise.set_value(1);
	for (fibers::fiber &each : those)
		each.join();
	say("done\n");
	return 0;
}

/* ---- what is woken ---- */

static std::atomic<unsigned long> woken, picked, finished;

/*
 * Counts what it is told to wake, without the threads' own contexts, and the fibers that it
 * picks: dispatchers are entered by those that they release as well.
 */
template <typename Algorithm> class counting : public Algorithm
{
      public:
	using Algorithm::Algorithm;

	void awakened(fibers::context *context) noexcept override
	{
		if (!context->is_context(fibers::type::main_context))
			woken++;
		Algorithm::awakened(context);
	}
	fibers::context *pick_next() noexcept override
	{
		fibers::context *next = Algorithm::pick_next();

		if (next && next->is_context(fibers::type::worker_context) &&
		    next != fibers::context::active())
			picked++;
		return next;
	}
};

SITE static void work(fibers::mutex &mutex, fibers::condition_variable &condition,
                      unsigned long &arrived)
{
	{
		std::unique_lock<fibers::mutex> lock(mutex);

		if (++arrived == count)
			condition.notify_all();
		condition.wait(lock, [&] { return arrived == count; });
	}
	for (unsigned long i = 0; i < rounds; i++) {
		free(malloc(77));
		if (i % 4 == 3)
			this_fiber::sleep_for(std::chrono::microseconds(100));
		else
			this_fiber::yield();
	}
	finished++;
}

static void choose_algorithm(bool steals)
{
	if (threads == 1)
		fibers::use_scheduling_algorithm<counting<fibers::algo::round_robin>>();
	else if (steals)
		fibers::use_scheduling_algorithm<counting<fibers::algo::work_stealing>>(threads,
		                                                                        true);
	else
		fibers::use_scheduling_algorithm<counting<fibers::algo::shared_work>>();
}

static int wake(bool steals)
{
	fibers::mutex mutex;
	fibers::condition_variable condition;
	unsigned long arrived = 0;
	std::vector<fibers::fiber> all;
	std::vector<std::thread> others;
	std::atomic<bool> over{false};

	for (unsigned long i = 1; i < threads; i++)
		others.emplace_back([&] {
			choose_algorithm(steals);
			while (!over)
				this_fiber::sleep_for(std::chrono::milliseconds(1));
		});
	choose_algorithm(steals);
	for (unsigned long i = 0; i < count; i++)
		all.emplace_back([&] { work(mutex, condition, arrived); });
	for (fibers::fiber &each : all)
		each.join();
	over = true;
	for (std::thread &other : others)
		other.join();
	check(finished == count);
	return 0;
}

int main(int argc, char **argv)
{
	count = argument(argc, argv, 2, 10);
	rounds = argument(argc, argv, 3, 5);
	threads = argument(argc, argv, 4, 1);
	if (argc > 1 && !strcmp(argv[1], "waits"))
		return wait_for_everything();
	wake(argc > 1 && !strcmp(argv[1], "steal"));
	say("{\"created\": %lu, \"woken\": %lu, \"picked\": %lu, \"finished\": %lu}\n",
	    count + threads, woken.load(), picked.load(), finished.load());
	return 0;
}
