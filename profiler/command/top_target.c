/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target of a view: whoever records it, or a recorder of ours in a folder of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "command/candidates.h"
#include "command/live.h"
#include "command/target.h"
#include "command/top.h"
#include "source/native.h"
#include "source/tracked.h"
#include "trace/trace.h"

/* How long a recorder may take until there is a picture. */
#define PATIENCE_MS 10000
#define NAP_MS 5
#define LOOKS_NICE 5

void cs_top_add(struct cs_top_words *words, const char *word)
{
	if (words->count + 1 < CS_TOP_WORDS)
		words->words[words->count++] = word;
	words->words[words->count] = NULL;
}

/* ---- the folder ---- */

static const char *place(void)
{
	return access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
}

struct cs_top_path cs_top_file(const struct cs_top *top, const char *name)
{
	struct cs_top_path path;

	snprintf(path.s, sizeof(path.s), "%s/%s", top->folder, name);
	return path;
}

int cs_top_tell(const struct cs_top *top, const char *name, const char *text, size_t bytes)
{
	struct cs_top_path path = cs_top_file(top, name), new = cs_top_file(top, "new");
	int fd = open(new.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t written = fd >= 0 ? write(fd, text, bytes) : -1;

	if (fd >= 0)
		close(fd);
	return written == (ssize_t)bytes && !rename(new.s, path.s) ? 0 : -EIO;
}

static void remove_folder(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(path);
}

/*
 * Who made it has ended: its number is nobody's, and the lock that it held is free. The number
 * alone would not do: it may be somebody's in another container that has this folder as well.
 */
static bool is_abandoned(const char *path, pid_t pid)
{
	int fd = kill(pid, 0) && errno == ESRCH
	                 ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
	                 : -1;
	bool abandoned = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);

	if (fd >= 0)
		close(fd);
	return abandoned;
}

/* Folders of views that were killed, ours alone. */
static void sweep(void)
{
	DIR *folder = opendir(place());
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		struct stat status;
		char path[320];
		int pid = 0;

		if (sscanf(entry->d_name, "coroscope-top-%d-", &pid) != 1 || pid <= 0)
			continue;
		snprintf(path, sizeof(path), "%s/%.255s", place(), entry->d_name);
		if (!lstat(path, &status) && S_ISDIR(status.st_mode) &&
		    status.st_uid == geteuid() && is_abandoned(path, pid))
			remove_folder(path);
	}
	if (folder)
		closedir(folder);
}

