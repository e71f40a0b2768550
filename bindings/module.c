/* Site modules: which of them are chosen, whether their conditions hold, and what they bring.
 *
 * A module that was asked for and cannot be had is an error with its reason; one that the site
 * gives to everybody is left out with a verdict. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "bindings/lend.h"
#include "bindings/module_file.h"
#include "bindings/mpi.h"
#include "src/base/path.h"

struct chosen {
	const struct module *m;
	bool asked; /* by name, or required by such a one */
};

struct work {
	struct lent *out;
	struct lend_host *host;
	const struct lend_config *c;
	char *dir; /* where the site's modules are */
	struct modules all;
	struct chosen *v;
	size_t n, cap;
	const char *by; /* "module cray-mpich" */
	struct err *e;
};

static int load(struct work *w)
{
	auto_strv struct strv names = { 0 };

	lend_list(w->host, w->dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = path_join(w->dir, names.v[i]);
		auto_buf struct buf text = { 0 };

		if (!str_has_suffix(path, ".conf"))
			continue;
		if (lend_read(w->host, path, &text))
			return err_set(w->e, ERR_SYS, "%s cannot be read", path);
		if (modules_parse(&w->all, path, buf_str(&text), w->e) < 0)
			return -1;
	}
	return 0;
}

static int unknown(struct work *w, const char *name, const char *wanted_by)
{
	auto_buf struct buf known = { 0 };

	for (size_t i = 0; i < w->all.n && known.len < 300; i++)
		buf_printf(&known, "%s%s", known.len ? ", " : "", w->all.v[i].name);
	return err_set(w->e, ERR_NOTFOUND, "--module %s%s%s: no such module; %s has %s", name,
		       wanted_by ? ", required by " : "", wanted_by ? wanted_by : "", w->dir,
		       known.len ? buf_str(&known) : "none");
}

static int choose(struct work *w, const char *name, bool asked, const char *wanted_by)
{
	const struct module *m = modules_find(&w->all, name);

	if (!m)
		return unknown(w, name, wanted_by);
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].m == m) {
			w->v[i].asked = w->v[i].asked || asked;
			return 0;
		}
	xgrow(&w->v, &w->cap, w->n + 1, sizeof(*w->v));
	w->v[w->n++] = (struct chosen){ m, asked };
	for (size_t i = 0; i < m->n; i++) {
		auto_strv struct strv names = { 0 };

		if (m->v[i].key == MODULE_REQUIRES)
			strv_split(&names, m->v[i].value, ',');
		for (size_t k = 0; k < names.n; k++)
			if (choose(w, names.v[k], asked, name) < 0)
				return -1;
	}
	return 0;
}

/* Why the condition does not hold; NULL: it does. */
static char *unmet(struct work *w, const struct module_line *l)
{
	const struct elf *lib;
	const char *eq, *value;

	switch (l->key) {
	case MODULE_WHEN_EXISTS:
		return lend_exists(w->host, l->value, NULL)
			       ? NULL
			       : xasprintf("this host has no %s", l->value);
	case MODULE_WHEN_ENV: {
		auto_free char *key = xstrndup(l->value, strcspn(l->value, "="));

		eq = strchr(l->value, '=');
		value = lend_env(w->host, w->c, key);
		if (value && (!eq || !strcmp(eq + 1, value)))
			return NULL;
		return xasprintf("the variable %s is %s", key, value ? value : "not set");
	}
	case MODULE_WHEN_IMAGE_HAS:
		return inside_lib(&w->host->image, l->value, elf_own_bits(), &lib) == 0
			       ? NULL
			       : xasprintf("the image has no %s", l->value);
	case MODULE_WHEN_IMAGE_LACKS:
		return inside_lib(&w->host->image, l->value, elf_own_bits(), &lib) != 0
			       ? NULL
			       : xasprintf("the image has its own %s", l->value);
	default:
		return NULL;
	}
}

/* enum mpi_abi: the family that it replaces. */
static unsigned module_mpi(const struct module *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].key == MODULE_MPI)
			return !strcmp(m->v[i].value, "openmpi") ? MPI_ABI_OPEN
			       : !strcmp(m->v[i].value, "mpich") ? MPI_ABI_MPICH
								 : MPI_ABI_STANDARD;
	return 0;
}

