/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines of five kinds in one process, made, resumed on any thread, left within one another,
 * abandoned and freed in an order that seeds decide: usage: chaos_mix SEED STEPS THREADS. Prints
 * how many of each there were.
 */
/* cs-link: -lboost_context -pthread */
/* cs-cflags: -fno-builtin -D_FORTIFY_SOURCE=0 */
#include <pthread.h>
#include <setjmp.h>

#include "../../agent/include/coroscope.h"
#include "context.h"
#include "switcher.h"

struct transfer {
	void *context, *data;
};

extern struct transfer jump_fcontext(void *context, void *data);
extern void *make_fcontext(void *stack, size_t bytes, void (*function)(struct transfer));

#define STACK_BYTES 32768
#define DEPTH 3 /* coroutines that run within one another */

enum kind { UCONTEXT, JUMPS, FCONTEXT, ANNOTATED, UNKNOWN, KINDS };
enum memory { BLOCK, PART_OF_BLOCK, MAPPING, PART_OF_MAPPING, GUARDED, MEMORIES };

struct coroutine {
	enum kind kind;
	enum memory memory;
	void *place;
	size_t place_bytes;
	char *stack;
	bool ended;
	ucontext_t context, caller;
	sigjmp_buf inside, outside;
	void *here, *there; /* the other kinds' */
	struct coroscope scope, *outer;
	struct worker *worker; /* who runs it */
	struct coroutine *next;
};

struct worker {
	uint64_t seed;
	unsigned depth;
	struct coroutine *present;
};

