/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was seen of goroutines becomes the model's coroutines. A goroutine that looks the same
 * as before, to the last byte of its stack, has not run: its state began when we first saw it.
 */
#include <errno.h>
#include <string.h>

#include "base/list.h"
#include "go/observation.h"

struct telling {
	struct cs_observation *observation;
	uint64_t now_ns; /* of the model */
	uint64_t clock_ns;
};

/* ---- small translations ---- */

static uint8_t state_of(uint8_t status)
{
	static const uint8_t states[CS_GO_STATUS_LAST + 1] = {
		[CS_GO_RUNNABLE] = CS_COROUTINE_RUNNABLE, [CS_GO_RUNNING] = CS_COROUTINE_RUNNING,
		[CS_GO_SYSCALL] = CS_COROUTINE_SYSCALL,   [CS_GO_WAITING] = CS_COROUTINE_WAITING,
		[CS_GO_COPYSTACK] = CS_COROUTINE_RUNNING, [CS_GO_PREEMPTED] = CS_COROUTINE_WAITING,
		[CS_GO_LEAKED] = CS_COROUTINE_WAITING,
	};

	return status <= CS_GO_STATUS_LAST ? states[status] : CS_COROUTINE_UNKNOWN;
}

static bool is_in_c(const struct cs_observation *observation, const struct cs_go_seen *seen)
{
	const struct cs_go_thread *thread = cs_go_thread_of(observation, seen->m);

	return seen->status == CS_GO_SYSCALL && thread && thread->in_cgo;
}

static uint32_t reason_of(struct cs_observation *observation, const struct cs_go_seen *seen)
{
	if (is_in_c(observation, seen))
		return cs_model_text(observation->model, "cgo call");
	if (state_of(seen->status) != CS_COROUTINE_WAITING)
		return 0;
	uint32_t *text = &observation->reasons[seen->reason];

	if (!*text && observation->go->reasons[seen->reason][0])
		*text = cs_model_text(observation->model, observation->go->reasons[seen->reason]);
	return *text;
}

/* As the runtime decides which goroutines its own profile leaves out. */
static bool is_system(struct cs_observation *observation, const struct cs_go_seen *seen)
{
	static const char *const users[] = {"runtime.main", "runtime.corostart",
	                                    "runtime.handleAsyncEvent"};
	/* They are the program's while they call its finalizers and cleanups. */
	static const char *const lenders[] = {"runtime.runfinq", "runtime.runFinalizers",
	                                      "runtime.runCleanups"};
	const char *name =
		seen->start_pc ? cs_go_names_function(&observation->names, seen->start_pc) : "";

	if (strncmp(name, "runtime.", 8) != 0)
		return false;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		if (!strcmp(name, users[i]))
			return false;
	for (size_t i = 0; i < sizeof(lenders) / sizeof(lenders[0]); i++)
		if (!strcmp(name, lenders[i]))
			return !(seen->flags & CS_GO_SEEN_USER_CODE);
	return true;
}

/* A time of CLOCK_MONOTONIC as the model's; negative, as 64 bits, before its beginning. */
static uint64_t model_time(const struct telling *telling, uint64_t clock_ns)
{
	uint64_t age = telling->clock_ns > clock_ns ? telling->clock_ns - clock_ns : 0;

	return telling->now_ns - age;
}

/* ---- one goroutine ---- */

static uint16_t flags_of(const struct telling *telling, const struct cs_go_seen *seen)
{
	struct cs_observation *observation = telling->observation;
	uint16_t flags = CS_COROUTINE_OBSERVED;

	if (is_system(observation, seen))
		flags |= CS_COROUTINE_SYSTEM;
	if (seen->locked_m)
		flags |= CS_COROUTINE_LOCKED;
	if (is_in_c(observation, seen))
		flags |= CS_COROUTINE_CGO;
	if (seen->status == CS_GO_LEAKED)
		flags |= CS_COROUTINE_LEAKED;
	if (seen->flags & CS_GO_SEEN_UNSTABLE)
		flags |= CS_COROUTINE_UNSTABLE;
	if (seen->flags & CS_GO_SEEN_CUT)
		flags |= CS_COROUTINE_STACK_CUT;
	return flags;
}

/* When the present state began, as an interval. */
static void tell_since(const struct telling *telling, struct cs_coroutine *coroutine,
                       const struct cs_go_seen *seen, bool fresh, bool same)
{
	uint64_t waits = seen->wait_since ? model_time(telling, seen->wait_since) : CS_UNKNOWN;

	if (!same) {
		coroutine->since_after_ns = fresh && telling->observation->looks == 1
		                                    ? CS_UNKNOWN
		                                    : telling->observation->previous_ns;
		coroutine->since_ns = telling->now_ns;
	}
	/* The collector notes when it finds a goroutine waiting; it has waited at least since. */
	if (state_of(seen->status) == CS_COROUTINE_WAITING && waits != CS_UNKNOWN &&
	    (int64_t)(waits - coroutine->since_ns) < 0)
		coroutine->since_ns = waits;
	if (coroutine->since_after_ns != CS_UNKNOWN &&
	    (int64_t)(coroutine->since_after_ns - coroutine->since_ns) > 0)
		coroutine->since_after_ns = coroutine->since_ns;
}

static uint32_t spawn_of(struct cs_observation *observation, uint64_t creator_pc)
{
	struct cs_go_stack stack;

	if (!creator_pc)
		return 0;
	stack.keys[0] = creator_pc << 1;
	stack.depth = 1;
	stack.complete = true;
	stack.cut = false;
	return cs_go_names_node(&observation->names, &stack, CS_GO_HIDE_NOTHING);
}

