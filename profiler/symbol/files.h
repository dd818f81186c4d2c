/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of modules, held open from when they were mapped until names are looked up. The
 * same file is held once, however many processes mapped it; beyond a number of open files
 * only the path and the file's identity are kept.
 */
#ifndef CS_SYMBOL_FILES_H
#define CS_SYMBOL_FILES_H

#include <stdbool.h>
#include <stdint.h>

struct cs_files;

/* NULL: no memory. */
struct cs_files *cs_files_new(uint32_t max_open);
void cs_files_free(struct cs_files *files);

/* As cs_resolver_add_module(). */
int cs_files_add(struct cs_files *files, uint32_t module, int fd, const char *path);

/*
 * A descriptor of MODULE's file for the caller to close. *HANDED: it is the file that was
 * handed over, not one found again by PATH, the model's path. -ESTALE: another file is at
 * the path by now. -errno otherwise.
 */
int cs_files_open(const struct cs_files *files, uint32_t module, const char *path, bool *handed);

/* Where the file of MODULE was handed over as, NULL unknown. */
const char *cs_files_path(const struct cs_files *files, uint32_t module);

#endif
