/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules whose code has been met in stacks: a table shared by all threads, read without
 * a lock. Each load of a module is a generation of its own. All of this is for the cold
 * path: it runs on the agent's own stack with signals blocked.
 */
#ifndef CSA_STACK_MODULES_H
#define CSA_STACK_MODULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csa_thread;

/* Rises when modules have gone: stacks before and after share no names. */
extern _Atomic uint64_t csa_modules_epoch __attribute__((visibility("hidden")));

/*
 * 0 or -errno. In a forked child: forgets who was told of the modules, and which there are if any
 * may have gone.
 */
int csa_modules_start(bool find_object);

/*
 * The rule of the return address PC, never CSA_RULE_EMPTY. Put into the cache only if it will
 * hold as long as the module stays; outside of all modules it is CSA_RULE_GUESS.
 */
uint64_t csa_modules_rule(uint64_t pc);

/* Whether the return address PC lies in the code of some module. */
bool csa_modules_hold(uint64_t pc);

/* Where the function begins to which PC, a return address, belongs; 0 unknown. */
uint64_t csa_modules_function(uint64_t pc);

/*
 * Sees to it that the module of the return address PC, if any, is in the stream.
 * false: there was no room; no stack that runs through PC can be defined now.
 */
bool csa_modules_tell(struct csa_thread *thread, uint64_t pc);

/*
 * Finds out which modules have gone, says so, and begins a new epoch if any has.
 * Returns whether.
 */
bool csa_modules_check(struct csa_thread *thread);

/*
 * Where a guess leads to, nobody vouches for that module to stay. So dlclose waits for those who
 * read, with a bound, and there is no guessing (false, and nothing to end) while modules go.
 */
bool csa_modules_begin_to_read(void);
void csa_modules_end_reading(void);
void csa_modules_begin_to_unload(void);
void csa_modules_end_unloading(void);

size_t csa_modules_bytes(void);

#endif
