/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -Wl,--no-as-needed -lst -lboost_context -ldl -Wl,-z,now */
/* probes, where two of the runtimes are there from the start. */
#include "probes.c"
