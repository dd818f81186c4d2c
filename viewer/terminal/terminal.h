/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal: shows canvases, gives events. The only part that knows ncurses.
 *
 * Between open and close the terminal is in another mode: close it on every way out. What is
 * sent to it are characters of a canvas, which are printable, and nothing else. One at a time.
 */
#ifndef CSV_TERMINAL_TERMINAL_H
#define CSV_TERMINAL_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "canvas/canvas.h"
#include "canvas/key.h"
#include "canvas/theme.h"

struct csv_terminal;

struct csv_terminal_options {
	const struct csv_theme *theme;
	bool colour;
	bool mouse;
};

/* NULL with DIAG set: not a terminal, or one that can't be drawn on. Needs setlocale(). */
struct csv_terminal *csv_terminal_open(const struct csv_terminal_options *options,
                                       struct cs_diag *diag);
void csv_terminal_close(struct csv_terminal *terminal);

/* Characters beyond ASCII can be shown. */
bool csv_terminal_unicode(void);

void csv_terminal_size(const struct csv_terminal *terminal, int *width, int *height);

/* Sends what differs from what is shown. ANEW: everything, after somebody else wrote. */
void csv_terminal_show(struct csv_terminal *terminal, const struct csv_canvas *canvas, bool anew);

/* The terminal is of a kind that is known to take what is copied, and to do nothing else by it. */
bool csv_terminal_copies(void);
/* TEXT becomes its clipboard (OSC 52); it may ask the person, or not do it: there is no answer. */
void csv_terminal_copy(struct csv_terminal *terminal, const char *text, size_t bytes);

/* The next event, waiting at most TIMEOUT_MS. */
struct csv_event csv_terminal_wait(struct csv_terminal *terminal, int timeout_ms);

/*
 * For handlers of fatal signals: puts the terminal back by one write. Async-signal-safe; after
 * it only _exit() or the signal's own end may follow. Does nothing when none is open.
 */
void csv_terminal_restore_now(void);

#endif
