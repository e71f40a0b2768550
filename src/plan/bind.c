/* One comma separates options as well as binds, so a piece without a colon is an
 * option when the bind before it has reached its third field and the piece is
 * one of the known words; else it is the next bind.  That is Apptainer's reading. */
#include "src/plan/bind.h"

#include <string.h>

#include "src/base/buf.h"
#include "src/base/path.h"

void binds_fini(struct binds *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->v[i].src);
		free(b->v[i].dst);
	}
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

static int option_apply(struct bind *b, const char *opt, const char *from, struct err *e)
{
	if (!is_option(opt))
		return err_set(e, ERR_USAGE, "%s %s:%s: \"%s\" is not an option (use ro or rw)",
			       from, b->src, b->dst, opt);
	if (strchr(opt, '='))
		return err_set(e, ERR_UNSUPPORTED,
			       "%s %s:%s: binding from inside an image is not supported", from,
			       b->src, b->dst);
	b->ro = !strcmp(opt, "ro");
	return 0;
}

/* Turns the first two fields into clean paths. */
static int bind_resolve(struct bind *b, const char *text, const char *whole, const char *from,
			const char *cwd, struct err *e)
{
	auto_free char *src = take_ptr(b->src);
	auto_free char *dst = take_ptr(b->dst);

	if (!*src)
		return err_set(e, ERR_USAGE, "%s %s: a source is empty", from, whole);
	if (*src != '/' && !cwd)
		return err_set(e, ERR_USAGE, "%s %s: the source must start with / here", from,
			       text);
	b->src = path_clean(cwd ? cwd : "/", src);
	if (dst && *dst && *dst != '/')
		return err_set(e, ERR_USAGE, "%s %s: the destination must start with /", from,
			       text);
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
	struct bind *b;

	xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	b = &out->v[out->n++];
	*b = (struct bind){ .src = field_take(p) };
	if (**p == ':') {
		++*p;
		b->dst = field_take(p);
	}
	if (bind_resolve(b, text, whole, from, cwd, e) < 0)
		return -1;
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
