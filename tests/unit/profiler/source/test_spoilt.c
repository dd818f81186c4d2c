/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a killed recorder has left may be damaged, or made by somebody else: the note, the
 * checkpoint, the session's file and the folder are each tried as links, as pipes, as another
 * user's, too short, and with numbers that can't be.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "source/checkpoint.h"
#include "source/checkpoint_private.h"
#include "source/note.h"
#include "source/session.h"
#include "support/unit.h"

#define NOBODY 65534

static char place[64], path[128];
static int place_fd, fd;

/* A folder as sessions have it, and its descriptor. */
static int begin(void **state)
{
	(void)state;
	strcpy(place, "/tmp/coroscope-unit-XXXXXX");
	assert_non_null(mkdtemp(place));
	snprintf(path, sizeof(path), "%s/1-0123456789abcdef", place);
	assert_int_equal(mkdir(path, 0700), 0);
	place_fd = open(place, O_RDONLY | O_DIRECTORY);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	return fd < 0;
}

static int end(void **state)
{
	static const char *const files[] = {CS_NOTE_FILE, CS_CHECKPOINT_FILE, CS_SESSION_FILE,
	                                    "elsewhere"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlinkat(fd, files[i], 0);
	close(fd);
	close(place_fd);
	rmdir(path);
	return rmdir(place);
}

static void put(const char *name, const void *bytes, size_t size)
{
	int file = openat(fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(file, bytes, size), size);
	close(file);
}

/* NAME, which READS, does not as a link to the same, as a pipe, or as another user's. */
static void plain_and_ours(const char *name, bool (*reads)(void))
{
	assert_true(reads());
	assert_int_equal(renameat(fd, name, fd, "elsewhere"), 0);
	assert_false(reads());
	assert_int_equal(symlinkat("elsewhere", fd, name), 0);
	assert_false(reads());
	unlinkat(fd, name, 0);
	assert_int_equal(mkfifoat(fd, name, 0600), 0);
	assert_false(reads());
	unlinkat(fd, name, 0);
	assert_int_equal(renameat(fd, "elsewhere", fd, name), 0);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(fd, name, NOBODY, NOBODY, 0), 0);
		assert_false(reads());
		assert_int_equal(fchownat(fd, name, 0, 0, 0), 0);
	}
	assert_true(reads());
}

/* ---- the note ---- */

static bool reads_note(void)
{
	struct cs_note note;
	int error = cs_note_read(fd, &note);

	cs_note_free(&note);
	return error == 0;
}

static void put_note(void)
{
	char command[] = "a command", trace[] = "/a/trace.coro";
	struct cs_note note = {.pid = 1, .command = command, .trace = trace};
	int held = cs_note_write(fd, &note);

	assert_true(held >= 0);
	close(held);
}

static void a_note_is_a_plain_file_of_ours(void **state)
{
	(void)state;
	put_note();
	plain_and_ours(CS_NOTE_FILE, reads_note);
}

#define NOTE_FIELDS 7u

/* It may end between two fields, as one of an older version does; not within one. */
static void a_note_is_whole(void **state)
{
	char bytes[4096];
	size_t accepted = 0;
	int file;
	ssize_t size;

	(void)state;
	put_note();
	file = openat(fd, CS_NOTE_FILE, O_RDONLY);
	size = read(file, bytes, sizeof(bytes));
	close(file);
	for (size_t part = 0; part < (size_t)size; part++) {
		put(CS_NOTE_FILE, bytes, part);
		accepted += reads_note();
	}
	assert_true(accepted <= NOTE_FIELDS && (size_t)size > 4 * NOTE_FIELDS);
	bytes[0] ^= 1;
	put(CS_NOTE_FILE, bytes, (size_t)size);
	assert_false(reads_note());
}

/* ---- the checkpoint ---- */

static bool reads_checkpoint(void)
{
	struct cs_checkpoint *checkpoint = cs_checkpoint_read(fd);

	cs_checkpoint_free(checkpoint);
	return checkpoint != NULL;
}

static struct {
	struct cs_checkpoint_header header;
	uint8_t bytes[1 << 18]; /* more than a heap bears beyond its blocks */
} file_of;

static void put_checkpoint(uint64_t bytes, uint32_t count)
{
	file_of.header = (struct cs_checkpoint_header){
		.magic = CS_CHECKPOINT_MAGIC,
		.bytes = bytes,
		.count = count,
		.crc = cs_crc32c(0, file_of.bytes, sizeof(file_of.bytes)),
	};
	put(CS_CHECKPOINT_FILE, &file_of, sizeof(file_of));
}

static void a_checkpoint_is_a_plain_file_of_ours(void **state)
{
	(void)state;
	put_checkpoint(sizeof(file_of.bytes), 0);
	plain_and_ours(CS_CHECKPOINT_FILE, reads_checkpoint);
}

