#include "src/flow/source.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/ref.h"
#include "src/base/progress.h"
#include "src/flow/transport.h"

bool source_is_uri(const char *word)
{
	const char *rest;
	struct stat st;

	return transport_of(word, &rest) && stat(word, &st) < 0;
}

int source_path(const struct pull_req *r, struct buf *path, struct err *e)
{
	struct pull_req pull = *r;
	int ret;

	if (!source_is_uri(r->uri)) {
		if (r->verify_key)
			return err_set(e, ERR_USAGE,
				       "--verify-key: %s is a file, and cosign signs images of "
				       "registries; name it docker:// or oras://",
				       r->uri);
		buf_adds(path, r->uri);
		return 0;
	}
	pull.into_store = true;
	pull.progress = progress_new(STDERR_FILENO);
	ret = flow_pull(&pull, path, e);
	/* Its thread ends here: what follows may need a process of one thread. */
	progress_free(pull.progress);
	return ret;
}

int source_explain_missing(const char *word, struct err *e)
{
	const char *scheme = strstr(word, "://"), *rest;
	auto_ref struct ref ref = { 0 };
	auto_buf struct buf list = { 0 };
	struct err ignored;
	size_t n;

	if (e->kind != ERR_NOTFOUND || transport_of(word, &rest))
		return -1;
	n = strlen(e->text);
	if (scheme && strcspn(word, "/") > (size_t)(scheme - word)) {
		transport_list(&list);
		return err_set(e, ERR_UNSUPPORTED,
			       "%.*s:// is no place that images come from: %s are",
			       (int)MIN(scheme - word, 40), word, buf_str(&list));
	}
	/* An absolute path, or "./x", can mean nothing else. */
	if (word[0] != '/' && word[0] != '.' && ref_parse(&ref, word, &ignored) == 0 &&
	    n + 100 + strlen(word) < sizeof(e->text)) {
		auto_free char *first = xstrdup(e->text);

		return err_set(e, ERR_NOTFOUND, "%s; an image of a registry is written docker://%s",
			       first, word);
	}
	return -1;
}
