/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output with one place for its errors: the first is kept, everything after it is dropped.
 */
#include "base/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void cs_sink_to_file(struct cs_sink *sink, FILE *file, const char *name)
{
	*sink = (struct cs_sink){.file = file, .name = name};
}

void cs_sink_to_memory(struct cs_sink *sink)
{
	*sink = (struct cs_sink){.name = "memory"};
}

void cs_sink_release(struct cs_sink *sink)
{
	if (!sink)
		return;
	free(sink->data);
	sink->data = NULL;
	sink->size = sink->capacity = 0;
}

static bool grow(struct cs_sink *sink, size_t more)
{
	size_t capacity = sink->capacity ? sink->capacity : 256;

	while (capacity - sink->size <= more) {
		if (capacity > SIZE_MAX / 2)
			return false;
		capacity *= 2;
	}
	if (capacity == sink->capacity)
		return true;
	char *data = realloc(sink->data, capacity);
	if (!data)
		return false;
	sink->data = data;
	sink->capacity = capacity;
	return true;
}

static void put_memory(struct cs_sink *sink, const void *data, size_t size)
{
	if (!grow(sink, size)) {
		sink->error = -ENOMEM;
		return;
	}
	memcpy(sink->data + sink->size, data, size);
	sink->size += size;
	sink->data[sink->size] = 0;
}

void cs_sink_bytes(struct cs_sink *sink, const void *data, size_t size)
{
	if (sink->error || size == 0)
		return;
	if (!sink->file) {
		put_memory(sink, data, size);
		return;
	}
	errno = 0;
	if (fwrite(data, 1, size, sink->file) != size)
		sink->error = errno ? -errno : -EIO;
}

void cs_sink_char(struct cs_sink *sink, char c)
{
	cs_sink_bytes(sink, &c, 1);
}

void cs_sink_text(struct cs_sink *sink, const char *text)
{
	cs_sink_bytes(sink, text, strlen(text));
}

void cs_sink_printf(struct cs_sink *sink, const char *format, ...)
{
	char small[256];
	char *text = small;
	va_list arguments;

	if (sink->error)
		return;
	va_start(arguments, format);
	int length = vsnprintf(small, sizeof(small), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(small)) {
		text = malloc((size_t)length + 1);
		if (!text) {
			sink->error = -ENOMEM;
			return;
		}
		va_start(arguments, format);
		vsnprintf(text, (size_t)length + 1, format, arguments);
		va_end(arguments);
	}
	if (length > 0)
		cs_sink_bytes(sink, text, (size_t)length);
	if (text != small)
		free(text);
}

void cs_sink_spaces(struct cs_sink *sink, size_t count)
{
	static const char spaces[] = "                                ";

	while (count > 0) {
		size_t some = count < sizeof(spaces) - 1 ? count : sizeof(spaces) - 1;
		cs_sink_bytes(sink, spaces, some);
		count -= some;
	}
}

int cs_sink_error(const struct cs_sink *sink)
{
	return sink->error;
}

int cs_sink_finish(struct cs_sink *sink, struct cs_diag *diag)
{
	if (!sink->error && sink->file && fflush(sink->file) != 0)
		sink->error = -errno;
	if (sink->error == 0 || sink->error == -EPIPE)
		return 0;
	return cs_diag_set(diag, sink->error, "write %s: %s", sink->name, strerror(-sink->error));
}
