/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions have no jumps here: every one ends after as many steps as it has operations.
 * Code that needs jumps in them has not been met; its stacks are cut.
 */
#include "unwind/rule.h"

#include <dwarf.h>
#include <stdlib.h>

#include "base/list.h"

#define OPS_MAX 64u                /* of one expression */
#define EXPRESSIONS_MAX (1u << 20) /* of all */
#define STACK_MAX 16u

const uint8_t cs_rule_registers[CS_RULE_SAVED] = {
	CS_REGISTER_RBX, CS_REGISTER_RBP, CS_REGISTER_R12, CS_REGISTER_R13,
	CS_REGISTER_R14, CS_REGISTER_R15, CS_REGISTER_RIP,
};

/* ---- expressions ---- */

static uint32_t book_ops(const struct cs_rule_book *book, uint32_t count)
{
	return count ? book->ends[count - 1] : 0;
}

int32_t cs_rule_book_add(struct cs_rule_book *book, const struct cs_rule_op *ops, uint32_t count)
{
	uint32_t used = book_ops(book, book->count);
	void *all = book->ops;
	void *ends = book->ends;

	if (count == 0 || count > OPS_MAX || book->count >= EXPRESSIONS_MAX)
		return -1;
	if (cs_array_reserve(&all, &book->op_room, sizeof(*ops), (size_t)used + count))
		return -1;
	book->ops = all;
	if (cs_array_reserve(&ends, &book->end_room, sizeof(uint32_t), (size_t)book->count + 1))
		return -1;
	book->ends = ends;
	for (uint32_t i = 0; i < count; i++)
		book->ops[used + i] = ops[i];
	book->ends[book->count] = used + count;
	return (int32_t)book->count++;
}

void cs_rule_book_free(struct cs_rule_book *book)
{
	free(book->ops);
	free(book->ends);
	*book = (struct cs_rule_book){0};
}

struct machine {
	const struct cs_registers *registers;
	uint64_t cfa;
	cs_rule_load *load;
	void *context;
	uint64_t stack[STACK_MAX];
	unsigned depth;
	bool bad;
};

static void push(struct machine *machine, uint64_t value)
{
	if (machine->depth == STACK_MAX)
		machine->bad = true;
	else
		machine->stack[machine->depth++] = value;
}

static uint64_t pop(struct machine *machine)
{
	if (machine->depth == 0) {
		machine->bad = true;
		return 0;
	}
	return machine->stack[--machine->depth];
}

static uint64_t peek(struct machine *machine, uint64_t down)
{
	if (down >= machine->depth) {
		machine->bad = true;
		return 0;
	}
	return machine->stack[machine->depth - 1 - down];
}

static void push_register(struct machine *machine, uint64_t number, int64_t offset)
{
	if (number < CS_REGISTERS && cs_register_known(machine->registers, (unsigned)number))
		push(machine, machine->registers->value[number] + (uint64_t)offset);
	else
		machine->bad = true;
}

static uint64_t compare(uint8_t atom, int64_t left, int64_t right)
{
	switch (atom) {
	case DW_OP_eq:
		return left == right;
	case DW_OP_ne:
		return left != right;
	case DW_OP_lt:
		return left < right;
	case DW_OP_le:
		return left <= right;
	case DW_OP_gt:
		return left > right;
	default:
		return left >= right;
	}
}

static bool is_comparison(uint8_t atom)
{
	return atom == DW_OP_eq || atom == DW_OP_ne || atom == DW_OP_lt || atom == DW_OP_le ||
	       atom == DW_OP_gt || atom == DW_OP_ge;
}

/* Operations on two values; false: it is none of them. */
static bool binary(struct machine *machine, uint8_t atom)
{
	uint64_t right = peek(machine, 0);
	uint64_t left = machine->depth > 1 ? peek(machine, 1) : 0;
	uint64_t result;

	switch (atom) {
	case DW_OP_plus:
		result = left + right;
		break;
	case DW_OP_minus:
		result = left - right;
		break;
	case DW_OP_mul:
		result = left * right;
		break;
	case DW_OP_and:
		result = left & right;
		break;
	case DW_OP_or:
		result = left | right;
		break;
	case DW_OP_xor:
		result = left ^ right;
		break;
	case DW_OP_shl:
		result = right < 64 ? left << right : 0;
		break;
	case DW_OP_shr:
		result = right < 64 ? left >> right : 0;
		break;
	default:
		if (!is_comparison(atom))
			return false;
		result = compare(atom, (int64_t)left, (int64_t)right);
	}
	pop(machine);
	pop(machine);
	push(machine, result);
	return true;
}

