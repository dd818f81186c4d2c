/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables behind a switch (switch.h): made with the first coroutine, wiped by fork.
 */
#ifndef CSA_COROUTINE_BOARD_H
#define CSA_COROUTINE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

/* At start: whether coroutines are followed at all. */
void csa_board_want(bool wanted);
bool csa_board_wanted(void);

/*
 * True: there are tables. Made by the first who asks; others wait for it, at most 50 ms and
 * some naps. False for good when they can't be had.
 */
bool csa_board_ready(void);

/* There are SLOTS slots now. */
void csa_board_grow(uint32_t slots);

/* In a forked child: tables of its own, with what they held; at first use, if nobody had any yet,
 * or somebody was at it. */
bool csa_board_forked(void);

#endif
