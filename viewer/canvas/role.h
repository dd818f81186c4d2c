/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles: what a character on the screen is for. Views speak of roles alone; what a role looks
 * like is the theme's business (theme.h), so every view honours every theme and NO_COLOR.
 */
#ifndef CSV_CANVAS_ROLE_H
#define CSV_CANVAS_ROLE_H

enum csv_role {
	CSV_ROLE_PLAIN,
	CSV_ROLE_TITLE,
	CSV_ROLE_TAB,
	CSV_ROLE_TAB_ACTIVE,
	CSV_ROLE_HEADER,
	CSV_ROLE_SORTED, /* the column that the table is sorted by */
	CSV_ROLE_SELECTED,
	CSV_ROLE_FAINT,
	CSV_ROLE_STRONG,
	CSV_ROLE_GOOD,
	CSV_ROLE_WARN,
	CSV_ROLE_BAD,
	CSV_ROLE_KEY,
	CSV_ROLE_STATUS,
	CSV_ROLE_MATCH, /* what the search found */
	CSV_ROLE_RUNNING,
	CSV_ROLE_RUNNABLE,
	CSV_ROLE_WAITING,
	CSV_ROLE_SYSCALL,
	CSV_ROLE_CHART_1,
	CSV_ROLE_CHART_2,
	CSV_ROLE_CHART_3,
	CSV_ROLE_CHART_4,
	CSV_ROLE_FLAME_1,
	CSV_ROLE_FLAME_2,
	CSV_ROLE_FLAME_3,
	CSV_ROLE_FLAME_4,
	CSV_ROLE_PROMPT,
	CSV_ROLES
};

#endif
