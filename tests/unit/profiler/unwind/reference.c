/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "support/unit.h"

struct reference {
	Dwfl *dwfl;
	pid_t pid;
	const struct cs_registers *start;
	struct cs_unwinder_frames *frames;
};

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	struct reference *reference = arg;

	(void)dwfl;
	if (*thread)
		return 0;
	*thread = reference;
	return reference->pid;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *arg)
{
	const struct reference *reference = arg;
	struct iovec local = {result, 8};
	struct iovec remote = {(void *)(uintptr_t)address, 8};

	(void)dwfl;
	return process_vm_readv(reference->pid, &local, 1, &remote, 1, 0) == 8;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct reference *reference = arg;
	const struct cs_registers *start = reference->start;

	for (int i = 0; i < CS_REGISTERS; i++)
		if (cs_register_known(start, (unsigned)i) &&
		    !dwfl_thread_state_registers(thread, i, 1, &start->value[i]))
			return false;
	dwfl_thread_state_register_pc(thread, start->value[CS_REGISTER_RIP]);
	return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.memory_read = read_word,
	.set_initial_registers = set_registers,
};

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
};

void reference_refresh(struct reference *reference)
{
	dwfl_report_begin(reference->dwfl);
	assert_int_equal(dwfl_linux_proc_report(reference->dwfl, reference->pid), 0);
	assert_int_equal(dwfl_report_end(reference->dwfl, NULL, NULL), 0);
}

struct reference *reference_begin(pid_t pid)
{
	struct reference *reference = calloc(1, sizeof(*reference));

	reference->pid = pid;
	reference->dwfl = dwfl_begin(&callbacks);
	reference_refresh(reference);
	assert_true(dwfl_attach_state(reference->dwfl, NULL, pid, &thread_callbacks, reference));
	return reference;
}

void reference_end(struct reference *reference)
{
	dwfl_end(reference->dwfl);
	free(reference);
}

static int note_frame(Dwfl_Frame *state, void *arg)
{
	struct reference *reference = arg;
	struct cs_unwinder_frames *frames = reference->frames;
	Dwarf_Addr pc;
	bool exact;

	if (frames->count == CS_UNWINDER_FRAMES || !dwfl_frame_pc(state, &pc, &exact))
		return DWARF_CB_ABORT;
	frames->address[frames->count++] = pc - !exact;
	return DWARF_CB_OK;
}

void reference_walk(struct reference *reference, const struct cs_registers *start, bool exact,
                    struct cs_unwinder_frames *frames)
{
	int status;

	reference->start = start;
	reference->frames = frames;
	frames->count = 0;
	status = dwfl_getthread_frames(reference->dwfl, reference->pid, note_frame, reference);
	frames->cut = status != 0;
	/* It takes the first one for interrupted, always. */
	if (!exact && frames->count > 0)
		frames->address[0]--;
}

int reference_open_file(void *context, const struct cs_mapping *mapping)
{
	(void)context;
	return open(mapping->path, O_RDONLY | O_CLOEXEC);
}
