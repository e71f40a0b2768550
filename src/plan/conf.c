#include "src/plan/conf.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/near.h"
#include "src/plan/bind.h"

#define LINE_MAX_LEN 65536

enum kind { YESNO, WORD, NUMBER, LIST, PATHS, BINDS, KEYS };

/* clang-format off */
static const struct key {
	const char *name;
	enum kind kind;
	const char *preset;
	bool policy;	   /* what the site says holds, locked or not */
	const char *words; /* of a WORD */
} keys[CONF_KEYS] = {
	[CONF_ALLOW_USER_NS]      = { "allow user ns", YESNO, "yes", true, NULL },
	[CONF_ALLOW_PID_NS]       = { "allow pid ns", YESNO, "yes", true, NULL },
	[CONF_ALLOW_IPC_NS]       = { "allow ipc ns", YESNO, "yes", true, NULL },
	[CONF_ALLOW_UTS_NS]       = { "allow uts ns", YESNO, "yes", true, NULL },
	[CONF_CONFIG_PASSWD]      = { "config passwd", YESNO, "yes", false, NULL },
	[CONF_CONFIG_GROUP]       = { "config group", YESNO, "yes", false, NULL },
	[CONF_CONFIG_RESOLV_CONF] = { "config resolv_conf", YESNO, "yes", false, NULL },
	[CONF_MOUNT_PROC]         = { "mount proc", YESNO, "yes", false, NULL },
	[CONF_MOUNT_SYS]          = { "mount sys", YESNO, "yes", false, NULL },
	[CONF_MOUNT_DEV]          = { "mount dev", WORD, "yes", false, "yes,no,minimal" },
	[CONF_MOUNT_DEVPTS]       = { "mount devpts", YESNO, "yes", false, NULL },
	[CONF_MOUNT_HOME]         = { "mount home", YESNO, "yes", false, NULL },
	[CONF_MOUNT_TMP]          = { "mount tmp", YESNO, "yes", false, NULL },
	[CONF_BIND_PATH]          = { "bind path", BINDS, "", false, NULL },
	[CONF_USER_BIND_CONTROL]  = { "user bind control", YESNO, "yes", true, NULL },
	[CONF_ENABLE_OVERLAY]     = { "enable overlay", WORD, "yes", true, "yes,no,try,driver" },
	[CONF_SESSIONDIR_MAX_SIZE] = { "sessiondir max size", NUMBER, "", false, NULL },
	[CONF_LIMIT_PATHS]        = { "limit container paths", PATHS, "", true, NULL },
	[CONF_LIMIT_OWNERS]       = { "limit container owners", LIST, "", true, NULL },
	[CONF_LIMIT_GROUPS]       = { "limit container groups", LIST, "", true, NULL },
	[CONF_ALLOW_SIF]          = { "allow container sif", YESNO, "yes", true, NULL },
	[CONF_ALLOW_SQUASHFS]     = { "allow container squashfs", YESNO, "yes", true, NULL },
	[CONF_ALLOW_DIR]          = { "allow container dir", YESNO, "yes", true, NULL },
	[CONF_ALLOW_EXTFS]        = { "allow container extfs", YESNO, "yes", true, NULL },
	[CONF_ALWAYS_NV]          = { "always use nv", YESNO, "no", false, NULL },
	[CONF_ALWAYS_ROCM]        = { "always use rocm", YESNO, "no", false, NULL },
	[CONF_VERIFY_KEY]         = { "verify key", KEYS, "", true, NULL },
	[CONF_DOWNLOADS]          = { "download concurrency", NUMBER, "", false, NULL },
};
/* clang-format on */

/* Of other engines: setuid programs, loop devices, helper programs, networks that root makes.  A
 * file that is handed over as it is has them, and nothing is missing without them. */
