/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prctl: noticed for PR_SET_SECCOMP alone.
 */
#include "core/sandbox.h"

/* libc's declaration is variadic: five words are passed whatever was given. */
int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
	__attribute__((visibility("default")));

int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return csa_prctl(option, a, b, c, d);
}
