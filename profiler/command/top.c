/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroscope top: the live view. This is who starts the viewer, keeps it company, and starts what
 * it asks for when it ends: so the view can go back in time, and neither its end nor a crash of
 * it touches the target.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/agent_file.h"
#include "command/candidates.h"
#include "command/live.h"
#include "command/registry.h"
#include "command/selection.h"
#include "command/top.h"
#include "command/written.h"

#define MIND_MS 500
#define LIST_EVERY 4 /* of those */
#define LOOKS_NS UINT64_C(500000000)
#define SIDE_MAX 1000 /* columns or rows of --size */

/* ---- the viewer ---- */

static volatile sig_atomic_t told_to_end;

static void on_end(int number)
{
	told_to_end = number;
}

static void on_child(int number)
{
	(void)number; /* it ends poll() */
}

/*
 * Signals of the terminal are the viewer's business; it tells us by ending, or by stopping: we
 * stop after it, so that the shell takes the terminal when it has been given back. That it is
 * gone, or that we are to end, is passed on: there is something to clean up.
 */
static void set_signals(void)
{
	struct sigaction action = {.sa_handler = on_end}, child = {.sa_handler = on_child};

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	sigaction(SIGCHLD, &child, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void reset_signals(void)
{
	static const int all[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGCHLD};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		signal(all[i], SIG_DFL);
}

static void option(const struct cs_top *top, struct cs_top_words *words, const char *name)
{
	static char options[8][16];
	static unsigned used;

	if (!cs_args_get(top->args, name)->text)
		return;
	snprintf(options[used], sizeof(options[0]), "--%s", name);
	cs_top_add(words, options[used]);
	used = (used + 1) % 8;
	cs_top_add(words, cs_args_get(top->args, name)->text);
}

static void viewer_words(const struct cs_top *top, struct cs_top_words *words)
{
	static const char *const passed[] = {"view", "theme", "script", "size"};
	static char next[96], control[96], looks[32];

	cs_top_add(words, "coroscope-top");
	cs_top_add(words, "--title");
	cs_top_add(words, top->title);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		option(top, words, passed[i]);
	if (cs_args_on(top->args, "batch"))
		cs_top_add(words, "--batch");
	if (top->at[0]) {
		cs_top_add(words, "--at");
		cs_top_add(words, top->at);
	}
	if (top->folder[0]) {
		snprintf(next, sizeof(next), "%s", cs_top_file(top, "next").s);
		cs_top_add(words, "--next");
		cs_top_add(words, next);
	}
	if (top->ours) {
		snprintf(control, sizeof(control), "%s", cs_top_file(top, "control").s);
		cs_top_add(words, "--control");
		cs_top_add(words, control);
		if (top->pid) {
			cs_top_add(words, "--looks");
			snprintf(looks, sizeof(looks), "%" PRIu64,
			         cs_args_number(top->args, "interval", LOOKS_NS) / 1000000);
			cs_top_add(words, looks);
		}
	}
	cs_top_add(words, top->trace);
}

/* Waits for PID to end; now and then, does what is to be done meanwhile. */
static int keep_company(struct cs_top *top, pid_t pid, void (*meanwhile)(struct cs_top *top))
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int status = 0;
	pid_t changed;

	while ((changed = waitpid(pid, &status, WNOHANG | WUNTRACED)) == 0 ||
	       (changed == pid && WIFSTOPPED(status))) {
		if (changed) {
			raise(SIGSTOP);
			kill(pid, SIGCONT);
			continue;
		}
		if (told_to_end)
			kill(pid, SIGTERM);
		else
			meanwhile(top);
		told_to_end = 0;
		poll(&end, end.fd >= 0, end.fd >= 0 ? MIND_MS : 20);
	}
	if (end.fd >= 0)
		close(end.fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : CS_EXIT_FAILED;
}

static int run_viewer(struct cs_top *top, const struct cs_top_words *words,
                      void (*meanwhile)(struct cs_top *top), struct cs_diag *diag)
{
	pid_t viewer;

	set_signals();
	viewer = fork();
	if (viewer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		reset_signals();
		execv(top->viewer, (char **)words->words);
		_exit(127);
	}
	if (viewer < 0)
		return cs_diag_set(diag, -errno, "start the view: %s", strerror(errno));
	return keep_company(top, viewer, meanwhile);
}

/* ---- choosing ---- */

static int list_candidates(const struct cs_args *args, struct cs_diag *diag)
{
	struct cs_candidates list;
	struct cs_sink sink;
	int error = cs_candidates_find(&list);

	if (error)
		return cs_diag_set(diag, error, "list the processes: out of memory");
	cs_sink_to_file(&sink, stdout, "standard output");
	(cs_args_on(args, "json") ? cs_candidates_json : cs_candidates_text)(&list, &sink);
	error = cs_sink_finish(&sink, diag);
	cs_candidates_free(&list);
	return error;
}

static int write_list(struct cs_top *top)
{
	struct cs_candidates list;
	struct cs_sink sink;
	int error = cs_candidates_find(&list);

	if (error)
		return error;
	cs_sink_to_memory(&sink);
	cs_candidates_lines(&list, &sink);
	error = cs_sink_error(&sink);
	if (!error)
		error = cs_top_tell(top, "list", sink.data ? sink.data : "", sink.size);
	cs_sink_release(&sink);
	cs_candidates_free(&list);
	return error;
}

static void list_again(struct cs_top *top)
{
	static unsigned times;

	if (++times % LIST_EVERY == 0)
		(void)write_list(top);
}

static uint64_t read_chosen(const struct cs_top *top)
{
	FILE *file = fopen(cs_top_file(top, "chosen").s, "re");
	uint64_t pid = 0;

	if (file && fscanf(file, "%" SCNu64, &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	return pid;
}

/* Into top->pid; 0: nobody was chosen. A status, or -errno with DIAG. */
static int choose(struct cs_top *top, struct cs_diag *diag)
{
	struct cs_top_words words = {0};
	char list[96], chosen[96];
	int status = cs_top_folder(top, diag);

	top->pid = 0;
	if (status)
		return status;
	status = write_list(top);
	if (status)
		return cs_diag_set(diag, status, "list the processes: %s", strerror(-status));
	snprintf(list, sizeof(list), "%s", cs_top_file(top, "list").s);
	snprintf(chosen, sizeof(chosen), "%s", cs_top_file(top, "chosen").s);
	unlink(chosen);
	cs_top_add(&words, "coroscope-top");
	option(top, &words, "theme");
	if (top->refusal[0]) {
		cs_top_add(&words, "--title");
		cs_top_add(&words, top->refusal);
	}
	cs_top_add(&words, "--choose");
	cs_top_add(&words, chosen);
	cs_top_add(&words, list);
	status = run_viewer(top, &words, list_again, diag);
	if (!status)
		top->pid = read_chosen(top);
	return status;
}

/* ---- one target ---- */

static int watch(struct cs_top *top, struct cs_diag *diag)
{
	const struct cs_args *args = top->args;
	const char *first = args->operand_count ? args->operands[0] : NULL;
	int error;

	if (top->pid)
		return cs_top_watch_process(top, diag);
	if (args->operand_count == 1 && (error = cs_top_watch_trace(top, first, diag)) <= 0)
		return error;
	return cs_top_watch_program(top, diag);
}

/* One view of one target, to its end. A status, or -errno with DIAG. */
static int view(struct cs_top *top, struct cs_diag *diag)
{
	struct cs_top_words words = {0};
	int status = watch(top, diag);

	if (!status) {
		viewer_words(top, &words);
		status = run_viewer(top, &words, cs_top_mind, diag);
	}
	if (status == CS_TOP_NEXT && top->next)
		top->pid = top->next;
	cs_top_stop(top);
	return status;
}

/* One that was chosen may have ended meanwhile: then another one is. */
static int view_chosen(struct cs_top *top, struct cs_diag *diag)
{
	int status = view(top, diag);

	top->refusal[0] = 0;
	if (status >= 0)
		return status;
	snprintf(top->refusal, sizeof(top->refusal), "cannot %.240s", diag->text);
	*diag = (struct cs_diag){0};
	return CS_TOP_CHOOSE;
}

static int find_viewer(struct cs_top *top, struct cs_diag *diag)
{
	int error = cs_part_file("coroscope-top", top->viewer, sizeof(top->viewer));

	if (!error && !access(top->viewer, X_OK))
		return 0;
	cs_diag_set(diag, -ENOENT, "find the viewer: %s is not there", top->viewer);
	return cs_diag_hint(diag,
	                    "it is built where ncurses is; `coroscope ps` prints the same as text");
}

static bool is_size(const char *text)
{
	unsigned width, height;
	int length = 0;

	return sscanf(text, "%4ux%4u%n", &width, &height, &length) == 2 && !text[length] &&
	       width >= 1 && width <= SIDE_MAX && height >= 1 && height <= SIDE_MAX;
}

static int check(const struct cs_args *args, struct cs_diag *diag)
{
	bool pid = cs_args_get(args, "pid")->given;
	const char *size = cs_args_text(args, "size", NULL);

	if (size && !is_size(size)) {
		cs_diag_set(diag, -EINVAL, "understand --size %s: not columns and rows", size);
		return cs_diag_hint(diag, "valid is e.g. 100x30, from 1x1 to 1000x1000");
	}
	if (pid && args->operand_count) {
		cs_diag_set(diag, -EINVAL, "top: name one target");
		return cs_diag_hint(diag, "coroscope top -p PID, FILE, or [--] PROGRAM [ARGS…]");
	}
	if (!pid && !args->operand_count && cs_args_get(args, "script")->given) {
		cs_diag_set(diag, -EINVAL, "follow a script without a target");
		return cs_diag_hint(diag, "coroscope top --script FILE -p PID, TRACE or PROGRAM");
	}
	if ((pid || args->operand_count) && cs_args_on(args, "json")) {
		cs_diag_set(diag, -EINVAL, "show a target as JSON");
		return cs_diag_hint(diag, "coroscope ps --json prints it; top --json lists the "
		                          "processes that can be watched");
	}
	return 0;
}

/* Without a target, and with somebody to ask. */
static bool wants_list(const struct cs_args *args)
{
	return cs_args_on(args, "json") || cs_args_on(args, "batch") || !isatty(STDIN_FILENO) ||
	       !isatty(STDOUT_FILENO);
}

static int run_top(const struct cs_args *args, struct cs_diag *diag)
{
	static struct cs_top top;
	bool named = args->operand_count || cs_args_get(args, "pid")->given;
	uint32_t pid = 0;
	int status = check(args, diag);

	if (!status && cs_args_get(args, "pid")->given)
		status = cs_live_pid(args, &pid, diag);
	if (status)
		return status;
	if (!named && wants_list(args))
		return list_candidates(args, diag);
	memset(&top, 0, sizeof(top));
	top.args = args;
	top.pid = pid;
	status = find_viewer(&top, diag);
	if (!status)
		status = named ? view(&top, diag) : CS_TOP_CHOOSE;
	while (status == CS_TOP_CHOOSE || status == CS_TOP_NEXT) {
		if (status == CS_TOP_CHOOSE) {
			status = choose(&top, diag);
			if (status || !top.pid)
				break;
		}
		status = view_chosen(&top, diag);
	}
	cs_top_clean(&top);
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
	CS_OPTION_HEAP,
	CS_OPTION_CPU,
	CS_OPTION_WALL,
	{.name = "interval",
         .kind = CS_OPTION_DURATION,
         .argument = "TIME",
         .preset = "500ms",
         .help = "with -p: how often the process is looked at"},
	{.name = "budget",
         .kind = CS_OPTION_COUNT,
         .argument = "PERCENT",
         .preset = "25",
         .help = "with -p: look less often when that would take more of a core"},
	{.name = "keep",
         .kind = CS_OPTION_DURATION,
         .argument = "TIME",
         .preset = "10m",
         .help = "how far one can go back in a live target"},
	{.name = "theme",
         .kind = CS_OPTION_TEXT,
         .argument = "THEME",
         .choices = themes,
         .preset = "dark",
         .help = "colours"},
	CS_OPTION_JSON,
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
	.usage = (const char *const[]){"[OPTIONS]", "[OPTIONS] -p PID", "[OPTIONS] FILE",
                                       "[OPTIONS] [--] PROGRAM [ARGS…]", NULL},
	.description =
		"Shows a target on the whole terminal: coroutines by stack, as a list or by who "
		"spawned them, threads, the heap, a flame graph, the scheduler, and all of it over "
		"time. The keys are those of htop, less and vi; ? lists them.\n\n"
		"Without a target it lists the processes that can be watched, Go programs and native "
		"ones that are being recorded, to choose one (o comes back to it); where it can't "
		"ask, and with --json, it prints the list.\n\n"
		"A live target is recorded while it is watched, so that [ and ] go back and forth in "
		"its last minutes; that is deleted at the end. R starts a recording that is kept, and "
		"R ends it; w writes what there is up to now. A launched program prints into a file "
		"and ends with the view; a process that was there before goes on. When it has ended, "
		"its last state stays, and r watches the process that runs the same program then, or "
		"starts the program again. + and - change how often it is looked at, as far as the "
		"budget allows; the status line says how old the picture is. On a recorded trace the same views have a time line: p plays "
		"it, P goes to the peak of the heap, B to where it grew most, m marks a moment that "
		"everything is compared with.\n\n"
		"Filters: state = waiting and (age > 10s or heap > 1M) and not function ~ \"^net\". "
		"s saves what is shown, y copies it to the terminal's clipboard (OSC 52, where the "
		"terminal is known to have one): as text, as JSON with the keys of ps --json and "
		"heap --json, or as folded stacks.\n\n"
		"Settings are read from ~/.config/coroscope/top.conf: theme = dark or light, view = "
		"VIEW, mouse = yes or no, clipboard = yes, no or auto, and key ACTION = KEYS, such as "
		"key quit = q ctrl-c; the help in the view names the actions.\n\n"
		"A script has lines like: size 80 24, key tab, type TEXT, action sort-next, seek peak, "
		"wait 500ms, save-screen FILE.",
	.groups = (const struct cs_option_group *const[]){&group, NULL},
	.examples =
		(const struct cs_example[]){
			{"coroscope top -p 4242", "watch a running Go process"},
			{"coroscope top ./server --port 80", "start a program and watch it"},
			{"coroscope top --cpu ./server --port 80",
                         "and where its CPU time goes: 4, and M for the metric"},
			{"coroscope top app.42.coro", "travel through a recording"},
			{"coroscope top app.42.coro@peak", "from where its heap was largest"},
			{"coroscope top --batch --view heap app.42.coro", "one screen, as text"},
			{NULL, NULL},
		},
	.operand = CS_OPERAND_PROGRAM,
	.operands_min = 0,
	.operands_max = 0,
	.run = run_top,
};
