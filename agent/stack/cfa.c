/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small interpreter of call frame information that follows three things only: the CFA,
 * rbp and the return address. What it can't express as a rule becomes CSA_RULE_NONE.
 */
#include "stack/cfa.h"

#include "stack/rules.h"

enum {
	CFA_SET_LOC = 0x01,
	CFA_ADVANCE1 = 0x02,
	CFA_ADVANCE2 = 0x03,
	CFA_ADVANCE4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER = 0x0a,
	CFA_RECALL = 0x0b,
	CFA_DEF = 0x0c,
	CFA_DEF_REGISTER = 0x0d,
	CFA_DEF_OFFSET = 0x0e,
	CFA_DEF_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_SF = 0x11,
	CFA_DEF_SF = 0x12,
	CFA_DEF_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_GNU_ARGS_SIZE = 0x2e,
	CFA_GNU_NEGATIVE_OFFSET = 0x2f,
	CFA_ADVANCE = 0x40,
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0
};

enum { REG_RBP = 6, REG_RSP = 7, REG_RA = 16 };
enum { OP_DEREF = 0x06, OP_BREG_RBP = 0x76, OP_BREG_RSP = 0x77 };

#define REMEMBER_MAX 8

enum place { SAME, UNDEFINED, AT_OFFSET, AT_EXPRESSION, ELSEWHERE };

/* Where the caller's value of a register is. */
struct saved {
	enum place place;
	int64_t offset; /* from the CFA */
	struct csa_block expression;
};

struct row {
	uint64_t cfa_register;
	uint64_t cfa_offset;
	struct csa_block cfa_expression; /* start is not NULL: holds instead of the two above */
	struct saved rbp;
	struct saved ra;
};

struct machine {
	const struct csa_cfi_entry *entry;
	const uint8_t *header;
	uint64_t location;
	struct row row;
	struct row initial; /* after the CIE: what RESTORE goes back to */
	struct row remembered[REMEMBER_MAX];
	unsigned depth;
	bool bad;
};

static struct saved *saved_of(struct row *row, uint64_t number)
{
	if (number == REG_RBP)
		return &row->rbp;
	return number == REG_RA ? &row->ra : NULL;
}

static void set_saved(struct machine *machine, uint64_t number, enum place place, int64_t offset)
{
	struct saved *saved = saved_of(&machine->row, number);

	if (saved)
		*saved = (struct saved){.place = place, .offset = offset};
}

static void set_expression(struct machine *machine, uint64_t number, struct csa_block expression)
{
	struct saved *saved = saved_of(&machine->row, number);

	if (saved)
		*saved = (struct saved){.place = AT_EXPRESSION, .expression = expression};
}

static void restore(struct machine *machine, uint64_t number)
{
	struct saved *saved = saved_of(&machine->row, number);

	if (saved)
		*saved = *saved_of(&machine->initial, number);
}

/* Multiplication that wraps: the factors may be anything. */
static int64_t scaled(const struct machine *machine, uint64_t factor)
{
	return (int64_t)(factor * (uint64_t)machine->entry->data_align);
}

/* Instructions about where a register is saved; false: it is none of them. */
static bool run_saved(struct machine *machine, struct csa_reader *reader, uint8_t op)
{
	uint64_t number;

	switch (op) {
	case CFA_RESTORE_EXTENDED:
		restore(machine, csa_get_uleb(reader));
		return true;
	case CFA_UNDEFINED:
		set_saved(machine, csa_get_uleb(reader), UNDEFINED, 0);
		return true;
	case CFA_SAME_VALUE:
		set_saved(machine, csa_get_uleb(reader), SAME, 0);
		return true;
	case CFA_OFFSET_EXTENDED:
	case CFA_OFFSET_SF:
		number = csa_get_uleb(reader);
		set_saved(machine, number, AT_OFFSET,
		          scaled(machine, csa_get_leb(reader, op == CFA_OFFSET_SF)));
		return true;
	case CFA_GNU_NEGATIVE_OFFSET:
		number = csa_get_uleb(reader);
		set_saved(machine, number, AT_OFFSET, scaled(machine, 0 - csa_get_uleb(reader)));
		return true;
	case CFA_EXPRESSION:
		number = csa_get_uleb(reader);
		set_expression(machine, number, csa_get_block(reader));
		return true;
	/* Another register, or a value: not memory that could be loaded. */
	case CFA_REGISTER:
	case CFA_VAL_OFFSET:
	case CFA_VAL_OFFSET_SF:
		set_saved(machine, csa_get_uleb(reader), ELSEWHERE, 0);
		csa_get_uleb(reader);
		return true;
	case CFA_VAL_EXPRESSION:
		set_saved(machine, csa_get_uleb(reader), ELSEWHERE, 0);
		csa_get_block(reader);
		return true;
	default:
		return false;
	}
}

