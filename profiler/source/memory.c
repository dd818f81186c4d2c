/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every mapping belongs to one kind, so that the kinds add up to the resident set:
 *
 *   coroscope     the ring and the session, the agent's library, and its anonymous memory
 *   stacks        [stack], and what holds the stack of a thread that we know
 *   program_maps  anonymous mappings that the program made itself, in proportion where the
 *                 kernel has merged them with others
 *   files         whatever else has a file, and [vdso]
 *   allocator     the rest: [heap] and anonymous memory
 *
 * The agent's anonymous memory can't be told from the allocator's by name: it is taken from
 * the rest as the agent counts it, the only figure here that the kernel does not confirm.
 */
#include "source/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/proc.h"

#define AGENT_FILE "libcoroscope-agent.so"

enum kind { KIND_FILES, KIND_STACKS, KIND_ANONYMOUS, KIND_COROSCOPE };

struct mapping {
	uint64_t low, high, inode, rss;
	const char *name; /* "" anonymous */
};

static bool holds_stack(const struct cs_agent *agent, const struct mapping *mapping)
{
	for (uint32_t i = 0; i < agent->thread_count; i++) {
		const struct cs_agent_thread *thread = &agent->threads[i];

		if (!thread->ended && thread->stack_high > mapping->low &&
		    thread->stack_low < mapping->high)
			return true;
	}
	return false;
}

static enum kind kind_of(const struct mapping *mapping, const struct cs_memory_known *known)
{
	if (mapping->inode && mapping->inode == known->ring_inode)
		return KIND_COROSCOPE;
	if (known->session_path && known->session_path[0] &&
	    !strncmp(mapping->name, known->session_path, strlen(known->session_path)))
		return KIND_COROSCOPE;
	if (strstr(mapping->name, AGENT_FILE))
		return KIND_COROSCOPE;
	if (!strncmp(mapping->name, "[stack", 6))
		return KIND_STACKS;
	if (mapping->inode)
		return KIND_FILES;
	if (mapping->name[0] && strncmp(mapping->name, "[heap", 5) &&
	    strncmp(mapping->name, "[anon", 5))
		return KIND_FILES; /* [vdso] and the like */
	if (known->agent && holds_stack(known->agent, mapping))
		return KIND_STACKS;
	return KIND_ANONYMOUS;
}

static void add_anonymous(struct cs_memory *memory, const struct mapping *mapping,
                          const struct cs_memory_known *known)
{
	uint64_t bytes = mapping->high - mapping->low;
	uint64_t own = 0;

	if (known->agent && known->agent->books && bytes)
		own = cs_books_mapped_within(known->agent->books, mapping->low, mapping->high);
	if (own > bytes)
		own = bytes;
	own = bytes ? (uint64_t)((double)mapping->rss * ((double)own / (double)bytes)) : 0;
	memory->program_maps += own;
	memory->allocator += mapping->rss - own;
}

static void add(struct cs_memory *memory, const struct mapping *mapping,
                const struct cs_memory_known *known)
{
	memory->maps++;
	memory->rss += mapping->rss;
	switch (kind_of(mapping, known)) {
	case KIND_FILES:
		memory->files += mapping->rss;
		break;
	case KIND_STACKS:
		memory->stacks += mapping->rss;
		break;
	case KIND_COROSCOPE:
		memory->coroscope += mapping->rss;
		break;
	case KIND_ANONYMOUS:
		add_anonymous(memory, mapping, known);
		break;
	}
}

/* "low-high perms offset dev inode  name"; false: a line of another kind. */
static bool parse_head(char *line, struct mapping *mapping)
{
	int name = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*4s %*x %*x:%*x %" SCNu64 " %n", &mapping->low,
	           &mapping->high, &mapping->inode, &name) < 3 ||
	    !name)
		return false;
	mapping->name = line + name;
	mapping->rss = 0;
	return mapping->high >= mapping->low;
}

int cs_memory_parse(char *text, const struct cs_memory_known *known, struct cs_memory *memory)
{
	struct mapping mapping;
	bool open = false;
	uint64_t ours;

	memset(memory, 0, sizeof(*memory));
	for (char *line = text, *end; line && *line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		/* Fields start with a capital letter, mappings with a hexadecimal digit. */
		if (line[0] < 'A' || line[0] > 'Z') {
			if (open)
				add(memory, &mapping, known);
			open = parse_head(line, &mapping);
		} else if (open && !strncmp(line, "Rss:", 4)) {
			mapping.rss = strtoull(line + 4, NULL, 10) * 1024;
		}
	}
	if (open)
		add(memory, &mapping, known);
	ours = known->agent_bytes < memory->allocator ? known->agent_bytes : memory->allocator;
	memory->allocator -= ours;
	memory->coroscope += ours;
	return memory->maps ? 0 : -ENODATA;
}

int cs_memory_read(uint32_t pid, const struct cs_memory_known *known, struct cs_memory *memory)
{
	char *text;
	int error = cs_proc_read(pid, "smaps", &text);

	if (!error)
		error = cs_memory_parse(text, known, memory);
	free(text);
	return error;
}