/* What never changes in a goroutine's life. */
static void tell_birth(const struct telling *telling, struct cs_coroutine *coroutine,
                       const struct cs_go_seen *seen)
{
	struct cs_observation *observation = telling->observation;

	coroutine->created_after_ns = observation->looks == 1 ? CS_UNKNOWN
	                                                      : observation->previous_ns;
	coroutine->created_ns = telling->now_ns;
	coroutine->spawn = spawn_of(observation, seen->creator_pc);
	if (seen->parent) {
		coroutine->parent_runtime = observation->runtime;
		coroutine->parent_number = seen->parent;
	}
}

static uint32_t thread_of(const struct telling *telling, const struct cs_go_seen *seen)
{
	const struct cs_go_thread *thread = NULL;

	if (seen->locked_m)
		thread = cs_go_thread_of(telling->observation, seen->locked_m);
	else if (seen->status == CS_GO_RUNNING || seen->status == CS_GO_SYSCALL)
		thread = cs_go_thread_of(telling->observation, seen->m);
	return thread ? thread->id : 0;
}

static void tell_stack(struct cs_coroutine *coroutine, const struct cs_go_seen *seen)
{
	coroutine->stack_low = seen->low;
	coroutine->stack_high = seen->high;
	coroutine->stack_used = seen->sp ? seen->high - seen->sp : CS_UNKNOWN;
	coroutine->stack = seen->flags & CS_GO_SEEN_STACK ? seen->node : 0;
}

static int tell_one(const struct telling *telling, const struct cs_go_seen *seen)
{
	struct cs_observation *observation = telling->observation;
	uint32_t alive = cs_model_coroutine_find(observation->model, observation->process,
	                                         observation->runtime, seen->number);
	uint32_t id = cs_go_tell_slot(observation, seen->number);
	struct cs_coroutine *coroutine = id ? cs_model_coroutine_at(observation->model, id) : NULL;

	if (!coroutine)
		return -ENOMEM;
	struct cs_go_last *last = &observation->last[id];
	struct cs_coroutine before = *coroutine;
	uint8_t state = state_of(seen->status);
	uint32_t reason = reason_of(observation, seen);
	bool same = alive && before.state == state && before.reason == reason &&
	            (state != CS_COROUTINE_WAITING ||
	             (last->hash == seen->hash && before.stack_low == seen->low));

	if (!alive)
		tell_birth(telling, coroutine, seen);
	tell_since(telling, coroutine, seen, !alive, same);
	coroutine->state = state;
	coroutine->reason = reason;
	coroutine->flags = flags_of(telling, seen);
	coroutine->thread = thread_of(telling, seen);
	coroutine->entry = seen->entry && (!coroutine->entry || seen->flags & CS_GO_SEEN_STACK)
	                           ? seen->entry
	                           : coroutine->entry;
	tell_stack(coroutine, seen);
	coroutine->observed_ns = telling->now_ns;
	last->hash = seen->hash;
	before.observed_ns = coroutine->observed_ns; /* alone it is no change */
	/* A copy of the same object, padding and all. At worst it changed where it did not. */
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	bool changed = memcmp(&before, coroutine, sizeof(before)) != 0;

	if (changed)
		cs_model_coroutine_changed(observation->model, id);
	return cs_model_coroutine_set_labels(
		observation->model, id,
		cs_go_labels_get(&observation->labels, &observation->go->memory,
	                         observation->go->behaves_as, seen->labels));
}

/* ---- all ---- */

uint32_t cs_go_tell_slot(struct cs_observation *observation, uint64_t number)
{
	uint32_t id = cs_model_coroutine(observation->model, observation->process,
	                                 observation->runtime, number);
	size_t old = observation->last_room;

	if (!id)
		return 0;
	if (id >= old) {
		if (cs_array_reserve((void **)&observation->last, &observation->last_room,
		                     sizeof(*observation->last), (size_t)id + 1))
			return 0;
		memset(&observation->last[old], 0,
		       (observation->last_room - old) * sizeof(*observation->last));
	}
	if (observation->last[id].number != number)
		observation->last[id] = (struct cs_go_last){.number = number};
	observation->last[id].looks = observation->looks;
	return id;
}

/* Those of ours that were not seen this time have ended since. */
static void end_unseen(const struct telling *telling)
{
	struct cs_observation *observation = telling->observation;
	uint32_t slots = cs_model_coroutine_slots(observation->model);

	for (uint32_t id = 1; id <= slots && id < observation->last_room; id++) {
		struct cs_go_last *last = &observation->last[id];
		const struct cs_coroutine *coroutine;

		if (!last->number || last->looks == observation->looks)
			continue;
		coroutine = cs_model_coroutine_at(observation->model, id);
		/* The slot may be another's by now. */
		if (coroutine && coroutine->runtime == observation->runtime &&
		    coroutine->number == last->number && !coroutine->ended_ns)
			cs_model_coroutine_end(observation->model, id, telling->now_ns);
		last->number = 0;
	}
}

int cs_go_tell(struct cs_observation *observation, uint64_t now_ns, bool whole)
{
	struct telling telling = {
		.observation = observation,
		.now_ns = cs_model_now(observation->model),
		.clock_ns = now_ns,
	};
	int error = 0;

	for (size_t i = 0; i < observation->goroutines.count && !error; i++)
		error = tell_one(&telling, &observation->goroutines.seen[i]);
	if (!error && whole)
		end_unseen(&telling);
	observation->previous_ns = telling.now_ns;
	return error;
}
