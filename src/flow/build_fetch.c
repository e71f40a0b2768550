#include "src/flow/build_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/fetch.h"
#include "registry/url.h"
#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/base/stream.h"
#include "src/flow/access.h"
#include "src/flow/build_child.h"

static char *name_of(const struct step_item *item)
{
	char hex[DIGEST_TEXT_MAX];
	struct digest d;

	digest_of(&d, DIGEST_SHA256, item->src, strlen(item->src));
	return xasprintf("url-%.32s", digest_hex(&d, hex));
}

/* Copies the stream into fd; *got is the digest of what came. */
static int take(struct stream *s, int fd, enum digest_algo algo, struct digest *got, struct err *e)
{
	auto_digest_ctx struct digest_ctx *d = digest_begin(algo);
	char block[65536];
	ssize_t n;

	while ((n = stream_read(s, block, sizeof(block), e)) > 0) {
		digest_update(d, block, (size_t)n);
		if (fd_write(fd, block, (size_t)n) < 0)
			return err_sys(e, "write");
		if (build_signal())
			return err_set(e, ERR_INTR, "stopped by a signal");
	}
	digest_end(d, got);
	return n < 0 ? -1 : 0;
}

static int check(const struct digest *want, const struct digest *got, struct err *e)
{
	char a[DIGEST_TEXT_MAX], b[DIGEST_TEXT_MAX];

	if (digest_equal(want, got))
		return 0;
	return err_set(e, ERR_INPUT, "what the server sent is %s, not --checksum=%s",
		       digest_text(got, a), digest_text(want, b));
}

static int transfer(struct build *b, const struct step *step, const struct step_item *item, int fd,
		    struct err *e)
{
	const struct build_req *r = b->req;
	const struct access a = { .ca_file = r->ca_file,
				  .no_https = str_has_prefix(item->src, "http://") };
	auto_ref struct ref ref = { 0 };
	struct digest want = { .algo = DIGEST_SHA256 }, got;
	auto_remote struct remote *remote = NULL;
	auto_stream struct stream *s = NULL;

	if (step->checksum && digest_parse(&want, step->checksum, e) < 0)
		return -1;
	if (ref_for_url(&ref, item->src, e) < 0 || access_open(&remote, &a, &ref, e) < 0 ||
	    fetch_stream(&s, remote, item->src, e) < 0 || take(s, fd, want.algo, &got, e) < 0)
		return -1;
	return step->checksum ? check(&want, &got, e) : 0;
}

int build_fetch(struct build *b, const struct step *step, const struct step_item *item, char **file,
		struct err *e)
{
	auto_free char *name = name_of(item), *shown = url_shown(item->src);
	auto_close int fd = -1;
	int r = faccessat(b->workfd, name, F_OK, 0);

	if (r < 0) {
		log_info("fetching %s", shown);
		fd = openat(b->workfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_sys(e, "make %s/%s", b->work, name);
		if (transfer(b, step, item, fd, e) < 0) {
			unlinkat(b->workfd, name, 0);
			return err_wrap(e, "line %u: %s", item->line, shown);
		}
	}
	*file = path_join(b->work, name);
	return 0;
}

int build_fetch_key(struct build *b, const struct step *step, const struct step_item *item,
		    struct buf *key, struct err *e)
{
	auto_digest_ctx struct digest_ctx *d = NULL;
	auto_free char *file = NULL;
	auto_close int fd = -1;
	char hex[DIGEST_TEXT_MAX], block[65536];
	struct digest got;
	ssize_t n;

	/* The step's own text has the checksum. */
	if (step->checksum)
		return 0;
	if (build_fetch(b, step, item, &file, e) < 0)
		return -1;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	d = digest_begin(DIGEST_SHA256);
	while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0)
		digest_update(d, block, (size_t)n);
	if (fd < 0 || n < 0)
		return err_sys(e, "read %s", file);
	buf_printf(key, " url=%s", digest_hex(digest_end(d, &got), hex));
	return 0;
}

int build_fetch_name(const struct step_item *item, char **name, struct err *e)
{
	const char *path = strstr(item->src, "://") + 3;
	auto_free char *plain = xstrndup(path, strcspn(path, "?#"));
	const char *slash = strrchr(plain, '/');

	if (!slash || !slash[1] || !strcmp(slash, "/.") || !strcmp(slash, "/.."))
		return err_set(e, ERR_INPUT,
			       "line %u: ADD of a URL into a directory needs a URL that ends with "
			       "a file's name",
			       item->line);
	*name = xstrdup(slash + 1);
	return 0;
}
