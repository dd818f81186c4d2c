/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope top: the live view. The viewer is a program of its own and views a trace; for a live
 * target a recorder of ours writes one beside it. So the view can go back in time, and neither
 * its end nor a crash of it touches the target.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command/agent_file.h"
#include "command/live.h"
#include "command/registry.h"
#include "source/native.h"
#include "source/tracked.h"
#include "trace/trace.h"

/* How long a recorder may take until there is a picture. */
#define PATIENCE_MS 10000
#define NAP_MS 5
#define WORDS_MAX 64

struct top {
	const struct cs_args *args;
	char viewer[PATH_MAX];
	char folder[64];      /* of the trace of a live target; "" none */
	char trace[PATH_MAX]; /* what is viewed */
	char title[256];
	char output[PATH_MAX]; /* what a launched program prints */
	pid_t recorder;        /* 0: none */
	uint64_t pid;
};

/* ---- words of a command line to come ---- */

struct words {
	const char *words[WORDS_MAX];
	unsigned count;
};

static void add(struct words *words, const char *word)
{
	if (words->count + 1 < WORDS_MAX)
		words->words[words->count++] = word;
	words->words[words->count] = NULL;
}

/* ---- the recorder ---- */

static int make_folder(struct top *top, struct cs_diag *diag)
{
	const char *where = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

	snprintf(top->folder, sizeof(top->folder), "%s/coroscope-top-XXXXXX", where);
	if (!mkdtemp(top->folder)) {
		cs_diag_set(diag, -errno, "record into %s: %s", where, strerror(errno));
		top->folder[0] = 0;
		return diag->error;
	}
	snprintf(top->trace, sizeof(top->trace), "%s/live.coro", top->folder);
	snprintf(top->output, sizeof(top->output), "%s/output", top->folder);
	return 0;
}

static void record_words(const struct top *top, struct words *words, char *pid, size_t bytes)
{
	add(words, "coroscope");
	add(words, "record");
	add(words, "--quiet");
	add(words, "-o");
	add(words, top->trace);
	add(words, "--last");
	add(words, cs_args_text(top->args, "keep", "10m"));
	if (top->pid) {
		snprintf(pid, bytes, "%" PRIu64, top->pid);
		add(words, "--interval");
		add(words, cs_args_text(top->args, "interval", "500ms"));
		add(words, "-p");
		add(words, pid);
		return;
	}
	add(words, "--");
	for (unsigned i = 0; i < top->args->operand_count; i++)
		add(words, top->args->operands[i]);
}

/* In the child: what the recorder and its program print must not fall onto the view. */
static void become_recorder(const struct top *top, const struct words *words)
{
	int input = open("/dev/null", O_RDONLY);
	int output = open(top->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	setpgid(0, 0); /* the terminal's signals are the viewer's */
	if (input >= 0)
		dup2(input, STDIN_FILENO);
	if (output >= 0) {
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
	}
	execv("/proc/self/exe", (char **)words->words);
	_exit(127);
}

/* The last line of what the recorder said is why it gave up. */
static int recorder_failed(const struct top *top, struct cs_diag *diag)
{
	FILE *file = fopen(top->output, "re");
	char line[512], reason[512] = "", hint[384] = "";

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "coroscope: cannot ", 18))
			snprintf(reason, sizeof(reason), "%s", line + 18);
		if (!strncmp(line, "hint: ", 6))
			snprintf(hint, sizeof(hint), "%.380s", line + 6);
	}
	if (file)
		fclose(file);
	cs_diag_set(diag, -ECHILD, "%s", reason[0] ? reason : "record: the recorder has ended");
	return hint[0] ? cs_diag_hint(diag, "%s", hint) : -ECHILD;
}

static bool has_picture(const struct top *top)
{
	struct stat status;

	/* The session's chunk and the first tick. */
	return !stat(top->trace, &status) && status.st_size > 512;
}

static int wait_for_picture(const struct top *top, struct cs_diag *diag)
{
	const struct timespec nap = {.tv_nsec = NAP_MS * 1000000};

	for (int waited = 0; waited < PATIENCE_MS; waited += NAP_MS) {
		siginfo_t info = {0};

		if (has_picture(top))
			return 0;
		if (!waitid(P_PID, (id_t)top->recorder, &info, WEXITED | WNOHANG | WNOWAIT) &&
		    info.si_pid)
			return has_picture(top) ? 0 : recorder_failed(top, diag);
		nanosleep(&nap, NULL);
	}
	return cs_diag_set(diag, -ETIME, "record: there is no picture after %d seconds",
	                   PATIENCE_MS / 1000);
}

