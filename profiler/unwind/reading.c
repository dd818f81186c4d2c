/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_vm_readv() stops at the first byte that is not there: the piece that holds it keeps
 * what came before, and the call is made again for those behind it.
 */
#include "unwind/reading.h"

#include <errno.h>
#include <sys/uio.h>

#define PIECES_AT_ONCE 512u

/* Tells GOT bytes among the pieces; returns how many pieces are done with. */
static uint32_t share_out(struct cs_piece *pieces, uint32_t count, uint64_t got)
{
	uint32_t done = 0;

	while (done < count && got >= pieces[done].bytes) {
		pieces[done].got = pieces[done].bytes;
		got -= pieces[done++].bytes;
	}
	if (done < count)
		pieces[done++].got = (uint32_t)got;
	return done;
}

static ssize_t read_some(uint32_t pid, const struct cs_piece *pieces, uint32_t count)
{
	struct iovec local[PIECES_AT_ONCE];
	struct iovec remote[PIECES_AT_ONCE];

	for (uint32_t i = 0; i < count; i++) {
		local[i] = (struct iovec){pieces[i].to, pieces[i].bytes};
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): an address over there */
		remote[i] = (struct iovec){(void *)(uintptr_t)pieces[i].address, pieces[i].bytes};
	}
	return process_vm_readv((pid_t)pid, local, count, remote, count, 0);
}

int cs_reading(uint32_t pid, struct cs_piece *pieces, uint32_t count)
{
	while (count > 0) {
		uint32_t some = count < PIECES_AT_ONCE ? count : PIECES_AT_ONCE;
		ssize_t got = read_some(pid, pieces, some);

		if (got < 0 && (errno == ESRCH || errno == EPERM))
			return -errno;
		if (got < 0 && errno == EINTR)
			continue;
		some = share_out(pieces, some, got < 0 ? 0 : (uint64_t)got);
		pieces += some;
		count -= some;
	}
	return 0;
}
