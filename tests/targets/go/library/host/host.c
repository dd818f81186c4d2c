/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program in C that loads Go libraries: each has five goroutines more than the one before. Of
 * the first, one thread waits in Go, another one uses its CPU time half there and half in C.
 * Linked with an archive (-DARCHIVE), it has the one library in itself.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef ARCHIVE
void Start(int count);
void Hold(void);
void Work(void);
#endif

struct library {
	void (*start)(int count);
	void (*hold)(void);
	void (*work)(void);
};

static void load(struct library *library, const char *path)
{
#ifdef ARCHIVE
	(void)path;
	*library = (struct library){Start, Hold, Work};
#else
	void *handle = dlopen(path, RTLD_NOW);

	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	library->start = (void (*)(int))dlsym(handle, "Start");
	library->hold = (void (*)(void))dlsym(handle, "Hold");
	library->work = (void (*)(void))dlsym(handle, "Work");
#endif
}

__attribute__((noinline)) uint64_t work_in_c(uint64_t seed)
{
	for (int i = 0; i < 3000000; i++)
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed;
}

static void *hold(void *argument)
{
	const struct library *library = argument;

	library->hold();
	return NULL;
}

static void *work(void *argument)
{
	const struct library *library = argument;
	volatile uint64_t sink = 1;

	for (;;) {
		library->work();
		sink = work_in_c(sink);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct library libraries[8];
	int count = argc > 1 ? argc - 1 : 1;
	pthread_t threads[2];
	char line[64];

	for (int i = 0; i < count && i < 8; i++) {
		load(&libraries[i], argv[i + 1]);
		libraries[i].start(5 * (i + 1));
	}
	pthread_create(&threads[0], NULL, hold, &libraries[0]);
	pthread_create(&threads[1], NULL, work, &libraries[0]);
	usleep(50000);
	puts("READY");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		puts("END");
		fflush(stdout);
	}
	return 0;
}
