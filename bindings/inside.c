#include "bindings/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/base/path.h"
#include "src/host/ldcache.h"

#define CACHE_MAX (16u << 20)

struct inside_entry {
	char *name;	 /* "64 libdrm.so.2" */
	struct elf *elf; /* NULL: the image has none */
};

static int file_open(struct inside *in, const char *path, struct inside_file *f, struct err *e)
{
	return in->ops ? in->ops->open(in->arg, path, f, e) : 1;
}

bool inside_has(struct inside *in, const char *path)
{
	struct inside_file f;
	struct err ignored;

	if (file_open(in, path, &f, &ignored) != 0)
		return false;
	in->ops->close(in->arg, &f);
	return true;
}

/* 0 it is such a library, 1 not there or another one.  One that is damaged is no library that
 * the image's programs could use. */
static int try_path(struct inside *in, const char *path, int bits, struct elf *out)
{
	struct inside_file f;
	struct err ignored;
	int r = file_open(in, path, &f, &ignored);

	if (r)
		return 1;
	r = elf_read(out, &f.src, &ignored);
	in->ops->close(in->arg, &f);
	if (r)
		return 1;
	if (out->bits == bits && !out->foreign)
		return 0;
	elf_fini(out);
	return 1;
}

/* found: where it was, NULL: of no interest. */
static int try_dirs(struct inside *in, const char *name, int bits, struct elf *out,
		    struct buf *found)
{
	static const char *const dirs64[] = {
		"/lib/x86_64-linux-gnu",  "/usr/lib/x86_64-linux-gnu",	"/lib64", "/usr/lib64",
		"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib",	  "/usr/lib",
		"/usr/local/lib"
	};
	static const char *const dirs32[] = { "/lib/i386-linux-gnu", "/usr/lib/i386-linux-gnu",
					      "/usr/lib32", "/lib", "/usr/lib" };
	const char *const *dirs = bits == 32 ? dirs32 : dirs64;
	size_t n = bits == 32 ? ARRAY_LEN(dirs32) : ARRAY_LEN(dirs64);

	for (size_t i = 0, first = in->dirs ? in->dirs->n : 0; i < first + n; i++) {
		const char *dir = i < first ? in->dirs->v[i] : dirs[i - first];
		auto_free char *path = path_join(dir, name);

		if (try_path(in, path, bits, out) != 0)
			continue;
		if (found)
			buf_adds(found, path);
		return 0;
	}
	return 1;
}

/* Everything of a file of the image; at most max bytes. */
static int read_all(struct inside *in, const char *path, size_t max, struct buf *out)
{
	struct inside_file f;
	struct err ignored;
	ssize_t n;

	if (file_open(in, path, &f, &ignored) != 0)
		return 1;
	do {
		buf_reserve(out, 1 << 16);
		n = f.src.read(f.src.arg, out->data + out->len, 1 << 16, out->len);
		out->len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && out->len < max);
	in->ops->close(in->arg, &f);
	return n == 0 ? 0 : 1;
}

/* Only for what lies in none of the usual places. */
static int try_cache(struct inside *in, const char *name, int bits, struct elf *out,
		     struct buf *found)
{
	auto_buf struct buf bytes = { 0 };
	auto_ldcache struct ldcache c = { 0 };
	struct err ignored;
	int r = 1;

	if (read_all(in, "/etc/ld.so.cache", CACHE_MAX, &bytes) ||
	    ldcache_parse(&c, bytes.data, bytes.len, &ignored) < 0)
		return 1;
	for (size_t i = ldcache_first(&c, name); r && i < c.n; i = ldcache_next(&c, i))
		if (c.v[i].bits == bits) {
			r = try_path(in, c.v[i].path, bits, out);
			if (r == 0 && found)
				buf_adds(found, c.v[i].path);
		}
	return r;
}

int inside_lib(struct inside *in, const char *name, int bits, const struct elf **lib)
{
	auto_free char *key = xasprintf("%d %s", bits, name);
	struct inside_entry *entry;
	struct elf elf;

	for (size_t i = 0; i < in->nseen; i++)
		if (!strcmp(in->seen[i].name, key)) {
			*lib = in->seen[i].elf;
			return !*lib;
		}
	xgrow(&in->seen, &in->cap, in->nseen + 1, sizeof(*in->seen));
	entry = &in->seen[in->nseen++];
	*entry = (struct inside_entry){ .name = take_ptr(key) };
	if (in->ops && (try_dirs(in, name, bits, &elf, NULL) == 0 ||
			try_cache(in, name, bits, &elf, NULL) == 0))
		entry->elf = xmemdup(&elf, sizeof(elf));
	*lib = entry->elf;
	return !*lib;
}

int inside_open(struct inside *in, const char *name, int bits, struct buf *path,
		struct inside_file *f)
{
	size_t was = path->len;
	struct elf elf;
	struct err ignored;

	if (!in->ops || (try_dirs(in, name, bits, &elf, path) != 0 &&
			 try_cache(in, name, bits, &elf, path) != 0))
		return 1;
	elf_fini(&elf);
	return file_open(in, buf_str(path) + was, f, &ignored) != 0;
}

void inside_fini(struct inside *in)
{
	for (size_t i = 0; i < in->nseen; i++) {
		free(in->seen[i].name);
		if (in->seen[i].elf)
			elf_fini(in->seen[i].elf);
		free(in->seen[i].elf);
	}
	free(in->seen);
	in->seen = NULL;
	in->nseen = in->cap = 0;
}

static bool number(const char **text, unsigned *n)
{
	const char *p = *text;

	for (*n = 0; *p >= '0' && *p <= '9' && *n < 100000; p++)
		*n = *n * 10 + (unsigned)(*p - '0');
	if (p == *text)
		return false;
	*text = p;
	return true;
}

bool inside_glibc_number(const char *version, unsigned *major, unsigned *minor)
{
	const char *p = version + strlen("GLIBC_");

	return str_has_prefix(version, "GLIBC_") && number(&p, major) && *p++ == '.' &&
	       number(&p, minor);
}

static void version_take(struct inside *in, const struct elf *libc)
{
	for (size_t i = 0; i < libc->nverdef; i++) {
		unsigned major, minor;

		if (!inside_glibc_number(libc->verdef[i], &major, &minor))
			continue;
		if (major > in->major || (major == in->major && minor > in->minor)) {
			in->major = major;
			in->minor = minor;
		}
	}
	snprintf(in->version, sizeof(in->version), "%u.%u", in->major % 1000, in->minor % 1000);
}

void inside_probe(struct inside *in)
{
	static const char *const musl[] = { "/lib/ld-musl-x86_64.so.1",
					    "/lib/ld-musl-aarch64.so.1" };
	const struct elf *libc;

	in->libc = INSIDE_NONE;
	if (inside_lib(in, "libc.so.6", elf_own_bits(), &libc) == 0) {
		in->libc = INSIDE_GLIBC;
		version_take(in, libc);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(musl); i++)
		if (inside_has(in, musl[i]))
			in->libc = INSIDE_MUSL;
}
