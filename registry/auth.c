#include "registry/auth.h"

#include <string.h>
#include <strings.h>

#include "registry/secret.h"
#include "registry/url.h"
#include "src/base/json.h"

/* A token without expires_in lives 60 s, says the specification; nobody's lives
 * longer than we want to believe. */
#define DEFAULT_LIFE 60
#define MAX_LIFE     86400

void auth_fini(struct auth *a)
{
	secret_free(a->value);
	free(a->realm);
	free(a->service);
	strv_fini(&a->scopes);
	*a = (struct auth){ 0 };
}

static void set_value(struct auth *a, const char *scheme, const char *secret)
{
	secret_free(a->value);
	a->value = xasprintf("%s %s", scheme, secret);
	a->generation++;
	a->renew_at = 0;
}

void auth_preset(struct auth *a, const char *token)
{
	set_value(a, "Bearer", token);
}

static int challenged_basic(struct auth *a, const struct credential *cred)
{
	auto_secret char *pair = NULL;

	if (!cred->user || a->value)
		return 2;
	pair = credential_basic(cred);
	set_value(a, "Basic", pair);
	return 0;
}

static void add_scope(struct auth *a, const char *scope, const char *repo)
{
	auto_strv struct strv asked = { 0 };

	a->new_scope = false;
	if (scope && *scope)
		strv_split(&asked, scope, ' ');
	else if (*repo)
		strv_addf(&asked, "repository:%s:pull", repo);
	/* A registry that asks for ever more scopes gets no endless URL. */
	for (size_t i = 0; i < asked.n && a->scopes.n < 8; i++) {
		if (strv_has(&a->scopes, asked.v[i]))
			continue;
		strv_add(&a->scopes, asked.v[i]);
		a->new_scope = true;
	}
}

int auth_challenged(struct auth *a, const struct challenge *c, const struct credential *cred,
		    const char *repo, bool plain, struct err *e)
{
	if (c->basic && !(c->bearer && c->realm))
		return challenged_basic(a, cred);
	if (!c->bearer || !c->realm)
		return err_set(e, ERR_AUTH,
			       "the registry asks for a login by a scheme that is not supported "
			       "(Basic and Bearer are)");
	if (strncasecmp(c->realm, "https://", 8) != 0 &&
	    !(plain && !strncasecmp(c->realm, "http://", 7))) {
		auto_free char *shown = url_shown(c->realm);

		return err_set(e, ERR_NET, "the registry names %s for tokens, which is not https",
			       shown);
	}
	if (cred->registry_token) {
		if (a->value)
			return 2;
		set_value(a, "Bearer", cred->registry_token);
		return 0;
	}
	free(a->realm);
	free(a->service);
	a->realm = xstrdup(c->realm);
	a->service = c->service ? xstrdup(c->service) : NULL;
	add_scope(a, c->scope, repo);
	return 1;
}

bool auth_is_stale(const struct auth *a, int64_t now)
{
	return a->value && a->renew_at && now >= a->renew_at;
}

static void add_param(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s=", key);
	url_add_encoded(out, value);
}

void auth_token_url(const struct auth *a, const struct credential *cred, struct buf *url)
{
	size_t n = strcspn(a->realm, "#");
	char next = memchr(a->realm, '?', n) ? '&' : '?';

	buf_add(url, a->realm, n);
	if (a->service) {
		buf_addch(url, next);
		add_param(url, "service", a->service);
		next = '&';
	}
	for (size_t i = 0; i < a->scopes.n; i++) {
		buf_addch(url, next);
		add_param(url, "scope", a->scopes.v[i]);
		next = '&';
	}
	if (cred->user) {
		buf_addch(url, next);
		add_param(url, "account", cred->user);
	}
}

void auth_token_form(const struct auth *a, const struct credential *cred, struct buf *form)
{
	auto_buf struct buf scopes = { 0 };

	for (size_t i = 0; i < a->scopes.n; i++)
		buf_printf(&scopes, "%s%s", i ? " " : "", a->scopes.v[i]);
	buf_adds(form, "grant_type=refresh_token&client_id=berth&");
	add_param(form, "scope", buf_str(&scopes));
	buf_addch(form, '&');
	if (a->service) {
		add_param(form, "service", a->service);
		buf_addch(form, '&');
	}
	add_param(form, "refresh_token", cred->identity_token);
}

/* What may stand in a header: a token with a line break would add headers. */
static bool is_sendable(const char *t)
{
	for (; *t; t++)
		if (*t <= ' ' || *t >= 0x7f)
			return false;
	return true;
}

int auth_take_token(struct auth *a, const char *body, size_t n, int64_t now, struct err *e)
{
	auto_json struct json *doc = NULL;
	const char *token;
	int64_t life = DEFAULT_LIFE;

	if (json_parse(&doc, body, n, AUTH_TOKEN_MAX, e) < 0)
		return err_wrap(e, "reply of the token server");
	token = json_str(json_get(doc, "token"));
	if (!token || !*token)
		token = json_str(json_get(doc, "access_token"));
	if (!token || !*token || !is_sendable(token))
		return err_set(e, ERR_NET, "the token server sent no token");
	if (json_i64(json_get(doc, "expires_in"), &life) != 0 || life <= 0)
		life = DEFAULT_LIFE;
	life = MIN(life, (int64_t)MAX_LIFE);
	set_value(a, "Bearer", token);
	a->renew_at = now + MAX(life * 9 / 10, 1);
	return 0;
}
