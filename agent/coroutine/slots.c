/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Free slots are a stack that is linked through them; its head carries a count of its changes,
 * so that a head that was taken and given back in between is no longer the same.
 *
 * A thread may still hold the slot of a coroutine that another one has declared dead, and write
 * what adapters and switches write. So the link is in `parent`, which is written at birth alone.
 */
#include "coroutine/slots.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "core/agent.h"
#include "core/emit.h"
#include "core/lane.h"
#include "core/sys.h"

#define PAGE 4096u
#define CHUNK_BYTES ((uint64_t)CS_SLOTS_CHUNK * sizeof(struct cs_slot))

/* The next chunk is made when so many slots are left, so that nobody has to wait for it. */
#define SLACK 256u

/* So many a forked child takes over: to copy them takes a fork some milliseconds. */
#define COPY_MAX 65536u

/* MAP_NORESERVE memory that may hold nothing: tried from large to small. */
static const uint32_t sizes[] = {CS_SLOTS_MAX, 1u << 17, 1u << 13};

/*
 * Who looks a text up while another thread adds one goes without. That may be for a reason, which
 * is looked up again, but not for what a coroutine is for ever: these are there from the start.
 */
static const char *const runtimes[] = {
	"ucontext", "boost-context", "state-threads", "gccgo", "pth", "lua", "annotated", "stack",
};

uint8_t *csa_slots;

static struct {
	struct cs_slot_table *table;
	uint32_t max;
	_Atomic uint32_t fresh; /* slots ever given out; the first is nobody's */
	_Atomic uint64_t free;  /* changes << 32 | line */
	_Atomic uint32_t growing;
	_Atomic uint32_t naming;
	char path[sizeof(csa_agent.ring_path) + 16];
} slots;

/* Of a thread that forks, for its child. */
static __thread struct {
	struct cs_slot *slots;
	uint32_t count;
} copy __attribute__((tls_model("initial-exec")));

/* ---- the file ---- */

/* That of the ring, with another prefix: SESSION/ring.PID.STAMP. */
static bool name_file(void)
{
	size_t folder = strlen(csa_agent.folder) + 1;
	const char *suffix = csa_agent.ring_path + folder + strlen(CS_RING_PREFIX);

	if (folder + sizeof(CS_SLOTS_PREFIX) + strlen(suffix) > sizeof(slots.path))
		return false;
	memcpy(slots.path, csa_agent.ring_path, folder);
	memcpy(slots.path + folder, CS_SLOTS_PREFIX, strlen(CS_SLOTS_PREFIX));
	memcpy(slots.path + folder + strlen(CS_SLOTS_PREFIX), suffix, strlen(suffix) + 1);
	return true;
}

static void *map_part(long fd, void *at, uint64_t offset, uint64_t bytes)
{
	if (!csa_lane_space(fd, offset, bytes))
		return NULL;
	long start = csa_sys6(SYS_mmap, (long)at, (long)bytes, PROT_READ | PROT_WRITE,
	                      MAP_SHARED | (at ? MAP_FIXED : 0), fd, (long)offset);

	return csa_sys_failed(start) ? NULL : (void *)start;
}

static struct cs_slot_table *create_file(void)
{
	long fd = name_file() ? csa_sys4(SYS_openat, AT_FDCWD, slots.path,
	                                 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
	                      : -1;
	struct cs_slot_table *table;

	if (fd < 0)
		return NULL;
	table = map_part(fd, NULL, 0, CS_SLOTS_HEADER_BYTES);
	csa_sys1(SYS_close, fd);
	if (!table)
		return NULL;
	table->version = CS_WIRE_VERSION;
	table->header_bytes = CS_SLOTS_HEADER_BYTES;
	table->slot_bytes = sizeof(struct cs_slot);
	table->slots_max = slots.max;
	table->ring_start = csa_agent.ring->start_stamp;
	return table;
}

static bool add_chunk(struct cs_slot_table *table)
{
	uint32_t have = atomic_load(&table->slot_count);
	uint64_t offset = (uint64_t)have * sizeof(struct cs_slot);

	if (have + CS_SLOTS_CHUNK > slots.max)
		return false;
	long fd = csa_sys4(SYS_openat, AT_FDCWD, slots.path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);

	if (fd < 0)
		return false;
	void *chunk = map_part(fd, csa_slots + offset, CS_SLOTS_HEADER_BYTES + offset, CHUNK_BYTES);

	csa_sys1(SYS_close, fd);
	if (!chunk)
		return false;
	atomic_store_explicit(&table->slot_count, have + CS_SLOTS_CHUNK, memory_order_release);
	return true;
}

static uint8_t *reserve_place(void)
{
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		long start = csa_sys6(SYS_mmap, 0, (long)(sizes[i] * sizeof(struct cs_slot)),
		                      PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		                      0);

		slots.max = sizes[i];
		if (!csa_sys_failed(start))
			return (uint8_t *)start;
	}
	return NULL;
}