static void a_checkpoint_is_as_it_was_written(void **state)
{
	(void)state;
	put_checkpoint(sizeof(file_of.bytes), 0);
	assert_true(reads_checkpoint());
	file_of.header.crc ^= 1;
	put(CS_CHECKPOINT_FILE, &file_of, sizeof(file_of));
	assert_false(reads_checkpoint());
	put_checkpoint(sizeof(file_of.bytes), 0);
	file_of.header.magic++;
	put(CS_CHECKPOINT_FILE, &file_of, sizeof(file_of));
	assert_false(reads_checkpoint());
}

/* Sizes are believed only as far as there are bytes behind them: memory is asked for first. */
static void a_checkpoints_numbers_are_bounded(void **state)
{
	static const uint64_t sizes[] = {sizeof(file_of.bytes) + 1, UINT64_C(1) << 30,
	                                 UINT64_C(1) << 40, UINT64_MAX};
	static const uint32_t counts[] = {sizeof(file_of.bytes) + 1, 1u << 30, UINT32_MAX};

	(void)state;
	memset(file_of.bytes, 1, sizeof(file_of.bytes)); /* images without a name that ended */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		put_checkpoint(sizes[i], 0);
		assert_false(reads_checkpoint());
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		put_checkpoint(sizeof(file_of.bytes), counts[i]);
		assert_false(reads_checkpoint());
	}
	/* One image, no name, not ended, of process 0; then lanes without end. */
	memset(file_of.bytes, 0, 8);
	file_of.bytes[0] = 1; /* an empty name */
	memset(file_of.bytes + 4, 0xff, 4);
	file_of.bytes[8] = 0x0f;
	put_checkpoint(sizeof(file_of.bytes), 1);
	assert_false(reads_checkpoint());
	memset(file_of.bytes, 0, sizeof(file_of.bytes));
}

/* A whole one, but larger than any that is written: it would all be in memory. */
static void a_checkpoint_is_no_larger_than_they_get(void **state)
{
	int file;
	uint32_t crc = 0;

	(void)state;
	for (uint64_t done = 0; done < CS_CHECKPOINT_BYTES_MAX; done += sizeof(file_of.bytes))
		crc = cs_crc32c(crc, file_of.bytes, sizeof(file_of.bytes));
	put_checkpoint(CS_CHECKPOINT_BYTES_MAX + 1, 0);
	file_of.header.crc = cs_crc32c(crc, "", 1);
	put(CS_CHECKPOINT_FILE, &file_of, sizeof(file_of.header));
	file = openat(fd, CS_CHECKPOINT_FILE, O_WRONLY);
	assert_int_equal(ftruncate(file, sizeof(file_of.header) + CS_CHECKPOINT_BYTES_MAX + 1), 0);
	close(file);
	assert_false(reads_checkpoint());
}

/* ---- the session's file, and its folder ---- */

static int opens(bool *shared)
{
	struct cs_session_folder folder;
	int error = cs_session_open(&folder, path, NULL);

	*shared = folder.shared != NULL;
	cs_session_close(&folder);
	return error;
}

static bool reads_session(void)
{
	bool shared;

	assert_int_equal(opens(&shared), 0);
	return shared;
}

static void a_sessions_file_has_its_size_and_version(void **state)
{
	struct cs_session session = {.version = CS_WIRE_VERSION, .bytes = sizeof(session)};

	(void)state;
	put_note();
	put(CS_SESSION_FILE, &session, sizeof(session));
	assert_true(reads_session());
	put(CS_SESSION_FILE, &session, sizeof(session) / 2);
	assert_false(reads_session());
	put(CS_SESSION_FILE, &session, 0);
	assert_false(reads_session());
	session.version++;
	put(CS_SESSION_FILE, &session, sizeof(session));
	assert_false(reads_session());
	unlinkat(fd, CS_SESSION_FILE, 0);
	assert_int_equal(mkfifoat(fd, CS_SESSION_FILE, 0600), 0);
	assert_false(reads_session());
	unlinkat(fd, CS_SESSION_FILE, 0);
	session.version--;
	put("elsewhere", &session, sizeof(session));
	assert_int_equal(symlinkat("elsewhere", fd, CS_SESSION_FILE), 0);
	assert_false(reads_session());
}

static void a_session_is_a_folder_of_ours(void **state)
{
	char moved[128];
	bool shared;

	(void)state;
	put_note();
	assert_int_equal(opens(&shared), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, NOBODY, NOBODY), 0);
		assert_int_equal(opens(&shared), -EPERM);
		assert_int_equal(chown(path, 0, 0), 0);
	}
	snprintf(moved, sizeof(moved), "%s/moved", place);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(symlink(moved, path), 0);
	assert_true(opens(&shared) < 0);
	unlink(path);
	assert_int_equal(rename(moved, path), 0);
	assert_int_equal(opens(&shared), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_note_is_a_plain_file_of_ours),
		TEST(a_note_is_whole),
		TEST(a_checkpoint_is_a_plain_file_of_ours),
		TEST(a_checkpoint_is_as_it_was_written),
		TEST(a_checkpoints_numbers_are_bounded),
		TEST(a_checkpoint_is_no_larger_than_they_get),
		TEST(a_sessions_file_has_its_size_and_version),
		TEST(a_session_is_a_folder_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
