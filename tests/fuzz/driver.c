/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files and folders of files, without libFuzzer: the seeds and
 * every input that once broke something are regression tests with any compiler. Then over
 * inputs that are made of these by flipping, cutting and splicing, for a few seconds and
 * the same ones in every run.
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
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUTANTS 200000u
#define MUTANT_SECONDS 3
#define MUTANT_BYTES (64u << 10)
#define KEPT 512u

static unsigned inputs;

static struct {
	uint8_t *data;
	size_t size;
} kept[KEPT];

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
	if (inputs < KEPT && size <= MUTANT_BYTES / 2) {
		kept[inputs].data = malloc(size ? size : 1);
		if (kept[inputs].data)
			memcpy(kept[inputs].data, data, kept[inputs].size = size);
	}
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

/* ---- inputs that nobody has written ---- */

static uint64_t dice = 1;

static size_t roll(size_t limit)
{
	dice ^= dice >> 12;
	dice ^= dice << 25;
	dice ^= dice >> 27;
	return limit ? (size_t)((dice * UINT64_C(0x2545f4914f6cdd1d)) >> 17) % limit : 0;
}

/* SIZE bytes of DATA, of which MUTANT_BYTES may be used, changed a little. The new size. */
static size_t change(uint8_t *data, size_t size)
{
	static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff};
	size_t other = roll(inputs < KEPT ? inputs : KEPT), from, bytes;

	switch (roll(5)) {
	case 0:
		if (size)
			data[roll(size)] ^= (uint8_t)(1u << roll(8));
		return size;
	case 1:
		if (size)
			data[roll(size)] = odd[roll(sizeof(odd))];
		return size;
	case 2:
		return roll(size + 1);
	case 3: /* a number of up to 8 bytes, large or small */
		bytes = 1 + roll(8);
		if (size >= bytes)
			memset(data + roll(size - bytes + 1), odd[roll(sizeof(odd))], bytes);
		return size;
	default: /* a piece of another input */
		from = roll(kept[other].size);
		bytes = roll(kept[other].size - from + 1);
		size = roll(size + 1);
		if (kept[other].data && size + bytes <= MUTANT_BYTES) {
			memcpy(data + size, kept[other].data + from, bytes);
			size += bytes;
		}
		return size;
	}
}

static unsigned run_mutants(void)
{
	static uint8_t scratch[MUTANT_BYTES];
	time_t end = time(NULL) + MUTANT_SECONDS;
	unsigned count = 0;

	while (inputs && count < MUTANTS && time(NULL) < end) {
		size_t which = roll(inputs < KEPT ? inputs : KEPT), size = kept[which].size;
		uint8_t *exact;

		if (kept[which].data)
			memcpy(scratch, kept[which].data, size);
		for (size_t changes = 1 + roll(4); changes > 0; changes--)
			size = change(scratch, size);
		exact = malloc(size ? size : 1);
		if (!exact)
			break;
		memcpy(exact, scratch, size);
		LLVMFuzzerTestOneInput(exact, size);
		free(exact);
		count++;
	}
	for (unsigned i = 0; i < KEPT; i++)
		free(kept[i].data);
	return count;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (run_path(argv[i]))
			return 1;
	printf("%u inputs, and %u made of them\n", inputs, run_mutants());
	return inputs ? 0 : 77;
}
