/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define TEXT 0x1000u
#define FUNCTION_BYTES 128u
#define TABLE 0x4000u
#define DATA 0x8000u
#define DATA_BYTES 0x6000u
#define HEAP SCENE_FILE_BYTES
#define MODULEDATA (DATA + 0x100u)
#define VARIABLES (DATA + 0x800u)
#define MEMSTATS (DATA + 0x1000u)
#define REASONS (DATA + 0x3200u)

enum function {
	MAIN,
	WORKER,
	PARK,
	GOEXIT,
	FOR_EACH,
	M_INIT,
	PROC_RESIZE,
	REASON,
	STK_BUCKET,
	MEM_PROFILE,
	PROFILE_ALLOC,
	ALLOC_CACHE,
	READ_MEMSTATS,
	SWEEP_ONE,
	FUNCTIONS
};

static const struct {
	const char *name;
	uint8_t sp_delta, flags;
} functions[FUNCTIONS] = {
	[MAIN] = {"main.main", 32, 0},
	[WORKER] = {"main.worker", 16, 0},
	[PARK] = {"runtime.gopark", 24, 0},
	[GOEXIT] = {"runtime.goexit", 0, CS_GO_TOP_FRAME},
	[FOR_EACH] = {"runtime.forEachGRace", 8, 0},
	[M_INIT] = {"runtime.mcommoninit", 8, 0},
	[PROC_RESIZE] = {"runtime.procresize", 8, 0},
	[REASON] = {"runtime.waitReason.String", 8, 0},
	[STK_BUCKET] = {"runtime.stkbucket", 8, 0},
	[MEM_PROFILE] = {"runtime.MemProfile", 8, 0},
	[PROFILE_ALLOC] = {"runtime.profilealloc", 8, 0},
	[ALLOC_CACHE] = {"runtime.allocmcache", 8, 0},
	[READ_MEMSTATS] = {"runtime.readmemstats_m", 8, 0},
	[SWEEP_ONE] = {"runtime.sweepone", 8, 0},
};

/* Words in VARIABLES. */
enum variable {
	ALLGLEN,
	ALLGPTR,
	ALLM,
	ALLP, /* a slice of 3 */
	GOMAXPROCS = ALLP + 3,
	BUCKHASH,
	MBUCKETS,
	XBUCKETS,
	BBUCKETS,
	CYCLE,
	RATE,
	HEAP_IN_USE, /* 5 counters */
	SWEEPGEN = HEAP_IN_USE + 5,
	SPANS, /* a slice of 3 */
	SCHED = SPANS + 3
};

struct maker {
	unsigned char *bytes;
	struct cs_go_layout layout;
	uint32_t heap, code;
};

static void put64(struct maker *maker, uint32_t at, uint64_t value)
{
	memcpy(maker->bytes + at, &value, sizeof(value));
}

static void put32(struct maker *maker, uint32_t at, uint32_t value)
{
	memcpy(maker->bytes + at, &value, sizeof(value));
}

static uint32_t take(struct maker *maker, uint32_t bytes)
{
	uint32_t at = maker->heap;

	maker->heap += (bytes + 63) & ~63u;
	return at;
}

static uint64_t address(uint32_t at)
{
	return SCENE_BASE + at;
}

static uint32_t variable(enum variable name)
{
	return VARIABLES + (uint32_t)name * 8;
}

/* ---- the file ---- */

static void make_elf(struct maker *maker)
{
	Elf64_Ehdr head = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = address(TEXT),
		.e_phoff = sizeof(head),
		.e_ehsize = sizeof(head),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	Elf64_Phdr parts[2] = {
		{.p_type = PT_LOAD,
	         .p_flags = PF_R | PF_X,
	         .p_vaddr = SCENE_BASE,
	         .p_filesz = DATA,
	         .p_memsz = DATA},
		{.p_type = PT_LOAD,
	         .p_flags = PF_R | PF_W,
	         .p_offset = DATA,
	         .p_vaddr = SCENE_BASE + DATA,
	         .p_filesz = DATA_BYTES,
	         .p_memsz = DATA_BYTES},
	};

	memcpy(maker->bytes, &head, sizeof(head));
	memcpy(maker->bytes + sizeof(head), parts, sizeof(parts));
	memcpy(maker->bytes + DATA, "\xff Go buildinf:\x08\x02", 16);
	memcpy(maker->bytes + DATA + 32, "\x09go1.22.12", 10);
}

