/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ncurses, wide characters. It keeps a copy of the screen and sends differences; SIGWINCH and
 * SIGTSTP are its own handlers'. SIGHUP, SIGTERM and SIGINT become an event, so that the program ends
 * as if it had been asked to.
 */
#define NCURSES_WIDECHAR 1
#include "terminal/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Keys that ncurses tells otherwise. */
static const struct {
	int curses;
	uint32_t key;
} key_map[] = {
	{KEY_UP, CSV_KEY_UP},         {KEY_DOWN, CSV_KEY_DOWN},
	{KEY_LEFT, CSV_KEY_LEFT},     {KEY_RIGHT, CSV_KEY_RIGHT},
	{KEY_PPAGE, CSV_KEY_PAGE_UP}, {KEY_NPAGE, CSV_KEY_PAGE_DOWN},
	{KEY_HOME, CSV_KEY_HOME},     {KEY_END, CSV_KEY_END},
	{KEY_BTAB, CSV_KEY_BACKTAB},  {KEY_BACKSPACE, CSV_KEY_BACKSPACE},
	{KEY_DC, CSV_KEY_DELETE},     {KEY_ENTER, CSV_KEY_ENTER},
};

struct csv_terminal {
	SCREEN *screen;
	attr_t attributes[CSV_ROLES];
	short pairs[CSV_ROLES];
};

static struct {
	volatile sig_atomic_t ended; /* SIGHUP, SIGTERM, SIGINT */
	volatile sig_atomic_t open;
	struct termios before;
} state;

static void on_end(int number)
{
	(void)number;
	state.ended = 1;
}

bool csv_terminal_unicode(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void csv_terminal_restore_now(void)
{
	/* Leave the other screen, show the cursor, plain characters, no mouse. */
	static const char sequence[] =
		"\033[?1000l\033[?1002l\033[?1006l\033[?1049l\033[?25h\033[m";

	if (!state.open)
		return;
	state.open = 0;
	(void)!write(STDOUT_FILENO, sequence, sizeof(sequence) - 1);
	tcsetattr(STDIN_FILENO, TCSANOW, &state.before);
}

/* ---- colours ---- */

static attr_t attributes_of(unsigned attributes)
{
	attr_t attr = A_NORMAL;

	attr |= attributes & CSV_BOLD ? A_BOLD : 0;
	attr |= attributes & CSV_FAINT ? A_DIM : 0;
	attr |= attributes & CSV_REVERSE ? A_REVERSE : 0;
	attr |= attributes & CSV_UNDERLINE ? A_UNDERLINE : 0;
	return attr;
}

/* Bright colours of 16 on a terminal of 8 are the same ones, bold. */
static void pair_of_few(const struct csv_look *look, short *front, short *back, attr_t *attr)
{
	*front = look->front16;
	*back = look->back16;
	if (COLORS >= 16)
		return;
	if (*front >= 8) {
		*front = (short)(*front - 8);
		*attr |= A_BOLD;
	}
	if (*back >= 8)
		*back = (short)(*back - 8);
}

static void use_theme(struct csv_terminal *terminal, const struct csv_terminal_options *options)
{
	bool colour = options->colour && has_colors();

	if (colour) {
		start_color();
		use_default_colors();
	}
	for (int role = 0; role < CSV_ROLES; role++) {
		const struct csv_look *look = &options->theme->looks[role];
		attr_t attr = attributes_of(colour ? look->attributes : look->plain);
		short front = look->front, back = look->back;

		terminal->pairs[role] = 0;
		if (colour && role + 1 < COLOR_PAIRS) {
			if (COLORS < 256)
				pair_of_few(look, &front, &back, &attr);
			init_pair((short)(role + 1), front, back);
			terminal->pairs[role] = (short)(role + 1);
		}
		terminal->attributes[role] = attr;
	}
}

/* ---- opening and closing ---- */

static int check(struct cs_diag *diag)
{
	const char *term = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		cs_diag_set(diag, -ENOTTY, "show the view: standard %s is not a terminal",
		            isatty(STDOUT_FILENO) ? "input" : "output");
		return cs_diag_hint(diag, "`coroscope ps` prints the same as text, "
		                          "`coroscope top --batch` a screen");
	}
	if (!term || !*term || !strcmp(term, "dumb")) {
		cs_diag_set(diag, -EINVAL,
		            "show the view: the terminal can't move its cursor (TERM=%s)",
		            term ? term : "");
		return cs_diag_hint(diag, "`coroscope ps` prints the same as text");
	}
	return 0;
}

static void install_handlers(void)
{
	struct sigaction action = {.sa_handler = on_end};

	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

struct csv_terminal *csv_terminal_open(const struct csv_terminal_options *options,
                                       struct cs_diag *diag)
{
	struct csv_terminal *terminal;

	if (check(diag))
		return NULL;
	terminal = calloc(1, sizeof(*terminal));
	if (!terminal) {
		cs_diag_set(diag, -ENOMEM, "show the view: no memory");
		return NULL;
	}
	tcgetattr(STDIN_FILENO, &state.before);
	terminal->screen = newterm(NULL, stdout, stdin);
	if (!terminal->screen) {
		free(terminal);
		cs_diag_set(diag, -EINVAL, "show the view: nothing is known of the terminal '%s'",
		            getenv("TERM"));
		cs_diag_hint(diag, "set TERM to what it is, xterm-256color for most");
		return NULL;
	}
	state.open = 1;
	install_handlers();
	set_escdelay(25);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	if (options->mouse) {
		mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED |
		                  BUTTON4_PRESSED | BUTTON5_PRESSED,
		          NULL);
		mouseinterval(200);
	}
	use_theme(terminal, options);
	return terminal;
}

