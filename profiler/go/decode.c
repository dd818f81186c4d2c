/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two maps of opcodes say what follows each; everything else is prefixes and ModRM.
 */
#include "go/decode.h"

#include <string.h>

/*
 * What follows an opcode: '.' nothing, 'm' ModRM, 'b' a byte, 'z' 4 bytes (2 with prefix 66),
 * 'B' and 'Z' ModRM and these, 'w' 2 bytes, 'e' 3 bytes, 'r' 4 bytes, 'v' 4 or 8 bytes, 'o' an
 * address of 8, 'g' ModRM and a byte, 'G' ModRM and 4 bytes (both only for /0 and /1), 'x' no
 * instruction. Prefixes and escapes never get here and are 'x'.
 */
static const char one_byte[256 + 1] = "mmmmbzxxmmmmbzxx" /* 00 */
				      "mmmmbzxxmmmmbzxx" /* 10 */
				      "mmmmbzxxmmmmbzxx" /* 20 */
				      "mmmmbzxxmmmmbzxx" /* 30 */
				      "xxxxxxxxxxxxxxxx" /* 40 */
				      "................" /* 50 */
				      "xxxmxxxxzZbB...." /* 60 */
				      "bbbbbbbbbbbbbbbb" /* 70 */
				      "BZxBmmmmmmmmmmmm" /* 80 */
				      "..........x....." /* 90 */
				      "oooo....bz......" /* a0 */
				      "bbbbbbbbvvvvvvvv" /* b0 */
				      "BBw.xxBZe.w..b.." /* c0 */
				      "mmmmxxx.mmmmmmmm" /* d0 */
				      "bbbbbbbbrrxb...." /* e0 */
				      "x.xx..gG......mm" /* f0 */;

static const char two_byte[256 + 1] = "mmmmx.....x.xm.B" /* 00 */
				      "mmmmmmmmmmmmmmmm" /* 10 */
				      "mmmmmmmmmmmmmmmm" /* 20 */
				      "........xxxxxxxx" /* 30 */
				      "mmmmmmmmmmmmmmmm" /* 40 */
				      "mmmmmmmmmmmmmmmm" /* 50 */
				      "mmmmmmmmmmmmmmmm" /* 60 */
				      "BBBBmmm.mmmmmmmm" /* 70 */
				      "rrrrrrrrrrrrrrrr" /* 80 */
				      "mmmmmmmmmmmmmmmm" /* 90 */
				      "...mBmxx...mBmmm" /* a0 */
				      "mmmmmmmmmmBmmmmm" /* b0 */
				      "mmBmBBBm........" /* c0 */
				      "mmmmmmmmmmmmmmmm" /* d0 */
				      "mmmmmmmmmmmmmmmm" /* e0 */
				      "mmmmmmmmmmmmmmmx" /* f0 */;

struct state {
	const unsigned char *code;
	size_t bytes, at;
	bool short_operand; /* prefix 66 */
	struct cs_go_instruction *out;
};

static int next_byte(struct state *state)
{
	return state->at < state->bytes ? state->code[state->at++] : -1;
}

static bool is_prefix(int byte)
{
	return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e ||
	       (byte >= 0x64 && byte <= 0x67) || byte == 0xf0 || byte == 0xf2 || byte == 0xf3;
}

/* What follows; 'x' when there is no such instruction. Also moves over VEX and EVEX. */
static char read_opcode(struct state *state)
{
	struct cs_go_instruction *out = state->out;
	int byte = next_byte(state);
	int map, op;

	for (int prefixes = 0; byte >= 0 && is_prefix(byte) && prefixes < 14; prefixes++) {
		state->short_operand |= byte == 0x66;
		byte = next_byte(state);
	}
	if (byte >= 0x40 && byte <= 0x4f) {
		out->wide = byte & 8;
		byte = next_byte(state);
	}
	out->opcode = 0xffff;
	if (byte == 0xc5 || byte == 0xc4 || byte == 0x62) {
		int head = next_byte(state);

		map = byte == 0xc5 ? 1 : byte == 0xc4 ? head & 0x1f : head & 7;
		for (int skip = byte == 0xc5 ? 0 : byte == 0xc4 ? 1 : 2; skip > 0; skip--)
			next_byte(state);
		op = next_byte(state);
		if (op < 0 || map < 1 || map > 3)
			return 'x';
		return map == 3 ? 'B' : map == 2 ? 'm' : two_byte[op];
	}
	if (byte < 0)
		return 'x';
	if (byte != 0x0f) {
		out->opcode = (uint16_t)byte;
		return one_byte[byte];
	}
	byte = next_byte(state);
	if (byte < 0)
		return 'x';
	if (byte == 0x38 || byte == 0x3a)
		return next_byte(state) < 0 ? 'x' : byte == 0x3a ? 'B' : 'm';
	out->opcode = (uint16_t)(0x0f00 | byte);
	return two_byte[byte];
}

static uint64_t read_number(struct state *state, size_t bytes, bool *failed)
{
	uint64_t value = 0;

	if (state->bytes - state->at < bytes) {
		*failed = true;
		return 0;
	}
	memcpy(&value, state->code + state->at, bytes);
	state->at += bytes;
	return value;
}

/* False: cut short. */
static bool read_modrm(struct state *state)
{
	int modrm = next_byte(state);
	int mod = modrm >> 6, rm = modrm & 7;
	bool failed = false;
	size_t displacement = mod == 1 ? 1 : mod == 2 ? 4 : 0;

	if (modrm < 0)
		return false;
	state->out->reg = (uint8_t)((modrm >> 3) & 7);
	if (mod != 3 && rm == 4) {
		int sib = next_byte(state);

		if (sib < 0)
			return false;
		if (mod == 0 && (sib & 7) == 5)
			displacement = 4;
	} else if (mod == 0 && rm == 5) {
		displacement = 4;
		state->out->relative = true;
	}
	uint64_t value = read_number(state, displacement, &failed);

	if (state->out->relative)
		state->out->displacement = (int32_t)(uint32_t)value;
	return !failed;
}

static size_t immediate_bytes(const struct state *state, char form)
{
	bool tests = state->out->reg < 2;

	switch (form) {
	case 'b':
	case 'B':
		return 1;
	case 'z':
	case 'Z':
		return state->short_operand ? 2 : 4;
	case 'w':
		return 2;
	case 'e':
		return 3;
	case 'r':
		return 4;
	case 'v':
		return state->out->wide ? 8 : state->short_operand ? 2 : 4;
	case 'o':
		return 8;
	case 'g':
		return tests ? 1 : 0;
	case 'G':
		return tests ? (state->short_operand ? 2 : 4) : 0;
	default:
		return 0;
	}
}

struct cs_go_instruction cs_go_decode(const unsigned char *code, size_t bytes, uint64_t address)
{
	struct cs_go_instruction out = {0};
	struct state state = {.code = code, .bytes = bytes < 15 ? bytes : 15, .at = 0, .out = &out};
	char form = read_opcode(&state);
	bool failed = form == 'x';

	if (!failed && strchr("mBZgG", form))
		failed = !read_modrm(&state);
	if (!failed)
		out.immediate = read_number(&state, immediate_bytes(&state, form), &failed);
	if (failed)
		return (struct cs_go_instruction){0};
	out.length = (uint32_t)state.at;
	out.target = address + out.length + (uint64_t)(int64_t)out.displacement;
	return out;
}
