/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of what is interposed where it is there; what always is stands in agent.map.
 */
#include "coroutine/fcontext.h"
#include "coroutine/fiber.h"
#include "coroutine/gccgo.h"
#include "coroutine/hooks.h"
#include "coroutine/pth.h"
#include "coroutine/st.h"

/* X(a name for C, the symbol, what holds the real one) */
#define FCONTEXT(X)                                                   \
	X(fcontext_jump, "jump_fcontext", &csa_fcontext_real.jump)    \
	X(fcontext_ontop, "ontop_fcontext", &csa_fcontext_real.ontop) \
	X(fcontext_make, "make_fcontext", &csa_fcontext_real.make)

#define ST(X)                                                          \
	X(st_init, "st_init", &csa_st_real.init)                       \
	X(st_create, "st_thread_create", &csa_st_real.create)          \
	X(st_exit, "st_thread_exit", &csa_st_real.exit)                \
	X(st_signal, "st_cond_signal", &csa_st_real.signal)            \
	X(st_broadcast, "st_cond_broadcast", &csa_st_real.broadcast)   \
	X(st_unlock, "st_mutex_unlock", &csa_st_real.unlock)           \
	X(st_interrupt, "st_thread_interrupt", &csa_st_real.interrupt) \
	X(st_set_in, "st_set_switch_in_cb", &csa_st_real.set_in)       \
	X(st_set_out, "st_set_switch_out_cb", &csa_st_real.set_out)

#define PTH(X)                                                       \
	X(pth_spawn, "pth_spawn", &csa_pth_real.spawn)               \
	X(pth_wait, "pth_wait", &csa_pth_real.wait)                  \
	X(pth_yield, "pth_yield", &csa_pth_real.yield)               \
	X(pth_exit, "pth_exit", &csa_pth_real.exit)                  \
	X(pth_attribute, "__pth_attr_ctrl", &csa_pth_real.attribute) \
	X(pth_insert, "__pth_pqueue_insert", &csa_pth_real.insert)   \
	X(pth_free, "__pth_tcb_free", &csa_pth_real.free)

#define LUA(X)                                      \
	X(lua_resume, "lua_resume", NULL)           \
	X(lua_newthread, "lua_newthread", NULL)     \
	X(lua_resetthread, "lua_resetthread", NULL) \
	X(lua_closethread, "lua_closethread", NULL)

#define GCCGO(X)                                                                                  \
	X(gccgo_go, "__go_go", &csa_gccgo_real[CSA_GCCGO_GO])                                     \
	X(gccgo_makecontext, "__go_makecontext", &csa_gccgo_real[CSA_GCCGO_MAKECONTEXT])          \
	X(gccgo_setcontext, "__go_setcontext", &csa_gccgo_real[CSA_GCCGO_SETCONTEXT])             \
	X(gccgo_make_g, "runtime.makeGContext", &csa_gccgo_real[CSA_GCCGO_MAKE_G])                \
	X(gccgo_mcall, "runtime.mcall", &csa_gccgo_real[CSA_GCCGO_MCALL])                         \
	X(gccgo_park, "runtime.gopark", &csa_gccgo_real[CSA_GCCGO_PARK])                          \
	X(gccgo_ready, "runtime.ready", &csa_gccgo_real[CSA_GCCGO_READY])                         \
	X(gccgo_exit, "runtime.goexit1", &csa_gccgo_real[CSA_GCCGO_EXIT])                         \
	X(gccgo_scan, "runtime.doscanstackswitch", &csa_gccgo_real[CSA_GCCGO_SCAN])               \
	X(gccgo_traceback, "runtime.getTraceback", &csa_gccgo_real[CSA_GCCGO_TRACEBACK])          \
	X(gccgo_enter, "runtime.entersyscall", &csa_gccgo_real[CSA_GCCGO_ENTER])                  \
	X(gccgo_enter_block, "runtime.entersyscallblock", &csa_gccgo_real[CSA_GCCGO_ENTER_BLOCK]) \
	X(gccgo_leave, "runtime.exitsyscall", &csa_gccgo_real[CSA_GCCGO_LEAVE])

#define HIDDEN __attribute__((visibility("hidden")))

/* ---- ours, by their symbols ---- */

#define X(id, symbol, real) extern const char entry_##id __asm__(symbol) HIDDEN;
FCONTEXT(X)
ST(X)
PTH(X)
LUA(X)
GCCGO(X)
#undef X
#define X(function, reason) extern const char entry_##function __asm__(#function) HIDDEN;
CSA_ST_WAITS(X)
#undef X
#define X(member, symbol, hook) extern const char entry_fiber_##member __asm__(symbol) HIDDEN;
CSA_FIBER_FUNCTIONS(X)
#undef X

/* ---- the table ---- */

#define ROW(id, symbol, mark, real) {symbol, mark, (void *)&entry_##id, (void *const *)(real)},

const struct csa_hook csa_hooks[] = {
#define X(id, symbol, real) ROW(id, symbol, "make_fcontext", real)
	FCONTEXT(X)
#undef X
#define X(id, symbol, real) ROW(id, symbol, "st_thread_create", real)
		ST(X)
#undef X
#define X(function, reason) ROW(function, #function, "st_thread_create", &csa_st_real.function)
			CSA_ST_WAITS(X)
#undef X
#define X(id, symbol, real) ROW(id, symbol, "pth_spawn", real)
				PTH(X)
#undef X
#define X(id, symbol, real) ROW(id, symbol, "lua_newthread", real)
					LUA(X)
#undef X
#define X(id, symbol, real) ROW(id, symbol, "__go_go", real)
						GCCGO(X)
#undef X
#define X(member, symbol, hook) \
	ROW(fiber_##member, symbol, CSA_FIBER_CONTEXT "6activeEv", &csa_fiber_real.member)
							CSA_FIBER_FUNCTIONS(X)
#undef X
};

const size_t csa_hook_count = sizeof(csa_hooks) / sizeof(*csa_hooks);