bool csa_slots_open(void)
{
	uint8_t *place = reserve_place();

	if (!place)
		return false;
	csa_slots = place;
	slots.table = create_file();
	if (!slots.table || !add_chunk(slots.table)) {
		csa_slots = NULL;
		return false;
	}
	atomic_store(&slots.fresh, 1);
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(*runtimes); i++)
		csa_slots_text(runtimes[i]);
	__atomic_store_n(&slots.table->magic, CS_SLOTS_MAGIC, __ATOMIC_RELEASE);
	return true;
}

bool csa_slots_whole(void)
{
	return csa_slots && slots.table &&
	       __atomic_load_n(&slots.table->magic, __ATOMIC_ACQUIRE) == CS_SLOTS_MAGIC;
}

/* What is mapped already is the parent's: it is left alone. */
void csa_slots_forget(void)
{
	csa_slots = NULL;
	slots.table = NULL;
	atomic_store(&slots.free, 0);
	atomic_store(&slots.growing, 0);
	atomic_store(&slots.naming, 0);
}

/* ---- slots ---- */

static void grow_if_due(uint32_t fresh)
{
	if (fresh + SLACK < atomic_load_explicit(&slots.table->slot_count, memory_order_relaxed) ||
	    atomic_exchange_explicit(&slots.growing, 1, memory_order_acquire))
		return;
	if (fresh + SLACK >= atomic_load(&slots.table->slot_count))
		add_chunk(slots.table);
	atomic_store_explicit(&slots.growing, 0, memory_order_release);
}

static struct cs_slot *take_free(void)
{
	uint64_t head = atomic_load_explicit(&slots.free, memory_order_acquire);

	while ((uint32_t)head) {
		struct cs_slot *slot = csa_slot_at((uint32_t)head);
		/* Somebody else may have taken it meanwhile, and write to it. */
		uint64_t next = ((head >> 32) + 1) << 32 |
		                (uint32_t)__atomic_load_n(&slot->parent, __ATOMIC_RELAXED);

		if (atomic_compare_exchange_weak(&slots.free, &head, next))
			return slot;
	}
	return NULL;
}

static struct cs_slot *take_fresh(void)
{
	uint32_t fresh = atomic_load(&slots.fresh);

	grow_if_due(fresh);
	do {
		if (fresh >= atomic_load_explicit(&slots.table->slot_count, memory_order_acquire))
			return NULL;
	} while (!atomic_compare_exchange_weak(&slots.fresh, &fresh, fresh + 1));
	return csa_slot_at(fresh * (uint32_t)CSA_SLOT_LINES);
}

/* Word by word, because others still look at what was free, or at what lived in it. */
static void clear(struct cs_slot *slot)
{
	typedef uint64_t __attribute__((may_alias)) any_word;
	any_word *words = (any_word *)slot;

	for (size_t i = 0; i < sizeof(*slot) / sizeof(*words); i++)
		__atomic_store_n(&words[i], 0, __ATOMIC_RELAXED);
}

struct cs_slot *csa_slots_take(void)
{
	struct cs_slot *slot = take_free();

	if (slot)
		clear(slot);
	else
		slot = take_fresh();
	if (slot)
		atomic_fetch_add_explicit(&slots.table->created, 1, memory_order_relaxed);
	return slot;
}

void csa_slots_give_back(struct cs_slot *slot)
{
	uint64_t head = atomic_load(&slots.free);
	uint64_t next;

	slot->agents_key = 0;
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&slot->agents_cell[i], 0, __ATOMIC_RELAXED);
	atomic_store_explicit(&slot->number, 0, memory_order_release);
	atomic_fetch_add_explicit(&slots.table->ended, 1, memory_order_relaxed);
	do {
		__atomic_store_n(&slot->parent, (uint32_t)head, __ATOMIC_RELAXED);
		next = ((head >> 32) + 1) << 32 | csa_slot_line(slot);
	} while (!atomic_compare_exchange_weak(&slots.free, &head, next));
}

uint32_t csa_slots_used(void)
{
	return csa_slots ? atomic_load_explicit(&slots.fresh, memory_order_acquire) : 0;
}

/* ---- texts ---- */

static bool same_text(const char *have, const char *text)
{
	return strncmp(have, text, CS_SLOT_TEXT_BYTES - 1) == 0;
}

