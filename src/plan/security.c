#include "src/plan/security.h"

#include <string.h>

#include "src/plan/names_line.h"

static int id_set(const char *word, const char *text, bool *has, uint32_t *id, struct err *e)
{
	if (!names_id_parse(id, text, strlen(text)))
		return err_set(e, ERR_USAGE, "--security %s: an id is a number below 4294967295",
			       word);
	*has = true;
	return 0;
}

/* The groups after the first are supplementary ones. */
static int gid_set(struct security *s, const char *word, const char *text, struct err *e)
{
	auto_strv struct strv ids = { 0 };

	strv_split(&ids, text, ':');
	for (size_t i = 1; i < ids.n; i++)
		if (strcmp(ids.v[i], ids.v[0]) != 0)
			return err_set(e, ERR_UNSUPPORTED,
				       "--security %s: more than one group takes root; give one, "
				       "gid:%s",
				       word, ids.v[0]);
	return id_set(word, ids.n ? ids.v[0] : "", &s->has_gid, &s->gid, e);
}

static int word_parse(struct security *s, const char *word, struct err *e)
{
	static const struct {
		const char *name, *why;
	} refused[] = {
		{ "selinux", "a context is set by the site's policy; start Berth with runcon" },
		{ "apparmor", "a profile is chosen by the site; start Berth with aa-exec" },
		{ "seccomp", "profiles are not read; the program has no more rights than you" },
	};
	size_t n = strcspn(word, ":");

	if (str_has_prefix(word, "uid:"))
		return id_set(word, word + strlen("uid:"), &s->has_uid, &s->uid, e);
	if (str_has_prefix(word, "gid:"))
		return gid_set(s, word, word + strlen("gid:"), e);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (strlen(refused[i].name) == n && !strncmp(word, refused[i].name, n))
			return err_set(e, ERR_UNSUPPORTED, "--security %s: %s", word,
				       refused[i].why);
	return err_set(e, ERR_USAGE, "--security %s: there are uid:N and gid:N", word);
}

int security_parse(struct security *out, const struct run_req *req, struct err *e)
{
	*out = (struct security){ 0 };
	for (size_t i = 0; i < req->security.n; i++) {
		auto_strv struct strv words = { 0 };

		strv_split(&words, req->security.v[i], ',');
		for (size_t k = 0; k < words.n; k++)
			if (word_parse(out, words.v[k], e) < 0)
				return -1;
	}
	if ((out->has_uid || out->has_gid) && req->fakeroot)
		return err_set(e, ERR_USAGE,
			       "--security and --fakeroot exclude each other: with --fakeroot the "
			       "ids are root's");
	return 0;
}
