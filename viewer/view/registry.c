/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The views in the order of their tabs.
 */
#include "view/view.h"

const struct csv_view *const csv_views[] = {
	&csv_view_coroutines, &csv_view_threads,  &csv_view_heap, &csv_view_stacks,
	&csv_view_scheduler,  &csv_view_timeline, NULL,
};
