/* SPDX-License-Identifier: Apache-2.0 */
/* Where a session's folder may be, and that nothing of it stays. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/session.h"
#include "support/unit.h"

static const struct cs_session_config config = {.heap_mean_bytes = 1, .lane_bytes = 4096};

static void only_its_owner_may_enter(void **state)
{
	struct cs_session_folder folder;
	struct stat status;

	(void)state;
	assert_int_equal(cs_session_create(&folder, &config, NULL), 0);
	assert_int_equal(stat(folder.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(fstatat(folder.fd, CS_SESSION_FILE, &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, sizeof(struct cs_session));
	cs_session_remove(&folder);
}

static void agents_see_it_when_it_is_whole(void **state)
{
	struct cs_session_folder folder;

	(void)state;
	assert_int_equal(cs_session_create(&folder, &config, NULL), 0);
	assert_int_equal(folder.shared->magic, 0);
	cs_session_publish(&folder, 42);
	assert_int_equal(folder.shared->magic, CS_SESSION_MAGIC);
	assert_int_equal(folder.shared->root_pid, 42);
	assert_int_equal(folder.shared->depth_max, CS_STACK_DEPTH_DEFAULT);
	assert_int_equal(folder.shared->stack_table_bytes, CS_STACK_TABLE_DEFAULT);
	cs_session_disable(&folder);
	assert_int_equal(atomic_load(&folder.shared->enabled), 0);
	cs_session_remove(&folder);
}

static void nothing_of_it_stays(void **state)
{
	struct cs_session_folder folder;
	struct stat status;
	char path[320];

	(void)state;
	assert_int_equal(cs_session_create(&folder, &config, NULL), 0);
	close(openat(folder.fd, "ring.1.1", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlinkat("/etc/passwd", folder.fd, "new.1.1"), 0);
	assert_int_equal(mkdirat(folder.fd, "surprise", 0700), 0);
	snprintf(path, sizeof(path), "%s", folder.path);
	cs_session_remove(&folder);
	assert_int_equal(stat(path, &status), -1);
	assert_int_equal(stat("/etc/passwd", &status), 0);
	cs_session_remove(&folder); /* again does no harm */
}

/* Asks for more room than any tmpfs here has, so that the place we name is looked at last. */
static int create_in(const char *folder, struct cs_session_folder *session, struct cs_diag *diag)
{
	struct cs_session_config large = config;

	large.lane_bytes = UINT64_C(1) << 60;
	setenv("TMPDIR", folder, 1);
	unsetenv("XDG_RUNTIME_DIR");
	return cs_session_create(session, &large, diag);
}

static void a_place_of_others_is_not_used(void **state)
{
	char folder[] = "/tmp/coroscope-unit-XXXXXX";
	struct cs_session_folder session;
	struct cs_diag diag = {0};
	char place[128];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(place, sizeof(place), "%s/coroscope-%u", folder, (unsigned)geteuid());
	assert_int_equal(mkdir(place, 0700), 0);
	assert_int_equal(chmod(place, 0777), 0);
	assert_true(create_in(folder, &session, &diag) < 0);
	assert_non_null(strstr(diag.hint, "others may write"));
	cs_session_remove(&session);

	assert_int_equal(rmdir(place), 0);
	assert_int_equal(symlink("/tmp", place), 0);
	assert_true(create_in(folder, &session, &diag) < 0);
	cs_session_remove(&session);
	unlink(place);
	rmdir(folder);
}

static void no_room_is_said(void **state)
{
	char folder[] = "/tmp/coroscope-unit-XXXXXX";
	struct cs_session_folder session;
	struct cs_diag diag = {0};
	char place[128];

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_true(create_in(folder, &session, &diag) < 0);
	assert_non_null(strstr(diag.hint, "too little free space"));
	cs_session_remove(&session);
	snprintf(place, sizeof(place), "%s/coroscope-%u", folder, (unsigned)geteuid());
	rmdir(place);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_its_owner_may_enter),
		cmocka_unit_test(agents_see_it_when_it_is_whole),
		cmocka_unit_test(nothing_of_it_stays),
		cmocka_unit_test(a_place_of_others_is_not_used),
		cmocka_unit_test(no_room_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