/* ${NAME} of the host's environment. */
static int expand(struct work *w, const struct module *m, const struct module_line *l,
		  struct buf *out)
{
	for (const char *p = l->value; *p;) {
		size_t n = strcspn(p, "$");
		const char *end, *value;

		buf_add(out, p, n);
		p += n;
		if (!*p)
			break;
		end = p[1] == '{' ? strchr(p, '}') : NULL;
		if (!end) {
			buf_addch(out, *p++);
			continue;
		}
		auto_free char *key = xstrndup(p + 2, (size_t)(end - p - 2));

		value = lend_env(w->host, w->c, key);
		if (!value)
			return err_set(w->e, ERR_USAGE, "module %s: %s: line %u: %s is not set",
				       m->name, m->file, l->line, key);
		buf_adds(out, value);
		p = end + 1;
	}
	return 0;
}

static int bring_bind(struct work *w, const struct module *m, const struct module_line *l,
		      const char *text)
{
	auto_strv struct strv parts = { 0 };
	auto_free char *src = NULL, *dst = NULL;
	struct lent_item *item;
	bool dir;

	strv_split(&parts, text, ':');
	if (!parts.n || parts.n > 3 || parts.v[0][0] != '/' ||
	    (parts.n > 1 && parts.v[1][0] != '/') ||
	    (parts.n > 2 && strcmp(parts.v[2], "ro") != 0 && strcmp(parts.v[2], "rw") != 0))
		return err_set(w->e, ERR_INPUT, "%s: line %u: bind %s: write SRC[:DST[:ro|rw]]",
			       m->file, l->line, text);
	src = path_clean("/", parts.v[0]);
	dst = path_clean("/", parts.v[parts.n > 1]);
	if (!lend_exists(w->host, src, &dir)) {
		if (l->key == MODULE_OPTIONAL_BIND) {
			lent_verdict(w->out, LENT_SKIPPED, w->by, src, "not on this host");
			return 0;
		}
		return err_set(w->e, ERR_HOST, "module %s: %s: line %u: this host has no %s",
			       m->name, m->file, l->line, src);
	}
	item = lent_bind(w->out, src, dst, dir);
	item->writable = parts.n > 2 && !strcmp(parts.v[2], "rw");
	item->must = l->key == MODULE_BIND;
	lent_verdict(w->out, LENT_GIVEN, w->by, dst, "%s", strcmp(src, dst) ? src : "");
	return 0;
}

/* "PATH as NAME": the library's own name is another one, the program asks for NAME. */
static void bring_lib(struct work *w, const struct module *m, const struct module_line *l,
		      const char *text)
{
	const char *as = strstr(text, " as ");
	auto_free char *name = xstrndup(text, as ? (size_t)(as - text) : strlen(text));
	unsigned flags = LIBSET_TIED | (l->key == MODULE_LIB ? LIBSET_MUST : LIBSET_QUIET) |
			 (module_mpi(m) ? (unsigned)LIBSET_CLOSURE : 0);

	libset_add(&w->host->set, name, w->by, flags, elf_own_bits());
	if (as) {
		as += strlen(" as ");
		as += strspn(as, " ");
		lent_lib_link(w->out, path_base(name), as, elf_own_bits());
		libset_alias(&w->host->set, name, as, elf_own_bits());
	}
}

static void bring_device(struct work *w, const char *pattern)
{
	auto_free char *dir = path_dir(pattern);
	auto_strv struct strv names = { 0 };

	lend_list(w->host, dir, &names);
	for (size_t i = 0; i < names.n; i++)
		if (fnmatch(path_base(pattern), names.v[i], FNM_PERIOD) == 0) {
			auto_free char *path = path_join(dir, names.v[i]);

			lend_device(w->out, w->host, w->by, path);
		}
}

static void bring_env(struct work *w, enum lent_how how, const char *text)
{
	auto_free char *key = xstrndup(text, strcspn(text, "="));

	lent_env(w->out, how, key, how == LENT_UNSET ? NULL : strchr(text, '=') + 1);
}