static void put_table(struct maker *maker, uint32_t names, uint32_t files, uint32_t pctab,
                      uint32_t funcs)
{
	put32(maker, TABLE, 0xfffffff1u);
	maker->bytes[TABLE + 6] = 1;
	maker->bytes[TABLE + 7] = 8;
	put64(maker, TABLE + 8, FUNCTIONS);
	put64(maker, TABLE + 16, 1);
	put64(maker, TABLE + 32, names);
	put64(maker, TABLE + 40, files - 4); /* one unit, one file */
	put64(maker, TABLE + 48, files);
	put64(maker, TABLE + 56, pctab);
	put64(maker, TABLE + 64, funcs);
	strcpy((char *)maker->bytes + TABLE + files, "scene.go");
}

/* Each function has one value of each kind for all its code. */
static void make_table(struct maker *maker)
{
	const uint32_t names = 72, files = 1032, pctab = 1100, funcs = 1400;
	uint32_t name = 0, value = 1, record = (FUNCTIONS + 1) * 8 + 8;
	unsigned char *values = maker->bytes + TABLE + pctab;

	put_table(maker, names, files, pctab, funcs);
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		uint32_t at = TABLE + funcs + record;

		strcpy((char *)maker->bytes + TABLE + names + name, functions[i].name);
		put32(maker, TABLE + funcs + i * 8, i * FUNCTION_BYTES);
		put32(maker, TABLE + funcs + i * 8 + 4, record);
		put32(maker, at, i * FUNCTION_BYTES);
		put32(maker, at + 4, name);
		put32(maker, at + 16, value);
		values[value++] = (unsigned char)((functions[i].sp_delta + 1) << 1);
		values[value++] = FUNCTION_BYTES | 0x80;
		values[value++] = FUNCTION_BYTES >> 7;
		value++;                      /* 0: the end */
		put32(maker, at + 20, value); /* file 0, then line 0 + i */
		values[value++] = 2;
		values[value++] = FUNCTION_BYTES | 0x80;
		values[value++] = FUNCTION_BYTES >> 7;
		value++;
		put32(maker, at + 24, value);
		values[value++] = (unsigned char)((i + 11) << 1);
		values[value++] = FUNCTION_BYTES | 0x80;
		values[value++] = FUNCTION_BYTES >> 7;
		value++;
		maker->bytes[at + 41] = functions[i].flags;
		name += (uint32_t)strlen(functions[i].name) + 1;
		record += 48;
	}
	put32(maker, TABLE + funcs + FUNCTIONS * 8, FUNCTIONS * FUNCTION_BYTES);
}

static void make_module(struct maker *maker)
{
	put64(maker, MODULEDATA, address(TABLE));
	put64(maker, MODULEDATA + 8, address(TABLE + 72));
	put64(maker, MODULEDATA + 104, address(TABLE + 1400));
	put64(maker, MODULEDATA + 112, 1000);
	put64(maker, MODULEDATA + 160, address(TEXT));
	put64(maker, MODULEDATA + 168, address(TEXT + FUNCTIONS * FUNCTION_BYTES));
	put64(maker, MODULEDATA + 176, address(TEXT));
	put64(maker, MODULEDATA + 184, address(TEXT + FUNCTIONS * FUNCTION_BYTES));
	put64(maker, MODULEDATA + 192, address(DATA));
	put64(maker, MODULEDATA + 248, address(DATA + DATA_BYTES));
	put64(maker, MODULEDATA + maker->layout.md_gofunc, address(TABLE));
}

/* ---- code ---- */

static uint64_t entry(enum function function)
{
	return address(TEXT + (uint32_t)function * FUNCTION_BYTES);
}

static void begin(struct maker *maker, enum function function)
{
	maker->code = TEXT + (uint32_t)function * FUNCTION_BYTES;
}

/* An instruction of PREFIX bytes and a displacement. */
static void touch(struct maker *maker, const char *prefix, size_t length, uint32_t target)
{
	memcpy(maker->bytes + maker->code, prefix, length);
	maker->code += (uint32_t)length + 4;
	put32(maker, maker->code - 4, target - maker->code);
}

