#include "src/recipe/def_known.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "src/base/near.h"

/* clang-format off */
static const char *const keys[] = {
	"bootstrap", "from", "includecmd", "mirrorurl", "updateurl", "osversion", "include",
	"library", "registry", "namespace", "stage", "product", "user", "regcode", "productpgp",
	"registerurl", "modules", "fingerprints", "setopt", "confurl", "target", "frontend",
	"filename", "buildargs",
};

static const struct def_section sections[] = {
	{ "%help",        SECTION_SCRIPT, DEF_HELP, 0 },
	{ "%pre",         SECTION_SCRIPT, DEF_PRE, 0 },
	{ "%setup",       SECTION_SCRIPT, DEF_SETUP, 0 },
	{ "%post",        SECTION_SCRIPT, DEF_POST, 0 },
	{ "%environment", SECTION_SCRIPT, DEF_ENVIRONMENT, 0 },
	{ "%runscript",   SECTION_SCRIPT, DEF_RUNSCRIPT, 0 },
	{ "%startscript", SECTION_SCRIPT, DEF_STARTSCRIPT, 0 },
	{ "%test",        SECTION_SCRIPT, DEF_TEST, 0 },
	{ "%labels",      SECTION_LABELS, 0, 0 },
	{ "%files",       SECTION_FILES, 0, 0 },
	{ "%arguments",   SECTION_ARGUMENTS, 0, 0 },
	{ "%appinstall",  SECTION_APP_TEXT, 0, offsetof(struct def_app, install) },
	{ "%appenv",      SECTION_APP_TEXT, 0, offsetof(struct def_app, env) },
	{ "%apphelp",     SECTION_APP_TEXT, 0, offsetof(struct def_app, help) },
	{ "%apprun",      SECTION_APP_TEXT, 0, offsetof(struct def_app, run) },
	{ "%appstart",    SECTION_APP_TEXT, 0, offsetof(struct def_app, start) },
	{ "%apptest",     SECTION_APP_TEXT, 0, offsetof(struct def_app, test) },
	{ "%applabels",   SECTION_APP_LABELS, 0, 0 },
	{ "%appfiles",    SECTION_APP_FILES, 0, 0 },
};

/* What each agent cannot do without. */
static const struct {
	const char *name;
	const char *needs[2];
} agents[] = {
	{ "docker",         { "from" } },
	{ "docker-archive", { "from" } },
	{ "docker-daemon",  { "from" } },
	{ "oci",            { "from" } },
	{ "oci-archive",    { "from" } },
	{ "oras",           { "from" } },
	{ "library",        { "from" } },
	{ "shub",           { "from" } },
	{ "localimage",     { "from" } },
	{ "buildkit",       { "from" } },
	{ "dockerfile",     { "from" } },
	{ "scratch",        { NULL } },
	{ "busybox",        { NULL } },
	{ "debootstrap",    { "mirrorurl", "osversion" } },
	{ "yum",            { "mirrorurl" } },
	{ "dnf",            { "mirrorurl" } },
	{ "zypper",         { NULL } },
	{ "arch",           { NULL } },
};
/* clang-format on */

const struct def_section *def_section_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (!strcmp(sections[i].name, name))
			return &sections[i];
	return NULL;
}

static void add_hint(struct buf *out, const char *word)
{
	if (word)
		buf_printf(out, " (did you mean %s?)", word);
}

void def_section_hint(const char *name, struct buf *out)
{
	const char *names[ARRAY_LEN(sections)];

	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		names[i] = sections[i].name;
	add_hint(out, near_word(name, names, ARRAY_LEN(names)));
}

static bool is_numbered(const char *key, const char *stem)
{
	const char *p = key + strlen(stem);

	if (!str_has_prefix(key, stem) || !*p)
		return false;
	while (isdigit((unsigned char)*p))
		p++;
	return !*p;
}

bool def_key_is_known(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i], key))
			return true;
	return is_numbered(key, "otherurl") || is_numbered(key, "mirrorurl");
}

void def_key_hint(const char *key, struct buf *out)
{
	add_hint(out, near_word(key, keys, ARRAY_LEN(keys)));
}

int def_agent_check(const struct def_stage *s, struct err *e)
{
	const char *agent = def_header(s, "bootstrap");
	const char *names[ARRAY_LEN(agents)];
	auto_buf struct buf hint = { 0 };

	if (!agent || !*agent)
		return err_set(e, ERR_INPUT,
			       "there is no Bootstrap: line; it says what the image starts "
			       "from, as \"Bootstrap: docker\" with \"From: debian:12\"");
	for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
		names[i] = agents[i].name;
		if (strcmp(agent, agents[i].name) != 0)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(agents[i].needs) && agents[i].needs[k]; k++) {
			const char *v = def_header(s, agents[i].needs[k]);

			if (!v || !*v)
				return err_set(e, ERR_INPUT,
					       "Bootstrap: %s needs a line \"%c%s: ...\"", agent,
					       toupper((unsigned char)agents[i].needs[k][0]),
					       agents[i].needs[k] + 1);
		}
		return 0;
	}
	add_hint(&hint, near_word(agent, names, ARRAY_LEN(names)));
	return err_set(e, ERR_INPUT, "unknown bootstrap agent \"%.100s\"%s", agent, buf_str(&hint));
}
