/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures and foreign text as a person reads them. Figures come back by value, so that they
 * can be used in place: printf("%s", cs_text_bytes(n).s).
 */
#ifndef CS_BASE_TEXT_H
#define CS_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/sink.h"

struct cs_text {
	char s[40];
};

struct cs_text cs_text_bytes(double bytes);                /* 512 B, 12.3 MiB, -4.0 KiB */
struct cs_text cs_text_bytes_change(double bytes);         /* +12.3 MiB, -4.0 KiB, 0 B */
struct cs_text cs_text_count(double count);                /* 1,234,567 */
struct cs_text cs_text_count_change(double count);         /* +1,234 */
struct cs_text cs_text_duration(uint64_t ns);              /* 350 us, 12.3 s, 1:02:03 h */
struct cs_text cs_text_percent(double part, double whole); /* 12.3 %; "-" of nothing */

/*
 * Decodes one character of UTF-8 and advances *TEXT, which is not at its end. Bytes that are
 * not valid give U+FFFD, one at a time.
 */
uint32_t cs_text_decode(const char **text);

/* 1 when a character could steer a terminal or disguise text: controls, bidi overrides. */
int cs_text_steers(uint32_t character);

/*
 * Writes TEXT so that it can do nothing to a terminal: what steers becomes '?', invalid UTF-8
 * U+FFFD. At most COLUMNS characters, cut with "…" (0: no limit). Returns the characters written.
 */
size_t cs_text_safe(struct cs_sink *sink, const char *text, size_t columns);

/* Characters that cs_text_safe() would write. */
size_t cs_text_width(const char *text);

/* The last component of PATH. */
const char *cs_text_basename(const char *path);

#endif
