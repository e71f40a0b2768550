/* The kernel shows an id that the namespace does not map as 65534; a line for it keeps
 * `id` quiet.  Lines that are not passwd lines are copied as they are. */
#include "src/plan/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/mem.h"
#include "src/plan/names_line.h"

/* Adds a field without the bytes that would break the line. */
static void add_field(struct buf *b, const char *s)
{
	for (; s && *s; s++)
		buf_addch(b, *s == ':' || *s == '\n' ? ' ' : *s);
}

static void add_line(struct buf *b, const struct names_line *l)
{
	buf_add(b, l->text, l->len);
	buf_addch(b, '\n');
}

static void add_caller(struct buf *out, const struct facts *f, const char *home,
		       const struct names_line *image)
{
	auto_buf struct buf shell = { 0 };

	/* The shell that the image's own line names exists there; the host's may not. */
	if (image && image->n == NAMES_FIELDS)
		buf_add(&shell, image->field[6], image->flen[6]);
	else
		buf_adds(&shell, f->shell ? f->shell : "/bin/sh");
	if (f->user)
		add_field(out, f->user);
	else if (image)
		buf_add(out, image->field[0], image->flen[0]);
	else
		buf_adds(out, "user");
	buf_printf(out, ":x:%lu:%lu:", (unsigned long)f->uid, (unsigned long)f->gid);
	add_field(out, f->gecos);
	buf_addch(out, ':');
	add_field(out, home);
	buf_addch(out, ':');
	add_field(out, buf_str(&shell));
	buf_addch(out, '\n');
}

void names_passwd(struct buf *out, const char *image, const struct facts *f, const char *home)
{
	struct names_line l;
	bool done = false;

	for (const char *p = image; names_line_next(&p, &l);) {
		bool same_id = l.n >= 4 && names_line_is_id(&l, 2, f->uid);

		if (same_id && !done) {
			add_caller(out, f, home, &l);
			done = true;
		} else if (!same_id && !(l.n >= 4 && f->user &&
					 names_line_is(&l, 0, f->user, strlen(f->user)))) {
			add_line(out, &l);
		}
	}
	if (!done)
		add_caller(out, f, home, NULL);
}

static const struct fact_group *group_by_line(const struct facts *f, const struct names_line *l)
{
	for (size_t i = 0; i < f->ngroups; i++)
		if (f->groups[i].name && names_line_is_id(l, 2, f->groups[i].gid))
			return &f->groups[i];
	return NULL;
}

static bool group_name_taken(const struct facts *f, const struct names_line *l)
{
	for (size_t i = 0; i < f->ngroups; i++)
		if (f->groups[i].name &&
		    names_line_is(l, 0, f->groups[i].name, strlen(f->groups[i].name)))
			return true;
	return false;
}

/* The line of group g; the members that the image gives it stay. */
static void add_group(struct buf *out, const struct facts *f, const struct fact_group *g,
		      const struct names_line *image)
{
	auto_buf struct buf members = { 0 };

	if (image && image->n >= 4)
		buf_add(&members, image->field[3], image->flen[3]);
	add_field(out, g->name);
	buf_printf(out, ":x:%lu:%s", (unsigned long)g->gid, buf_str(&members));
	if (f->user) {
		auto_strv struct strv have = { 0 };

		strv_split(&have, buf_str(&members), ',');
		if (!strv_has(&have, f->user)) {
			buf_adds(out, have.n ? "," : "");
			add_field(out, f->user);
		}
	}
	buf_addch(out, '\n');
}

void names_group(struct buf *out, const char *image, const struct facts *f)
{
	auto_free bool *done = xcalloc(f->ngroups + 1, sizeof(*done));
	bool nogroup = false;
	struct names_line l;

	for (const char *p = image; names_line_next(&p, &l);) {
		const struct fact_group *g = l.n >= 3 ? group_by_line(f, &l) : NULL;

		nogroup |= l.n >= 3 && (names_line_is_id(&l, 2, 65534) ||
					names_line_is(&l, 0, "nogroup", strlen("nogroup")));
		if (g && !done[g - f->groups]) {
			add_group(out, f, g, &l);
			done[g - f->groups] = true;
		} else if (!g && !(l.n >= 3 && group_name_taken(f, &l))) {
			add_line(out, &l);
		}
	}
	for (size_t i = 0; i < f->ngroups; i++) {
		nogroup |= f->groups[i].gid == 65534;
		for (size_t j = 0; j < i; j++) /* the primary group is often listed twice */
			done[i] |= f->groups[j].gid == f->groups[i].gid;
		if (!done[i] && f->groups[i].name)
			add_group(out, f, &f->groups[i], NULL);
	}
	if (!nogroup)
		buf_adds(out, "nogroup:x:65534:\n");
}
