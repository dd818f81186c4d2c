/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope.h: what a runtime of coroutines may tell coroscope of them.
 *
 * One header and no library: when nobody records, each call is a load and a branch. A runtime
 * keeps a struct coroscope in what it has for each coroutine, and says
 *
 *	coroscope_create(&c->scope, c->stack, STACK_BYTES, (void *)function);
 *	coroscope_switch(&from->scope, &to->scope);     just before it switches
 *	coroscope_finish(&c->scope);                    after its last switch, or before it
 *
 * and, if it likes, coroscope_park("reading a socket") before the switch that waits for
 * something, coroscope_wake(&c->scope) when it need not wait any longer, coroscope_name() and
 * coroscope_label(). A thread's own stack is NULL. Coroutines may move between threads; calls
 * about one coroutine must not be made by two threads at once, but for coroscope_wake.
 *
 * Nothing is to be told of switches by swapcontext or by Boost.Context: these are seen anyway.
 * C99 and C++, GCC and Clang; on other systems than Linux on x86-64 the calls do nothing.
 */
#ifndef COROSCOPE_H
#define COROSCOPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero at first; its address must not change until coroscope_finish. */
struct coroscope {
	uint64_t registers[8]; /* where it goes on: rbx, rbp, r12 to r15, rsp, rip */
	uint64_t number;       /* 0: it is not followed */
	uint64_t place;
};

/* What the recorder has put into the process. */
struct coroscope_hooks {
	uint32_t version; /* 1 */
	uint32_t bytes;   /* sizeof(struct coroscope_hooks); it may grow */
	void (*create)(struct coroscope *self, const void *stack, size_t bytes, const void *entry);
	void (*switch_to)(struct coroscope *from, struct coroscope *to);
	void (*park)(const char *reason);
	void (*wake)(struct coroscope *self);
	void (*finish)(struct coroscope *self);
	void (*name)(struct coroscope *self, const char *name);
	void (*label)(struct coroscope *self, const char *labels);
};

/* NULL: nobody records. The symbol is weak, and looked up by the dynamic linker. */
static inline const struct coroscope_hooks *coroscope_hooks(void)
{
#if defined(__x86_64__) && defined(__linux__) && !defined(__ILP32__)
	const struct coroscope_hooks *hooks;

	__asm__(".weak coroscope_hooks_1\n\tmovq coroscope_hooks_1@GOTPCREL(%%rip), %0"
	        : "=r"(hooks));
	return hooks;
#else
	return NULL;
#endif
}

/*
 * A coroutine begins, with the stack [STACK, STACK + BYTES); NULL, 0: it has none of its own,
 * or nobody knows. ENTRY: its function. Called by whoever makes it: that is where it is said
 * to come from.
 */
static inline void coroscope_create(struct coroscope *self, const void *stack, size_t bytes,
                                    const void *entry)
{
	const struct coroscope_hooks *hooks = coroscope_hooks();

	self->number = 0;
	if (hooks)
		hooks->create(self, stack, bytes, entry);
}

/* The calling thread is about to leave FROM and to go on with TO. NULL: its own stack. */
static inline void coroscope_switch(struct coroscope *from, struct coroscope *to)
{
	const struct coroscope_hooks *hooks = coroscope_hooks();

	if (hooks)
		hooks->switch_to(from, to);
}

/* The one that runs is going to wait, for REASON: a string that does not go away. */
static inline void coroscope_park(const char *reason)
{
	const struct coroscope_hooks *hooks = coroscope_hooks();

	if (hooks)
		hooks->park(reason);
}

/* It need not wait any longer. */
static inline void coroscope_wake(struct coroscope *self)
{
	const struct coroscope_hooks *hooks = coroscope_hooks();

	if (hooks)
		hooks->wake(self);
}

/* It has ended, or will never run again. */
static inline void coroscope_finish(struct coroscope *self)
{
	const struct coroscope_hooks *hooks = coroscope_hooks();

	if (hooks)
		hooks->finish(self);
	self->number = 0;
}

/* NAME is copied; some 60 characters for name and labels together are kept. */
static inline void coroscope_name(struct coroscope *self, const char *name)
{
	const struct coroscope_hooks *hooks = coroscope_hooks();

	if (hooks)
		hooks->name(self, name);
}

/* LABELS: "key=value", several are separated by newlines. They replace what was there. */
static inline void coroscope_label(struct coroscope *self, const char *labels)
{
	const struct coroscope_hooks *hooks = coroscope_hooks();

	if (hooks)
		hooks->label(self, labels);
}

#ifdef __cplusplus
}
#endif

#endif
