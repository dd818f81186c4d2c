/* SPDX-License-Identifier: Apache-2.0 */
/* For dlopen.c: allocates in its constructor and destructor. libplug_b is its twin. */
#include <stdlib.h>

#ifndef PLUG
#define PLUG a
#endif
#define JOIN2(x, y) x##y
#define JOIN(x, y) JOIN2(x, y)

static void *mine;

__attribute__((noinline)) void *JOIN(site_plug_, PLUG)(size_t bytes)
{
	return malloc(bytes);
}

__attribute__((constructor)) static void on_load(void)
{
	mine = JOIN(site_plug_, PLUG)(500);
}

__attribute__((destructor)) static void on_unload(void)
{
	free(mine);
}

/* Allocates by its own function, and frees what others allocated. */
void *plug_work(void *theirs)
{
	free(theirs);
	return JOIN(site_plug_, PLUG)(1000);
}
