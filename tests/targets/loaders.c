/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps: a fork while another thread has the loader's lock; several threads that load and unload
 * while others allocate. The part is named by the first argument.
 *
 *   held     a thread is within dl_iterate_phdr when another forks
 *   forks N  N forks while two threads load and unload; the children allocate
 *   rounds N two threads load, use and unload a library each, N times
 */
/* cs-link: -ldl */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "target.h"

static char folder[400];
static atomic_bool done;

SITE void *site_child(unsigned depth)
{
	void *block = depth ? site_child(depth - 1) : malloc(40);

	__asm__ volatile("" : : : "memory"); /* no tail call: each depth is a path of its own */
	return block;
}

/* A child that waits for what nobody gives back is ended, which its parent notices. */
static void child_of(unsigned paths)
{
	alarm(60);
	for (unsigned i = 0; i < paths; i++)
		free(site_child(i));
	check(prctl(PR_SET_NAME, "child") == 0);
	check(syscall(SYS_getpid) == getpid());
	for (unsigned i = 0; i < paths; i++)
		check(site_child(i) != NULL);
	_exit(0);
}

static void fork_one(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		child_of(20);
	check(waitpid(pid, &status, 0) == pid);
	check(status == 0);
}

/* ---- held ---- */

static sem_t locked, forked;

static int wait_for_fork(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info;
	(void)size;
	(void)unused;
	sem_post(&locked);
	sem_wait(&forked);
	return 1;
}

static void *hold(void *unused)
{
	dl_iterate_phdr(wait_for_fork, NULL);
	return unused;
}

static void part_held(void)
{
	pthread_t thread;

	sem_init(&locked, 0, 0);
	sem_init(&forked, 0, 0);
	free(site_child(0));
	check(pthread_create(&thread, NULL, hold, NULL) == 0);
	sem_wait(&locked);
	fork_one();
	sem_post(&forked);
	pthread_join(thread, NULL);
}

/* ---- loading and unloading ---- */

/* One block stays of each. */
static void round_trip(const char *name)
{
	char path[500];
	void *(*work)(void *);
	void *handle;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	handle = dlopen(path, RTLD_NOW);
	check(handle != NULL);
	work = (void *(*)(void *))dlsym(handle, "plug_work");
	check(work != NULL && work(malloc(30)) != NULL);
	check(dlclose(handle) == 0);
}

static void *come_and_go(void *name)
{
	while (!atomic_load(&done))
		round_trip(name);
	return NULL;
}

static void *noise(void *unused)
{
	while (!atomic_load(&done)) {
		for (unsigned i = 0; i < 20; i++)
			free(site_child(i));
		sleep_ms(1);
	}
	return unused;
}

static void part_forks(unsigned count)
{
	pthread_t threads[3];

	check(pthread_create(&threads[0], NULL, come_and_go, "libplug_a.so") == 0);
	check(pthread_create(&threads[1], NULL, come_and_go, "libplug_b.so") == 0);
	check(pthread_create(&threads[2], NULL, noise, NULL) == 0);
	while (count-- > 0)
		fork_one();
	atomic_store(&done, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

struct trips {
	const char *name;
	unsigned count;
};

static void *make_trips(void *argument)
{
	const struct trips *trips = argument;

	for (unsigned i = 0; i < trips->count; i++)
		round_trip(trips->name);
	return NULL;
}

static void part_rounds(unsigned count)
{
	struct trips trips[2] = {{"libplug_a.so", count}, {"libplug_b.so", count}};
	pthread_t threads[4];

	for (int i = 0; i < 2; i++)
		check(pthread_create(&threads[i], NULL, make_trips, &trips[i]) == 0);
	for (int i = 2; i < 4; i++)
		check(pthread_create(&threads[i], NULL, noise, NULL) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&done, true);
	for (int i = 2; i < 4; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "held";
	unsigned count = (unsigned)argument(argc, argv, 2, 100);
	ssize_t bytes = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	check(bytes > 0);
	*strrchr(folder, '/') = '\0';
	if (strcmp(part, "held") == 0)
		part_held();
	else if (strcmp(part, "forks") == 0)
		part_forks(count);
	else
		part_rounds(count);
	say("{\"part\": \"%s\"}\n", part);
	return 0;
}
