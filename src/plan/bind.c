/* One comma separates options as well as binds, so a piece without a colon is an
 * option when the bind before it has reached its third field and the piece is
 * one of the known words; else it is the next bind.  That is Apptainer's reading. */
#include "src/plan/bind.h"

#include <errno.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/base/path.h"

void bind_fini(struct bind *b)
{
	free(b->src);
	free(b->dst);
	free(b->inner);
	*b = (struct bind){ 0 };
}

void binds_fini(struct binds *b)
{
	for (size_t i = 0; i < b->n; i++)
		bind_fini(&b->v[i]);
	free(b->v);
	*b = (struct binds){ 0 };
}

/* The field that starts at *p, without its escapes; *p is left at its end. */
static char *field_take(const char **p)
{
	struct buf b = { 0 };
	const char *s = *p;

	for (; *s && *s != ':' && *s != ','; s++) {
		if (s[0] == '\\' && (s[1] == ':' || s[1] == ','))
			s++;
		buf_addch(&b, *s);
	}
	*p = s;
	return buf_take(&b);
}

static bool is_option(const char *s)
{
	return !strcmp(s, "ro") || !strcmp(s, "rw") || str_has_prefix(s, "image-src=") ||
	       str_has_prefix(s, "id=");
}

int bind_set_inner(struct bind *b, const char *path, const char *from, struct err *e)
{
	if (!*path)
		return err_set(e, ERR_USAGE, "%s %s:%s: image-src names no path", from, b->src,
			       b->dst);
	free(b->inner);
	b->inner = path_clean("/", path);
	return 0;
}

int bind_set_id(struct bind *b, const char *digits, const char *from, struct err *e)
{
	char *end;
	unsigned long id;

	errno = 0;
	id = strtoul(digits, &end, 10);
	if (digits[0] < '0' || digits[0] > '9' || *end || errno || id == 0 || id > UINT32_MAX)
		return err_set(e, ERR_USAGE,
			       "%s %s:%s: id=%s is no descriptor (a number from 1 on)", from,
			       b->src, b->dst, digits);
	b->id = (unsigned)id;
	if (!b->inner)
		b->inner = xstrdup("/");
	return 0;
}

static int option_apply(struct bind *b, const char *opt, const char *from, struct err *e)
{
	if (!is_option(opt))
		return err_set(e, ERR_USAGE,
			       "%s %s:%s: \"%s\" is not an option (use ro, rw, image-src=PATH or "
			       "id=N)",
			       from, b->src, b->dst, opt);
	if (str_has_prefix(opt, "image-src="))
		return bind_set_inner(b, opt + strlen("image-src="), from, e);
	if (str_has_prefix(opt, "id="))
		return bind_set_id(b, opt + strlen("id="), from, e);
	b->ro = !strcmp(opt, "ro");
	return 0;
}

int bind_add(struct binds *out, const char *src, const char *dst, const char *text,
	     const char *from, const char *cwd, struct err *e)
{
	struct bind *b;

	if (!*src)
		return err_set(e, ERR_USAGE, "%s %s: a source is empty", from, text);
	if (*src != '/' && !cwd)
		return err_set(e, ERR_USAGE, "%s %s: the source must start with / here", from,
			       text);
	if (dst && *dst && *dst != '/')
		return err_set(e, ERR_USAGE, "%s %s: the destination must start with /", from,
			       text);
	xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	b = &out->v[out->n++];
	*b = (struct bind){ .src = path_clean(cwd ? cwd : "/", src) };
	b->dst = dst && *dst ? path_clean("/", dst) : xstrdup(b->src);
	if (!strcmp(b->dst, "/"))
		return err_set(e, ERR_USAGE, "%s %s: the root of the container cannot be replaced",
			       from, text);
	for (const char *s = b->dst; *s; s++)
		b->hash = b->hash * 31 + (unsigned char)*s;
	return 0;
}

static int bind_parse_one(struct binds *out, const char **p, const char *whole, const char *from,
			  const char *cwd, struct err *e)
{
	const char *text = *p;
	auto_free char *src = field_take(p), *dst = NULL;
	struct bind *b;

	if (**p == ':') {
		++*p;
		dst = field_take(p);
	}
	if (bind_add(out, src, dst, *src ? text : whole, from, cwd, e) < 0)
		return -1;
	b = &out->v[out->n - 1];
	if (**p != ':')
		return 0;
	for (;;) {
		auto_free char *opt = (++*p, field_take(p));
		const char *next = *p;

		/* "src:dst:" means no option. */
		if (*opt && option_apply(b, opt, from, e) < 0)
			return -1;
		if (**p == ':')
			return err_set(e, ERR_USAGE,
				       "%s %s: too many colons (write \"\\:\" for one in a name)",
				       from, text);
		if (!**p)
			return 0;
		next++;
		auto_free char *ahead = field_take(&next);

		if (!is_option(ahead) || *next == ':')
			return 0;
	}
}

int binds_parse(struct binds *out, const char *text, const char *from, const char *cwd,
		struct err *e)
{
	const char *p = text;

	if (!*p)
		return err_set(e, ERR_USAGE, "%s: a source is empty", from);
	for (;;) {
		if (bind_parse_one(out, &p, text, from, cwd, e) < 0)
			return -1;
		if (!*p)
			return 0;
		p++; /* the comma */
	}
}
