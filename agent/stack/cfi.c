/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the entry for an address in a module's call frame information: by the sorted table
 * in .eh_frame_hdr, else by reading .eh_frame from its start.
 */
#include "stack/cfi.h"

#include "stack/cfa.h"
#include "stack/reader.h"
#include "stack/rules.h"

enum { REG_RA = 16 };

bool csa_cfi_open(struct csa_cfi *cfi, const uint8_t *header, const uint8_t *header_end)
{
	struct csa_reader reader = {.at = header, .end = header_end};
	uint8_t version = (uint8_t)csa_get(&reader, 1);
	uint8_t frames = (uint8_t)csa_get(&reader, 1);
	uint8_t count = (uint8_t)csa_get(&reader, 1);
	uint8_t table = (uint8_t)csa_get(&reader, 1);

	if (version != 1 || frames == CSA_PE_OMIT || frames & CSA_PE_INDIRECT)
		return false;
	cfi->frames = (const uint8_t *)(uintptr_t)csa_get_encoded(&reader, frames, header);
	if (reader.bad)
		return false;
	cfi->header = header;
	cfi->table = NULL;
	cfi->table_count = 0;
	if (table != CSA_PE_TABLE || count == CSA_PE_OMIT || count & CSA_PE_INDIRECT)
		return true;
	cfi->table_count = csa_get_encoded(&reader, count, header);
	if (!reader.bad && cfi->table_count <= (uint64_t)(header_end - reader.at) / 8)
		cfi->table = reader.at;
	return true;
}

/* A reader for what follows the length of the CIE or FDE that *READER has come to. */
static struct csa_reader get_entry(struct csa_reader *reader)
{
	struct csa_reader inner = {.bad = true};
	uint64_t bytes = csa_get(reader, 4);

	if (bytes == 0xffffffff)
		bytes = csa_get(reader, 8);
	inner.at = reader->at;
	csa_skip(reader, bytes);
	if (!reader->bad && bytes) {
		inner.end = reader->at;
		inner.bad = false;
	}
	return inner;
}

static void parse_augmentation(struct csa_cfi_entry *entry, struct csa_reader *reader,
                               const uint8_t *letters)
{
	struct csa_reader data;
	struct csa_block block;

	if (*letters != 'z') {
		if (*letters)
			reader->bad = true;
		return;
	}
	entry->augmented = true;
	block = csa_get_block(reader);
	data = (struct csa_reader){.at = block.start, .end = block.start + block.bytes};
	if (reader->bad)
		return;
	for (letters++; *letters && !data.bad; letters++) {
		if (*letters == 'R')
			entry->encoding = (uint8_t)csa_get(&data, 1);
		else if (*letters == 'S')
			continue; /* a signal's frame: its rules say so */
		else if (*letters == 'L')
			csa_get(&data, 1);
		else if (*letters == 'P')
			csa_get_encoded(&data, (uint8_t)(csa_get(&data, 1) & 0x0f), NULL);
		else
			data.bad = true;
	}
	reader->bad |= data.bad;
}

static bool parse_cie(struct csa_cfi_entry *entry, struct csa_reader reader)
{
	const uint8_t *letters;
	uint8_t version;
	uint64_t ra;

	if (csa_get(&reader, 4) != 0)
		return false;
	version = (uint8_t)csa_get(&reader, 1);
	letters = reader.at;
	while (csa_get(&reader, 1))
		;
	if (reader.bad || (version != 1 && version != 3))
		return false;
	entry->encoding = CSA_PE_ABSPTR;
	entry->code_align = csa_get_uleb(&reader);
	entry->data_align = csa_get_sleb(&reader);
	ra = version == 1 ? csa_get(&reader, 1) : csa_get_uleb(&reader);
	parse_augmentation(entry, &reader, letters);
	entry->setup = reader;
	return !reader.bad && ra == REG_RA;
}

/* Parses the FDE that READER holds, with its CIE; false: it is a CIE itself, or no good. */
static bool parse_fde(const struct csa_cfi *cfi, struct csa_cfi_entry *entry,
                      struct csa_reader reader)
{
	const uint8_t *here = reader.at;
	uint64_t back = csa_get(&reader, 4);
	struct csa_reader cie = {.end = cfi->frames_high};

