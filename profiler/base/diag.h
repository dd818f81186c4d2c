/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why something failed, in words for a person; made where the reason is known, printed only
 * by commands and the viewer:
 *
 *     coroscope: cannot <text>
 *     hint: <hint>
 *
 * The text starts with the verb: "open heap.coro: no such file".
 */
#ifndef CS_BASE_DIAG_H
#define CS_BASE_DIAG_H

struct cs_diag {
	int error; /* -errno, 0 when nothing is set */
	char text[768];
	char hint[384];
};

/* Sets error and text, clears the hint, returns ERROR. DIAG may be NULL. ERROR is negative. */
int cs_diag_set(struct cs_diag *diag, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds the way out to a diag that is set; returns its error (-EINVAL if DIAG is NULL). */
int cs_diag_hint(struct cs_diag *diag, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