/* Few and short: a search from the first is fast enough for what happens once per reason. */
static uint16_t find_text(const char *text)
{
	uint32_t count = atomic_load_explicit(&slots.table->text_count, memory_order_acquire);

	for (uint32_t id = 1; id <= count; id++)
		if (same_text(slots.table->texts[id].text, text))
			return (uint16_t)id;
	return 0;
}

uint16_t csa_slots_text(const char *text)
{
	uint16_t id = csa_slots && text && *text ? find_text(text) : 0;

	/* Somebody else is naming: this once it stays unnamed. */
	if (id || !csa_slots || !text || !*text || atomic_exchange(&slots.naming, 1))
		return id;
	uint32_t count = atomic_load(&slots.table->text_count);

	id = find_text(text);
	if (!id && count + 1 < CS_SLOT_TEXTS) {
		id = (uint16_t)(count + 1);
		for (uint32_t i = 0; i + 1 < CS_SLOT_TEXT_BYTES && text[i]; i++)
			slots.table->texts[id].text[i] = text[i];
		atomic_store_explicit(&slots.table->text_count, id, memory_order_release);
	}
	atomic_store(&slots.naming, 0);
	return id;
}

static size_t put_text(char *to, size_t room, const char *text)
{
	size_t length = 0;

	while (length + 1 < room && text[length]) {
		to[length] = text[length];
		length++;
	}
	to[length] = '\0';
	return length + 1;
}

void csa_slots_set_text(struct cs_slot *slot, const char *name, const char *labels)
{
	char text[sizeof(slot->text)] = {0};
	size_t used = put_text(text, sizeof(text) - 1, name ? name : slot->text);

	put_text(text + used, sizeof(text) - used,
	         labels ? labels : slot->text + strlen(slot->text) + 1);
	memcpy(slot->text, text, sizeof(text));
}

/* ---- fork ---- */

void csa_slots_fork_copy(void)
{
	uint32_t used = csa_slots_used();

	csa_slots_fork_drop();
	if (used <= 1)
		return;
	if (used > COPY_MAX)
		used = COPY_MAX;
	copy.slots = csa_map(used * sizeof(struct cs_slot));
	if (!copy.slots)
		return;
	copy.count = used;
	memcpy(copy.slots, csa_slots, used * sizeof(struct cs_slot));
}

void csa_slots_fork_drop(void)
{
	if (copy.slots)
		csa_unmap(copy.slots, copy.count * sizeof(struct cs_slot));
	copy.slots = NULL;
	copy.count = 0;
}

static void copy_texts(struct cs_slot_table *table, const struct cs_slot_table *parents)
{
	uint32_t count = atomic_load(&parents->text_count);

	memcpy(table->texts, parents->texts, sizeof(table->texts));
	atomic_store(&table->text_count, count);
}

/*
 * The parent's pages must not be written any more, whatever else happens. Where its slots were
 * that are not taken over, tables still lead: there are free ones.
 */
static void forget_parents_slots(uint32_t used)
{
	csa_sys6(SYS_mmap, (long)csa_slots, (long)(slots.max * sizeof(struct cs_slot)), PROT_NONE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	csa_sys3(SYS_mprotect, csa_slots,
	         (used * sizeof(struct cs_slot) + PAGE - 1) & ~(size_t)(PAGE - 1),
	         PROT_READ | PROT_WRITE);
}

/* Behind those that were taken over all are fresh; the free ones are not looked for. */
static uint32_t take_over(void)
{
	uint32_t used = csa_slots_used();

	if (!copy.slots || used <= copy.count)
		return used;
	atomic_store(&slots.fresh, copy.count);
	atomic_store(&slots.free, 0);
	return copy.count;
}

bool csa_slots_fork_open(void)
{
	struct cs_slot_table *parents = slots.table, *table;
	uint32_t used;

	if (!copy.slots) /* a raw clone: what they say now must do */
		csa_slots_fork_copy();
	forget_parents_slots(csa_slots_used());
	used = take_over();
	table = create_file();
	if (table) {
		copy_texts(table, parents);
		while (atomic_load(&table->slot_count) < used + SLACK && add_chunk(table))
			;
	}
	csa_sys2(SYS_munmap, parents, CS_SLOTS_HEADER_BYTES);
	slots.table = table;
	atomic_store(&slots.growing, 0);
	atomic_store(&slots.naming, 0);
	if (!table || atomic_load(&table->slot_count) < used) {
		csa_slots = NULL;
		return false;
	}
	if (copy.slots)
		memcpy(csa_slots, copy.slots, copy.count * sizeof(struct cs_slot));
	csa_slots_fork_drop();
	__atomic_store_n(&table->magic, CS_SLOTS_MAGIC, __ATOMIC_RELEASE);
	return true;
}
