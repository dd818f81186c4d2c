/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that libc has mangled are read with the process's own guard, from where the kernel has
 * put it; without that, such a context can't be told.
 */
#include "unwind/context.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "unwind/reading.h"

#define WORDS_MAX 13

enum {
	RBX = CS_REGISTER_RBX,
	RBP = CS_REGISTER_RBP,
	RSP = CS_REGISTER_RSP,
	R12 = CS_REGISTER_R12,
	R13 = CS_REGISTER_R13,
	R14 = CS_REGISTER_R14,
	R15 = CS_REGISTER_R15,
	RIP = CS_REGISTER_RIP
};

/* Which register each word is, from `offset` on; 0 is none of ours. */
static const struct layout {
	int16_t offset;
	uint8_t words;
	uint8_t order[WORDS_MAX];
	uint8_t sp_behind; /* rsp will be so much above the context … */
	bool at_sp;        /* … which lies on the stack itself; else rsp is one of the words */
	bool mangled;      /* rbp, rsp and rip are */
} layouts[CS_CONTEXT_KINDS] = {
	[CS_CONTEXT_UCONTEXT] = {offsetof(ucontext_t, uc_mcontext.gregs[REG_R12]),
                                 13,
                                 {R12, R13, R14, R15, 0, 0, RBP, RBX, 0, 0, 0, RSP, RIP}},
	/* One word more is read: FCONTEXT_2 can be decoded from the second on. */
	[CS_CONTEXT_FCONTEXT] =
		{8, 8, {R12, R13, R14, R15, RBX, RBP, RIP}, .sp_behind = 64, .at_sp = true},
	[CS_CONTEXT_FCONTEXT_2] =
		{16, 7, {R12, R13, R14, R15, RBX, RBP, RIP}, .sp_behind = 72, .at_sp = true},
	[CS_CONTEXT_JMP_BUF] = {0, 8, {RBX, RBP, R12, R13, R14, R15, RSP, RIP}, .mangled = true},
	[CS_CONTEXT_PLAIN_BUF] = {0, 8, {RBX, RBP, R12, R13, R14, R15, RSP, RIP}},
	[CS_CONTEXT_GCCGO] = {0, 8, {RBP, RBX, R12, R13, R14, R15, RSP, RIP}},
	[CS_CONTEXT_CALLER] = {-8, 1, {RIP}, .at_sp = true},
};

_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]) -
                               offsetof(ucontext_t, uc_mcontext.gregs[REG_R12]) ==
                       12 * 8,
               "the order of gregs");

static const struct layout *layout_of(enum cs_context_kind kind)
{
	return kind > CS_CONTEXT_NONE && kind < CS_CONTEXT_KINDS ? &layouts[kind] : NULL;
}

void cs_context_where(enum cs_context_kind kind, uint64_t at, uint64_t *address, uint32_t *bytes)
{
	const struct layout *layout = layout_of(kind);

	*address = layout ? at + (uint64_t)(int64_t)layout->offset : at;
	*bytes = layout ? layout->words * 8u : 0;
}

static uint64_t unmangle(uint64_t word, uint64_t guard)
{
	return (word >> 17 | word << 47) ^ guard;
}

bool cs_context_decode(enum cs_context_kind kind, uint64_t at, const void *bytes, uint64_t guard,
                       struct cs_registers *registers)
{
	const struct layout *layout = layout_of(kind);
	uint64_t word;

	registers->known = 0;
	if (!layout)
		return false;
	for (unsigned i = 0; i < layout->words; i++) {
		unsigned number = layout->order[i];

		memcpy(&word, (const char *)bytes + (size_t)i * 8, 8);
		if (layout->mangled && (number == RBP || number == RSP || number == RIP))
			word = unmangle(word, guard);
		if (number)
			cs_register_set(registers, number, word);
	}
	if (layout->at_sp)
		cs_register_set(registers, CS_REGISTER_RSP, at + layout->sp_behind);
	word = registers->value[RSP];
	return registers->value[RIP] && !(registers->value[RIP] >> 47) && word && word % 8 == 0 &&
	       !(word >> 47);
}

/* AT_RANDOM: where the kernel put 16 random bytes, of which the second half is the guard. */
static uint64_t random_of(uint32_t pid)
{
	Elf64_auxv_t vector[64];
	char path[64];
	ssize_t bytes;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/auxv", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	bytes = read(fd, vector, sizeof(vector));
	close(fd);
	for (size_t i = 0; bytes > 0 && i < (size_t)bytes / sizeof(vector[0]); i++)
		if (vector[i].a_type == AT_RANDOM)
			return vector[i].a_un.a_val;
	return 0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the piece writes through it */
int cs_context_guard(uint32_t pid, uint64_t *guard)
{
	uint64_t random = random_of(pid);
	struct cs_piece piece = {.address = random + 8, .bytes = 8, .to = guard};
	int error;

	if (!random)
		return -ENOENT;
	error = cs_reading(pid, &piece, 1);
	return error ? error : piece.got == 8 ? 0 : -EFAULT;
}
