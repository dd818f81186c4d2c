/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder in which tests make ELF files with the compiler, and a resolver to ask for names.
 */
#ifndef CS_TEST_WORKSHOP_H
#define CS_TEST_WORKSHOP_H

#include "symbol/resolver.h"

struct workshop {
	char folder[64];
	struct cs_model *model;
	struct cs_symbols *symbols;
	struct cs_resolver_options options;
	struct cs_resolver_result result; /* of the last workshop_resolve() */
};

void workshop_begin(struct workshop *shop);
void workshop_end(struct workshop *shop);

void workshop_write(const struct workshop *shop, const char *name, const char *text);
/* Runs a shell command in the folder; its status. */
int workshop_try(const struct workshop *shop, const char *command);
/* The same, and the test fails unless it succeeds. */
void workshop_run(const struct workshop *shop, const char *command);
/* The first line that a command prints, without its end; in a static buffer. */
const char *workshop_ask(const struct workshop *shop, const char *command);
/* FILE in the folder, in a static buffer. */
const char *workshop_path(const struct workshop *shop, const char *file);

/* The address of FUNCTION in FILE. */
uint64_t workshop_address(const struct workshop *shop, const char *file, const char *function);

/* A module of the model with FILE's path, and its build id if it has one. */
uint32_t workshop_module(struct workshop *shop, const char *file);

/* Resolves all frames: with FILE (may be NULL) open for MODULE. */
void workshop_resolve(struct workshop *shop, uint32_t module, const char *file);

/* The function of FRAME that is not inlined; "" without a name. */
const char *workshop_name(const struct workshop *shop, uint32_t frame);

#endif
