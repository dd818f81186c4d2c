/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person's settings: $XDG_CONFIG_HOME/coroscope/top.conf or ~/.config/coroscope/top.conf,
 * lines like
 *
 *     # comment
 *     theme = light
 *     view = heap
 *     mouse = no
 *     clipboard = yes
 *     key search = / ctrl-s
 */
#ifndef CSV_APP_CONFIG_H
#define CSV_APP_CONFIG_H

#include <stdbool.h>

#include "base/diag.h"
#include "canvas/theme.h"
#include "widget/action.h"

enum csv_clipboard { CSV_CLIPBOARD_AUTO, CSV_CLIPBOARD_YES, CSV_CLIPBOARD_NO };

struct csv_config {
	const struct csv_theme *theme;
	char view[32]; /* "": the first */
	bool mouse;
	enum csv_clipboard clipboard;
	struct csv_keymap keymap;
};

void csv_config_default(struct csv_config *config);

/* 0, also when there is no such file; -errno with DIAG: which line is wrong, and why. */
int csv_config_read(struct csv_config *config, const char *path, struct cs_diag *diag);

/* Where it is, into PATH; "" when there is no home. */
void csv_config_path(char *path, unsigned bytes);

#endif