static struct {
	pthread_mutex_t lock;
	struct coroutine *first;
	unsigned long created[KINDS], ended[KINDS];
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static unsigned below(struct worker *worker, unsigned limit)
{
	return (unsigned)random_below(&worker->seed, limit);
}

SITE static void site_event(struct worker *worker)
{
	free(malloc(1 + below(worker, 7000)));
}

static void count(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* ---- memory ---- */

static void *map(size_t bytes)
{
	void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(start != MAP_FAILED);
	return start;
}

static void get_stack(struct coroutine *c)
{
	size_t before = c->memory == PART_OF_BLOCK || c->memory == PART_OF_MAPPING ? 976
	                : c->memory == GUARDED                                     ? 4096
	                                                                           : 0;

	c->place_bytes = before + STACK_BYTES;
	c->place = c->memory == BLOCK || c->memory == PART_OF_BLOCK ? malloc(c->place_bytes)
	                                                            : map(c->place_bytes);
	check(c->place != NULL);
	if (c->memory == GUARDED)
		check(mprotect(c->place, 4096, PROT_NONE) == 0);
	c->stack = (char *)c->place + before;
}

static void drop(struct coroutine *c)
{
	count(&all.ended[c->kind]);
	if (c->kind == ANNOTATED)
		coroscope_finish(&c->scope);
	if (c->memory == BLOCK || c->memory == PART_OF_BLOCK)
		free(c->place);
	else
		check(munmap(c->place, c->place_bytes) == 0);
	free(c);
}

/* ---- switches ---- */

static void work(struct coroutine *self);

SITE static void leave(struct coroutine *self)
{
	switch (self->kind) {
	case UCONTEXT:
		check(swapcontext(&self->context, &self->caller) == 0);
		break;
	case JUMPS:
		if (sigsetjmp(self->inside, 0) == 0)
			siglongjmp(self->outside, 1);
		break;
	case FCONTEXT:
		self->there = jump_fcontext(self->there, NULL).context;
		break;
	case ANNOTATED:
		coroscope_park("for its turn");
		coroscope_switch(&self->scope, self->outer);
		switch_stacks(&self->here, self->there);
		break;
	default:
		switch_stacks(&self->here, self->there);
	}
}

static void begin_ucontext(unsigned low, unsigned high)
{
	work(context_argument(low, high));
}

static void begin_jumps(unsigned low, unsigned high)
{
	struct coroutine *self = context_argument(low, high);

	work(self);
	siglongjmp(self->outside, 1);
}

static void begin_fcontext(struct transfer transfer)
{
	struct coroutine *self = transfer.data;

	self->there = transfer.context;
	work(self);
	jump_fcontext(self->there, NULL);
}

static __thread struct coroutine *starting;

static void begin_own(void)
{
	struct coroutine *self = starting;

	work(self);
	if (self->kind == ANNOTATED)
		coroscope_switch(&self->scope, self->outer);
	switch_stacks(&self->here, self->there);
}

static void prepare(struct coroutine *c)
{
	char *end = c->stack + STACK_BYTES;

	if (c->kind == UCONTEXT || c->kind == JUMPS) {
		context_make(&c->context, c->stack, STACK_BYTES, &c->caller,
		             c->kind == JUMPS ? begin_jumps : begin_ucontext, c);
		return;
	}
	if (c->kind == FCONTEXT) {
		c->here = make_fcontext(end, STACK_BYTES, begin_fcontext);
		return;
	}
	c->here = first_stack(end, begin_own);
	if (c->kind == ANNOTATED)
		coroscope_create(&c->scope, c->stack, STACK_BYTES, (const void *)work);
}

SITE static void enter(struct coroutine *c)
{
	switch (c->kind) {
	case UCONTEXT:
		check(swapcontext(&c->caller, &c->context) == 0);
		break;
	case JUMPS:
		if (sigsetjmp(c->outside, 0) != 0)
			break;
		if (c->here)
			siglongjmp(c->inside, 1);
		c->here = c;
		check(swapcontext(&c->caller, &c->context) == 0);
		break;
	case FCONTEXT:
		c->here = jump_fcontext(c->here, c).context;
		break;
	case ANNOTATED:
		coroscope_switch(c->outer, &c->scope);
		starting = c;
		switch_stacks(&c->there, c->here);
		break;
	default:
		starting = c;
		switch_stacks(&c->there, c->here);
	}
}

/* ---- what they do ---- */

static struct coroutine *create(struct worker *worker)
{
	struct coroutine *c = calloc(1, sizeof(*c));

	check(c != NULL);
	c->kind = (enum kind)below(worker, KINDS);
	c->memory = (enum memory)below(worker, MEMORIES);
	get_stack(c);
	prepare(c);
	count(&all.created[c->kind]);
	return c;
}

static struct coroutine *take(void)
{
	pthread_mutex_lock(&all.lock);
	struct coroutine *c = all.first;

	if (c)
		all.first = c->next;
	pthread_mutex_unlock(&all.lock);
	return c;
}

/* At the end of the queue, so that somebody else takes it. */
static void put_back(struct coroutine *c)
{
	struct coroutine **last = &all.first;

	c->next = NULL;
	pthread_mutex_lock(&all.lock);
	while (*last)
		last = &(*last)->next;
	*last = c;
	pthread_mutex_unlock(&all.lock);
}

static void resume(struct worker *worker, struct coroutine *c)
{
	struct coroutine *before = worker->present;

	/* Annotations say from whom to whom: what is not annotated is the thread to them. */
	c->outer = before && before->kind == ANNOTATED ? &before->scope : NULL;
	c->worker = worker;
	worker->present = c;
	worker->depth++;
	enter(c);
	worker->depth--;
	worker->present = before;
	if (c->ended)
		drop(c);
	else
		put_back(c);
}

static void step(struct worker *worker)
{
	struct coroutine *c;
	unsigned what = below(worker, 10);

	if (what < 2) {
		put_back(create(worker));
	} else if (what < 7 && worker->depth < DEPTH) {
		c = take();
		if (c)
			resume(worker, c);
	} else if (what == 7) {
		c = take();
		if (c && c->worker) /* who never ran was never seen, if its kind is unknown */
			drop(c);
		else if (c)
			put_back(c);
	} else {
		site_event(worker);
	}
}

static void work(struct coroutine *self)
{
	site_event(self->worker);
	for (unsigned i = below(self->worker, 6); i > 0; i--) {
		step(self->worker);
		site_event(self->worker);
		leave(self);
		site_event(self->worker);
	}
	self->ended = true;
}

static unsigned long steps;

static void *run(void *argument)
{
	struct worker worker = {.seed = (uintptr_t)argument};

	for (unsigned long i = 0; i < steps; i++)
		step(&worker);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t seed = argument(argc, argv, 1, 1) * 0x9e3779b97f4a7c15u + 1;
	unsigned long threads = argument(argc, argv, 3, 3);
	pthread_t thread[16];
	struct coroutine *c;

	steps = argument(argc, argv, 2, 400);
	for (unsigned long i = 0; i < threads && i < 16; i++)
		check(pthread_create(&thread[i], NULL, run, (void *)(seed + 77 * i)) == 0);
	for (unsigned long i = 0; i < threads && i < 16; i++)
		check(pthread_join(thread[i], NULL) == 0);
	while ((c = take())) {
		if (!c->worker && c->kind == UNKNOWN) {
			all.created[UNKNOWN]--;
			all.ended[UNKNOWN]--;
		}
		drop(c);
	}
	site_event(&(struct worker){.seed = 1});
	say("{\"ucontext\": [%lu, %lu], \"boost-context\": [%lu, %lu], \"annotated\": [%lu, %lu], "
	    "\"stack\": [%lu, %lu]}\n",
	    all.created[UCONTEXT] + all.created[JUMPS], all.ended[UCONTEXT] + all.ended[JUMPS],
	    all.created[FCONTEXT], all.ended[FCONTEXT], all.created[ANNOTATED],
	    all.ended[ANNOTATED], all.created[UNKNOWN], all.ended[UNKNOWN]);
	return 0;
}
