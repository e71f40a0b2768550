#include "bindings/libset.h"

#include <stdio.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/base/path.h"

enum state { NEW, BUSY, GIVEN, KEPT, REFUSED, ABSENT };

struct libset_lib {
	char *name; /* soname; of a path its base name until it is read */
	char *path; /* absolute, NULL: by name */
	const char *by;
	unsigned flags;
	int bits;
	bool wanted; /* asked for, not only needed by another */
	bool found;  /* lib is filled */
	struct hostlib_lib lib;
	enum state state;
	struct strv aliases;
	struct buf why;
};

/* What the C library consists of: never mixed with another one's. */
static const char *const libc_family[] = {
	"libc.so",	"libm.so",
	"libdl.so",	"libpthread.so",
	"librt.so",	"libutil.so",
	"libresolv.so", "libnsl.so",
	"libanl.so",	"libmvec.so",
	"libnss_",	"libthread_db.so",
	"ld-linux",	"libBrokenLocale.so",
	"ld64.so",	"libc_malloc_debug.so",
};

/* The dispatch libraries of OpenGL are one body: all from here or all from there. */
static const char *const glvnd[] = { "libGL.so.1",	   "libGLX.so.0",    "libEGL.so.1",
				     "libGLdispatch.so.0", "libOpenGL.so.0", "libGLESv2.so.2",
				     "libGLESv1_CM.so.1" };

static bool is_libc(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(libc_family); i++)
		if (str_has_prefix(name, libc_family[i]))
			return true;
	return false;
}

static bool image_has(struct inside *in, const char *name, int bits, const struct elf **lib)
{
	return inside_lib(in, name, bits, lib) == 0;
}

static bool is_glvnd_of_image(struct inside *in, const char *name, int bits)
{
	const struct elf *lib;
	bool is = false, has = false;

	for (size_t i = 0; i < ARRAY_LEN(glvnd); i++)
		is = is || !strcmp(glvnd[i], name);
	for (size_t i = 0; is && i < ARRAY_LEN(glvnd) && !has; i++)
		has = image_has(in, glvnd[i], bits, &lib);
	return has;
}

static struct libset_lib *find(const struct libset *s, const char *name, int bits)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->bits == bits && !strcmp(s->v[i]->name, name))
			return s->v[i];
	return NULL;
}

static struct libset_lib *put(struct libset *s, const char *name, const char *by, unsigned flags,
			      int bits)
{
	const char *base = path_base(name);
	struct libset_lib *l = find(s, base, bits);

	if (l) {
		l->flags |= flags & ~(unsigned)(LIBSET_QUIET | LIBSET_ALONE);
		return l;
	}
	xgrow(&s->v, &s->cap, s->n + 1, sizeof(struct libset_lib *));
	l = s->v[s->n++] = xcalloc(1, sizeof(*l));
	l->name = xstrdup(base);
	l->path = name[0] == '/' ? xstrdup(name) : NULL;
	l->by = by;
	l->flags = flags;
	l->bits = bits;
	return l;
}

void libset_add(struct libset *s, const char *name, const char *by, unsigned flags, int bits)
{
	put(s, name, by, flags, bits)->wanted = true;
}

void libset_add_found(struct libset *s, const char *name, const char *by, unsigned flags, int bits,
		      struct hostlib_lib *lib)
{
	struct libset_lib *l = put(s, name, by, flags, bits);

	l->wanted = true;
	if (l->found) {
		hostlib_lib_fini(lib);
		return;
	}
	l->lib = *lib;
	l->found = true;
	*lib = (struct hostlib_lib){ 0 };
}