#define LOAD64(maker, target) touch(maker, "\x48\x8b\x05", 3, target)
#define LOAD32(maker, target) touch(maker, "\x8b\x05", 2, target)
#define LEA(maker, target) touch(maker, "\x48\x8d\x05", 3, target)

static void make_code(struct maker *maker)
{
	memset(maker->bytes + TEXT, 0xcc, FUNCTIONS * FUNCTION_BYTES);
	begin(maker, FOR_EACH);
	LOAD64(maker, variable(ALLGLEN));
	LOAD64(maker, variable(ALLGPTR));
	begin(maker, M_INIT);
	LEA(maker, variable(SCHED) + maker->layout.sched_lock);
	LOAD64(maker, variable(ALLM));
	begin(maker, PROC_RESIZE);
	LOAD32(maker, variable(GOMAXPROCS));
	LOAD64(maker, variable(ALLP));
	begin(maker, REASON);
	memcpy(maker->bytes + maker->code, "\x3c\x02", 2);
	maker->code += 2;
	LEA(maker, REASONS);
	begin(maker, STK_BUCKET);
	LOAD64(maker, variable(BUCKHASH));
	LEA(maker, MEMSTATS + maker->layout.ms_buckhash_sys);
	LEA(maker, variable(MBUCKETS));
	LEA(maker, variable(XBUCKETS));
	LEA(maker, variable(BBUCKETS));
	begin(maker, MEM_PROFILE);
	LOAD32(maker, variable(CYCLE));
	begin(maker, PROFILE_ALLOC);
	LOAD64(maker, variable(RATE));
	begin(maker, ALLOC_CACHE);
	LOAD64(maker, variable(RATE));
	begin(maker, READ_MEMSTATS);
	LEA(maker, MEMSTATS);
	for (uint32_t i = 0; i < 3; i++)
		LOAD64(maker, variable(HEAP_IN_USE) + i * 8);
	begin(maker, SWEEP_ONE);
	LOAD32(maker, variable(SWEEPGEN));
}

/* ---- memory ---- */

static void make_reasons(struct maker *maker)
{
	static const char *const reasons[] = {"", "GC assist marking", "chan receive"};
	uint32_t text = REASONS + 64;

	for (uint32_t i = 0; i < 3; i++) {
		strcpy((char *)maker->bytes + text, reasons[i]);
		put64(maker, REASONS + i * 16, reasons[i][0] ? address(text) : 0);
		put64(maker, REASONS + i * 16 + 8, strlen(reasons[i]));
		text += 32;
	}
}

/* {"tenant": "blue"}, as a map of Go 1.22; a pointer to a pointer to it. */
static uint32_t make_labels(struct maker *maker)
{
	uint32_t pointer = take(maker, 8), map = take(maker, 48), bucket = take(maker, 272);
	uint32_t text = take(maker, 32);

	memcpy(maker->bytes + text, "tenantblue", 10);
	put64(maker, pointer, address(map));
	put64(maker, map, 1);
	put64(maker, map + 16, address(bucket));
	maker->bytes[bucket] = 5;
	put64(maker, bucket + 8, address(text));
	put64(maker, bucket + 16, 6);
	put64(maker, bucket + 136, address(text + 6));
	put64(maker, bucket + 144, 4);
	return pointer;
}

/* A goroutine that was started with START and parked by it. */
static uint32_t make_goroutine(struct maker *maker, uint64_t number, enum function start,
                               uint32_t m)
{
	const struct cs_go_layout *layout = &maker->layout;
	uint32_t g = take(maker, CS_GO_G_BYTES), stack = take(maker, 2048);
	uint32_t sp = stack + 1024;
	uint32_t outer = sp + 24 + 8 + functions[start].sp_delta;

	put64(maker, sp + 24, entry(start) + 20);
	put64(maker, outer, entry(GOEXIT) + 1);
	put64(maker, g, address(stack));
	put64(maker, g + 8, address(stack + 2048));
	put64(maker, g + layout->g_m, m ? address(m) : 0);
	put64(maker, g + layout->g_sp, address(sp));
	put64(maker, g + layout->g_pc, entry(PARK) + 16);
	put32(maker, g + layout->g_status, CS_GO_WAITING);
	put64(maker, g + layout->g_goid, number);
	maker->bytes[g + layout->g_wait_reason] = 2;
	put64(maker, g + layout->g_start_pc, entry(start));
	put64(maker, g + layout->g_creator_pc, number > 1 ? entry(MAIN) + 9 : 0);
	put64(maker, g + layout->g_parent, number > 1);
	return g;
}

