/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Build information lies at the start of the writable data, on a multiple of 16 bytes.
 */
#include "go/version.h"

#include <stdlib.h>
#include <string.h>

#include "go/code.h"

#define MAGIC "\xff Go buildinf:"
#define MAGIC_BYTES 14u
#define FLAGS 15u
#define INLINE_STRINGS 2u /* since 1.18: the version follows, behind its length */
#define TEXT 32u
#define SEARCH_BYTES (1u << 20)

/* False: that is no version of Go. */
static bool parse(struct cs_go_version *version, const char *text)
{
	const char *go = strstr(text, "go1.");
	size_t length = strlen(text);

	*version = (struct cs_go_version){0};
	if (!go || go[4] < '0' || go[4] > '9' || length >= sizeof(version->text))
		return false;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			return false;
	/* From "go1." on: "devel go1.28-abc" is shown as it is. */
	memcpy(version->text, text, length + 1);
	version->minor = (uint32_t)strtoul(go + 4, NULL, 10);
	version->modified = go != text || strstr(text, "X:") != NULL;
	return version->minor > 0 && version->minor < 1000;
}

static bool take(struct cs_go_version *version, const unsigned char *info, uint64_t left)
{
	char text[sizeof(version->text)];
	uint32_t length;

	if (left < TEXT + 1 || !(info[FLAGS] & INLINE_STRINGS))
		return false;
	length = info[TEXT];
	if (length >= sizeof(text) || left - TEXT - 1 < length)
		return false;
	memcpy(text, info + TEXT + 1, length);
	text[length] = '\0';
	return parse(version, text);
}

static bool from_build_info(struct cs_go_version *version, const struct cs_go_image *image,
                            unsigned char *buffer)
{
	for (uint32_t i = 0; i < image->segment_count; i++) {
		const struct cs_go_segment *segment = &image->segments[i];
		uint64_t bytes = segment->file_bytes < SEARCH_BYTES ? segment->file_bytes
		                                                    : SEARCH_BYTES;

		if (!segment->writable ||
		    !cs_go_image_read(image, segment->file_offset, buffer, bytes))
			continue;
		for (uint64_t at = 0; at + TEXT < bytes; at += 16)
			if (!memcmp(buffer + at, MAGIC, MAGIC_BYTES) &&
			    take(version, buffer + at, bytes - at))
				return true;
	}
	return false;
}

/* The runtime compares its version with "" when it starts: {pointer, length} near an operand. */
static bool from_runtime(struct cs_go_version *version, const struct cs_go_module *module,
                         struct cs_go_memory *memory)
{
	static const char *const name = "runtime.schedinit";
	struct cs_go_operand operands[CS_GO_OPERANDS_MAX];
	struct cs_go_function function;
	char text[sizeof(version->text)];

	cs_go_table_find_names(&module->table, &name, 1, &function);
	uint32_t count = cs_go_code_operands(module, &function, memory, operands);

	for (uint32_t i = 0; i < count; i++)
		for (uint64_t back = 0; back <= 8; back += 8)
			if (cs_go_read_string(memory, operands[i].target - back, text,
			                      sizeof(text)) &&
			    parse(version, text))
				return true;
	return false;
}

bool cs_go_version_find(struct cs_go_version *version, const struct cs_go_image *image,
                        const struct cs_go_module *module, struct cs_go_memory *memory)
{
	unsigned char *buffer = malloc(SEARCH_BYTES);
	bool found = buffer && from_build_info(version, image, buffer);

	free(buffer);
	return found || from_runtime(version, module, memory);
}