/* Systems that have a glibc of this minor version or a newer one. */
static const char *systems_with(unsigned minor)
{
	static const struct {
		unsigned minor;
		const char *systems;
	} known[] = {
		{ 17, "EL 7, Debian 9" },
		{ 28, "EL 8, Debian 10, Ubuntu 20.04" },
		{ 31, "Debian 11, Ubuntu 20.04, EL 9" },
		{ 34, "EL 9, Debian 12, Ubuntu 22.04" },
		{ 35, "Ubuntu 22.04, Debian 12" },
		{ 36, "Debian 12, Ubuntu 24.04" },
		{ 39, "Ubuntu 24.04, EL 10" },
		{ 41, "Debian 13" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (minor <= known[i].minor)
			return known[i].systems;
	return "a newer system";
}

/* The highest of a library's versions with the same prefix: what it has instead. */
static const char *newest_like(const struct elf *lib, const char *version)
{
	size_t n = strcspn(version, "0123456789");
	const char *best = NULL;

	for (size_t i = 0; i < lib->nverdef; i++)
		if (!strncmp(lib->verdef[i], version, n) &&
		    (!best || strverscmp(lib->verdef[i], best) > 0))
			best = lib->verdef[i];
	return best;
}

/* The C library's: its numbered versions hold all that lower ones have. */
static bool libc_lacks(struct inside *in, const struct elf_need *need, int bits, struct buf *why)
{
	const struct elf *libc;
	unsigned major, minor;

	if (inside_glibc_number(need->version, &major, &minor)) {
		if (major < in->major || (major == in->major && minor <= in->minor))
			return false;
		buf_printf(
			why,
			"needs %s of %s, the image has glibc %s; use an image with glibc %u.%u or "
			"newer (%s)",
			need->version, need->file, in->version, major, minor, systems_with(minor));
		return true;
	}
	if (inside_lib(in, need->file, bits, &libc) != 0 || elf_offers(libc, need->version))
		return false;
	buf_printf(why, "needs %s of %s, which the image's (glibc %s) does not have", need->version,
		   need->file, in->version);
	return true;
}

static bool image_lacks(struct inside *in, const struct elf_need *need, int bits, struct buf *why)
{
	const struct elf *lib;
	const char *has;

	if (need->weak)
		return false;
	if (is_libc(need->file))
		return libc_lacks(in, need, bits, why);
	if (!image_has(in, need->file, bits, &lib) || elf_offers(lib, need->version))
		return false;
	has = newest_like(lib, need->version);
	buf_printf(why,
		   "needs %s of %s, the image's %s %s; use an image made for a system as new as "
		   "this host's",
		   need->version, need->file, has ? "ends at" : "has no such version",
		   has ? has : "");
	return true;
}

static bool wrong_libc(struct inside *in, struct buf *why)
{
	if (in->libc == INSIDE_MUSL)
		buf_adds(why, "made for glibc, the image's C library is musl; use an image with "
			      "glibc (Debian, Ubuntu, EL)");
	return in->libc == INSIDE_MUSL;
}

const char *libset_unfit(struct inside *image, const struct elf *elf, struct buf *buf)
{
	if (!elf->dynamic || image->libc == INSIDE_NONE)
		return NULL;
	if (wrong_libc(image, buf))
		return buf_str(buf);
	for (size_t i = 0; i < elf->nverneed; i++)
		if (image_lacks(image, &elf->verneed[i], elf->bits, buf))
			return buf_str(buf);
	return NULL;
}

static void judge(struct libset *s, struct libset_lib *l);

/* One needed library: false with the reason when it cannot be had. */
static bool need_met(struct libset *s, struct libset_lib *l, const char *name)
{
	struct libset_lib *dep;
	const struct elf *lib;

	if (is_libc(name))
		return true; /* the versions decide */
	dep = find(s, name, l->bits);
	if (!(dep && dep->flags & (LIBSET_TIED | LIBSET_CLOSURE)) && !(l->flags & LIBSET_CLOSURE) &&
	    image_has(s->image, name, l->bits, &lib))
		return true;
	if (!dep && l->flags & LIBSET_ALONE) {
		buf_printf(&l->why, "needs %s, which the image does not have", name);
		return false;
	}
	if (!dep)
		dep = put(s, name, l->by, LIBSET_QUIET | (l->flags & LIBSET_CLOSURE), l->bits);
	judge(s, dep);
	if (dep->state == REFUSED)
		buf_printf(&l->why, "needs %s, which %s", name, buf_str(&dep->why));
	if (dep->state == ABSENT)
		buf_printf(&l->why, "needs %s, which neither the image nor this host has", name);
	return dep->state != REFUSED && dep->state != ABSENT;
}

static bool fits(struct libset *s, struct libset_lib *l)
{
	const struct elf *f = &l->lib.elf, *libc;

	if (s->image->libc == INSIDE_NONE)
		return true;
	if (wrong_libc(s->image, &l->why))
		return false;
	if (l->bits != elf_own_bits() && inside_lib(s->image, "libc.so.6", l->bits, &libc) != 0) {
		buf_printf(&l->why, "the image has no %d-bit C library", l->bits);
		return false;
	}
	for (size_t i = 0; i < f->nneeded; i++)
		if (!need_met(s, l, f->needed[i]))
			return false;
	for (size_t i = 0; i < f->nverneed; i++) {
		const struct libset_lib *dep =
			is_libc(f->verneed[i].file) ? NULL : find(s, f->verneed[i].file, l->bits);

		if (dep && (dep->state == GIVEN || dep->state == BUSY))
			continue;
		if (image_lacks(s->image, &f->verneed[i], l->bits, &l->why))
			return false;
	}
	return true;
}

/* The image's library offers all that the host's does, and says so by versions. */
static bool image_is_as_new(struct libset *s, const struct libset_lib *l)
{
	const struct elf *own;

	if (!l->lib.elf.nverdef || inside_lib(s->image, l->name, l->bits, &own) != 0)
		return false;
	for (size_t i = 0; i < l->lib.elf.nverdef; i++)
		if (!elf_offers(own, l->lib.elf.verdef[i]))
			return false;
	return true;
}

/* 0 read, else *l has its state. */
static int host_find(struct libset *s, struct libset_lib *l)
{
	struct err e;
	int r;

	if (l->found)
		return 0;
	r = hostlib_find(&l->lib, s->host, l->path ? l->path : l->name, l->bits, &e);
	if (r < 0)
		buf_adds(&l->why, e.text);
	if (r > 0)
		buf_printf(&l->why, "this host has no %d-bit library of this name", l->bits);
	l->found = r == 0;
	l->state = r < 0 ? REFUSED : r > 0 ? ABSENT : l->state;
	return r;
}

/* Sets the state; needs in a circle count as met. */
static void judge(struct libset *s, struct libset_lib *l)
{
	const struct elf *own;

	if (l->state != NEW)
		return;
	l->state = BUSY;
	if (!(l->flags & LIBSET_TIED)) {
		bool has = image_has(s->image, l->name, l->bits, &own);

		if (has && l->flags & LIBSET_CLOSURE && !is_libc(l->name))
			has = !host_find(s, l) ? image_is_as_new(s, l) : true;
		if (is_libc(l->name) || has) {
			buf_adds(&l->why, "the image has its own");
			l->state = KEPT;
			return;
		}
		if (is_glvnd_of_image(s->image, l->name, l->bits)) {
			buf_adds(&l->why, "the image has its own OpenGL dispatch libraries");
			l->state = KEPT;
			return;
		}
	}
	if (host_find(s, l))
		return;
	l->state = fits(s, l) ? GIVEN : REFUSED;
}

static void give(struct libset *s, const struct libset_lib *l)
{
	const char *soname = l->lib.elf.soname ? l->lib.elf.soname : l->name;

	lent_lib(s->out, l->lib.real, soname, l->bits);
	if (strcmp(soname, l->name) != 0 && strcmp(l->name, path_base(l->lib.real)) != 0)
		lent_lib_link(s->out, soname, l->name, l->bits);
	for (size_t i = 0; i < l->aliases.n; i++)
		lent_lib_link(s->out, soname, l->aliases.v[i], l->bits);
	/* Some load the driver by the name that compilers link with: libcuda.so. */
	if (l->flags & LIBSET_DEVLINK && str_has_suffix(soname, ".so.1")) {
		auto_free char *link = xstrndup(soname, strlen(soname) - 2);

		lent_lib_link(s->out, soname, link, l->bits);
	}
}

/* One verdict; the sentence of an error is the verdict's. */
static int say(struct libset *s, const struct libset_lib *l, struct err *e)
{
	static const enum lent_outcome outcomes[] = {
		[GIVEN] = LENT_GIVEN, [KEPT] = LENT_KEPT, [REFUSED] = LENT_REFUSED, [ABSENT] = LENT_ABSENT
	};
	auto_free char *what = l->bits == elf_own_bits()
				       ? xstrdup(l->name)
				       : xasprintf("%s (%d bits)", l->name, l->bits);
	bool given = l->state == GIVEN;

	if (given)
		give(s, l);
	if (l->state == ABSENT && l->flags & LIBSET_QUIET && !(l->flags & LIBSET_MUST))
		return 0;
	if (given && s->image->libc == INSIDE_NONE && s->image->ops)
		lent_verdict(s->out, LENT_GIVEN, l->by, what,
			     "%s, not checked: the image's C library was not found", l->lib.real);
	else
		lent_verdict(s->out,
			     l->state == REFUSED && !(l->flags & LIBSET_MUST) ? LENT_SKIPPED
									      : outcomes[l->state],
			     l->by, what, "%s", given ? l->lib.real : buf_str(&l->why));
	if (!(l->flags & LIBSET_MUST) || (l->state != REFUSED && l->state != ABSENT))
		return 0;
	if (l->state == REFUSED && !s->lenient)
		return err_set(e, ERR_HOST, "%s: %s: %s", l->by, l->name, buf_str(&l->why));
	strv_addf(&s->out->notes, "%s: %s: %s", l->by, l->name, buf_str(&l->why));
	return 0;
}

/* Judged while it was still open whether the others in a circle can be had. */
static bool circle_breaks(struct libset *s, struct libset_lib *l)
{
	for (size_t i = 0; l->state == GIVEN && i < l->lib.elf.nneeded; i++) {
		const char *name = l->lib.elf.needed[i];
		const struct libset_lib *dep = is_libc(name) ? NULL : find(s, name, l->bits);

		if (!dep || (dep->state != REFUSED && dep->state != ABSENT) || is_libc(dep->name) ||
		    s->image->libc == INSIDE_NONE)
			continue;
		buf_printf(&l->why, "needs %s, which %s", dep->name, buf_str(&dep->why));
		l->state = REFUSED;
		return true;
	}
	return false;
}

int libset_resolve(struct libset *s, struct lent *out, struct err *e)
{
	int r = 0;
	struct err ignored;

	s->out = out;
	for (size_t i = 0; i < s->n; i++)
		judge(s, s->v[i]);
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < s->n; i++)
			more = circle_breaks(s, s->v[i]) || more;
	}
	/* All verdicts, also behind the first that is an error. */
	for (size_t i = 0; i < s->n; i++)
		if (say(s, s->v[i], r ? &ignored : e) < 0)
			r = -1;
	return r;
}

