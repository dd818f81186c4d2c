/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of the agent: start, fork, end.
 *
 * The first hooked call starts it (constructors of other libraries may run before ours). It
 * reads the session from the environment, makes this process's ring and switches recording
 * on. A child of fork finds the sentinel page wiped and does the same at its first event;
 * until then it costs nothing, since most children go on to exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/agent.h"
#include "core/emit.h"
#include "core/lane.h"
#include "core/late.h"
#include "core/loader.h"
#include "core/lookup.h"
#include "core/sys.h"
#include "coroutine/coroutine.h"
#include "stack/stack.h"

#define PAGE 4096
#define MADV_WIPEONFORK_ 18

struct csa_agent csa_agent;

/* ---- text ---- */

static char *put(char *to, const char *end, const char *text)
{
	while (*text && to + 1 < end)
		*to++ = *text++;
	*to = '\0';
	return to;
}

static char *put_number(char *to, const char *end, uint64_t value, unsigned base)
{
	char digits[24], *first = digits + sizeof(digits) - 1;

	*first = '\0';
	do
		*--first = "0123456789abcdef"[value % base];
	while (value /= base);
	return put(to, end, first);
}

static const char *environment(const char *name)
{
	size_t length = strlen(name);

	for (char **e = environ; e && *e; e++)
		if (strncmp(*e, name, length) == 0 && (*e)[length] == '=')
			return *e + length + 1;
	return NULL;
}

/* ---- session ---- */

static void *map_file(const char *path, int flags, size_t bytes)
{
	long fd = csa_sys4(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_NOFOLLOW, 0);
	long start;

	if (fd < 0)
		return NULL;
	start = csa_sys6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	csa_sys1(SYS_close, fd);
	return csa_sys_failed(start) ? NULL : (void *)start;
}

static struct cs_session *join(const char *folder)
{
	char path[sizeof(csa_agent.folder) + 16];
	char *end = path + sizeof(path);

	if (strlen(folder) >= sizeof(csa_agent.folder) || folder[0] != '/')
		return NULL;
	put(csa_agent.folder, csa_agent.folder + sizeof(csa_agent.folder), folder);
	put(put(path, end, folder), end, "/" CS_SESSION_FILE);
	struct cs_session *session = map_file(path, O_RDWR, sizeof(*session));

	return session && session->magic == CS_SESSION_MAGIC ? session : NULL;
}

static bool power_of_two(uint64_t value, uint64_t low, uint64_t high)
{
	return value >= low && value <= high && !(value & (value - 1));
}

static bool session_is_sane(const struct cs_session *session)
{
	return power_of_two(session->lane_bytes, 4096, UINT64_C(1) << 30) &&
	       power_of_two(session->stack_table_bytes, 4096, UINT64_C(1) << 40) &&
	       session->depth_max >= 1 && session->depth_max <= CS_STACK_DEPTH_MAX;
}

/* ---- ring ---- */

