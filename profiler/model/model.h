/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model: what is known of a session at one moment of its time. Sources feed it in order
 * of time, the trace writer reads what has changed, snapshots copy it.
 *
 * Everything has a dense id, given in order of appearance and never reused: 0 is "none".
 * Definitions (processes, threads, modules, frames, nodes, cells) are append-only, so "new
 * since" is a comparison of counts. No globals; one thread at a time.
 *
 *   module   a file with code, by build id (or path): shared by all processes that map it
 *   frame    (module, offset) of an instruction, or a mark
 *   node     (parent node, frame): a stack is the path from its node to the root
 *   cell     (process, thread, node, spawn): what heap sums are kept for
 *
 * Coroutines are in coroutine.h, other sums and figures in tally.h.
 */
#ifndef CS_MODEL_MODEL_H
#define CS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/* Objects are counted in 1/65536: a sampled one stands for a fractional number. */
#define CS_OBJECT UINT64_C(65536)

/* A number that nobody has told: not 0, which is one. */
#define CS_UNKNOWN UINT64_MAX

/* frame.module of a frame that lies in no module; offset is then an address … */
#define CS_MODULE_NONE 0u
/* … or, below CS_FRAME_MARKS, one of these: */
enum cs_frame_mark {
	CS_FRAME_CUT_DEPTH = 1,   /* outer frames were left out: the stack was too deep */
	CS_FRAME_CUT_UNKNOWN = 2, /* no way to unwind further was known */
	CS_FRAME_GUESSED = 3,     /* frames outside of it were found by frame pointer alone */
	CS_FRAME_SIGNAL = 4,      /* recorded inside a signal handler: no stack */
	CS_FRAME_LOST = 5,        /* the stack's definition was lost */
	CS_FRAME_KERNEL = 6,      /* innermost: in the kernel, called or interrupted here */
	CS_FRAME_MARKS = 4096
};

struct cs_process {
	uint32_t pid;
	uint32_t parent_pid;
	uint32_t parent;  /* id of the recorded process it was forked from, 0 unknown */
	uint32_t exec_of; /* id of the image that this one replaced by exec, 0 none */
	bool forked;      /* began by fork without exec: inherited its parent's blocks */
	bool ended;
	bool end_seen;            /* its exit handlers ran (else: killed, exec or _exit) */
	bool heap_inexact;        /* events were lost: exact figures are "about" from here on */
	uint64_t heap_mean_bytes; /* 0 no heap, 1 every allocation, else mean sample gap */
	uint64_t start_ns;        /* since the session's start */
	uint64_t end_ns;          /* 0: lives */
	uint64_t boot_ticks;
	char *executable;
	char *arguments; /* joined by spaces; NULL unknown or left out */
	char *refusal;   /* why nothing was recorded of it; NULL: recorded */
	uint64_t lost;   /* events */
	uint64_t emitted;
	uint64_t counters[32]; /* enum cs_agent_counter of the wire, by number */
	uint64_t end_rss_bytes, rss_peak_bytes, brk_bytes, cpu_ns; /* from its exit handlers */
	/* Sums over its cells. */
	uint64_t inuse_bytes, inuse_objects; /* objects in 1/CS_OBJECT */
	uint64_t peak_bytes, peak_objects, peak_ns;
	uint64_t inherited_bytes, inherited_objects; /* live blocks of its parent, since fork */
	uint64_t mapped_bytes;                       /* the program's own anonymous mappings, now */
	uint64_t peak_epoch;
	struct cs_memory *memory; /* last reading, NULL none */
};

/* What the kernel says of a process's memory, by kind (resident bytes); from smaps. */
struct cs_memory {
	uint64_t time_ns;
	uint64_t rss;
	uint64_t files;        /* code and data of files */
	uint64_t stacks;       /* thread stacks */
	uint64_t program_maps; /* anonymous mappings made by the program's own calls */
	uint64_t coroscope;    /* ring and agent */
	uint64_t allocator;    /* the rest: where the allocator keeps blocks and its books */
	uint64_t maps;         /* number of mappings */
};

/* As the kernel tells it, at the last look. */
enum cs_thread_state {
	CS_THREAD_UNKNOWN,
	CS_THREAD_RUNNING, /* on a CPU, or waiting for one */
	CS_THREAD_SLEEPING,
	CS_THREAD_DISK_SLEEP, /* can't be interrupted */
	CS_THREAD_STOPPED,
	CS_THREAD_TRACED, /* stopped by a debugger, or by us at level freeze */
	CS_THREAD_IDLE,
	CS_THREAD_ZOMBIE,
	CS_THREAD_DEAD,
	CS_THREAD_STATES
};
extern const char *const cs_thread_state_names[CS_THREAD_STATES]; /* "?", "running", … */

struct cs_thread {
	uint32_t process;
	uint32_t tid;
	uint64_t start_ns; /* first seen */
	uint64_t end_ns;   /* 0: lives */
	char name[16];
	uint8_t state;                  /* enum cs_thread_state */
	uint32_t coroutine;             /* slot: it runs this one; 0 none or unknown */
	uint64_t cpu_ns;                /* in all; CS_UNKNOWN */
	uint64_t wait_ns;               /* ready to run, and waiting for a CPU; CS_UNKNOWN */
	uint64_t share_ppm;             /* of one CPU, between the last two looks; CS_UNKNOWN */
	uint64_t stack_low, stack_high; /* 0, 0 unknown */
};

