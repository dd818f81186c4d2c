/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared state of a session, as the reader uses it: it sleeps at the doorbell and tells
 * waiting agents of its progress. Agents can write to that memory and cut it: nothing here
 * depends on what it holds, a wrong value costs a nap that is too short or too long.
 */
#ifndef CS_SOURCE_DOORBELL_H
#define CS_SOURCE_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/session.h"

/* Space has been freed in some lane. */
void cs_doorbell_progress(struct cs_session *session);

/* Tells agents the present, for times that need not be exact. NULL: nobody is told. */
void cs_doorbell_present(struct cs_session *session);

/*
 * Sleeps until an agent rings or NS have gone by or a signal comes. BUSY is asked once more
 * after agents can see that we sleep: true, and we don't.
 */
void cs_doorbell_sleep(struct cs_session *session, uint64_t ns, bool (*busy)(void *context),
                       void *context);

#endif