static int bring(struct work *w, const struct module *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct module_line *l = &m->v[i];
		auto_buf struct buf text = { 0 };

		if (l->key < MODULE_BIND)
			continue;
		if (expand(w, m, l, &text) < 0)
			return -1;
		switch (l->key) {
		case MODULE_BIND:
		case MODULE_OPTIONAL_BIND:
			if (bring_bind(w, m, l, buf_str(&text)) < 0)
				return -1;
			break;
		case MODULE_LIB:
		case MODULE_OPTIONAL_LIB:
			bring_lib(w, m, l, buf_str(&text));
			break;
		case MODULE_DEVICE:
			bring_device(w, buf_str(&text));
			break;
		default:
			bring_env(w,
				  l->key == MODULE_ENV	     ? LENT_SET
				  : l->key == MODULE_PREPEND ? LENT_PREPEND
				  : l->key == MODULE_APPEND  ? LENT_APPEND
							     : LENT_UNSET,
				  buf_str(&text));
		}
	}
	return 0;
}

static int check_conflicts(struct work *w, const struct module *m)
{
	for (size_t i = 0; i < m->n; i++) {
		auto_strv struct strv names = { 0 };

		if (m->v[i].key == MODULE_CONFLICTS)
			strv_split(&names, m->v[i].value, ',');
		for (size_t k = 0; k < w->n; k++)
			if (w->v[k].m != m && strv_has(&names, w->v[k].m->name))
				return err_set(
					w->e, ERR_USAGE,
					"--module: %s and %s exclude each other (%s: line %u)",
					m->name, w->v[k].m->name, m->file, m->v[i].line);
	}
	return 0;
}

static int one(struct work *w, const struct chosen *c)
{
	w->by = arena_printf(&w->out->arena, "module %s", c->m->name);
	for (size_t i = 0; i < c->m->n; i++) {
		auto_free char *why = unmet(w, &c->m->v[i]);

		if (!why)
			continue;
		lent_verdict(w->out, c->asked ? LENT_REFUSED : LENT_SKIPPED, w->by, "conditions",
			     "%s", why);
		return c->asked ? err_set(w->e, ERR_HOST, "--module %s: %s (%s: line %u)",
					  c->m->name, why, c->m->file, c->m->v[i].line)
				: 0;
	}
	lent_verdict(w->out, LENT_GIVEN, w->by, "conditions", "%s", c->m->file);
	w->host->mpi_swapped |= module_mpi(c->m);
	return bring(w, c->m);
}

/* --mpi=host takes the site's word for how a family is replaced. */
static bool replaces(struct work *w, const struct module *m)
{
	struct mpi_stack image;

	if (!module_mpi(m))
		return false;
	mpi_stack_inside(&image, w->host, w->c);
	return (module_mpi(m) & (image.families ? image.families : MPI_ABI_ALL)) != 0;
}

static int collect(struct work *w)
{
	if (load(w) < 0)
		return -1;
	for (size_t i = 0; i < w->c->modules.n; i++)
		if (choose(w, w->c->modules.v[i], true, NULL) < 0)
			return -1;
	for (size_t i = 0; i < w->all.n && w->c->default_modules; i++)
		if (module_is_default(&w->all.v[i]) && choose(w, w->all.v[i].name, false, NULL) < 0)
			return -1;
	for (size_t i = 0; i < w->all.n && w->c->mpi_host; i++)
		if (replaces(w, &w->all.v[i]) && choose(w, w->all.v[i].name, false, NULL) < 0)
			return -1;
	for (size_t i = 0; i < w->n; i++)
		if (check_conflicts(w, w->v[i].m) < 0)
			return -1;
	for (size_t i = 0; i < w->n; i++)
		if (one(w, &w->v[i]) < 0)
			return -1;
	return 0;
}

int module_collect(struct lent *out, struct lend_host *host, const struct lend_config *c,
		   struct err *e)
{
	struct work w = { .out = out, .host = host, .c = c, .e = e };
	int r;

	w.dir = lend_site_path(host, "bindings.d");
	r = collect(&w);
	free(w.dir);
	modules_fini(&w.all);
	free(w.v);
	return r;
}
