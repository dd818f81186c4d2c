/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The views in the order of their tabs.
 */
#include "view/view.h"

#include <stdio.h>

const struct csv_view *const csv_views[] = {
	&csv_view_coroutines, &csv_view_threads,  &csv_view_heap, &csv_view_stacks,
	&csv_view_scheduler,  &csv_view_timeline, NULL,
};

void csv_view_names(char *text, size_t bytes)
{
	size_t used = 0;

	text[0] = 0;
	for (int i = 0; csv_views[i] && used < bytes; i++)
		used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? ", " : "",
		                         csv_views[i]->name);
}