static void step_on_stack(struct machine *machine, const struct cs_rule_op *op)
{
	uint64_t value;

	switch (op->atom) {
	case DW_OP_deref:
		if (!machine->load(machine->context, pop(machine), &value))
			machine->bad = true;
		else
			push(machine, value);
		break;
	case DW_OP_dup:
		push(machine, peek(machine, 0));
		break;
	case DW_OP_over:
		push(machine, peek(machine, 1));
		break;
	case DW_OP_drop:
		pop(machine);
		break;
	case DW_OP_swap:
		value = peek(machine, 1);
		if (!machine->bad) {
			machine->stack[machine->depth - 2] = peek(machine, 0);
			machine->stack[machine->depth - 1] = value;
		}
		break;
	case DW_OP_neg:
		push(machine, -pop(machine));
		break;
	case DW_OP_not:
		push(machine, ~pop(machine));
		break;
	case DW_OP_plus_uconst:
		push(machine, pop(machine) + (uint64_t)op->number);
		break;
	default:
		if (!binary(machine, op->atom))
			machine->bad = true;
	}
}

static void step(struct machine *machine, const struct cs_rule_op *op)
{
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		push_register(machine, (uint64_t)(op->atom - DW_OP_breg0), op->number);
		return;
	}
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) {
		push(machine, (uint64_t)(op->atom - DW_OP_lit0));
		return;
	}
	switch (op->atom) {
	case DW_OP_bregx:
		push_register(machine, (uint64_t)op->number, op->number2);
		break;
	case DW_OP_call_frame_cfa:
		push(machine, machine->cfa);
		break;
	case DW_OP_addr:
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		push(machine, (uint64_t)op->number);
		break;
	case DW_OP_nop:
		break;
	default:
		step_on_stack(machine, op);
	}
}

static uint64_t evaluate(struct machine *machine, const struct cs_rule_book *book, int32_t number)
{
	machine->depth = 0;
	if (number < 0 || (uint32_t)number >= book->count) {
		machine->bad = true;
		return 0;
	}
	for (uint32_t i = book_ops(book, (uint32_t)number); i < book->ends[number] && !machine->bad;
	     i++)
		step(machine, &book->ops[i]);
	return pop(machine);
}

/* ---- rules ---- */

/* The caller's value of the register that RULE has at INDEX; false: it can't be known. */
static bool recover(struct machine *machine, const struct cs_rule *rule,
                    const struct cs_rule_book *book, unsigned index, uint64_t *value)
{
	int32_t offset = rule->offset[index];

	switch (rule->place[index]) {
	case CS_PLACE_AT_OFFSET:
		return machine->load(machine->context, machine->cfa + (uint64_t)(int64_t)offset,
		                     value);
	case CS_PLACE_IS_OFFSET:
		*value = machine->cfa + (uint64_t)(int64_t)offset;
		return true;
	case CS_PLACE_AT_EXPRESSION:
		*value = evaluate(machine, book, offset);
		return !machine->bad && machine->load(machine->context, *value, value);
	case CS_PLACE_IS_EXPRESSION:
		*value = evaluate(machine, book, offset);
		return !machine->bad;
	default:
		return false;
	}
}

bool cs_rule_apply(const struct cs_rule *rule, const struct cs_rule_book *book,
                   struct cs_registers *registers, cs_rule_load *load, void *context)
{
	/* Expressions speak of the callee's registers: they are changed in a copy. */
	struct cs_registers caller = *registers;
	struct machine machine = {.registers = registers, .load = load, .context = context};

	if (rule->kind == CS_RULE_EXPRESSION) {
		machine.cfa = evaluate(&machine, book, rule->cfa_offset);
	} else {
		if (!cs_register_known(registers, rule->cfa_register))
			return false;
		machine.cfa =
			registers->value[rule->cfa_register] + (uint64_t)(int64_t)rule->cfa_offset;
	}
	if (machine.bad)
		return false;
	caller.known &= ~(1u << CS_REGISTER_RIP);
	cs_register_set(&caller, CS_REGISTER_RSP, machine.cfa);
	for (unsigned i = 0; i < CS_RULE_SAVED; i++) {
		unsigned number = cs_rule_registers[i];
		uint64_t value;

		if (rule->place[i] == CS_PLACE_SAME && number != CS_REGISTER_RIP)
			continue;
		machine.bad = false;
		if (recover(&machine, rule, book, i, &value))
			cs_register_set(&caller, number, value);
		else
			caller.known &= ~(1u << number);
	}
	*registers = caller;
	return cs_register_known(registers, CS_REGISTER_RIP);
}
