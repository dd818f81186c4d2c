/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The observer of native programs that are being recorded: what the recorder has written so
 * far, brought up to this moment from the table of coroutines and their stacks.
 */
#ifndef CS_SOURCE_NATIVE_H
#define CS_SOURCE_NATIVE_H

#include "source/observe.h"

extern const struct cs_observer cs_native_observer;

#endif
