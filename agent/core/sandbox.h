/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Noticing that the program locks itself in (seccomp), before it does: from then on the agent
 * makes no system call (sys.h). What was recorded is in the ring, existing threads go on
 * being recorded, new ones can get no lane.
 */
#ifndef CSA_CORE_SANDBOX_H
#define CSA_CORE_SANDBOX_H

int csa_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

/* syscall(2) of SYS_seccomp. */
long csa_seccomp(long number, unsigned long operation, unsigned long flags, void *arguments);

#endif
