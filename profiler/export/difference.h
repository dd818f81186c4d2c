/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comparison as text for people.
 */
#ifndef CS_EXPORT_DIFFERENCE_H
#define CS_EXPORT_DIFFERENCE_H

#include "export/export.h"

/* As cs_export.write; ROLLUP has a base. */
int cs_difference_write(const struct cs_rollup *rollup, const struct cs_export_style *style,
                        struct cs_sink *sink, struct cs_diag *diag);

#endif
