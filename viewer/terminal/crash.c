/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handler allocates nothing and calls nothing that might: the stack's addresses are walked by
 * libgcc, which is loaded before, and are written as offsets that addr2line reads.
 */
#include "terminal/crash.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "terminal/terminal.h"

#define DEPTH 64

static struct {
	const char *version, *view;
	volatile uint32_t kind, key;
	char path[64];
} state;

static void put(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

static void put_number(int fd, unsigned number)
{
	char digits[12];
	unsigned at = sizeof(digits) - 1;

	digits[at] = 0;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	put(fd, digits + at);
}

/*
 * Of a signal handler: backtrace() is loaded before (csv_crash_catch) and allocates nothing then;
 * the terminal is restored with write() and ioctl() alone.
 *
 * NOLINTBEGIN(bugprone-signal-handler)
 */
static void write_report(int fd, int number, void *const *frames, int depth)
{
	put(fd, "coroscope top ");
	put(fd, state.version);
	put(fd, "\nsignal ");
	put_number(fd, (unsigned)number);
	put(fd, "\nview ");
	put(fd, state.view ? state.view : "none");
	put(fd, "\nlast event ");
	put_number(fd, state.kind);
	put(fd, ", key ");
	put_number(fd, state.key);
	put(fd, "\nstack\n");
	backtrace_symbols_fd(frames, depth, fd);
}

static void on_crash(int number)
{
	void *frames[DEPTH];
	int depth, fd;

	/* A second crash, of this handler, ends it at once. */
	signal(number, SIG_DFL);
	csv_terminal_restore_now();
	put(STDERR_FILENO, "coroscope top: it has crashed; the terminal is restored\n");
	depth = backtrace(frames, DEPTH);
	fd = open(state.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0) {
		write_report(fd, number, frames, depth);
		close(fd);
		put(STDERR_FILENO, "hint: please report it, with ");
		put(STDERR_FILENO, state.path);
		put(STDERR_FILENO, " and with what was done last\n");
	} else {
		write_report(STDERR_FILENO, number, frames, depth);
		put(STDERR_FILENO, "hint: please report it, with this and what was done last\n");
	}
	raise(number);
}
/* NOLINTEND(bugprone-signal-handler) */

void csv_crash_catch(const char *version)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	void *frame;

	state.version = version;
	snprintf(state.path, sizeof(state.path), "/tmp/coroscope-top.crash.%d", (int)getpid());
	(void)backtrace(&frame, 1); /* loads what it needs, while that is safe */
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		signal(fatal[i], on_crash);
}

void csv_crash_note(const char *view, uint32_t kind, uint32_t key)
{
	state.view = view;
	state.kind = kind;
	state.key = key;
}
