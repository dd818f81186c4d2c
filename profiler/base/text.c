/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures as a person reads them, and foreign text made harmless.
 */
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct cs_text cs_text_bytes(double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	struct cs_text text;
	unsigned unit = 0;

	/* 1023.95 KiB would be shown as 1024.0 KiB */
	while (unit < 6 && fabs(bytes) >= (unit == 0 ? 1023.5 : 1023.95)) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text.s, sizeof(text.s), unit == 0 ? "%.0f %s" : "%.1f %s", bytes + 0.0,
	         units[unit]);
	return text;
}

static struct cs_text with_sign(double change, struct cs_text text)
{
	if (change > 0) {
		memmove(text.s + 1, text.s, sizeof(text.s) - 1);
		text.s[0] = '+';
		text.s[sizeof(text.s) - 1] = 0;
	}
	return text;
}

struct cs_text cs_text_bytes_change(double bytes)
{
	return with_sign(bytes, cs_text_bytes(bytes));
}

struct cs_text cs_text_count(double count)
{
	struct cs_text text = {""};
	char digits[32];

	if (!(fabs(count) < 1e18)) {
		snprintf(text.s, sizeof(text.s), "%.3g", count);
		return text;
	}
	int64_t whole = llround(count);
	int length = snprintf(digits, sizeof(digits), "%" PRIu64,
	                      whole < 0 ? -(uint64_t)whole : (uint64_t)whole);
	char *out = text.s;
	if (whole < 0)
		*out++ = '-';
	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = 0;
	return text;
}

struct cs_text cs_text_count_change(double count)
{
	return with_sign(count, cs_text_count(count));
}

struct cs_text cs_text_duration(uint64_t ns)
{
	struct cs_text text;
	double seconds = (double)ns / 1e9;
	uint64_t whole = ns / 1000000000;

	if (ns < 1000)
		snprintf(text.s, sizeof(text.s), "%" PRIu64 " ns", ns);
	else if (ns < 999950)
		snprintf(text.s, sizeof(text.s), "%.3g us", seconds * 1e6);
	else if (ns < 999500000)
		snprintf(text.s, sizeof(text.s), "%.3g ms", seconds * 1e3);
	else if (seconds < 119.95)
		snprintf(text.s, sizeof(text.s), "%.1f s", seconds);
	else if (whole < 3600)
		snprintf(text.s, sizeof(text.s), "%" PRIu64 ":%02" PRIu64 " min", whole / 60,
		         whole % 60);
	else
		snprintf(text.s, sizeof(text.s), "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " h",
		         whole / 3600, whole / 60 % 60, whole % 60);
	return text;
}

struct cs_text cs_text_percent(double part, double whole)
{
	struct cs_text text;

	if (!(fabs(whole) > 0))
		snprintf(text.s, sizeof(text.s), "-");
	else
		snprintf(text.s, sizeof(text.s), "%.1f %%", 100 * part / whole + 0.0);
	return text;
}

/* Length and smallest character of a sequence by its first byte; 0: not a first byte. */
static unsigned sequence(unsigned char first, uint32_t *least)
{
	if (first >= 0xc2 && first <= 0xdf) {
		*least = 0x80;
		return 2;
	}
	if (first >= 0xe0 && first <= 0xef) {
		*least = 0x800;
		return 3;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		*least = 0x10000;
		return 4;
	}
	return 0;
}

uint32_t cs_text_decode(const char **text)
{
	const unsigned char *byte = (const unsigned char *)*text;
	uint32_t least = 0;

	*text += 1;
	if (byte[0] < 0x80)
		return byte[0];
	unsigned length = sequence(byte[0], &least);
	if (length == 0)
		return 0xfffd;
	uint32_t c = byte[0] & (0xffu >> (length + 1));
	for (unsigned i = 1; i < length; i++) {
		if ((byte[i] & 0xc0) != 0x80) /* the ending 0 as well */
			return 0xfffd;
		c = c << 6 | (byte[i] & 0x3f);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0xfffd;
	*text += length - 1;
	return c;
}

int cs_text_steers(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

size_t cs_text_width(const char *text)
{
	size_t width = 0;

	while (*text) {
		cs_text_decode(&text);
		width++;
	}
	return width;
}

size_t cs_text_safe(struct cs_sink *sink, const char *text, size_t columns)
{
	size_t width = 0;
	bool cut = columns > 0 && cs_text_width(text) > columns;
	size_t room = cut ? columns - 1 : SIZE_MAX;

	while (*text && width < room) {
		const char *start = text;
		uint32_t c = cs_text_decode(&text);
		if (cs_text_steers(c))
			cs_sink_char(sink, '?');
		else if (c == 0xfffd)
			cs_sink_text(sink, "\xef\xbf\xbd");
		else
			cs_sink_bytes(sink, start, (size_t)(text - start));
		width++;
	}
	if (cut) {
		cs_sink_text(sink, "\xe2\x80\xa6");
		width++;
	}
	return width;
}

const char *cs_text_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}