static int start_recorder(struct top *top, struct cs_diag *diag)
{
	struct words words = {0};
	char pid[24];
	int error = make_folder(top, diag);

	if (error)
		return error;
	record_words(top, &words, pid, sizeof(pid));
	top->recorder = fork();
	if (top->recorder < 0) {
		top->recorder = 0;
		return cs_diag_set(diag, -errno, "start the recorder: %s", strerror(errno));
	}
	if (top->recorder == 0)
		become_recorder(top, &words);
	return wait_for_picture(top, diag);
}

/* A launched program ends with its view; a process that was there before goes on. */
static void stop_recorder(const struct top *top)
{
	if (!top->recorder)
		return;
	kill(top->recorder, top->pid ? SIGINT : SIGTERM);
	while (waitpid(top->recorder, NULL, 0) < 0 && errno == EINTR)
		;
}

static void clean_up(const struct top *top)
{
	if (!top->folder[0])
		return;
	unlink(top->output);
	rmdir(top->folder); /* unless the trace is kept in it */
}

/* ---- the viewer ---- */

static void viewer_words(const struct top *top, struct words *words)
{
	static const char *const passed[] = {"view", "theme", "script", "size"};

	add(words, "coroscope-top");
	add(words, "--title");
	add(words, top->title);
	for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++) {
		static char options[4][16];

		if (!cs_args_get(top->args, passed[i])->text)
			continue;
		snprintf(options[i], sizeof(options[i]), "--%s", passed[i]);
		add(words, options[i]);
		add(words, cs_args_get(top->args, passed[i])->text);
	}
	if (cs_args_on(top->args, "batch"))
		add(words, "--batch");
	if (top->recorder)
		add(words, "--temporary");
	add(words, top->trace);
}

