/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files and folders of files, without libFuzzer: the seeds and
 * every input that once broke something are regression tests with any compiler.
 *
 * Exit 77, "skipped", when there was no input at all: a test that ran nothing proves
 * nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;

static int run_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	/* Exactly as large as the input, so that a read beyond it is caught. */
	uint8_t *data = malloc(size ? size : 1);
	int error = -1;

	if (!file || !data || fread(data, 1, size, file) != size) {
		fprintf(stderr, "cannot read %s\n", path);
		goto out;
	}
	LLVMFuzzerTestOneInput(data, size);
	inputs++;
	error = 0;
out:
	free(data);
	if (file)
		fclose(file);
	return error;
}

static int run_path(const char *path);

static int run_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int error = 0;

	if (!folder) {
		fprintf(stderr, "cannot read %s: %s\n", path, strerror(errno));
		return -1;
	}
	while (!error && (entry = readdir(folder))) {
		char child[4096];
		int length;

		if (entry->d_name[0] == '.')
			continue;
		length = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (length > 0 && (size_t)length < sizeof(child))
			error = run_path(child);
	}
	closedir(folder);
	return error;
}

static int run_path(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0) {
		fprintf(stderr, "cannot read %s: %s\n", path, strerror(errno));
		return errno == ENOENT ? 0 : -1;
	}
	if (S_ISDIR(status.st_mode))
		return run_folder(path);
	return run_file(path, (size_t)status.st_size);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (run_path(argv[i]))
			return 1;
	printf("%u inputs\n", inputs);
	return inputs ? 0 : 77;
}
