/* deb-src-control(5) paragraphs and apk's one-letter ones: "key: value" lines, an empty line ends a
 * package. */
#include "src/flow/packages.h"

#include <stdbool.h>
#include <string.h>

#include "src/base/buf.h"

#define PACKAGES_MAX 200000

void package_list_fini(struct package_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].version);
		free(l->v[i].arch);
	}
	free(l->v);
	*l = (struct package_list){ 0 };
}

struct field {
	const char *p;
	size_t n;
};

static char *text_of(const struct field *f)
{
	auto_buf struct buf b = { 0 };

	buf_add_escaped(&b, f->p ? f->p : "", MIN(f->n, (size_t)512));
	return xstrdup(buf_str(&b));
}

static int add(struct package_list *out, const struct field *name, const struct field *version,
	       const struct field *arch)
{
	if (out->n == PACKAGES_MAX)
		return -1;
	xgrow(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = (struct package){ text_of(name), text_of(version), text_of(arch) };
	return 0;
}

int package_add(struct package_list *out, const char *name, const char *version, const char *arch)
{
	const struct field f[] = { { name, strlen(name) },
				   { version, strlen(version) },
				   { arch, strlen(arch) } };

	return add(out, &f[0], &f[1], &f[2]);
}

/* The value when the line begins with key. */
static bool take(struct field *out, const char *line, size_t n, const char *key)
{
	size_t k = strlen(key);

	if (n < k || memcmp(line, key, k) != 0)
		return false;
	while (k < n && (line[k] == ' ' || line[k] == '\t'))
		k++;
	*out = (struct field){ line + k, n - k };
	return true;
}

static bool ends_with(const struct field *f, const char *s)
{
	size_t n = strlen(s);

	return f->p && f->n >= n && !memcmp(f->p + f->n - n, s, n);
}

static int paragraphs(const char *text, size_t n, const char *const keys[4],
		      struct package_list *out)
{
	struct field f[4] = { 0 };
	const char *end = text + n;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((nl ? nl : end) - text);

		for (int i = 0; i < 4; i++)
			if (keys[i] && take(&f[i], text, len, keys[i]))
				break;
		text += len + 1;
		if (len && text < end)
			continue;
		/* dpkg remembers packages that are gone but for their configuration. */
		if (f[0].p && f[1].p && (!keys[3] || ends_with(&f[3], " installed")) &&
		    add(out, &f[0], &f[1], &f[2]) < 0)
			return -1;
		memset(f, 0, sizeof(f));
	}
	return 0;
}

int packages_dpkg(const char *text, size_t n, struct package_list *out)
{
	static const char *const keys[4] = { "Package:", "Version:", "Architecture:", "Status:" };

	return paragraphs(text, n, keys, out);
}

int packages_apk(const char *text, size_t n, struct package_list *out)
{
	static const char *const keys[4] = { "P:", "V:", "A:", NULL };

	return paragraphs(text, n, keys, out);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct package *)a)->name, ((const struct package *)b)->name);
}

void packages_sort(struct package_list *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
}