static int run_viewer(const struct top *top, struct cs_diag *diag)
{
	struct words words = {0};
	int status = 0;
	pid_t viewer;

	viewer_words(top, &words);
	signal(SIGINT, SIG_IGN); /* the viewer's business; it tells us by ending */
	signal(SIGQUIT, SIG_IGN);
	viewer = fork();
	if (viewer == 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		execv(top->viewer, (char **)words.words);
		_exit(127);
	}
	if (viewer < 0)
		return cs_diag_set(diag, -errno, "start the view: %s", strerror(errno));
	while (waitpid(viewer, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CS_EXIT_FAILED;
}

/* ---- targets ---- */

/* One operand that is a file of ours is a trace; everything else is a program. */
static bool is_trace(const char *path)
{
	char magic[10] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t got = fd >= 0 ? read(fd, magic, sizeof(magic) - 1) : -1;

	if (fd >= 0)
		close(fd);
	return got > 0 && !strncmp(magic, "coroscope", 9);
}

/*
 * A native program is recorded by whoever started it: what that recorder writes is what there is
 * to see. True: TOP's trace is it.
 */
static bool is_recorded(struct top *top)
{
	struct cs_tracked tracked;
	struct cs_trace *trace = NULL;
	bool same = false;

	if (cs_tracked_find(&tracked, (uint32_t)top->pid, NULL) > 0 && tracked.note.trace)
		trace = cs_trace_open(tracked.note.trace, NULL);
	/* Somebody may have put another file there. */
	if (trace && cs_trace_session(trace)->mono_start_ns == tracked.note.mono_start_ns) {
		snprintf(top->trace, sizeof(top->trace), "%s", tracked.note.trace);
		snprintf(top->title, sizeof(top->title),
		         "process %" PRIu64 ", recorded by %" PRIu32, top->pid, tracked.note.pid);
		same = true;
	}
	cs_trace_close(trace);
	cs_tracked_close(&tracked);
	return same;
}

static int read_process(struct top *top, struct cs_diag *diag)
{
	const struct cs_observer *observer;

	if (top->pid > INT32_MAX)
		return cs_diag_set(diag, -ESRCH, "observe %" PRIu64 ": no process has that number",
		                   top->pid);
	observer = cs_live_probe((uint32_t)top->pid, diag);
	if (!observer)
		return diag->error;
	snprintf(top->title, sizeof(top->title), "process %" PRIu64, top->pid);
	if (observer == &cs_native_observer && is_recorded(top))
		return 0;
	return start_recorder(top, diag);
}

static int read_target(struct top *top, struct cs_diag *diag)
{
	const struct cs_args *args = top->args;
	const char *first = args->operand_count ? args->operands[0] : NULL;

	top->pid = cs_args_number(args, "pid", 0);
	if (!!top->pid == !!first) {
		cs_diag_set(diag, -EINVAL, "top: name one target");
		return cs_diag_hint(diag, "coroscope top -p PID, FILE, or [--] PROGRAM [ARGS…]");
	}
	if (top->pid)
		return read_process(top, diag);
	snprintf(top->title, sizeof(top->title), "%.200s", first);
	if (args->operand_count == 1 && is_trace(first)) {
		snprintf(top->trace, sizeof(top->trace), "%s", first);
		return 0;
	}
	return start_recorder(top, diag);
}

static int find_viewer(struct top *top, struct cs_diag *diag)
{
	int error = cs_part_file("coroscope-top", top->viewer, sizeof(top->viewer));

	if (!error && !access(top->viewer, X_OK))
		return 0;
	cs_diag_set(diag, -ENOENT, "find the viewer: %s is not there", top->viewer);
	return cs_diag_hint(diag,
	                    "it is built where ncurses is; `coroscope ps` prints the same as text");
}

static int run_top(const struct cs_args *args, struct cs_diag *diag)
{
	static struct top top;
	int status;

	memset(&top, 0, sizeof(top));
	top.args = args;
	status = find_viewer(&top, diag);
	if (!status)
		status = read_target(&top, diag);
	if (!status)
		status = run_viewer(&top, diag);
	stop_recorder(&top);
	clean_up(&top);
	return status;
}

static const char *const views[] = {"coroutines", "threads",  "heap", "stacks",
                                    "scheduler",  "timeline", NULL};
static const char *const themes[] = {"dark", "light", NULL};

static const struct cs_option options[] = {
	{.name = "pid",
         .letter = 'p',
         .kind = CS_OPTION_COUNT,
         .argument = "PID",
         .help = "a running process"},
	{.name = "view",
         .kind = CS_OPTION_TEXT,
         .argument = "VIEW",
         .choices = views,
         .preset = "coroutines",
         .help = "what is shown first"},
	{.name = "interval",
         .kind = CS_OPTION_TEXT,
         .argument = "TIME",
         .preset = "500ms",
         .help = "with -p: how often the process is looked at"},
	{.name = "keep",
         .kind = CS_OPTION_TEXT,
         .argument = "TIME",
         .preset = "10m",
         .help = "how far one can go back in a live target"},
	{.name = "theme",
         .kind = CS_OPTION_TEXT,
         .argument = "THEME",
         .choices = themes,
         .preset = "dark",
         .help = "colours"},
	{.name = "batch", .help = "print one screen as text and end"},
	{.name = "size",
         .kind = CS_OPTION_TEXT,
         .argument = "WxH",
         .preset = "100x30",
         .help = "with --batch: columns and rows"},
	{.name = "script",
         .kind = CS_OPTION_TEXT,
         .complete = CS_OPERAND_FILE,
         .argument = "FILE",
         .help = "press the keys and save the screens that FILE says"},
	{0},
};
static const struct cs_option_group group = {NULL, options};

const struct cs_command cs_command_top = {
	.name = "top",
	.summary = "watch coroutines, threads, heap and scheduler, live or recorded",
	.usage = (const char *const[]){"[OPTIONS] -p PID", "[OPTIONS] FILE",
                                       "[OPTIONS] [--] PROGRAM [ARGS…]", NULL},
	.description =
		"Shows a target on the whole terminal: coroutines by stack, as a list or by who "
		"spawned them, threads, the heap, a flame graph, the scheduler, and all of it over "
		"time. The keys are those of htop, less and vi; ? lists them.\n\n"
		"A live target is recorded while it is watched, so that [ and ] go back and forth in "
		"its last minutes; what was recorded is deleted at the end unless R was pressed. A "
		"launched program prints into a file and ends with the view; a process that was "
		"there before goes on. On a recorded trace the same views have a time line: p plays "
		"it, P goes to the peak of the heap, B to where it grew most, m marks a moment that "
		"everything is compared with.\n\n"
		"Filters: state = waiting and (age > 10s or heap > 1M) and not function ~ \"^net\". "
		"s saves what is shown, y copies it to the terminal's clipboard (OSC 52, where the "
		"terminal is known to have one): as text, as JSON with the keys of ps --json and "
		"heap --json, or as folded stacks.\n\n"
		"Settings are read from ~/.config/coroscope/top.conf: theme = dark or light, view = "
		"VIEW, mouse = yes or no, clipboard = yes, no or auto, and key ACTION = KEYS.\n\n"
		"A script has lines like: size 80 24, key tab, type TEXT, action sort-next, seek peak, "
		"wait 500ms, save-screen FILE.",
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope top -p 4242", "watch a running Go process"},
			{"coroscope top ./server --port 80", "start a program and watch it"},
			{"coroscope top app.42.coro", "travel through a recording"},
			{"coroscope top --batch --view heap app.42.coro", "one screen, as text"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_PROGRAM,
	.operands_min = 0,
	.operands_max = 0,
	.run = run_top,
};
