/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fibers of Boost.Fiber that note where they are and park on a condition: usage:
 * coro_parked_fiber COUNT. See parked.h for what is printed. Then all are woken, and end.
 */
/* cs-link: -lboost_fiber -lboost_context -pthread */
#include <boost/fiber/all.hpp>
#include <vector>

#include "parked.h"

static boost::fibers::mutex mutex;
static boost::fibers::condition_variable condition;
static bool go;

static inline void parked_park(struct parked *)
{
	std::unique_lock<boost::fibers::mutex> lock(mutex);

	condition.wait(lock, [] { return go; });
}

SITE static void spawn(std::vector<boost::fibers::fiber> &fibers, struct parked *one)
{
	fibers.emplace_back(boost::fibers::launch::dispatch, std::allocator_arg,
	                    boost::fibers::fixedsize_stack(16384), [one] {
				    parked_run(one);
				    __asm__ volatile("" ::: "memory");
			    });
}

int main(int argc, char **argv)
{
	unsigned long count = argument(argc, argv, 1, 1000);
	std::vector<struct parked> all(count);
	std::vector<boost::fibers::fiber> fibers;

	for (unsigned long i = 0; i < count; i++) {
		all[i].number = (unsigned)i;
		spawn(fibers, &all[i]);
	}
	parked_tell(all.data(), count, sizeof(all[0]));
	go = true;
	condition.notify_all();
	for (auto &fiber : fibers)
		fiber.join();
	say("done\n");
	return 0;
}
