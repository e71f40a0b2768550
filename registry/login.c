#include "registry/login.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "registry/base64.h"
#include "registry/credentials.h"
#include "registry/helper.h"
#include "registry/ref.h"
#include "registry/secret.h"
#include "src/base/fd.h"
#include "src/base/json.h"
#include "src/base/path.h"

const char *login_key(const char *host)
{
	return ref_host_is_hub(host) ? "https://index.docker.io/v1/" : host;
}

char *login_file(const char *auth_file, struct err *e)
{
	const char *env = getenv("REGISTRY_AUTH_FILE"), *home = getenv("HOME");
	const char *config = getenv("APPTAINER_CONFIGDIR");
	auto_free char *theirs = NULL;

	if (auth_file)
		return xstrdup(auth_file);
	if (env && *env)
		return xstrdup(env);
	if (config && *config)
		return xasprintf("%s/docker-config.json", config);
	if (!home || !*home) {
		err_set(e, ERR_HOST, "no home directory for a login: give --authfile");
		return NULL;
	}
	theirs = xasprintf("%s/.apptainer/docker-config.json", home);
	if (access(theirs, F_OK) == 0)
		return take_ptr(theirs);
	return xasprintf("%s/.berth/auth.json", home);
}

/* 0 read, 1 there is none.  text holds secrets: the caller forgets it. */
static int read_doc(const char *path, struct buf *text, struct json **doc, struct err *e)
{
	int r = file_read(AT_FDCWD, path, text, CREDENTIAL_FILE_MAX, e);

	if (r)
		return r;
	if (json_parse(doc, buf_str(text), text->len, CREDENTIAL_FILE_MAX, e) < 0 ||
	    json_kind(*doc) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "%s is no JSON object; move it away to log in anew",
			       path);
	return 0;
}

static const char *helper_of(const struct json *doc, const char *key)
{
	const char *h = json_str(json_get(json_get(doc, "credHelpers"), key));

	if (!h)
		h = json_str(json_get(doc, "credsStore"));
	return h && *h ? h : NULL;
}

struct rewrite {
	struct buf *out;
	const char *key, *skip; /* of "auths", left out */
	const char *entry;	/* JSON text of the new one; NULL: none */
	bool first, found;
};

static void member(struct rewrite *r, const char *key)
{
	struct jw w = { .out = r->out };

	if (!r->first)
		buf_adds(r->out, ",\n\t");
	r->first = false;
	jw_str(&w, NULL, key);
	buf_adds(r->out, ": ");
}

static int copy_member(void *arg, const char *key, const struct json *v)
{
	struct rewrite *r = arg;

	if (r->skip && !strcmp(key, r->skip)) {
		r->found = true;
		return 0;
	}
	member(r, key);
	json_dump(v, r->out);
	return 0;
}

/* The document with the entry of key in "auths" replaced or removed. */
static bool rewrite(struct buf *out, const struct json *doc, const char *key, const char *entry)
{
	struct rewrite top = { .out = out, .skip = "auths", .first = true };
	struct rewrite auths = { .out = out, .skip = key, .first = true };

	buf_adds(out, "{\n\t");
	json_members(doc, copy_member, &top);
	member(&top, "auths");
	buf_adds(out, "{");
	json_members(json_get(doc, "auths"), copy_member, &auths);
	if (entry) {
		member(&auths, key);
		buf_adds(out, entry);
	}
	buf_adds(out, "}\n}\n");
	return auths.found;
}

static void forget(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_fini(b);
}

static int write_doc(const char *path, const struct buf *text, struct err *e)
{
	auto_free char *dir = path_dir(path);

	if (dir_make_all(AT_FDCWD, dir, 0700, e) < 0)
		return -1;
	return file_write_atomic(AT_FDCWD, path, text->data, text->len, 0600, e);
}

int login_store(const char *path, const char *key, const char *user, const char *password,
		struct err *e)
{
	struct buf text = { 0 }, out = { 0 }, entry = { 0 };
	auto_json struct json *doc = NULL;
	auto_secret char *pair = xasprintf("%s:%s", user, password);
	const char *helper = NULL;
	int r = read_doc(path, &text, &doc, e);

	if (r >= 0) {
		helper = helper_of(doc, key);
		if (helper && helper_store(helper, key, user, password, e) < 0)
			r = -1;
	}
	if (r >= 0) {
		/* An empty entry says that a helper has it. */
		buf_adds(&entry, "{");
		if (!helper) {
			buf_adds(&entry, "\"auth\": \"");
			base64_add(&entry, pair, strlen(pair));
			buf_adds(&entry, "\"");
		}
		buf_adds(&entry, "}");
		rewrite(&out, doc, key, buf_str(&entry));
		r = write_doc(path, &out, e);
	}
	forget(&text);
	forget(&out);
	forget(&entry);
	return r < 0 ? -1 : 0;
}

int login_remove(const char *path, const char *key, struct err *e)
{
	struct buf text = { 0 }, out = { 0 };
	auto_json struct json *doc = NULL;
	const char *helper = NULL;
	bool found = false;
	int r = read_doc(path, &text, &doc, e);

	if (r == 0) {
		helper = helper_of(doc, key);
		found = rewrite(&out, doc, key, NULL);
		if (helper)
			r = helper_erase(helper, key, e);
		found |= r == 0 && helper;
		if (r >= 0 && found)
			r = write_doc(path, &out, e);
	}
	forget(&text);
	forget(&out);
	return r < 0 ? -1 : !found;
}

struct listing {
	void (*f)(void *arg, const char *key, const char *user);
	void *arg;
};

static int list_one(void *arg, const char *key, const struct json *v)
{
	struct listing *l = arg;
	const char *auth = json_str(json_get(v, "auth")), *user = json_str(json_get(v, "username"));
	struct buf plain = { 0 };

	if (!user && auth && base64_decode(&plain, auth) == 0 && plain.len) {
		/* Nothing behind the colon leaves this function. */
		char *colon = memchr(plain.data, ':', plain.len);

		if (colon) {
			explicit_bzero(colon, plain.len - (size_t)(colon - plain.data));
			user = plain.data;
		}
	}
	l->f(l->arg, key, user ? user : "");
	forget(&plain);
	return 0;
}

int login_list(const char *path, void (*f)(void *arg, const char *key, const char *user), void *arg,
	       struct err *e)
{
	struct listing l = { f, arg };
	struct buf text = { 0 };
	auto_json struct json *doc = NULL;
	int r = read_doc(path, &text, &doc, e);

	if (r == 0)
		json_members(json_get(doc, "auths"), list_one, &l);
	forget(&text);
	return r < 0 ? -1 : 0;
}