static const char *const foreign[] = {
	"allow setuid",
	"allow container encrypted",
	"allow setuid-mount encrypted",
	"allow setuid-mount squashfs",
	"allow setuid-mount extfs",
	"allow kernel squashfs",
	"allow kernel extfs",
	"sync writable extfs",
	"mount hostfs",
	"mount slave",
	"enable fusemount",
	"enable underlay",
	"use nvidia-container-cli",
	"max loop devices",
	"shared loop devices",
	"memory fs type",
	"root default capabilities",
	"allow net users",
	"allow net groups",
	"allow net networks",
	"allow netns paths",
	"cni configuration path",
	"cni plugin path",
	"mksquashfs procs",
	"mksquashfs mem",
	"mksquashfs path",
	"download part size",
	"download buffer size",
	"systemd cgroups",
	"binary path",
	"image driver",
	"apptheus communication socket path",
	"allow monitoring",
	"cryptsetup path",
	"go path",
	"ldconfig path",
	"unsquashfs path",
	"nvidia-container-cli path",
	"root search path",
	"user search path",
	"sif fuse",
	"oci mode",
	"tmp sandbox",
	"autofs bug path",
};

/* One line while it is read. */
struct line {
	struct conf *c;
	enum conf_level level;
	const char *file;
	unsigned number;
	struct strv *notes;
};

void conf_fini(struct conf *c)
{
	for (size_t i = 0; i < CONF_KEYS; i++) {
		free(c->v[i].word);
		strv_fini(&c->v[i].list);
	}
	for (size_t i = 0; i < CONF_LEVELS; i++)
		free(c->file[i]);
	*c = (struct conf){ 0 };
}

static bool is_list(enum conf_key k)
{
	return keys[k].kind >= LIST;
}

/* CONF_KEYS when there is none. */
static enum conf_key key_find(const char *name)
{
	enum conf_key k = 0;

	while (k < CONF_KEYS && strcmp(keys[k].name, name))
		k++;
	return k;
}

static bool is_foreign(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		if (!strcmp(foreign[i], name))
			return true;
	return false;
}

/* ' (did you mean "..."?)', or nothing.  Heap string. */
static char *meant(const char *name)
{
	const char *names[CONF_KEYS + 1];
	const char *near;

	for (size_t i = 0; i < CONF_KEYS; i++)
		names[i] = keys[i].name;
	names[CONF_KEYS] = "lock";
	near = near_word(name, names, ARRAY_LEN(names));
	return near ? xasprintf(" (did you mean \"%s\"?)", near) : xstrdup("");
}

static bool is_space(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

/* Lower case, one blank between words: " Mount  Home " is "mount home".  Heap string. */
static char *key_name(const char *s, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++) {
		char ch = s[i];

		if (is_space(ch))
			ch = ' ';
		if (ch == ' ' && (!b.len || b.data[b.len - 1] == ' '))
			continue;
		buf_addch(&b, ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch);
	}
	while (b.len && b.data[b.len - 1] == ' ')
		b.data[--b.len] = '\0';
	return b.len ? buf_take(&b) : xstrdup("");
}

/* s[0..n) without blanks at its ends.  Heap string. */
static char *trimmed(const char *s, size_t n)
{
	while (n && is_space(*s))
		s++, n--;
	while (n && is_space(s[n - 1]))
		n--;
	return xstrndup(s, n);
}

static void list_split(struct strv *out, const char *value)
{
	for (const char *p = value; *p;) {
		size_t n = strcspn(p, ",");
		char *item = trimmed(p, n);

		if (*item)
			strv_take(out, item);
		else
			free(item);
		p += n + (p[n] == ',');
	}
}

static bool word_in(const char *words, const char *value)
{
	auto_strv struct strv list = { 0 };

	strv_split(&list, words, ',');
	return strv_has(&list, value);
}