	*entry = (struct csa_cfi_entry){0};
	if (reader.bad || back == 0 || back > (uint64_t)(here - cfi->frames_low))
		return false;
	cie.at = here - back;
	if (!parse_cie(entry, get_entry(&cie)) || entry->encoding & CSA_PE_INDIRECT)
		return false;
	entry->begin = csa_get_encoded(&reader, entry->encoding, cfi->header);
	entry->bytes = csa_get_encoded(&reader, entry->encoding & 0x0f, NULL);
	if (entry->augmented)
		csa_get_block(&reader);
	entry->body = reader;
	return !reader.bad;
}

static uint64_t table_value(const struct csa_cfi *cfi, uint64_t index, unsigned column)
{
	int32_t value;

	__builtin_memcpy(&value, cfi->table + index * 8 + column * 4, sizeof(value));
	return (uint64_t)(uintptr_t)cfi->header + (uint64_t)(int64_t)value;
}

static bool find_in_table(const struct csa_cfi *cfi, uint64_t address, struct csa_cfi_entry *entry)
{
	struct csa_reader reader = {.end = cfi->frames_high};
	uint64_t low = 0;
	uint64_t high = cfi->table_count;
	uint64_t fde;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (table_value(cfi, middle, 0) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	fde = table_value(cfi, low - 1, 1);
	if (fde < (uint64_t)(uintptr_t)cfi->frames_low ||
	    fde >= (uint64_t)(uintptr_t)cfi->frames_high)
		return false;
	reader.at = (const uint8_t *)(uintptr_t)fde;
	return parse_fde(cfi, entry, get_entry(&reader)) && address - entry->begin < entry->bytes;
}

static bool find_in_order(const struct csa_cfi *cfi, uint64_t address, struct csa_cfi_entry *entry)
{
	struct csa_reader reader = {.at = cfi->frames, .end = cfi->frames_high};

	if (cfi->frames < cfi->frames_low || cfi->frames >= cfi->frames_high)
		return false;
	while (!reader.bad && reader.at < reader.end) {
		struct csa_reader inner = get_entry(&reader);

		if (inner.bad)
			break; /* an empty one ends the section */
		if (parse_fde(cfi, entry, inner) && address - entry->begin < entry->bytes)
			return true;
	}
	return false;
}

static bool find(const struct csa_cfi *cfi, uint64_t address, struct csa_cfi_entry *entry)
{
	return cfi->table ? find_in_table(cfi, address, entry) : find_in_order(cfi, address, entry);
}

/* mov $SYS_rt_sigreturn,%rax; syscall: whatever comes back here pops a signal frame. */
static bool is_sigreturn(const struct csa_cfi *cfi, uint64_t address)
{
	static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
	uint64_t next = address + 1; /* ADDRESS is that of a return address minus one */

	if (next < (uint64_t)(uintptr_t)cfi->text_low ||
	    next > (uint64_t)(uintptr_t)cfi->text_high ||
	    (uint64_t)(uintptr_t)cfi->text_high - next < sizeof(code))
		return false;
	for (size_t i = 0; i < sizeof(code); i++)
		if (((const uint8_t *)(uintptr_t)next)[i] != code[i])
			return false;
	return true;
}

uint64_t csa_cfi_function(const struct csa_cfi *cfi, uint64_t address)
{
	struct csa_cfi_entry entry;

	return cfi->frames && find(cfi, address, &entry) ? entry.begin : 0;
}

uint64_t csa_cfi_rule(const struct csa_cfi *cfi, uint64_t address)
{
	struct csa_cfi_entry entry;

	if (is_sigreturn(cfi, address))
		return csa_rule(CSA_RULE_SIGNAL, 0, 0);
	if (!cfi->header)
		return CSA_RULE_GUESS;
	if (find(cfi, address, &entry))
		return csa_cfa_rule(&entry, cfi->header, address);
	/* A return address that is the first byte of a function, with no code before it, was put
	 * there by hand: makecontext() ends its stacks so. */
	if (find(cfi, address + 1, &entry) && entry.begin == address + 1)
		return csa_rule(CSA_RULE_END, 0, 0);
	return CSA_RULE_GUESS;
}
