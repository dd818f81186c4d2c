/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -lboost_fiber -lboost_context -Wl,-z,now */
/* What the hooks of Boost.Fiber need of a fiber's stack. */
#include <boost/fiber/all.hpp>
#include <chrono>

#include "hooks.h"

namespace fibers = boost::fibers;
namespace this_fiber = boost::this_fiber;

static fibers::mutex mutex;
static fibers::condition_variable condition;
static fibers::buffered_channel<int> channel{2};

static void launch()
{
	fibers::fiber([] {}).join();
}

static void give_way()
{
	this_fiber::yield();
}

static void sleep()
{
	this_fiber::sleep_for(std::chrono::microseconds(100));
}

static void lock_held()
{
	mutex.lock();
	fibers::fiber other([] {
		mutex.lock();
		mutex.unlock();
	});
	this_fiber::yield();
	mutex.unlock();
	other.join();
}

static void wait_for_condition()
{
	fibers::fiber other([] { condition.notify_all(); });
	std::unique_lock<fibers::mutex> lock(mutex);

	condition.wait(lock);
	lock.unlock();
	other.join();
}

static void pass_through_channel()
{
	fibers::fiber other([] { channel.push(1); });

	check(channel.value_pop() == 1);
	other.join();
}

static void measure_all()
{
	measure("fiber", launch, nullptr);
	measure("yield", give_way, nullptr);
	measure("sleep", sleep, nullptr);
	measure("mutex", lock_held, nullptr);
	measure("condition", wait_for_condition, nullptr);
	measure("channel", pass_through_channel, nullptr);
}

int main()
{
	fibers::fiber(std::allocator_arg, boost::context::fixedsize_stack(65536), measure_all)
		.join();
	report();
	return 0;
}