struct cs_module {
	char *path;
	uint8_t build_id[32];
	uint32_t build_id_bytes;
};

struct cs_frame {
	uint32_t module;
	uint64_t offset; /* ELF virtual address to look up: for a return address already minus 1 */
};

struct cs_node {
	uint32_t parent; /* 0: outermost */
	uint32_t frame;
};

/*
 * A cell's sums since the start. in use = alloc - free. In sampled processes they are
 * unbiased estimates, and the variances are those of the estimates (0 in exact ones).
 */
struct cs_heap_sum {
	uint64_t alloc_objects; /* in 1/CS_OBJECT */
	uint64_t alloc_bytes;
	uint64_t free_objects;
	uint64_t free_bytes;
	uint64_t temporary_objects; /* in 1/CS_OBJECT */
	uint64_t samples;           /* blocks behind alloc_* */
	uint64_t live_samples;
	double alloc_objects_var, alloc_bytes_var;
	double free_objects_var, free_bytes_var;
};

struct cs_cell {
	uint32_t process;
	uint32_t thread;
	uint32_t node;
	uint32_t spawn; /* node: where the coroutine that allocated was created; 0 none, unknown */
	struct cs_heap_sum sum;
	/* In use when its process was at its peak; valid if peak_epoch is the process's, else
	 * nothing has changed since the peak and it is what is in use now. */
	uint64_t peak_epoch;
	uint64_t peak_objects, peak_bytes, peak_samples;
	double peak_bytes_var, peak_objects_var;
	bool dirty;
};

struct cs_model;

struct cs_model *cs_model_new(void); /* NULL: no memory */
void cs_model_free(struct cs_model *model);

/* ---- definitions: the same key gives the same id. 0: no memory ---- */
uint32_t cs_model_process(struct cs_model *model,
                          const struct cs_process *start); /* always new; strings are copied */
uint32_t cs_model_thread(struct cs_model *model, uint32_t process, uint32_t tid,
                         uint64_t time_ns); /* always new */
uint32_t cs_model_module(struct cs_model *model, const char *path, const uint8_t *build_id,
                         uint32_t build_id_bytes);
uint32_t cs_model_frame(struct cs_model *model, uint32_t module, uint64_t offset);
uint32_t cs_model_node(struct cs_model *model, uint32_t parent, uint32_t frame);
uint32_t cs_model_cell(struct cs_model *model, uint32_t process, uint32_t thread, uint32_t node);
/* The same of allocations by coroutines that were created at the stack SPAWN. */
uint32_t cs_model_spawned_cell(struct cs_model *model, uint32_t process, uint32_t thread,
                               uint32_t node, uint32_t spawn);

/* ---- look-ups; pointers hold until the next definition of that kind ---- */
uint32_t cs_model_process_count(const struct cs_model *model); /* ids are 1..count */
uint32_t cs_model_thread_count(const struct cs_model *model);
uint32_t cs_model_module_count(const struct cs_model *model);
uint32_t cs_model_frame_count(const struct cs_model *model);
uint32_t cs_model_node_count(const struct cs_model *model);
uint32_t cs_model_cell_count(const struct cs_model *model);
struct cs_process *cs_model_process_at(const struct cs_model *model,
                                       uint32_t id); /* NULL: no such id */
struct cs_thread *cs_model_thread_at(const struct cs_model *model, uint32_t id);
const struct cs_module *cs_model_module_at(const struct cs_model *model, uint32_t id);
const struct cs_frame *cs_model_frame_at(const struct cs_model *model, uint32_t id);
const struct cs_node *cs_model_node_at(const struct cs_model *model, uint32_t id);
struct cs_cell *cs_model_cell_at(const struct cs_model *model, uint32_t id);

/* ---- changes of what may change: marks it dirty for the trace writer ---- */
void cs_model_process_changed(struct cs_model *model, uint32_t process);
void cs_model_thread_changed(struct cs_model *model, uint32_t thread);

/*
 * Adds to a cell: the one way by which heap sums change. Keeps the process's in-use total
 * and, before the change, what the cell held at the process's peak. A negative total (a
 * loss, or a damaged trace) is held at 0.
 */
void cs_model_heap_alloc(struct cs_model *model, uint32_t cell, uint64_t bytes, uint64_t objects,
                         double bytes_var, double objects_var);
void cs_model_heap_free(struct cs_model *model, uint32_t cell, uint64_t bytes, uint64_t objects,
                        double bytes_var, double objects_var, bool temporary);

/* The present becomes the peak if it is higher; O(1). Call after the allocs of one moment. */
void cs_model_heap_peak(struct cs_model *model, uint32_t process, uint64_t time_ns);

/* ---- what has changed since the last time this was asked; each clears its list. VISIT sees
 * every id once and must not change the model ---- */
typedef void cs_model_visit(void *context, uint32_t id);
void cs_model_take_dirty_cells(struct cs_model *model, cs_model_visit *visit, void *context);
void cs_model_take_dirty_processes(struct cs_model *model, cs_model_visit *visit, void *context);
void cs_model_take_dirty_threads(struct cs_model *model, cs_model_visit *visit, void *context);

/* Time of the last event, ns since the session's start. */
uint64_t cs_model_now(const struct cs_model *model);
void cs_model_set_now(struct cs_model *model, uint64_t time_ns);

#endif
