/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines in the model: what is known of each at the model's time, whoever told it.
 *
 * A coroutine is (process, runtime, number) and never the thread it runs on. Its id is a slot:
 * dense, and used again when a coroutine has ended, is written, and holds no heap any more;
 * so memory grows with what is live. What outlives a coroutine is its spawn stack, which is a
 * node of the model.
 *
 * Two kinds of sources tell of coroutines. Reporting ones (the agent) see every event: times
 * are exact. Observing ones (readers of a process's memory) see what is at a time: a birth lies
 * between two looks, and `created_after_ns` < `created_ns` say which. Absent knowledge is
 * CS_UNKNOWN (numbers), 0 (ids) or NULL (texts), never a guess. Times may lie before the
 * session's start: they are then negative, in 64 bits, and differences are right.
 */
#ifndef CS_MODEL_COROUTINE_H
#define CS_MODEL_COROUTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"
#include "model/texts.h"

enum cs_coroutine_state {
	CS_COROUTINE_UNKNOWN,
	CS_COROUTINE_NEW, /* created, has never run */
	CS_COROUTINE_RUNNABLE,
	CS_COROUTINE_RUNNING,
	CS_COROUTINE_WAITING,
	CS_COROUTINE_SYSCALL,
	CS_COROUTINE_DEAD,
	CS_COROUTINE_STATES
};
extern const char *const cs_coroutine_state_names[CS_COROUTINE_STATES]; /* cli.md; "?" first */

enum cs_coroutine_flag {
	CS_COROUTINE_SYSTEM = 1u << 0, /* the runtime's own: hidden by default */
	CS_COROUTINE_LOCKED = 1u << 1, /* to its thread */
	CS_COROUTINE_CGO = 1u << 2,    /* in foreign code called from its runtime */
	CS_COROUTINE_UNSTABLE = 1u
	                        << 3, /* changed while it was read: no stack, state as last seen */
	CS_COROUTINE_OBSERVED = 1u << 4, /* times are those of looks, not of events */
	CS_COROUTINE_SHARED_STACK =
		1u << 5,               /* its stack is copied in and out: bounds are not its own */
	CS_COROUTINE_LEAKED = 1u << 6, /* the runtime's own verdict */
	CS_COROUTINE_STACK_CUT = 1u << 7, /* unwinding stopped before the outermost frame */
	CS_COROUTINE_STACK_SAMPLED =
		1u << 8,             /* the stack is where it was last seen, not where it is */
	CS_COROUTINE_HEAP = 1u << 9, /* heap figures are kept for it: without, they are unknown */
	/* Known by its stack alone: nobody tells when it is switched to, and not how long it ran. */
	CS_COROUTINE_UNTOLD = 1u << 10,
	CS_COROUTINE_GUESSED = 1u << 11, /* UNTOLD, and what is taken for its stack is a guess */
};

/* What of its heap a coroutine allocated; freed by whomever. As struct cs_heap_sum. */
struct cs_coroutine_heap {
	uint64_t inuse_bytes, inuse_objects; /* objects in 1/CS_OBJECT */
	uint64_t alloc_bytes, alloc_objects;
	uint64_t live_samples; /* blocks behind inuse_*; the slot is kept while > 0 */
	uint64_t samples;
	double inuse_bytes_var, inuse_objects_var;
	double alloc_bytes_var, alloc_objects_var;
};

struct cs_coroutine {
	uint32_t process;
	uint32_t runtime; /* id of cs_model_runtime */
	uint64_t number;  /* the runtime's own, else a counter from 1 */
	uint32_t parent_runtime;
	uint32_t thread;        /* it runs on, or is locked to; 0 none or unknown */
	uint64_t parent_number; /* 0 with parent_runtime 0: unknown, or nobody */
	uint8_t state;          /* enum cs_coroutine_state */
	uint8_t wait_class;     /* free for a source to keep something small; not shown */
	uint16_t flags;         /* enum cs_coroutine_flag */
	uint32_t reason;        /* of waiting: id of cs_model_text; 0 none or unknown */
	uint32_t spawn;         /* node: the stack that created it; 0 unknown */
	uint32_t stack;         /* node: where it is; 0 unknown */
	uint32_t entry;         /* frame: its entry function; 0 unknown */
	uint64_t created_after_ns, created_ns; /* equal: exact; CS_UNKNOWN: before we looked */
	uint64_t since_after_ns, since_ns;     /* it is in this state since then; likewise */
	uint64_t observed_ns;                  /* when state and stack were seen */
	uint64_t stack_ns;                     /* with STACK_SAMPLED: when the stack was seen */
	uint64_t ended_ns;                     /* 0: lives */
	uint64_t switches;                     /* times it was switched to */
	uint64_t cpu_ns;                       /* time it ran, in all */
	uint64_t wait_ns;                    /* time it waited, in all, without the present wait */
	uint64_t stack_low, stack_high;      /* its stack; 0, 0 unknown */
	uint64_t stack_used;                 /* bytes from its stack pointer to stack_high */
	uint64_t stack_resident, stack_peak; /* bytes that are resident; high-water mark */
	struct cs_coroutine_heap *heap;      /* owned; NULL and CS_COROUTINE_HEAP: all 0 */
	char *name;                          /* NULL none; owned */
	char *labels;                        /* "key=value" joined by '\n'; NULL none; owned */
};

/*
 * The living coroutine (process, runtime, number); a new one when there is none, with every
 * field unknown. 0: no memory, or process or runtime are not there. Pointers from _at hold
 * until the slot is given back; NULL: nobody lives in that slot.
 */
uint32_t cs_model_coroutine(struct cs_model *model, uint32_t process, uint32_t runtime,
                            uint64_t number);
/* The same without making one. 0: there is none that lives. */
uint32_t cs_model_coroutine_find(struct cs_model *model, uint32_t process, uint32_t runtime,
                                 uint64_t number);
uint32_t cs_model_coroutine_slots(const struct cs_model *model); /* ids are 1..slots, with holes */
struct cs_coroutine *cs_model_coroutine_at(const struct cs_model *model, uint32_t id);

/*
 * ID allocated at TIME_NS, on the stack NODE: where it was last seen, unless it is known where it
 * is. ID 0 does nothing. Its allocation marks it for the trace writer.
 */
void cs_model_coroutine_seen(struct cs_model *model, uint32_t id, uint32_t node, uint64_t time_ns);

/* After fields were changed: marks it for the trace writer. */
void cs_model_coroutine_changed(struct cs_model *model, uint32_t id);
/* Copies the text (NULL: none); an equal one changes nothing. 0 or -ENOMEM. */
int cs_model_coroutine_set_name(struct cs_model *model, uint32_t id, const char *name);
int cs_model_coroutine_set_labels(struct cs_model *model, uint32_t id, const char *labels);

/*
 * It has ended. It stays in its slot, DEAD, and can't be found by key any more; the next
 * cs_model_sweep_coroutines() gives the slot back unless heap blocks still refer to it.
 */
void cs_model_coroutine_end(struct cs_model *model, uint32_t id, uint64_t time_ns);
/* Once a tick. cs_trace_write_tick() does it, after it has taken what was dirty. */
void cs_model_sweep_coroutines(struct cs_model *model);
/* Gives all of them back, ended or not: for a model that is kept for its heap alone. */
void cs_model_forget_coroutines(struct cs_model *model);
/* How many live in PROCESS; 0 of a process that is not there. */
uint32_t cs_model_coroutines_alive(const struct cs_model *model, uint32_t process);

/*
 * Heap of a coroutine: called beside cs_model_heap_alloc/free of the cell. ID 0 does nothing.
 * Sets CS_COROUTINE_HEAP; a source that keeps heaps sets it when it makes the coroutine.
 */
void cs_model_coroutine_alloc(struct cs_model *model, uint32_t id, uint64_t bytes, uint64_t objects,
                              double bytes_var, double objects_var);
void cs_model_coroutine_free(struct cs_model *model, uint32_t id, uint64_t bytes, uint64_t objects,
                             double bytes_var, double objects_var);
/* A free was taken back: the realloc failed. */
void cs_model_coroutine_unfree(struct cs_model *model, uint32_t id, uint64_t bytes,
                               uint64_t objects, double bytes_var, double objects_var);

/* Ids of slots that changed, ended or were made since this was last asked; VISIT sees each once. */
void cs_model_take_dirty_coroutines(struct cs_model *model, cs_model_visit *visit, void *context);

#endif
