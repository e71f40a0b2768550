#include "src/flow/prefetch.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/flow/push.h"
#include "src/flow/source.h"

#define LIST_MAX (4u << 20)

static int read_list(const char *file, struct strv *uris, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_strv struct strv lines = { 0 };
	int r;

	if (source_is_uri(file)) {
		strv_add(uris, file);
		return 0;
	}
	r = !strcmp(file, "-") ? fd_read_all(STDIN_FILENO, &text, LIST_MAX, "standard input", e)
			       : file_read(AT_FDCWD, file, &text, LIST_MAX, e);
	if (r == 1)
		return err_set(e, ERR_NOTFOUND, "%s: no such file", file);
	if (r < 0)
		return -1;
	strv_split(&lines, buf_str(&text), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *s = lines.v[i] + strspn(lines.v[i], " \t");

		s[strcspn(s, " \t\r#")] = '\0';
		if (*s)
			strv_add(uris, s);
	}
	return 0;
}

static int resolve(const struct prefetch_req *r, const char *uri, struct buf *text, struct err *e)
{
	struct tag_req t = { .uri = uri, .access = r->access };
	size_t colon, slash = (size_t)(strrchr(uri, '/') ? strrchr(uri, '/') - uri : 0);
	char dg[DIGEST_TEXT_MAX];
	struct digest d;

	if (flow_resolve(&t, &d, e) < 0)
		return -1;
	colon = slash + strcspn(uri + slash, ":@");
	buf_printf(text, "%.*s@%s\n", (int)colon, uri, digest_text(&d, dg));
	return 0;
}

static int fetch(const struct prefetch_req *r, const char *uri, struct buf *text, struct err *e)
{
	struct pull_req p = {
		.uri = uri,
		.arch = r->arch,
		.user = r->access.user,
		.password = r->access.password,
		.ca_file = r->access.ca_file,
		.auth_file = r->access.auth_file,
		.no_https = r->access.no_https,
		.parallel = r->access.parallel,
		.limit_rate = r->access.limit_rate,
	};
	auto_buf struct buf path = { 0 };

	if (!source_is_uri(uri))
		return err_set(e, ERR_USAGE, "%s: is no URI", uri);
	if (source_path(&p, &path, e) < 0)
		return -1;
	buf_printf(text, "%s\t%s\n", uri, buf_str(&path));
	return 0;
}

int flow_prefetch(const struct prefetch_req *r, struct buf *text, struct err *e)
{
	auto_strv struct strv uris = { 0 };
	size_t failed = 0;

	if (read_list(r->file, &uris, e) < 0)
		return -1;
	if (!uris.n)
		return err_set(e, ERR_USAGE, "%s names no image", r->file);
	for (size_t i = 0; i < uris.n; i++) {
		int v = r->resolve ? resolve(r, uris.v[i], text, e) : fetch(r, uris.v[i], text, e);

		if (v == 0)
			continue;
		if (e->kind == ERR_INTR || uris.n == 1)
			return -1;
		log_error("%s", e->text);
		failed++;
	}
	return failed ? 1 : 0;
}