/* Instructions about the CFA; false: it is none of them. */
static bool run_cfa(struct machine *machine, struct csa_reader *reader, uint8_t op)
{
	struct row *row = &machine->row;

	switch (op) {
	case CFA_DEF:
	case CFA_DEF_SF:
		row->cfa_register = csa_get_uleb(reader);
		row->cfa_offset =
			op == CFA_DEF ? csa_get_uleb(reader)
				      : (uint64_t)scaled(machine, (uint64_t)csa_get_sleb(reader));
		row->cfa_expression.start = NULL;
		return true;
	case CFA_DEF_REGISTER:
		row->cfa_register = csa_get_uleb(reader);
		row->cfa_expression.start = NULL;
		return true;
	case CFA_DEF_OFFSET:
		row->cfa_offset = csa_get_uleb(reader);
		return true;
	case CFA_DEF_OFFSET_SF:
		row->cfa_offset = (uint64_t)scaled(machine, (uint64_t)csa_get_sleb(reader));
		return true;
	case CFA_DEF_EXPRESSION:
		row->cfa_expression = csa_get_block(reader);
		return true;
	default:
		return false;
	}
}

static void run_state(struct machine *machine, struct csa_reader *reader, uint8_t op)
{
	if (op == CFA_REMEMBER && machine->depth < REMEMBER_MAX)
		machine->remembered[machine->depth++] = machine->row;
	else if (op == CFA_RECALL && machine->depth > 0)
		machine->row = machine->remembered[--machine->depth];
	else if (op == CFA_GNU_ARGS_SIZE)
		csa_get_uleb(reader);
	else if (op != 0)
		machine->bad = true;
}

/* Bytes of code that OP moves on by; false: it is about something else. */
static bool get_advance(struct machine *machine, struct csa_reader *reader, uint8_t op,
                        uint64_t *by)
{
	uint64_t units;

	if ((op & 0xc0) == CFA_ADVANCE) {
		units = op & 0x3f;
	} else if (op >= CFA_ADVANCE1 && op <= CFA_ADVANCE4) {
		units = csa_get(reader, 1u << (op - CFA_ADVANCE1));
	} else if (op == CFA_SET_LOC) {
		*by = csa_get_encoded(reader, machine->entry->encoding, machine->header) -
		      machine->location;
		return true;
	} else {
		return false;
	}
	*by = units * machine->entry->code_align;
	return true;
}

/* Executes up to and including what holds at ADDRESS. */
static void run(struct machine *machine, struct csa_reader reader, uint64_t address)
{
	while (!machine->bad && !reader.bad && reader.at < reader.end) {
		uint8_t op = (uint8_t)csa_get(&reader, 1);
		uint64_t by;

		if (get_advance(machine, &reader, op, &by)) {
			if (by > address - machine->location)
				break;
			machine->location += by;
		} else if ((op & 0xc0) == CFA_OFFSET) {
			set_saved(machine, op & 0x3f, AT_OFFSET,
			          scaled(machine, csa_get_uleb(&reader)));
		} else if ((op & 0xc0) == CFA_RESTORE) {
			restore(machine, op & 0x3f);
		} else if (!run_cfa(machine, &reader, op) && !run_saved(machine, &reader, op)) {
			run_state(machine, &reader, op);
		}
	}
	machine->bad |= reader.bad;
}

/*
 * The expression that linkers give a PLT, in which only N varies: rsp + 8, and 8 more from
 * byte N of each 16-byte entry on.
 */