/* Field 22 of /proc/self/stat; the name in field 2 may hold anything but ends with ')'. */
static uint64_t boot_ticks(void)
{
	char text[1024], *p;
	uint64_t value = 0;

	if (csa_read_file("/proc/self/stat", text, sizeof(text)) <= 0)
		return 0;
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	for (p = p ? p + 1 : text + strlen(text); *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	return value;
}

static void describe(struct cs_ring *ring)
{
	long length = csa_sys4(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", ring->executable,
	                       sizeof(ring->executable) - 1);

	ring->executable[length > 0 ? length : 0] = '\0';
	if (!(csa_agent.session->flags & CS_SESSION_NO_ARGS)) {
		/* Two NULs at the end, also when it is cut. */
		csa_read_file("/proc/self/cmdline", ring->arguments, sizeof(ring->arguments) - 1);
	}
	ring->pid = (uint32_t)csa_sys0(SYS_getpid);
	ring->parent_pid = (uint32_t)csa_sys0(SYS_getppid);
	ring->boot_ticks = boot_ticks();
	ring->brk_start = csa_agent.brk_start;
	ring->heap_mean_bytes = csa_agent.session->heap_mean_bytes;
}

static void name_ring(char *path, size_t bytes, const char *prefix, uint64_t stamp)
{
	char *end = path + bytes;
	char *p = put(put(put(path, end, csa_agent.folder), end, "/"), end, prefix);

	p = put_number(p, end, (uint64_t)csa_sys0(SYS_getpid), 10);
	put_number(put(p, end, "."), end, stamp, 16);
}

static struct cs_ring *create_file(const char *path)
{
	long fd = csa_sys4(SYS_openat, AT_FDCWD, path,
	                   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	long start = -ENOMEM;

	if (fd < 0)
		return NULL;
	if (csa_lane_space(fd, 0, CS_RING_HEADER_BYTES))
		start = csa_sys6(SYS_mmap, 0, CS_RING_HEADER_BYTES, PROT_READ | PROT_WRITE,
		                 MAP_SHARED, fd, 0);
	csa_sys1(SYS_close, fd);
	if (csa_sys_failed(start)) {
		csa_sys3(SYS_unlinkat, AT_FDCWD, path, 0);
		return NULL;
	}
	return (struct cs_ring *)start;
}

/* FORKED_FROM: the parent's ring in a child of fork, else NULL. */
static bool create_ring(const struct cs_ring *forked_from)
{
	char hidden[sizeof(csa_agent.ring_path)];
	uint64_t stamp = csa_stamp();

	name_ring(hidden, sizeof(hidden), CS_RING_NEW_PREFIX, stamp);
	name_ring(csa_agent.ring_path, sizeof(csa_agent.ring_path), CS_RING_PREFIX, stamp);
	struct cs_ring *ring = create_file(hidden);

	if (!ring)
		return false;
	ring->magic = CS_RING_MAGIC;
	ring->version = CS_WIRE_VERSION;
	ring->header_bytes = CS_RING_HEADER_BYTES;
	ring->lane_bytes = csa_agent.lane_bytes;
	ring->lane_stride = csa_agent.lane_bytes + CS_LANE_HEADER_BYTES;
	ring->clock = CS_CLOCK_TSC;
	ring->start_stamp = stamp;
	ring->start_mono_ns = csa_now_ns();
	describe(ring);
	if (forked_from) {
		ring->flags = CS_RING_FORKED;
		ring->fork_stamp = csa_agent.fork_stamp;
		ring->fork_ring_start = forked_from->start_stamp;
	}
	atomic_store(&ring->state, CS_RING_OPEN);
	csa_agent.ring = ring;
	atomic_store(&csa_agent.lanes_taken, 0);
	return csa_sys4(SYS_renameat, AT_FDCWD, hidden, AT_FDCWD, csa_agent.ring_path) == 0;
}

/* The reader looks for new rings when the doorbell rings, or now and then. */
static void announce(void)
{
	struct cs_session *session = csa_agent.session;

	atomic_fetch_add(&session->doorbell, 1);
	csa_sys3(SYS_futex, &session->doorbell, 1, 1);
}

static void refuse(enum cs_refusal why)
{
	atomic_store(&csa_agent.ring->refusal, why);
	atomic_store(&csa_agent.ring->state, CS_RING_REFUSED);
	announce();
}

/* ---- start ---- */

static bool new_sentinel(void)
{
	_Atomic uint32_t *page = csa_map(PAGE);

	if (!page || csa_sys3(SYS_madvise, page, PAGE, MADV_WIPEONFORK_) != 0)
		return false;
	atomic_store(page, 1);
	csa_agent.alive = page;
	return true;
}

/* An executable that defines malloc itself comes before us in symbol search. */
static bool program_owns_malloc(void)
{
	struct csa_image owner;

	return csa_lookup_owner("malloc", &owner) && owner.is_program;
}

static bool wanted(void)
{
	const char *folder = environment(CS_ENV_SESSION);
	const char *disabled = environment(CS_ENV_DISABLE);

	if (!folder || (disabled && strcmp(disabled, "1") == 0))
		return false;
	csa_agent.session = join(folder);
	if (!csa_agent.session)
		return false;
	return (csa_agent.session->flags & CS_SESSION_CHILDREN) ||
	       csa_agent.session->root_pid == (uint32_t)csa_sys0(SYS_getpid);
}

static int start_parts(void)
{
	const struct cs_session *session = csa_agent.session;
	int error = csa_stack_start(session->stack_table_bytes, session->depth_max,
	                            !(session->flags & CS_SESSION_NO_FIND_OBJECT));

	if (!error)
		error = csa_heap_part.start();
	return error ? error : csa_coroutine_part.start();
}

/*
 * The child may have nothing to tell for hours: what it inherits is what its parent holds at
 * this record. In a child that has no ring of its own yet there is no lane to tell it in.
 */
static void before_fork(void)
{
	struct csa_thread *thread = csa_tls.thread;
	void *record;

	csa_loader_before_fork();
	csa_coro_before_fork();
	csa_agent.fork_stamp = csa_stamp();
	if (!csa_agent_on() || csa_tls.busy || !thread || !thread->lane ||
	    !atomic_load(csa_agent.alive))
		return;
	csa_tls.busy = (uintptr_t)__builtin_frame_address(0);
	record = csa_emit_begin(thread, CS_RECORD_FORK, sizeof(struct cs_record), 0);
	if (record) {
		csa_agent.fork_stamp = ((struct cs_record *)record)->stamp;
		csa_emit_commit(thread, record, CS_RECORD_FORK);
	}
	csa_tls.busy = 0;
}

static void after_fork(void)
{
	csa_loader_after_fork();
	csa_coro_after_fork();
}

static void watch_forks(void)
{
	int (*at_fork)(void (*)(void), void (*)(void), void (*)(void), void *) =
		csa_lookup_next("__register_atfork");

	if (at_fork) {
		csa_tls.inside++;
		at_fork(before_fork, after_fork, csa_loader_in_child, NULL);
		csa_tls.inside--;
	}
}

static bool start(void)
{
	struct cs_session *session;

	if (!wanted() || !new_sentinel())
		return false;
	session = csa_agent.session;
	csa_agent.lane_bytes = power_of_two(session->lane_bytes, 4096, UINT64_C(1) << 30)
	                               ? session->lane_bytes
	                               : 65536;
	csa_agent.brk_start = (uint64_t)csa_sys1(SYS_brk, 0);
	if (!create_ring(NULL))
		return false;
	if (session->version != CS_WIRE_VERSION || session->bytes != sizeof(*session) ||
	    !session_is_sane(session)) {
		refuse(CS_REFUSAL_VERSION);
		return false;
	}
	csa_agent.exact = session->heap_mean_bytes == CS_HEAP_ALL;
	csa_agent.heap = session->heap_mean_bytes != CS_HEAP_OFF;
	if (csa_agent.heap && program_owns_malloc()) {
		refuse(CS_REFUSAL_OWN_MALLOC);
		return false;
	}
	csa_thread_start();
	csa_loader_start();
	if (start_parts() != 0) {
		refuse(CS_REFUSAL_NO_MEMORY);
		return false;
	}
	csa_count(CS_AGENT_OWN_BYTES, csa_stack_bytes());
	csa_count(CS_AGENT_TABLE_BYTES, csa_agent.session->stack_table_bytes);
	watch_forks();
	announce();
	return true;
}

/* In a child of fork: what belongs to the parent is let go, and a ring of our own made. */
static bool start_forked(void)
{
	struct cs_ring *parents = csa_agent.ring;
	bool fork_seen = csa_agent.fork_stamp != 0;

	if (!(csa_agent.session->flags & CS_SESSION_CHILDREN) || !new_sentinel())
		return false;
	if (!fork_seen) { /* a raw clone: no handler told us */
		csa_agent.fork_stamp = csa_stamp();
		csa_loader_in_child();
	}
	csa_agent.stalled_ns = 0;
	csa_thread_forked();
	if (!create_ring(parents))
		return false;
	csa_sys2(SYS_munmap, parents, CS_RING_HEADER_BYTES);
	csa_agent.fork_stamp = 0;
	if (csa_stack_start(csa_agent.session->stack_table_bytes, csa_agent.session->depth_max,
	                    !(csa_agent.session->flags & CS_SESSION_NO_FIND_OBJECT)) != 0) {
		refuse(CS_REFUSAL_NO_MEMORY);
		return false;
	}
	csa_heap_part.forked();
	csa_coroutine_part.forked();
	csa_count(CS_AGENT_OWN_BYTES, csa_stack_bytes());
	csa_count(CS_AGENT_TABLE_BYTES, csa_agent.session->stack_table_bytes);
	announce();
	return true;
}

static void start_forked_here(void *on)
{
	*(bool *)on = start_forked();
}

bool csa_agent_start(void)
{
	uint32_t state = atomic_load(&csa_agent.state);
	bool forked = state == CSA_ON && !atomic_load(csa_agent.alive);

	if (state != CSA_COLD && !forked)
		return csa_agent_on();
	if (state == CSA_COLD && !environ)
		return false; /* before libc is initialised; the next call comes soon */
	if (!atomic_compare_exchange_strong(&csa_agent.state, &state, CSA_STARTING))
		return false;
	bool on = false;

	if (!forked)
		on = start();
	else if (csa_tls.thread) /* the child may be on a coroutine's small stack */
		csa_thread_run(csa_tls.thread, start_forked_here, &on);
	else
		on = start_forked();

	atomic_store(&csa_agent.state, on ? CSA_ON : CSA_OFF);
	return on;
}

__attribute__((constructor)) static void loaded(void)
{
	csa_agent_start();
	if (!csa_agent_on())
		return;
	csa_late_start();
	if (csa_heap_part.ready)
		csa_heap_part.ready();
}

/* ---- end ---- */

static uint64_t resident_bytes(void)
{
	char text[256], *p;
	uint64_t pages = 0;

	if (csa_read_file("/proc/self/statm", text, sizeof(text)) <= 0)
		return 0;
	p = strchr(text, ' ');
	for (p = p ? p + 1 : text + strlen(text); *p >= '0' && *p <= '9'; p++)
		pages = pages * 10 + (uint64_t)(*p - '0');
	return pages * PAGE;
}

static uint64_t timeval_ns(const long *t)
{
	return (uint64_t)t[0] * 1000000000u + (uint64_t)t[1] * 1000u;
}

__attribute__((destructor)) static void leaving(void)
{
	long usage[36] = {0}; /* struct rusage of the kernel: utime, stime, maxrss (KiB) … */
	struct csa_thread *thread;

	if (!csa_agent_on() || csa_tls.busy)
		return;
	csa_tls.busy = (uintptr_t)__builtin_frame_address(0);
	thread = csa_thread_self((uintptr_t)__builtin_frame_address(0));
	if (thread)
		csa_coro_now(thread, (uintptr_t)__builtin_frame_address(0));
	csa_sys2(SYS_getrusage, 0 /* RUSAGE_SELF */, usage);
	struct cs_record_process_end *record =
		thread ? csa_emit_begin(thread, CS_RECORD_PROCESS_END, sizeof(*record), 0) : NULL;

	if (record) {
		record->rss_bytes = resident_bytes();
		record->rss_peak_bytes = (uint64_t)usage[4] * 1024;
		record->brk_bytes = (uint64_t)csa_sys1(SYS_brk, 0) - csa_agent.brk_start;
		record->cpu_ns = timeval_ns(usage) + timeval_ns(usage + 2);
		csa_emit_commit(thread, record, CS_RECORD_PROCESS_END);
	}
	atomic_store(&csa_agent.ring->state, CS_RING_ENDED);
	csa_tls.busy = 0;
}
