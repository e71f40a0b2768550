#include "src/flow/build_base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/meta.h"
#include "src/base/path.h"
#include "src/base/progress.h"
#include "src/flow/admit.h"
#include "src/flow/pull.h"

/* The agents whose From is a URI without its scheme. */
static const char *const schemes[][2] = {
	{ "docker", "docker://" },
	{ "oras", "oras://" },
	{ "oci", "oci:" },
	{ "oci-archive", "oci-archive:" },
	{ "docker-archive", "docker-archive:" },
	{ "docker-daemon", "docker-daemon:" },
	{ "library", "library://" },
	{ "shub", "shub://" },
};

static void set_key(struct build_key *k, const char *kind, const char *what)
{
	auto_free char *text = xasprintf("base %d %s %s", META_FORMAT, kind, what);
	struct digest d;
	char hex[DIGEST_TEXT_MAX];

	digest_of(&d, DIGEST_SHA256, text, strlen(text));
	snprintf(k->hex, sizeof(k->hex), "%s", digest_hex(&d, hex));
}

static int pull(struct build *b, struct build_stage *s, const char *uri, struct err *e)
{
	auto_free char *private = b->store ? NULL : path_join(b->work, "store");
	struct pull_req r = { .uri = uri,
			      .conf = &b->conf,
			      .into_store = true,
			      .cachedir = private,
			      .arch = b->req->arch,
			      .no_https = b->req->no_https,
			      .user = b->req->user,
			      .password = b->req->password,
			      .ca_file = b->req->ca_file,
			      .auth_file = b->req->auth_file };
	auto_buf struct buf path = { 0 };
	struct err unlisted;
	int ret;

	(void)admit_uri(&b->conf, uri, &s->listed, &unlisted);
	r.progress = progress_new(STDERR_FILENO);
	ret = flow_pull(&r, &path, e);
	progress_free(r.progress);
	if (ret < 0)
		return -1;
	s->image = buf_take(&path);
	/* The store names images by what they hold. */
	set_key(&s->base, "store", path_base(s->image));
	return 0;
}

/* registry and namespace stand in the header of their own (docker family). */
static const char *uri_of(struct build *b, const struct build_stage *s, const char *scheme)
{
	const char *registry = s->def ? def_header(s->def, "registry") : NULL;
	const char *namespace = s->def ? def_header(s->def, "namespace") : NULL;
	const char *library = s->def ? def_header(s->def, "library") : NULL;
	const char *slash;

	if (str_has_prefix(s->from, scheme))
		return s->from;
	if (!strcmp(scheme, "library://") && library && *library) {
		slash = strstr(library, "://");
		return arena_printf(&b->arena, "%s%s/%s", scheme, slash ? slash + 3 : library,
				    s->from);
	}
	return arena_printf(&b->arena, "%s%s%s%s%s%s", scheme, registry ? registry : "",
			    registry && *registry ? "/" : "", namespace ? namespace : "",
			    namespace && *namespace ? "/" : "", s->from);
}

/* An image that lies here.  A relative name is the caller's, as the shell would read it. */
static int local(struct build_stage *s, struct err *e)
{
	auto_image struct image *im = NULL;
	auto_free char *text = NULL;
	struct stat st;

	if (stat(s->from, &st) < 0)
		return err_sys(e, "%s", s->from);
	s->image = realpath(s->from, NULL);
	if (!s->image)
		return err_sys(e, "%s", s->from);
	if (image_open(&im, s->image, e) < 0)
		return -1;
	/* A directory changes without a trace in its own status. */
	if (S_ISDIR(st.st_mode))
		return 0;
	text = xasprintf("%llu %llu %lld %lld.%09ld %lld.%09ld", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino, (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			 (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	set_key(&s->base, "file", text);
	return 0;
}

static int read_config(struct build_stage *s, struct err *e)
{
	auto_image struct image *im = NULL;

	if (!s->image || image_open(&im, s->image, e) < 0)
		return s->image ? -1 : 0;
	s->base_config = take_ptr(im->oci);
	return 0;
}

/* What the tool would be asked for, in one text. */
static void tool_key(struct build *b, struct build_stage *s)
{
	auto_buf struct buf text = { 0 };

	for (size_t i = 0; i < s->def->header.n; i++)
		buf_printf(&text, "%s=%s\n", s->def->header.v[i].key, s->def->header.v[i].value);
	(void)b;
	set_key(&s->base, "tool", buf_str(&text));
}

int build_base_find(struct build *b, struct build_stage *s, struct err *e)
{
	int r;

	if (s->from_stage >= 0)
		return 0;
	if (!strcmp(s->agent, "scratch")) {
		set_key(&s->base, "scratch", "");
		return 0;
	}
	if (!strcmp(s->agent, "localimage"))
		return local(s, e) < 0 ? -1 : read_config(s, e);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		const char *uri;

		if (strcmp(s->agent, schemes[i][0]) != 0)
			continue;
		uri = uri_of(b, s, schemes[i][1]);
		return pull(b, s, uri, e) < 0 ? err_wrap(e, "base %s", uri) : read_config(s, e);
	}
	r = build_base_tool_check(s, e);
	if (r < 0)
		return -1;
	if (r == 1)
		return err_set(e, ERR_UNSUPPORTED,
			       "Bootstrap: %s is not supported; build that image with its own tool "
			       "and start from it with oci-archive or docker-archive",
			       s->agent);
	tool_key(b, s);
	return 0;
}

static bool runs_something(const struct build *b, const struct build_stage *s)
{
	for (size_t i = 0; i < s->steps.n; i++)
		if (s->steps.v[i].kind == STEP_RUN)
			return true;
	return !b->req->notest && s->def && s->def->script[DEF_TEST].text;
}

int build_base_admit(struct build *b, const struct build_stage *s, struct err *e)
{
	auto_image struct image *im = NULL;
	const struct build_stage *first = s;

	if (!policy_wants_image(&b->conf) || !runs_something(b, s))
		return 0;
	while (first->from_stage >= 0)
		first = &b->stages[first->from_stage];
	if (!first->image)
		return 0;
	if (image_open(&im, first->image, e) < 0)
		return -1;
	if (admit_image(&b->conf, im, first->image, first->listed, e) < 0)
		return err_wrap(e, "base %s", first->from);
	return 0;
}

int build_base_unpack(struct build *b, struct build_stage *s, struct err *e)
{
	if (s->image)
		return build_tree_unpack(&s->tree, s->image, e);
	return strcmp(s->agent, "scratch") ? build_base_tool(b, s, e) : 0;
}
