/* SPDX-License-Identifier: Apache-2.0 */
/* The twin of libplug_a: same size, so that it is loaded where the other one was. */
#define PLUG b
#include "libplug_a.c"
