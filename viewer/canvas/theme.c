/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreground colours are chosen to be readable on the terminal's own background; only what
 * must stand out as an area (tabs, selection, flames) brings a background of its own.
 */
#include "canvas/theme.h"

#include <stddef.h>
#include <string.h>

#define D CSV_COLOUR_DEFAULT

/* clang-format off */
static const struct csv_theme dark = {
	.name = "dark",
	.looks = {
		[CSV_ROLE_PLAIN] =      {D, D, D, D, 0, 0},
		[CSV_ROLE_TITLE] =      {81, D, 14, D, CSV_BOLD, CSV_BOLD},
		[CSV_ROLE_TAB] =        {250, 236, 7, 0, 0, 0},
		[CSV_ROLE_TAB_ACTIVE] = {16, 81, 0, 6, CSV_BOLD, CSV_REVERSE},
		[CSV_ROLE_HEADER] =     {16, 108, 0, 2, 0, CSV_REVERSE},
		[CSV_ROLE_SORTED] =     {16, 114, 0, 6, CSV_BOLD, CSV_REVERSE | CSV_BOLD},
		[CSV_ROLE_SELECTED] =   {231, 24, 15, 4, 0, CSV_REVERSE},
		[CSV_ROLE_FAINT] =      {244, D, 8, D, 0, CSV_FAINT},
		[CSV_ROLE_STRONG] =     {D, D, D, D, CSV_BOLD, CSV_BOLD},
		[CSV_ROLE_GOOD] =       {114, D, 10, D, 0, 0},
		[CSV_ROLE_WARN] =       {221, D, 11, D, 0, CSV_BOLD},
		[CSV_ROLE_BAD] =        {203, D, 9, D, CSV_BOLD, CSV_BOLD | CSV_UNDERLINE},
		[CSV_ROLE_KEY] =        {16, 250, 0, 7, 0, CSV_REVERSE},
		[CSV_ROLE_STATUS] =     {252, 236, 7, 0, 0, CSV_REVERSE},
		[CSV_ROLE_MATCH] =      {16, 221, 0, 3, 0, CSV_UNDERLINE | CSV_BOLD},
		[CSV_ROLE_RUNNING] =    {114, D, 10, D, CSV_BOLD, CSV_BOLD},
		[CSV_ROLE_RUNNABLE] =   {221, D, 11, D, 0, 0},
		[CSV_ROLE_WAITING] =    {110, D, 12, D, 0, 0},
		[CSV_ROLE_SYSCALL] =    {176, D, 13, D, 0, 0},
		[CSV_ROLE_CHART_1] =    {110, D, 12, D, 0, 0},
		[CSV_ROLE_CHART_2] =    {114, D, 10, D, 0, 0},
		[CSV_ROLE_CHART_3] =    {221, D, 11, D, 0, 0},
		[CSV_ROLE_CHART_4] =    {203, D, 9, D, 0, 0},
		[CSV_ROLE_FLAME_1] =    {16, 214, 0, 3, 0, CSV_REVERSE},
		[CSV_ROLE_FLAME_2] =    {16, 208, 0, 1, 0, CSV_REVERSE | CSV_FAINT},
		[CSV_ROLE_FLAME_3] =    {16, 220, 0, 3, 0, CSV_REVERSE},
		[CSV_ROLE_FLAME_4] =    {16, 173, 0, 1, 0, CSV_REVERSE | CSV_FAINT},
		[CSV_ROLE_PROMPT] =     {231, 236, 15, 0, 0, CSV_REVERSE},
	},
};

static const struct csv_theme light = {
	.name = "light",
	.looks = {
		[CSV_ROLE_PLAIN] =      {D, D, D, D, 0, 0},
		[CSV_ROLE_TITLE] =      {25, D, 4, D, CSV_BOLD, CSV_BOLD},
		[CSV_ROLE_TAB] =        {238, 254, 0, 7, 0, 0},
		[CSV_ROLE_TAB_ACTIVE] = {231, 25, 15, 4, CSV_BOLD, CSV_REVERSE},
		[CSV_ROLE_HEADER] =     {231, 65, 15, 2, 0, CSV_REVERSE},
		[CSV_ROLE_SORTED] =     {231, 28, 15, 6, CSV_BOLD, CSV_REVERSE | CSV_BOLD},
		[CSV_ROLE_SELECTED] =   {16, 153, 0, 6, 0, CSV_REVERSE},
		[CSV_ROLE_FAINT] =      {244, D, 8, D, 0, CSV_FAINT},
		[CSV_ROLE_STRONG] =     {D, D, D, D, CSV_BOLD, CSV_BOLD},
		[CSV_ROLE_GOOD] =       {28, D, 2, D, 0, 0},
		[CSV_ROLE_WARN] =       {130, D, 3, D, 0, CSV_BOLD},
		[CSV_ROLE_BAD] =        {160, D, 1, D, CSV_BOLD, CSV_BOLD | CSV_UNDERLINE},
		[CSV_ROLE_KEY] =        {231, 240, 15, 0, 0, CSV_REVERSE},
		[CSV_ROLE_STATUS] =     {236, 254, 0, 7, 0, CSV_REVERSE},
		[CSV_ROLE_MATCH] =      {16, 222, 0, 3, 0, CSV_UNDERLINE | CSV_BOLD},
		[CSV_ROLE_RUNNING] =    {28, D, 2, D, CSV_BOLD, CSV_BOLD},
		[CSV_ROLE_RUNNABLE] =   {130, D, 3, D, 0, 0},
		[CSV_ROLE_WAITING] =    {25, D, 4, D, 0, 0},
		[CSV_ROLE_SYSCALL] =    {90, D, 5, D, 0, 0},
		[CSV_ROLE_CHART_1] =    {25, D, 4, D, 0, 0},
		[CSV_ROLE_CHART_2] =    {28, D, 2, D, 0, 0},
		[CSV_ROLE_CHART_3] =    {130, D, 3, D, 0, 0},
		[CSV_ROLE_CHART_4] =    {160, D, 1, D, 0, 0},
		[CSV_ROLE_FLAME_1] =    {16, 216, 0, 3, 0, CSV_REVERSE},
		[CSV_ROLE_FLAME_2] =    {16, 209, 0, 1, 0, CSV_REVERSE | CSV_FAINT},
		[CSV_ROLE_FLAME_3] =    {16, 222, 0, 3, 0, CSV_REVERSE},
		[CSV_ROLE_FLAME_4] =    {16, 180, 0, 1, 0, CSV_REVERSE | CSV_FAINT},
		[CSV_ROLE_PROMPT] =     {16, 254, 0, 7, 0, CSV_REVERSE},
	},
};
/* clang-format on */

const struct csv_theme *const csv_themes[] = {&dark, &light, NULL};

const struct csv_theme *csv_theme_by_name(const char *name)
{
	for (size_t i = 0; csv_themes[i]; i++)
		if (!strcmp(csv_themes[i]->name, name))
			return csv_themes[i];
	return NULL;
}
