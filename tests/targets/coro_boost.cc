/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines by Boost.Context: usage: coro_boost MODE COUNT SWITCHES THREADS. Prints how many
 * were made, switched into, and how many ended.
 *
 *   context    boost::context::fiber on stacks of every kind; half of them return, the others
 *              are destroyed while they wait, which unwinds them
 *   coroutine  Boost.Coroutine2: generators, some left before their end
 *   fibers     Boost.Fiber: fibers that yield; with a mutex and a condition
 */
/* cs-link: -lboost_context -lboost_fiber -pthread */
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <boost/coroutine2/all.hpp>
#include <boost/fiber/all.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "target.h"

namespace ctx = boost::context;

static unsigned long count, rounds, threads;

struct sums {
	unsigned long created = 0, switches = 0, finished = 0;
};

SITE static void *site_on_fiber(unsigned long n)
{
	return malloc(64 + n % 16);
}

/* ---- contexts ---- */

struct job {
	unsigned long number, entered = 0;
	void *block = nullptr;
	ctx::fiber fiber;
};

static ctx::fiber body(job *self, ctx::fiber &&caller)
{
	self->block = site_on_fiber(self->number);
	for (;;) {
		self->entered++;
		if (self->number % 2 == 0 && self->entered == rounds)
			return std::move(caller);
		try {
			if (self->number % 4 == 0)
				throw 1; /* thrown and caught between switches */
		} catch (int) {
		}
		caller = std::move(caller).resume();
	}
}

template <typename Stack> static ctx::fiber spawn(job *self, Stack stack)
{
	return ctx::fiber{std::allocator_arg, stack,
	                  [self](ctx::fiber &&caller) { return body(self, std::move(caller)); }};
}

static void contexts(sums *out)
{
	std::vector<std::unique_ptr<job>> jobs;
	ctx::pooled_fixedsize_stack pool{32768};

	for (unsigned long i = 0; i < count; i++) {
		jobs.emplace_back(new job{i});
		job *self = jobs.back().get();

		switch (i % 3) {
		case 0:
			self->fiber = spawn(self, ctx::fixedsize_stack{16384});
			break;
		case 1:
			self->fiber = spawn(self, ctx::protected_fixedsize_stack{16384});
			break;
		default:
			self->fiber = spawn(self, pool);
		}
	}
	for (unsigned long round = 0; round < rounds; round++)
		for (auto &each : jobs)
			each->fiber = std::move(each->fiber).resume();
	for (auto &each : jobs) {
		out->created++;
		/* Once to take over its arguments; those left are entered again to unwind. */
		out->switches += each->entered + 1 + (each->number % 2);
		out->finished++;
		each->fiber = ctx::fiber{};
		free(each->block);
	}
}

/* ---- coroutines ---- */

static void coroutines(sums *out)
{
	using coroutine = boost::coroutines2::coroutine<unsigned long>;

	for (unsigned long i = 0; i < count; i++) {
		unsigned long entered = 0, taken = 0;
		void *block = nullptr;
		{
			coroutine::pull_type source{[&](coroutine::push_type &sink) {
				block = site_on_fiber(i);
				for (unsigned long n = 1;; n++) {
					entered++;
					if (i % 2 == 0 && n == rounds)
						return;
					sink(n);
				}
			}};

			while (source && taken + 1 < rounds) {
				taken++;
				source();
			}
		}
		out->created++;
		out->finished++;
		/* To take over its arguments, and to be told of its end. */
		out->switches += entered + 2;
		free(block);
	}
}

/* ---- fibers ---- */

/* Counts the fibers that the scheduler picks. */
class counting : public boost::fibers::algo::round_robin
{
      public:
	explicit counting(unsigned long *picks) : picks_(picks)
	{
	}
	boost::fibers::context *pick_next() noexcept override
	{
		auto *next = round_robin::pick_next();

		if (next && !next->is_context(boost::fibers::type::main_context) &&
		    next != boost::fibers::context::active())
			++*picks_;
		return next;
	}

      private:
	unsigned long *picks_;
};

static void fibers(sums *out)
{
	boost::fibers::use_scheduling_algorithm<counting>(&out->switches);
	std::vector<boost::fibers::fiber> all;
	boost::fibers::mutex mutex;
	boost::fibers::condition_variable go;
	bool ready = false;
	unsigned long done = 0;

	for (unsigned long i = 0; i < count; i++) {
		all.emplace_back([&, i] {
			void *block = site_on_fiber(i);
			{
				std::unique_lock<boost::fibers::mutex> lock(mutex);

				go.wait(lock, [&] { return ready; });
			}
			for (unsigned long n = 0; n < rounds; n++)
				boost::this_fiber::yield();
			free(block);
			done++;
		});
	}
	boost::this_fiber::yield();
	{
		std::unique_lock<boost::fibers::mutex> lock(mutex);

		ready = true;
	}
	go.notify_all();
	for (auto &each : all)
		each.join();
	check(done == count);
	out->created += count + 1; /* and the dispatcher */
	/* Each begins by taking over its arguments and is entered to be released; and the
	 * dispatcher, when the thread ends. */
	out->switches += 2 * count + 3;
	out->finished += count;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(sums *);
	} modes[] = {{"context", contexts}, {"coroutine", coroutines}, {"fibers", fibers}};
	std::vector<std::thread> others;
	std::vector<sums> all;
	sums total;

	count = argument(argc, argv, 2, 10);
	rounds = argument(argc, argv, 3, 5);
	threads = argument(argc, argv, 4, 1);
	all.resize(threads);
	for (auto &mode : modes) {
		if (argc < 2 || strcmp(argv[1], mode.name) != 0)
			continue;
		for (unsigned long i = 1; i < threads; i++)
			others.emplace_back(mode.run, &all[i]);
		mode.run(&all[0]);
	}
	for (auto &other : others)
		other.join();
	for (auto &each : all) {
		total.created += each.created;
		total.switches += each.switches;
		total.finished += each.finished;
	}
	say("{\"created\": %lu, \"switches\": %lu, \"finished\": %lu}\n", total.created,
	    total.switches, total.finished);
	return 0;
}
