/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's stacks: from registers to a name that the reader knows.
 */
#ifndef CSA_STACK_STACK_H
#define CSA_STACK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csa_thread;

/* A frame to start from: pc is a return address into it, sp and bp its registers there. */
struct csa_frame {
	uint64_t pc;
	uint64_t sp;
	uint64_t bp;
};

/*
 * Maps the tables; once per process image and again in a forked child, where it only forgets
 * what the reader of the parent's ring has been told. Not thread-safe. 0 or -errno.
 * table_bytes: of the table of known stacks, a power of two. find_object: use glibc's
 * _dl_find_object where it exists.
 */
int csa_stack_start(size_t table_bytes, uint32_t depth_max, bool find_object);

/*
 * The name of the stack that begins at *AT, after the records that define it have gone into
 * THREAD's lane; 0 when even that is impossible. Called with csa_tls.busy set, on any stack
 * of the program. Uses under 400 bytes of it; misses run on the agent's own stack.
 */
uint64_t csa_stack_name(struct csa_thread *thread, const struct csa_frame *at);

/* The same for one that has just been searched for in vain, by csa_memo_find() with THREAD's
 * walk.place. */
uint64_t csa_stack_walk(struct csa_thread *thread, const struct csa_frame *at);

/* THREAD was thrown out of csa_stack_name() by a signal handler that jumped. */
void csa_stack_abandon(struct csa_thread *thread);

/* dlclose is called (BEGINS), and has returned, whether anything is recorded or not. */
void csa_stack_unloading(bool begins);

/* dlclose has returned (or may have): finds out which modules are gone and says so. */
void csa_stack_check_modules(struct csa_thread *thread);

/* Memory that this part has mapped, without the table of known stacks. */
size_t csa_stack_bytes(void);

#endif
