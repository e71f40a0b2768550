#include "src/host/names.h"

#include <stdint.h>
#include <string.h>

#include "src/base/buf.h"

/* Field i of the line that starts at p: its start, and its length in *n; NULL
 * when the line has fewer. */
static const char *field(const char *p, size_t i, size_t *n)
{
	for (; i; i--) {
		p += strcspn(p, ":\n");
		if (*p++ != ':')
			return NULL;
	}
	*n = strcspn(p, ":\n");
	return p;
}

static bool field_is_id(const char *line, uint32_t id)
{
	size_t n;
	const char *p = field(line, 2, &n);

	return p && str_is_u32(p, n, id);
}

/* The first line with this id in its third field and nfields in all. */
static const char *line_find(const char *text, uint32_t id, size_t nfields)
{
	size_t n;

	for (const char *p = text; *p;) {
		/* NIS markers (+, -) and lines without a name are no entries. */
		if (!strchr("+-:\n#", *p) && field_is_id(p, id) && field(p, nfields - 1, &n))
			return p;
		p = strchrnul(p, '\n');
		p += *p == '\n';
	}
	return NULL;
}

static char *take(struct arena *a, const char *line, size_t i)
{
	size_t n = 0;
	const char *p = field(line, i, &n);

	return arena_strndup(a, p, n);
}

bool passwd_find(struct passwd_entry *out, struct arena *a, const char *text, uid_t uid)
{
	const char *line = line_find(text, uid, 7);

	if (!line)
		return false;
	*out = (struct passwd_entry){ .name = take(a, line, 0),
				      .gecos = take(a, line, 4),
				      .home = take(a, line, 5),
				      .shell = take(a, line, 6) };
	return true;
}

char *group_find(struct arena *a, const char *text, gid_t gid)
{
	const char *line = line_find(text, gid, 4);

	return line ? take(a, line, 0) : NULL;
}