void libset_alias(struct libset *s, const char *name, const char *as, int bits)
{
	struct libset_lib *l = find(s, path_base(name), bits);

	if (l && strcmp(l->name, as) != 0 && !strv_has(&l->aliases, as))
		strv_add(&l->aliases, as);
}

void libset_each_given(const struct libset *s, enum libset_flag flag,
		       void (*f)(void *arg, const char *real, const struct strv *names), void *arg)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct libset_lib *l = s->v[i];
		auto_strv struct strv names = { 0 };

		if (l->state != GIVEN || !(l->flags & flag))
			continue;
		if (l->lib.elf.soname)
			strv_add(&names, l->lib.elf.soname);
		if (!strv_has(&names, l->name))
			strv_add(&names, l->name);
		for (size_t k = 0; k < l->aliases.n; k++)
			strv_add(&names, l->aliases.v[k]);
		f(arg, l->lib.real, &names);
	}
}

bool libset_wants(const struct libset *s, const char *name)
{
	return find(s, name, elf_own_bits()) != NULL;
}

bool libset_gives(const struct libset *s, const char *name)
{
	const struct libset_lib *l = find(s, name, elf_own_bits());

	return l && l->state == GIVEN;
}

void libset_fini(struct libset *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct libset_lib *l = s->v[i];

		free(l->name);
		free(l->path);
		hostlib_lib_fini(&l->lib);
		strv_fini(&l->aliases);
		buf_fini(&l->why);
		free(l);
	}
	free(s->v);
	s->v = NULL;
	s->n = s->cap = 0;
}
