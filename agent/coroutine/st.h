/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State Threads: creation and exit are interposed, and its own callbacks tell of switches.
 *
 * It calls them before a thread leaves and after it has come back, on that thread's stack, but
 * not for the first dispatch, the exit, nor its idle thread: the first is noticed at the next
 * call from the new stack, the exit when another stack goes on.
 */
#ifndef CSA_COROUTINE_ST_H
#define CSA_COROUTINE_ST_H

#include <stdint.h>

typedef void (*csa_st_callback)(void);

struct csa_st_real {
	int (*init)(void);
	void *(*create)(void *(*start)(void *), void *argument, int joinable, int stack_bytes);
	void (*exit)(void *value);
	csa_st_callback (*set_in)(csa_st_callback callback);
	csa_st_callback (*set_out)(csa_st_callback callback);
};

extern struct csa_st_real csa_st_real __attribute__((visibility("hidden")));

int csa_st_init(void);
void *csa_st_create(void *(*start)(void *), void *argument, int joinable, int stack_bytes);
void csa_st_exit(void *value);
csa_st_callback csa_st_set_in(csa_st_callback callback);
csa_st_callback csa_st_set_out(csa_st_callback callback);

#endif
