/* SPDX-License-Identifier: Apache-2.0 */
#include "workshop.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

void workshop_begin(struct workshop *shop)
{
	*shop = (struct workshop){.folder = "/tmp/coroscope-symbol-XXXXXX"};
	assert_non_null(mkdtemp(shop->folder));
	shop->model = cs_model_new();
	shop->symbols = cs_symbols_new();
}

void workshop_end(struct workshop *shop)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", shop->folder);
	assert_int_equal(system(command), 0);
	cs_symbols_free(shop->symbols);
	cs_model_free(shop->model);
}

const char *workshop_path(const struct workshop *shop, const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", shop->folder, file);
	return path;
}

void workshop_write(const struct workshop *shop, const char *name, const char *text)
{
	FILE *file = fopen(workshop_path(shop, name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

int workshop_try(const struct workshop *shop, const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && { %s; } >log 2>&1", shop->folder, command);
	return system(line);
}

void workshop_run(const struct workshop *shop, const char *command)
{
	if (workshop_try(shop, command) != 0)
		fail_msg("this failed: %s", command);
}

const char *workshop_ask(const struct workshop *shop, const char *command)
{
	static char line[512];
	char full[1024];

	snprintf(full, sizeof(full), "cd %s && %s", shop->folder, command);
	FILE *pipe = popen(full, "r");
	assert_non_null(pipe);
	if (!fgets(line, sizeof(line), pipe))
		line[0] = 0;
	pclose(pipe);
	line[strcspn(line, "\n")] = 0;
	return line;
}

uint64_t workshop_address(const struct workshop *shop, const char *file, const char *function)
{
	char command[256];

	snprintf(command, sizeof(command), "nm %s | grep -i ' t %s$'", file, function);
	uint64_t address = strtoull(workshop_ask(shop, command), NULL, 16);
	assert_int_not_equal(address, 0);
	return address;
}

uint32_t workshop_module(struct workshop *shop, const char *file)
{
	char command[256];
	uint8_t id[32] = {0};
	uint32_t bytes = 0;

	snprintf(command, sizeof(command), "readelf -n %s 2>/dev/null | sed -n 's/.*Build ID: //p'",
	         file);
	const char *hex = workshop_ask(shop, command);
	for (unsigned byte;
	     bytes < sizeof(id) && sscanf(hex + (size_t)2 * bytes, "%2x", &byte) == 1;)
		id[bytes++] = (uint8_t)byte;
	return cs_model_module(shop->model, workshop_path(shop, file), id, bytes);
}

void workshop_resolve(struct workshop *shop, uint32_t module, const char *file)
{
	struct cs_resolver *resolver = cs_resolver_new(&shop->options);

	assert_non_null(resolver);
	if (file) {
		const char *path = workshop_path(shop, file);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(cs_resolver_add_module(resolver, module, fd, path), 0);
	}
	assert_int_equal(cs_resolver_resolve(resolver, shop->model, shop->symbols, NULL, NULL,
	                                     &shop->result, NULL),
	                 0);
	cs_resolver_free(resolver);
}

const char *workshop_name(const struct workshop *shop, uint32_t frame)
{
	const struct cs_name *names;
	uint32_t count = cs_symbols_get(shop->symbols, frame, &names);

	return count && names[count - 1].function ? names[count - 1].function : "";
}
