/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka.h leans on what is included before it: include this instead. */
#ifndef CS_SUPPORT_UNIT_H
#define CS_SUPPORT_UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

/* For what ThreadSanitizer can't follow: signals that it delays, threads that it has forgotten. */
#ifdef __SANITIZE_THREAD__
#define NOT_UNDER_TSAN() skip()
#else
#define NOT_UNDER_TSAN() ((void)0)
#endif

#endif