static int value_check(const struct line *l, enum conf_key k, const char *value, struct err *e)
{
	const struct key *key = &keys[k];
	const char *words = key->kind == YESNO ? "yes,no" : key->words;

	if (words && !word_in(words, value))
		return err_set(e, ERR_USAGE, "%s:%u: %s = %s: it is one of %s", l->file, l->number,
			       key->name, value, words);
	if (key->kind == NUMBER &&
	    (!*value || value[strspn(value, "0123456789")] || strlen(value) > 9))
		return err_set(e, ERR_USAGE, "%s:%u: %s = %s: it is a number", l->file, l->number,
			       key->name, value);
	return 0;
}

static int items_check(const struct line *l, enum conf_key k, const struct strv *items,
		       struct err *e)
{
	for (size_t i = 0; i < items->n; i++) {
		auto_binds struct binds b = { 0 };

		if (keys[k].kind == PATHS && items->v[i][0] != '/' && !strstr(items->v[i], "://"))
			return err_set(e, ERR_USAGE,
				       "%s:%u: %s = %s: paths begin with /, URIs with a scheme "
				       "(docker://registry.example.org/lab)",
				       l->file, l->number, keys[k].name, items->v[i]);
		if (keys[k].kind == KEYS && !strstr(items->v[i], " /"))
			return err_set(e, ERR_USAGE,
				       "%s:%u: verify key = %s: write PREFIX /PATH, as in "
				       "\"registry.example.org/lab /etc/berth/lab.pub\", or * for "
				       "every registry",
				       l->file, l->number, items->v[i]);
		if (keys[k].kind != BINDS)
			continue;
		if (binds_parse(&b, items->v[i], keys[k].name, "/", e) < 0)
			return err_wrap(e, "%s:%u", l->file, l->number);
		if (items->v[i][0] != '/' || b.n != 1 || b.v[0].inner)
			return err_set(e, ERR_USAGE,
				       "%s:%u: bind path = %s: write /SRC, /SRC:/DST or "
				       "/SRC:/DST:ro",
				       l->file, l->number, items->v[i]);
	}
	return 0;
}

/* The key whose word keeps a user's file from saying anything of k; CONF_KEYS: none. */
static enum conf_key barred_by(const struct conf *c, enum conf_key k)
{
	if (conf_locked(c, k))
		return k;
	if (k == CONF_BIND_PATH && c->v[CONF_USER_BIND_CONTROL].level == CONF_SITE &&
	    !conf_yes(c, CONF_USER_BIND_CONTROL))
		return CONF_USER_BIND_CONTROL;
	return CONF_KEYS;
}

static bool list_has_all(const struct strv *list, const struct strv *items)
{
	for (size_t i = 0; i < items->n; i++)
		if (!strv_has(list, items->v[i]))
			return false;
	return true;
}

static int key_set(struct line *l, enum conf_key k, const char *value, struct err *e)
{
	struct conf_value *v = &l->c->v[k];
	enum conf_key bar = l->level == CONF_USER ? barred_by(l->c, k) : CONF_KEYS;
	auto_strv struct strv items = { 0 };

	if (is_list(k))
		list_split(&items, value);
	if (value_check(l, k, value, e) < 0 || items_check(l, k, &items, e) < 0)
		return -1;
	if (bar != CONF_KEYS) {
		auto_free char *where = conf_where(l->c, bar);
		bool same = is_list(k) ? list_has_all(&v->list, &items)
				       : !strcmp(conf_word(l->c, k), value);

		if (!same)
			strv_addf(l->notes, "%s:%u: \"%s\" is settled by \"%s\" at %s; left out",
				  l->file, l->number, keys[k].name, keys[bar].name, where);
		return 0;
	}
	if (is_list(k) && !items.n)
		return 0;
	for (size_t i = 0; i < items.n; i++)
		strv_add(&v->list, items.v[i]);
	if (!is_list(k)) {
		free(v->word);
		v->word = xstrdup(value);
	}
	/* The line at which a list begins stands for all of it. */
	if (!is_list(k) || v->level != l->level)
		v->line = l->number;
	v->replaces |= l->level == CONF_SITE;
	v->level = l->level;
	return 0;
}