int cs_top_folder(struct cs_top *top, struct cs_diag *diag)
{
	if (top->folder[0])
		return 0;
	sweep();
	snprintf(top->folder, sizeof(top->folder), "%s/coroscope-top-%d-XXXXXX", place(), getpid());
	if (!mkdtemp(top->folder)) {
		cs_diag_set(diag, -errno, "record into %s: %s", place(), strerror(errno));
		top->folder[0] = 0;
		return diag->error;
	}
	top->lock = open(top->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (top->lock >= 0)
		(void)flock(top->lock, LOCK_EX | LOCK_NB);
	return 0;
}

void cs_top_clean(struct cs_top *top)
{
	if (!top->folder[0])
		return;
	remove_folder(top->folder);
	top->folder[0] = 0;
	if (top->lock >= 0)
		close(top->lock);
	top->lock = -1;
}

/* ---- the recorder ---- */

/* What is recorded, in the words of record. */
static const char *const selectors[] = {"heap", "cpu", "wall"};
#define SELECTORS (sizeof(selectors) / sizeof(selectors[0]))

static void select_words(const struct cs_top *top, struct cs_top_words *words)
{
	static char texts[SELECTORS][64];

	for (size_t i = 0; i < SELECTORS; i++) {
		const struct cs_value *value = cs_args_get(top->args, selectors[i]);
		const char *text = value->text && !value->negated ? value->text : "";

		if (!value->given)
			continue;
		snprintf(texts[i], sizeof(texts[i]), "--%s%s%s%.32s", value->negated ? "no-" : "",
		         selectors[i], text[0] ? "=" : "", text);
		cs_top_add(words, texts[i]);
	}
}

/* Of what is recorded already nobody can want more. */
static int refuse_selectors(const struct cs_top *top, struct cs_diag *diag)
{
	for (size_t i = 0; i < SELECTORS; i++) {
		if (!cs_args_get(top->args, selectors[i])->given)
			continue;
		cs_diag_set(diag, -EINVAL, "choose --%s for %s: it is recorded already",
		            selectors[i], top->title);
		return cs_diag_hint(diag, "record has the same option");
	}
	return 0;
}

static void record_words(const struct cs_top *top, struct cs_top_words *words)
{
	static char control[96], pid[24];

	snprintf(control, sizeof(control), "%s", cs_top_file(top, "control").s);
	cs_top_add(words, "coroscope");
	cs_top_add(words, "record");
	cs_top_add(words, "--quiet");
	cs_top_add(words, "-o");
	cs_top_add(words, top->trace);
	cs_top_add(words, "--last");
	cs_top_add(words, cs_args_text(top->args, "keep", "10m"));
	cs_top_add(words, "--control");
	cs_top_add(words, control);
	select_words(top, words);
	if (top->pid) {
		snprintf(pid, sizeof(pid), "%" PRIu64, top->pid);
		cs_top_add(words, "--interval");
		cs_top_add(words, cs_args_text(top->args, "interval", "500ms"));
		cs_top_add(words, "--budget");
		cs_top_add(words, cs_args_text(top->args, "budget", "25"));
		cs_top_add(words, "-p");
		cs_top_add(words, pid);
		return;
	}
	cs_top_add(words, "--");
	for (unsigned i = 0; i < top->args->operand_count; i++)
		cs_top_add(words, top->args->operands[i]);
}

/* In the child: what the recorder and its program print must not fall onto the view. */
static void become_recorder(const struct cs_top *top, const struct cs_top_words *words,
                            pid_t parent)
{
	int input = open("/dev/null", O_RDONLY);
	int output =
		open(cs_top_file(top, "output").s, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	static const int ours[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGCHLD};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		signal(ours[i], SIG_DFL); /* whatever a view before it had made of them */
	setpgid(0, 0);                    /* the terminal's signals are the viewer's */
	/* Looks can wait, keys and the target can't; rings that are full would stop a program. */
	if (top->pid)
		(void)!nice(LOOKS_NICE);
	/* Should we be killed, nobody else would end it. */
	prctl(PR_SET_PDEATHSIG, top->pid ? SIGINT : SIGTERM);
	if (getppid() != parent)
		_exit(127);
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
static int recorder_failed(const struct cs_top *top, struct cs_diag *diag)
{
	FILE *file = fopen(cs_top_file(top, "output").s, "re");
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

static bool has_picture(const struct cs_top *top)
{
	struct stat status;

	/* The session's chunk and the first tick. */
	return !stat(top->trace, &status) && status.st_size > 512;
}

static int wait_for_picture(const struct cs_top *top, struct cs_diag *diag)
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

static int start_recorder(struct cs_top *top, struct cs_diag *diag)
{
	struct cs_top_words words = {0};
	pid_t parent = getpid();
	int error = cs_top_folder(top, diag);

	if (error)
		return error;
	snprintf(top->trace, sizeof(top->trace), "%s", cs_top_file(top, "live.coro").s);
	top->ours = true;
	record_words(top, &words);
	top->recorder = fork();
	if (top->recorder < 0) {
		top->recorder = 0;
		return cs_diag_set(diag, -errno, "start the recorder: %s", strerror(errno));
	}
	if (top->recorder == 0)
		become_recorder(top, &words, parent);
	return wait_for_picture(top, diag);
}

/* False: it has not ended within so long. */
static bool wait_for_end(pid_t pid, int patience_ms)
{
	const struct timespec nap = {.tv_nsec = NAP_MS * 1000000};

	for (int waited = 0; waited < patience_ms; waited += NAP_MS) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

/*
 * A launched program ends with its view, and its recorder tells it so. A process that was there
 * before goes on: of what was read of it nothing is to be finished.
 */
void cs_top_stop(struct cs_top *top)
{
	if (top->recorder && (top->pid || kill(top->recorder, SIGTERM) ||
	                      !wait_for_end(top->recorder, PATIENCE_MS))) {
		kill(top->recorder, SIGKILL);
		while (waitpid(top->recorder, NULL, 0) < 0 && errno == EINTR)
			;
	}
	top->recorder = 0;
	top->next = 0;
	top->ours = false;
	cs_top_clean(top);
}

/* ---- targets ---- */

/*
 * A native program is recorded by whoever started it: what that recorder writes is what there is
 * to see. True: TOP's trace is it.
 */
static bool is_recorded(struct cs_top *top)
{
	struct cs_tracked tracked;
	struct cs_trace *trace = NULL;
	bool same = false;

	if (cs_tracked_find(&tracked, (uint32_t)top->pid, NULL) > 0 && tracked.note.trace)
		trace = cs_trace_open(tracked.note.trace, NULL);
	/* Somebody may have put another file there. */
	if (trace && cs_trace_session(trace)->mono_start_ns == tracked.note.mono_start_ns) {
		snprintf(top->trace, sizeof(top->trace), "%s", tracked.note.trace);
		snprintf(top->title + strlen(top->title), sizeof(top->title) - strlen(top->title),
		         ", recorded by %" PRIu32, tracked.note.pid);
		same = true;
	}
	cs_trace_close(trace);
	cs_tracked_close(&tracked);
	return same;
}

static void note_program(struct cs_top *top)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%" PRIu64 "/exe", top->pid);
	length = readlink(link, top->program, sizeof(top->program) - 1);
	top->program[length > 0 ? length : 0] = 0;
}

int cs_top_watch_process(struct cs_top *top, struct cs_diag *diag)
{
	const struct cs_observer *observer;

	if (top->pid > INT32_MAX)
		return cs_diag_set(diag, -ESRCH, "observe %" PRIu64 ": no process has that number",
		                   top->pid);
	observer = cs_live_probe((uint32_t)top->pid, diag);
	if (!observer)
		return diag->error;
	note_program(top);
	snprintf(top->title, sizeof(top->title), "process %" PRIu64 " (%.64s)", top->pid,
	         top->program[0] ? cs_text_basename(top->program) : "?");
	if (observer == &cs_native_observer && is_recorded(top)) {
		int error = refuse_selectors(top, diag);

		return error ? error : cs_top_folder(top, diag);
	}
	return start_recorder(top, diag);
}

int cs_top_watch_program(struct cs_top *top, struct cs_diag *diag)
{
	snprintf(top->title, sizeof(top->title), "%.200s", top->args->operands[0]);
	top->launched = true;
	return start_recorder(top, diag);
}

/* ---- when it has ended ---- */

static bool has_ended(struct cs_top *top)
{
	if (top->recorder && waitpid(top->recorder, NULL, WNOHANG) == top->recorder)
		top->recorder = 0;
	if (top->ours)
		return !top->recorder;
	return top->pid && kill((pid_t)top->pid, 0) && errno == ESRCH;
}

void cs_top_mind(struct cs_top *top)
{
	char text[64];

	if (!top->folder[0] || (!top->pid && !top->launched) || !has_ended(top))
		return;
	if (top->launched) {
		cs_top_tell(top, "next", "again\n", 6);
		return;
	}
	if (top->next && !kill((pid_t)top->next, 0))
		return;
	top->next = top->program[0] ? cs_candidate_of(top->program, (uint32_t)top->pid) : 0;
	if (top->next)
		snprintf(text, sizeof(text), "%" PRIu32 "\n", top->next);
	else
		snprintf(text, sizeof(text), "none\n");
	cs_top_tell(top, "next", text, strlen(text));
}

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

int cs_top_watch_trace(struct cs_top *top, const char *text, struct cs_diag *diag)
{
	static const char suffix[] = ".coro";
	char *path = NULL, *time = NULL;
	int error = cs_target_split(text, &path, &time);
	size_t length = path ? strlen(path) : 0;

	if (error || !path) {
		error = cs_diag_set(diag, -ENOMEM, "watch %s: no memory", text);
	} else if (is_trace(path)) {
		snprintf(top->title, sizeof(top->title), "%.200s", text);
		snprintf(top->trace, sizeof(top->trace), "%s", path);
		snprintf(top->at, sizeof(top->at), "%s", time ? time : "");
		error = refuse_selectors(top, diag);
	} else if (length > strlen(suffix) && !strcmp(path + length - strlen(suffix), suffix) &&
	           access(path, F_OK)) {
		error = cs_diag_set(diag, -errno, "read %s: no such file", path);
	} else {
		error = 1;
	}
	free(path);
	free(time);
	return error;
}