static bool is_plt(struct csa_block block, uint64_t address, uint64_t *offset)
{
	static const uint8_t code[] = {0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x30, 0x2a, 0x33, 0x24, 0x22};

	if (block.bytes != sizeof(code))
		return false;
	for (size_t i = 0; i < sizeof(code); i++)
		if (block.start[i] != code[i] && (i != 6 || block.start[i] >> 4 != 3))
			return false;
	*offset = 8 + ((address & 15) >= (uint64_t)(block.start[6] - 0x30) ? 8 : 0);
	return true;
}

/* "breg OFFSET", and "deref" after it if DEREF. */
static bool is_breg(struct csa_block block, uint8_t breg, bool deref, uint64_t *offset)
{
	struct csa_reader reader = {.at = block.start, .end = block.start + block.bytes};

	if (block.bytes < 2 || csa_get(&reader, 1) != breg)
		return false;
	*offset = (uint64_t)csa_get_sleb(&reader);
	if (deref && csa_get(&reader, 1) != OP_DEREF)
		return false;
	return !reader.bad && reader.at == reader.end;
}

static uint64_t rule_of_deref(const struct row *row, uint64_t offset)
{
	int64_t words = (int64_t)offset / 8;
	uint64_t rbp;

	if (offset & 7 || words < -0x40000 || words > 0x3ffff || row->rbp.place != AT_EXPRESSION ||
	    !is_breg(row->rbp.expression, OP_BREG_RBP, false, &rbp) || rbp != 0)
		return csa_rule(CSA_RULE_NONE, 0, 0);
	return csa_rule(CSA_RULE_BP_DEREF, (uint64_t)words, 0);
}

static uint64_t rule_of_register(const struct row *row, uint64_t number, uint64_t offset)
{
	enum csa_rule_kind kind = number == REG_RSP ? CSA_RULE_SP : CSA_RULE_BP;
	bool known = row->rbp.place == SAME || row->rbp.place == UNDEFINED;
	uint64_t bp = 0;
	uint64_t at;

	if (row->rbp.place == AT_OFFSET)
		bp = 0 - (uint64_t)row->rbp.offset;
	else if (row->rbp.place == AT_EXPRESSION && number == REG_RBP &&
	         is_breg(row->rbp.expression, OP_BREG_RBP, false, &at))
		bp = offset - at;
	if (bp != 0 && !(bp & 7) && bp / 8 <= CSA_RULE_BP_WORDS_MAX)
		known = true;
	if ((number != REG_RSP && number != REG_RBP) || (number == REG_RBP && !known) ||
	    offset & 7 || offset / 8 > CSA_RULE_CFA_WORDS_MAX)
		return csa_rule(CSA_RULE_NONE, 0, 0);
	return known ? csa_rule(kind, offset / 8, bp / 8)
	             : csa_rule(CSA_RULE_SP_LOST, offset / 8, 0);
}

static uint64_t rule_of_row(const struct row *row, uint64_t address)
{
	struct csa_block cfa = row->cfa_expression;
	uint64_t offset;

	if (row->ra.place == UNDEFINED)
		return csa_rule(CSA_RULE_END, 0, 0);
	if (row->ra.place != AT_OFFSET || row->ra.offset != -8)
		return csa_rule(CSA_RULE_NONE, 0, 0);
	if (!cfa.start)
		return rule_of_register(row, row->cfa_register, row->cfa_offset);
	if (is_plt(cfa, address, &offset) || is_breg(cfa, OP_BREG_RSP, false, &offset))
		return rule_of_register(row, REG_RSP, offset);
	if (is_breg(cfa, OP_BREG_RBP, true, &offset))
		return rule_of_deref(row, offset);
	return csa_rule(CSA_RULE_NONE, 0, 0);
}

uint64_t csa_cfa_rule(const struct csa_cfi_entry *entry, const uint8_t *header, uint64_t address)
{
	struct machine machine;

	machine.entry = entry;
	machine.header = header;
	machine.location = entry->begin;
	machine.row = (struct row){.cfa_register = UINT64_MAX};
	machine.initial = machine.row;
	machine.depth = 0;
	machine.bad = false;
	run(&machine, entry->setup, address);
	machine.initial = machine.row;
	machine.location = entry->begin;
	run(&machine, entry->body, address);
	if (machine.bad)
		return csa_rule(CSA_RULE_NONE, 0, 0);
	return rule_of_row(&machine.row, address);
}
