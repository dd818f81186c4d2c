/* SPDX-License-Identifier: Apache-2.0 */
/* One table of settings. The first line that is wrong ends the reading: its number is told. */
#include "app/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/view.h"

void csv_config_default(struct csv_config *config)
{
	memset(config, 0, sizeof(*config));
	config->theme = csv_themes[0];
	config->mouse = true;
	csv_keymap_default(&config->keymap);
}

void csv_config_path(char *path, unsigned bytes)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	path[0] = 0;
	if (config && config[0] == '/')
		snprintf(path, bytes, "%s/coroscope/top.conf", config);
	else if (home && home[0] == '/')
		snprintf(path, bytes, "%s/.config/coroscope/top.conf", home);
}

static int set_theme(struct csv_config *config, const char *value, struct cs_diag *diag)
{
	const struct csv_theme *theme = csv_theme_by_name(value);

	if (!theme) {
		cs_diag_set(diag, -EINVAL, "there is no theme '%s'", value);
		return cs_diag_hint(diag, "themes: dark, light");
	}
	config->theme = theme;
	return 0;
}

static int set_view(struct csv_config *config, const char *value, struct cs_diag *diag)
{
	char names[128];

	for (int i = 0; csv_views[i]; i++) {
		if (!strcmp(csv_views[i]->name, value)) {
			snprintf(config->view, sizeof(config->view), "%s", value);
			return 0;
		}
	}
	csv_view_names(names, sizeof(names));
	cs_diag_set(diag, -EINVAL, "there is no view '%s'", value);
	return cs_diag_hint(diag, "views: %s", names);
}

static int set_mouse(struct csv_config *config, const char *value, struct cs_diag *diag)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return cs_diag_set(diag, -EINVAL, "mouse is yes or no, not '%s'", value);
	config->mouse = value[0] == 'y';
	return 0;
}

static int set_clipboard(struct csv_config *config, const char *value, struct cs_diag *diag)
{
	static const char *const names[] = {"auto", "yes", "no"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(names[i], value) != 0)
			continue;
		config->clipboard = (enum csv_clipboard)i;
		return 0;
	}
	return cs_diag_set(diag, -EINVAL, "clipboard is yes, no or auto, not '%s'", value);
}

static int refuse_action(const char *name, struct cs_diag *diag)
{
	cs_diag_set(diag, -EINVAL, "there is no action '%s'", name);
	return cs_diag_hint(diag, "? in the view lists keys, what they do, and their actions");
}

static int set_key(struct csv_config *config, const char *name, const char *value,
                   struct cs_diag *diag)
{
	enum csv_action action = csv_action_by_name(name);

	if (!action)
		return refuse_action(name, diag);
	return csv_keymap_bind(&config->keymap, action, value, diag);
}

static const struct {
	const char *name;
	int (*set)(struct csv_config *config, const char *value, struct cs_diag *diag);
} settings[] = {{"theme", set_theme},
                {"view", set_view},
                {"mouse", set_mouse},
                {"clipboard", set_clipboard}};

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length && strchr(" \t\r\n", text[length - 1]))
		text[--length] = 0;
	return text;
}

static int set(struct csv_config *config, char *line, struct cs_diag *diag)
{
	char *equals = strchr(line, '=');
	char *name, *value;

	if (!equals)
		return cs_diag_set(diag, -EINVAL, "'=' is missing");
	*equals = 0;
	name = trim(line);
	value = trim(equals + 1);
	if (!strncmp(name, "key ", 4))
		return set_key(config, trim(name + 4), value, diag);
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (!strcmp(settings[i].name, name))
			return settings[i].set(config, value, diag);
	cs_diag_set(diag, -EINVAL, "there is no setting '%s'", name);
	return cs_diag_hint(diag, "settings: theme, view, mouse, clipboard, key ACTION");
}

int csv_config_read(struct csv_config *config, const char *path, struct cs_diag *diag)
{
	FILE *file = fopen(path, "re");
	char line[512];
	int error = 0, number = 0;

	if (!file)
		return errno == ENOENT || errno == ENOTDIR
		               ? 0
		               : cs_diag_set(diag, -errno, "read %s: %s", path, strerror(errno));
	while (!error && fgets(line, sizeof(line), file)) {
		char *text = trim(line);
		struct cs_diag why = {0};

		number++;
		if (!text[0] || text[0] == '#')
			continue;
		error = set(config, text, &why);
		if (error) {
			cs_diag_set(diag, error, "read %s, line %d: %.300s", path, number,
			            why.text);
			if (why.hint[0])
				cs_diag_hint(diag, "%s", why.hint);
		}
	}
	fclose(file);
	return error;
}