void csv_terminal_close(struct csv_terminal *terminal)
{
	if (!terminal)
		return;
	endwin();
	state.open = 0;
	delscreen(terminal->screen);
	free(terminal);
}

void csv_terminal_size(const struct csv_terminal *terminal, int *width, int *height)
{
	(void)terminal;
	getmaxyx(stdscr, *height, *width);
}

/* ---- showing ---- */

void csv_terminal_show(struct csv_terminal *terminal, const struct csv_canvas *canvas, bool anew)
{
	if (anew)
		clearok(stdscr, TRUE);
	erase();
	for (int y = 0; y < canvas->height; y++) {
		for (int x = 0; x < canvas->width; x++) {
			const struct csv_cell *cell = &canvas->cells[y * canvas->width + x];
			wchar_t text[2] = {(wchar_t)cell->character, 0};
			cchar_t character;

			if (!cell->character)
				continue;
			setcchar(&character, text, terminal->attributes[cell->role],
			         terminal->pairs[cell->role], NULL);
			mvadd_wch(y, x, &character);
		}
	}
	refresh();
}

/* ---- clipboard ---- */

/* Others print what they do not know, or hang on it. */
static const char *const copying[] = {"xterm",   "tmux",    "foot",    "alacritty",
                                      "rxvt",    "st-",     "contour", "kitty",
                                      "wezterm", "ghostty", "iterm",   "mintty"};

bool csv_terminal_copies(void)
{
	const char *term = getenv("TERM");

	for (size_t i = 0; term && i < sizeof(copying) / sizeof(*copying); i++)
		if (!strncmp(term, copying[i], strlen(copying[i])))
			return true;
	/* tmux calls itself screen by default; GNU screen prints what it does not know. */
	return term && !strncmp(term, "screen", 6) && getenv("TMUX");
}

static void put(const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t written = write(STDOUT_FILENO, text, bytes);

		if (written < 0 && errno != EINTR)
			return;
		if (written > 0) {
			text += written;
			bytes -= (size_t)written;
		}
	}
}

void csv_terminal_copy(struct csv_terminal *terminal, const char *text, size_t bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char start[] = "\033]52;c;";
	char *sequence = malloc(sizeof(start) + (bytes + 2) / 3 * 4 + 1);
	size_t used = sizeof(start) - 1;

	(void)terminal;
	if (!sequence)
		return;
	memcpy(sequence, start, used);
	for (size_t i = 0; i < bytes; i += 3) {
		unsigned char a = (unsigned char)text[i];
		unsigned char b = i + 1 < bytes ? (unsigned char)text[i + 1] : 0;
		unsigned char c = i + 2 < bytes ? (unsigned char)text[i + 2] : 0;

		sequence[used++] = digits[a >> 2];
		sequence[used++] = digits[(a & 3) << 4 | b >> 4];
		sequence[used++] = i + 1 < bytes ? digits[(b & 15) << 2 | c >> 6] : '=';
		sequence[used++] = i + 2 < bytes ? digits[c & 63] : '=';
	}
	sequence[used++] = '\a';
	fflush(stdout); /* of curses: nothing of it may come in between */
	put(sequence, used);
	free(sequence);
}

/* ---- events ---- */

static struct csv_event mouse_event(void)
{
	struct csv_event event = {CSV_EVENT_NONE, 0, 0, 0, 0};
	MEVENT mouse;

	if (getmouse(&mouse) != OK)
		return event;
	event.x = mouse.x;
	event.y = mouse.y;
	event.kind = CSV_EVENT_CLICK;
	event.clicks = mouse.bstate & BUTTON1_DOUBLE_CLICKED ? 2 : 1;
	if (mouse.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)) {
		event.kind = CSV_EVENT_WHEEL;
		event.clicks = mouse.bstate & BUTTON4_PRESSED ? -1 : 1;
	}
	return event;
}

static uint32_t key_of(wint_t code, bool is_function)
{
	if (is_function) {
		if (code >= (wint_t)KEY_F(1) && code <= (wint_t)KEY_F(12))
			return CSV_KEY_F1 + (code - (wint_t)KEY_F(1));
		for (size_t i = 0; i < sizeof(key_map) / sizeof(*key_map); i++)
			if ((wint_t)key_map[i].curses == code)
				return key_map[i].key;
		return CSV_KEY_NONE;
	}
	if (code == '\r')
		return CSV_KEY_ENTER;
	return code == 0x7f || code == 8 ? CSV_KEY_BACKSPACE : code;
}

struct csv_event csv_terminal_wait(struct csv_terminal *terminal, int timeout_ms)
{
	struct csv_event event = {CSV_EVENT_NONE, 0, 0, 0, 0};
	wint_t code;
	int kind;

	(void)terminal;
	if (!state.ended) {
		timeout(timeout_ms);
		kind = get_wch(&code);
	} else {
		kind = ERR;
	}
	if (state.ended) {
		event.kind = CSV_EVENT_HANGUP;
	} else if (kind == KEY_CODE_YES && code == KEY_RESIZE) {
		event.kind = CSV_EVENT_RESIZE;
	} else if (kind == KEY_CODE_YES && code == KEY_MOUSE) {
		event = mouse_event();
	} else if (kind != ERR) {
		event.key = key_of(code, kind == KEY_CODE_YES);
		event.kind = event.key ? CSV_EVENT_KEY : CSV_EVENT_NONE;
	} else {
		struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

		/* Nothing came, and nothing can: the terminal has gone without a signal. */
		if (poll(&input, 1, 0) > 0 && input.revents & (POLLHUP | POLLERR | POLLNVAL))
			event.kind = CSV_EVENT_HANGUP;
	}
	return event;
}
