/* OCI distribution-spec 1.1, "Pulling manifests": names and tags.  The split into
 * host and path is a convention of Docker's that everybody follows: the first
 * component is a host when it cannot be a repository's. */
#include "registry/ref.h"

#include <string.h>

#include "src/base/buf.h"

#define NAME_MAX_LEN 255
#define TAG_MAX_LEN  128

/* <ctype.h> follows the locale; a reference does not. */
static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* */
static bool is_component(const char *p, size_t n)
{
	size_t i = 0;

	for (;;) {
		size_t word = i, sep;

		while (i < n && (is_lower(p[i]) || is_digit(p[i])))
			i++;
		if (i == word)
			return false;
		if (i == n)
			return true;
		sep = i;
		if (p[i] == '-')
			while (i < n && p[i] == '-')
				i++;
		else if (p[i] == '.')
			i++;
		else
			while (i < n && i - sep < 2 && p[i] == '_')
				i++;
		if (i == sep)
			return false;
	}
}

static bool is_repo(const char *p)
{
	for (;;) {
		size_t n = strcspn(p, "/");

		if (!is_component(p, n))
			return false;
		if (!p[n])
			return true;
		p += n + 1;
	}
}

static bool is_tag(const char *p)
{
	size_t n = strlen(p);

	if (!n || n > TAG_MAX_LEN || *p == '.' || *p == '-')
		return false;
	for (; *p; p++)
		if (!is_alnum(*p) && !strchr("._-", *p))
			return false;
	return true;
}

static bool is_port(const char *p)
{
	unsigned v = 0;

	if (!*p || strlen(p) > 5)
		return false;
	for (; *p; p++) {
		if (!is_digit(*p))
			return false;
		v = v * 10 + (unsigned)(*p - '0');
	}
	return v > 0 && v < 65536;
}

static bool is_host(const char *p)
{
	const char *start = p;

	if (*p == '[') { /* an IPv6 literal */
		size_t n = strspn(p + 1, "0123456789abcdefABCDEF:.");

		if (n < 2 || p[n + 1] != ']')
			return false;
		p += n + 2;
	} else {
		while (is_alnum(*p) || (p > start && *p == '-') ||
		       (p > start && *p == '.' && p[-1] != '.'))
			p++;
		if (p == start || p[-1] == '-')
			return false;
	}
	return !*p || (*p == ':' && is_port(p + 1));
}

static bool looks_like_host(const char *p)
{
	return strpbrk(p, ".:") || !strcmp(p, "localhost") || *p == '[';
}

bool ref_host_is_hub(const char *host)
{
	return !strcmp(host, "docker.io") || !strcmp(host, "index.docker.io") ||
	       !strcmp(host, "registry-1.docker.io");
}

static int bad(const char *text, const char *why, struct err *e)
{
	auto_buf struct buf shown = { 0 };

	buf_add_escaped(&shown, text, strnlen(text, 300));
	return err_set(e, ERR_USAGE, "\"%s\" is no image reference: %s", buf_str(&shown), why);
}

/* Takes "@digest" and ":tag" off the end of s. */
static int take_suffixes(struct ref *r, char *s, const char *text, struct err *e)
{
	char *at = strchr(s, '@'), *slash, *colon;

	if (at) {
		*at = '\0';
		if (digest_parse(&r->digest, at + 1, e) < 0)
			return bad(text, "after @ comes sha256: and 64 hex digits", e);
	}
	slash = strrchr(s, '/');
	colon = strrchr(slash ? slash : s, ':');
	if (colon && !(*s == '[' && !slash)) {
		*colon = '\0';
		if (!is_tag(colon + 1))
			return bad(text,
				   "a tag has up to 128 letters, digits, '_', '.', '-' and does "
				   "not start with '.' or '-'",
				   e);
		r->tag = xstrdup(colon + 1);
	}
	if (!r->tag && r->digest.algo == DIGEST_NONE)
		r->tag = xstrdup("latest");
	return 0;
}

static int take_name(struct ref *r, char *s, const char *text, struct err *e)
{
	char *slash = strchr(s, '/');
	const char *repo = s;

	if (slash) {
		*slash = '\0';
		if (looks_like_host(s)) {
			if (!is_host(s))
				return bad(text,
					   "the registry is no host name with an optional port", e);
			r->host = xstrdup(ref_host_is_hub(s) ? "docker.io" : s);
			repo = slash + 1;
		} else {
			*slash = '/';
		}
	}
	if (!r->host)
		r->host = xstrdup("docker.io");
	if (!is_repo(repo))
		return bad(text,
			   "a name has lower-case letters and digits, separated by '/', '.', '_' "
			   "or '-'",
			   e);
	r->repo = !strcmp(r->host, "docker.io") && !strchr(repo, '/')
			  ? xasprintf("library/%s", repo)
			  : xstrdup(repo);
	if (strlen(r->host) + 1 + strlen(r->repo) > NAME_MAX_LEN)
		return bad(text, "the name is longer than 255 characters", e);
	return 0;
}

static char *full_text(const struct ref *r)
{
	char dg[DIGEST_TEXT_MAX];

	digest_text(&r->digest, dg);
	return xasprintf("%s/%s%s%s%s%s", r->host, r->repo, r->tag ? ":" : "", r->tag ? r->tag : "",
			 *dg ? "@" : "", dg);
}

int ref_parse(struct ref *out, const char *text, struct err *e)
{
	auto_free char *s = NULL;
	auto_ref struct ref r = { 0 };
	const char *scheme = strstr(text, "://");

	if (str_has_prefix(text, "docker://"))
		s = xstrdup(text + strlen("docker://"));
	else if (scheme && strcspn(text, "/@") > (size_t)(scheme - text))
		return err_set(e, ERR_UNSUPPORTED,
			       "%.*s:// is not supported: registries are named docker://",
			       (int)MIN(scheme - text, 40), text);
	else
		s = xstrdup(text);
	if (!*s)
		return bad(text, "it is empty", e);
	if (take_suffixes(&r, s, text, e) < 0 || take_name(&r, s, text, e) < 0)
		return -1;
	r.text = full_text(&r);
	*out = r;
	r = (struct ref){ 0 };
	return 0;
}

void ref_fini(struct ref *r)
{
	free(r->host);
	free(r->repo);
	free(r->tag);
	free(r->text);
	*r = (struct ref){ 0 };
}

const char *ref_api_host(const struct ref *r)
{
	return !strcmp(r->host, "docker.io") ? "registry-1.docker.io" : r->host;
}
