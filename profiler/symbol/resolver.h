/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives frames their names: function, file, line and inlined calls, from ELF and DWARF.
 *
 * The reader hands over each module's file while it is mapped, because deleted and
 * containerised files are gone at the end; names are looked up once, all at the end. A file
 * is trusted for nothing: its build id must be the module's, or it gives no names at all, and
 * damaged contents give fewer names, never a crash.
 *
 * Nothing is asked of the network unless the options say so. One thread at a time.
 */
#ifndef CS_SYMBOL_RESOLVER_H
#define CS_SYMBOL_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/model.h"
#include "model/symbols.h"

struct cs_resolver;

struct cs_resolver_options {
	bool debuginfod;               /* ask the servers in DEBUGINFOD_URLS for debug files */
	const char *const *debug_dirs; /* ended by NULL; NULL: /usr/lib/debug */
	uint32_t max_open_files;       /* 0: 256 */
};

/* OPTIONS may be NULL and is copied. NULL: no memory. */
struct cs_resolver *cs_resolver_new(const struct cs_resolver_options *options);
void cs_resolver_free(struct cs_resolver *resolver);

/*
 * The file of MODULE (an id of the model). Takes FD, also on failure; PATH is where the file
 * could be opened again should too many be open (/proc/PID/root/…), NULL: it could not.
 * A second file for the same module is ignored. 0 or -ENOMEM.
 */
int cs_resolver_add_module(struct cs_resolver *resolver, uint32_t module, int fd, const char *path);

struct cs_resolver_result {
	uint64_t frames;     /* that lie in a module and had no name */
	uint64_t named;      /* of these, with a function name now */
	uint64_t with_lines; /* … and with a source line */
	uint32_t missing;    /* modules whose file could not be opened */
	uint32_t replaced;   /* whose file has another build id now: no names from it */
	uint32_t damaged;    /* whose file is no readable ELF file */
	uint32_t unverified; /* without build id, opened by path: names may be of another version */
	uint32_t stripped;   /* without any function symbols but exported ones */
	uint32_t dwarf;      /* with debug information, here or in a separate file */
	uint32_t first_replaced; /* a module of that kind, for the message; 0 none */
	uint32_t first_missing;
};

/* Called now and then; false stops the work. */
typedef bool cs_resolver_progress(void *context, uint64_t done, uint64_t total);

/*
 * Names all frames of MODEL that SYMBOLS has no name for. Modules that were never added are
 * opened by the model's path. Modules that give no names are counted in RESULT (may be NULL),
 * they are no errors. 0, -ENOMEM, or -ECANCELED when PROGRESS (may be NULL) said stop; what
 * was found until then is in SYMBOLS.
 */
int cs_resolver_resolve(struct cs_resolver *resolver, const struct cs_model *model,
                        struct cs_symbols *symbols, cs_resolver_progress *progress, void *context,
                        struct cs_resolver_result *result, struct cs_diag *diag);

#endif