static int keys_lock(struct line *l, const char *value, struct err *e)
{
	auto_strv struct strv items = { 0 };

	if (l->level != CONF_SITE) {
		strv_addf(l->notes, "%s:%u: only the site's file locks keys; left out", l->file,
			  l->number);
		return 0;
	}
	list_split(&items, value);
	for (size_t i = 0; i < items.n; i++) {
		auto_free char *name = key_name(items.v[i], strlen(items.v[i]));
		auto_free char *hint = meant(name);
		enum conf_key k = key_find(name);

		if (k == CONF_KEYS)
			return err_set(e, ERR_USAGE, "%s:%u: lock: there is no key \"%s\"%s",
				       l->file, l->number, name, hint);
		l->c->v[k].lock_line = l->number;
	}
	return 0;
}

static int line_parse(struct line *l, const char *s, size_t n, struct err *e)
{
	const char *eq = memchr(s, '=', n);
	auto_free char *name = NULL, *value = NULL, *hint = NULL;
	enum conf_key k;

	if (!eq)
		return err_set(e, ERR_USAGE, "%s:%u: write \"key = value\", or # before a comment",
			       l->file, l->number);
	name = key_name(s, (size_t)(eq - s));
	value = trimmed(eq + 1, n - (size_t)(eq + 1 - s));
	if (!strcmp(name, "lock"))
		return keys_lock(l, value, e);
	k = key_find(name);
	if (k != CONF_KEYS)
		return key_set(l, k, value, e);
	hint = meant(name);
	if (!is_foreign(name))
		strv_addf(l->notes, "%s:%u: unknown key \"%s\"%s; left out", l->file, l->number,
			  name, hint);
	return 0;
}

int conf_parse(struct conf *c, const char *text, const char *file, enum conf_level level,
	       struct strv *notes, struct err *e)
{
	struct line l = { .c = c, .level = level, .file = file, .notes = notes };

	free(c->file[level]);
	c->file[level] = xstrdup(file);
	for (const char *p = text; *p;) {
		const char *end = strchrnul(p, '\n');
		const char *s = p;

		l.number++;
		while (s < end && is_space(*s))
			s++;
		if (end - s > LINE_MAX_LEN)
			return err_set(e, ERR_LIMIT, "%s:%u: a line of more than %d bytes", file,
				       l.number, LINE_MAX_LEN);
		if (s < end && *s != '#' && line_parse(&l, s, (size_t)(end - s), e) < 0)
			return -1;
		p = *end ? end + 1 : end;
	}
	return 0;
}

const char *conf_name(enum conf_key k)
{
	return keys[k].name;
}

const char *conf_word(const struct conf *c, enum conf_key k)
{
	return c->v[k].word ? c->v[k].word : keys[k].preset;
}

bool conf_yes(const struct conf *c, enum conf_key k)
{
	return strcmp(conf_word(c, k), "no") != 0;
}

unsigned long conf_number(const struct conf *c, enum conf_key k)
{
	return strtoul(conf_word(c, k), NULL, 10);
}

const struct strv *conf_list(const struct conf *c, enum conf_key k)
{
	return &c->v[k].list;
}

bool conf_locked(const struct conf *c, enum conf_key k)
{
	const struct conf_value *v = &c->v[k];

	return v->lock_line || (keys[k].policy && v->level == CONF_SITE);
}

char *conf_where(const struct conf *c, enum conf_key k)
{
	const struct conf_value *v = &c->v[k];

	if (v->lock_line)
		return xasprintf("%s:%u", c->file[CONF_SITE], v->lock_line);
	if (v->level == CONF_DEFAULT)
		return xstrdup("the default");
	return xasprintf("%s:%u", c->file[v->level], v->line);
}
