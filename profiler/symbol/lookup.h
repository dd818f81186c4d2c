/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names within one file: its symbol tables and debug information together.
 */
#ifndef CS_SYMBOL_LOOKUP_H
#define CS_SYMBOL_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "model/symbols.h"
#include "symbol/debugfile.h"
#include "symbol/object.h"

struct cs_lookup;

/* OBJECT (taken, also on failure) was opened from PATH, may be NULL. NULL: no memory. */
struct cs_lookup *cs_lookup_new(struct cs_object *object, const char *path,
                                const struct cs_debugfile_search *search);
void cs_lookup_free(struct cs_lookup *lookup);

bool cs_lookup_has_dwarf(const struct cs_lookup *lookup);
/* Only exported symbols are left. */
bool cs_lookup_is_stripped(const struct cs_lookup *lookup);

/*
 * The names at ADDRESS, innermost first, valid until the next call; *COUNT may be 0.
 * 0 or -ENOMEM.
 */
int cs_lookup_find(struct cs_lookup *lookup, uint64_t address, const struct cs_name **names,
                   uint32_t *count);

#endif