static void make_goroutines(struct maker *maker)
{
	uint32_t array = take(maker, 16), m = take(maker, CS_GO_M_BYTES);
	uint32_t g0 = make_goroutine(maker, 0, MAIN, m), first, second;

	first = make_goroutine(maker, 1, MAIN, 0);
	second = make_goroutine(maker, SCENE_WORKER, WORKER, 0);
	put64(maker, second + maker->layout.g_labels, address(make_labels(maker)));
	put64(maker, array, address(first));
	put64(maker, array + 8, address(second));
	put64(maker, variable(ALLGLEN), 2);
	put64(maker, variable(ALLGPTR), address(array));
	put64(maker, m, address(g0));
	put64(maker, m + maker->layout.m_tid, 1000);
	put64(maker, variable(ALLM), address(m));
	put64(maker, variable(SCHED), 32); /* numbers given out */
	put64(maker, variable(SCHED) + maker->layout.sched_mnext, 1);
}

static void make_processors(struct maker *maker)
{
	uint32_t array = take(maker, 8), p = take(maker, 4096);

	put64(maker, array, address(p));
	put64(maker, variable(ALLP), address(array));
	put64(maker, variable(ALLP) + 8, 1);
	put64(maker, variable(ALLP) + 16, 1);
	put64(maker, variable(GOMAXPROCS), 1);
	put32(maker, p + maker->layout.p_queue_tail, 3);
}

static uint32_t make_bucket(struct maker *maker, uint64_t type)
{
	uint32_t bucket = take(maker, 48 + 2 * 8 + 128), record = bucket + 48 + 2 * 8;

	put64(maker, bucket + CS_GO_BUCKET_TYPE, type);
	put64(maker, bucket + CS_GO_BUCKET_SIZE, 64);
	put64(maker, bucket + CS_GO_BUCKET_FRAMES, 2);
	put64(maker, bucket + 48, entry(WORKER) + 30);
	put64(maker, bucket + 56, entry(GOEXIT) + 1);
	if (type == 1) {
		put64(maker, record, 10); /* allocated and freed, objects and bytes */
		put64(maker, record + 8, 4);
		put64(maker, record + 16, 640);
		put64(maker, record + 24, 256);
	} else {
		double count = 3;

		memcpy(maker->bytes + record, &count, 8);
		put64(maker, record + 8, 3000);
	}
	return bucket;
}

static void make_memory(struct maker *maker)
{
	uint32_t array = take(maker, 8), span = take(maker, 160), bits = take(maker, 128);

	put64(maker, variable(MBUCKETS), address(make_bucket(maker, 1)));
	put64(maker, variable(BBUCKETS), address(make_bucket(maker, 2)));
	put64(maker, variable(XBUCKETS), address(make_bucket(maker, 3)));
	put64(maker, variable(RATE), 1);
	put64(maker, variable(CYCLE), 2 << 1);
	put64(maker, variable(HEAP_IN_USE), 4u << 20);
	put64(maker, variable(SPANS), address(array));
	put64(maker, variable(SPANS) + 8, 1);
	put64(maker, variable(SPANS) + 16, 1);
	put64(maker, array, address(span));
	put64(maker, span + maker->layout.span_start, 0xc000000000);
	put64(maker, span + maker->layout.span_pages, 1);
	put32(maker, span + maker->layout.span_free_index, 2 | 128u << 16);
	put64(maker, span + maker->layout.span_bits, address(bits));
	maker->bytes[bits] = 0x0c; /* objects 2 and 3 */
	maker->bytes[span + maker->layout.span_class] = 10;
	maker->bytes[span + maker->layout.span_state] = 1;
	put64(maker, span + maker->layout.span_element_bytes, 64);
	put32(maker, MEMSTATS + maker->layout.ms_numgc, 5);
}

void scene_make(struct scene *scene)
{
	struct maker maker = {.bytes = scene->bytes, .heap = HEAP};

	memset(scene, 0, sizeof(*scene));
	cs_go_layout_of(&maker.layout, 22);
	make_elf(&maker);
	make_table(&maker);
	make_module(&maker);
	make_code(&maker);
	make_reasons(&maker);
	make_goroutines(&maker);
	make_processors(&maker);
	make_memory(&maker);
}
