#include "src/flow/signatures.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/flow/transport.h"
#include "src/plan/policy.h"

#define KEY_MAX (64u << 10)
#define NOTES	"signatures"

/* One who asks: any of the keys will do. */
struct demand {
	char *who; /* "--verify-key cosign.pub" */
	struct strv files;
	struct pubkey **keys; /* files.n of them */
};
struct demands {
	struct demand v[2];
	size_t n;
};

static void demands_fini(struct demands *d)
{
	for (size_t i = 0; i < d->n; i++) {
		for (size_t k = 0; d->v[i].keys && k < d->v[i].files.n; k++)
			pubkey_free(d->v[i].keys[k]);
		free(d->v[i].keys);
		free(d->v[i].who);
		strv_fini(&d->v[i].files);
	}
}
#define auto_demands auto_(demands_fini)

/* The images that a signature may name: the manifest, and the index that leads to it. */
struct candidates {
	struct candidate {
		const struct digest *digest;
		struct beside found;
		struct buf document;
	} v[2];
	size_t n;
};

static void candidates_fini(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++) {
		beside_fini(&c->v[i].found);
		buf_fini(&c->v[i].document);
	}
}
#define auto_candidates auto_(candidates_fini)

static bool is_registry(const struct source *s)
{
	return s->t == &transport_docker || s->t == &transport_oras;
}

static int load_keys(struct demand *d, struct err *e)
{
	d->keys = xcalloc(d->files.n, sizeof(*d->keys));
	for (size_t i = 0; i < d->files.n; i++) {
		auto_buf struct buf pem = { 0 };
		int r = file_read(AT_FDCWD, d->files.v[i], &pem, KEY_MAX, e);

		if (r == 1)
			return err_set(e, ERR_NOTFOUND, "%s: no such file", d->who);
		if (r < 0 ||
		    pubkey_parse(&d->keys[i], buf_str(&pem), pem.len, d->files.v[i], e) < 0)
			return err_wrap(e, "%s", d->who);
	}
	return 0;
}

static int find_demands(const struct source *s, struct demands *out, struct err *e)
{
	const char *option = s->req->verify_key;

	if (option) {
		struct demand *d = &out->v[out->n++];

		d->who = xasprintf("--verify-key %s", option);
		strv_add(&d->files, option);
	}
	if (!is_registry(s))
		return 0;
	if (conf_list(s->conf, CONF_VERIFY_KEY)->n) {
		auto_free char *name = xasprintf("%s/%s", s->ref.host, s->ref.repo);
		auto_free char *where = conf_where(s->conf, CONF_VERIFY_KEY);
		struct demand *d = &out->v[out->n];

		policy_verify_keys(s->conf, name, &d->files);
		if (d->files.n) {
			d->who = xasprintf("\"verify key\" of %s (%s)", where, d->files.v[0]);
			out->n++;
		}
	}
	for (size_t i = 0; i < out->n; i++)
		if (load_keys(&out->v[i], e) < 0)
			return -1;
	return 0;
}

int signatures_possible(const struct source *s, struct err *e)
{
	auto_demands struct demands d = { 0 };

	if (!s->req->verify_key)
		return 0;
	if (is_registry(s))
		return find_demands(s, &d, e);
	return err_set(e, ERR_USAGE,
		       "--verify-key: signatures stand beside images in registries (docker://, "
		       "oras://), and %s is in none",
		       s->text);
}

/* ---- the store ---- */

int signatures_stored(struct store *store, const struct digest *image, struct beside *b,
		      struct err *e)
{
	auto_free char *name = cosign_tag(image, "");
	auto_buf struct buf text = { 0 };
	struct err why;
	int r = store_note_read(store, NOTES, name, BESIDE_TEXT_MAX, &text, e);

	if (r <= 0)
		return r;
	if (beside_parse(b, buf_str(&text), text.len, &why) == 0)
		return 1;
	log_verbose("signatures of the store: %s", why.text);
	beside_fini(b);
	return 0;
}

/* A store that takes nothing is no reason not to go on. */
static void keep(struct source *s, const struct digest *image, const struct beside *b)
{
	auto_free char *name = cosign_tag(image, "");
	auto_buf struct buf text = { 0 };
	struct err e;

	if (!b->n)
		return;
	beside_dump(b, &text);
	if (store_note_write(s->store, NOTES, name, text.data, text.len, &e) < 0)
		log_verbose("signatures not kept: %s", e.text);
}

int signatures_keep(struct source *s, struct err *e)
{
	auto_beside struct beside b = { 0 };
	struct remote *remote;
	int r;

	if (!is_registry(s) || s->req->disable_cache)
		return 0;
	r = signatures_stored(s->store, &s->top, &b, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (source_remote(s, &remote, e) < 0 || remote_beside(remote, &s->top, false, &b, e) < 0)
		return e->kind == ERR_INTR ? -1 : 0;
	keep(s, &s->top, &b);
	return 0;
}

/* ---- asking ---- */

static void candidates_add(struct candidates *c, const struct digest *d)
{
	if (c->n && digest_equal(c->v[0].digest, d))
		return;
	c->v[c->n++] = (struct candidate){ .digest = d };
}

/* 0 good, 1 none of the keys has signed any of them.  *n counts what others signed. */
static int meets(const struct demand *d, const struct candidates *c, size_t *n, struct err *why)
{
	*n = 0;
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < d->files.n; k++) {
			const struct candidate *x = &c->v[i];
			struct beside_found f;

			if (beside_check(&x->found, x->digest, &x->document, d->keys[k], &f, why) <
			    0)
				continue;
			*n += f.others + f.attestations;
			if (!f.signatures)
				continue;
			log_verbose("%zu signature(s) and %zu attestation(s) are good by %s",
				    f.signatures, f.attestations, d->files.v[k]);
			return 0;
		}
	return 1;
}

static int check(const struct source *s, const struct demands *d, const struct candidates *c,
		 struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		struct err why = { 0 };
		size_t others;

		if (meets(&d->v[i], c, &others, &why) == 0)
			continue;
		if (why.kind != ERR_NONE) {
			*e = why;
			return err_wrap(e, "%s, asked for by %s", s->text, d->v[i].who);
		}
		if (others)
			return err_set(
				e, ERR_AUTH,
				"%s is not signed with the key that %s asks for; what is signed "
				"(%zu) is so by others or is no signature of the image",
				s->text, d->v[i].who, others);
		return err_set(e, ERR_AUTH, "%s is not signed, and %s asks for a signature",
			       s->text, d->v[i].who);
	}
	return 0;
}

/* Places are asked until one has a signature: a mirror need not have them.  From there on the image
 * comes from that place too. */
static int look(struct source *s, struct candidates *c, struct err *e)
{
	static const struct err none = { .kind = ERR_NOTFOUND, .text = "no signature there" };

	for (;;) {
		struct remote *remote;
		int r = source_remote(s, &remote, e);
		size_t n = 0;

		for (size_t i = 0; r == 0 && i < c->n; i++) {
			beside_fini(&c->v[i].found);
			r = remote_beside(remote, c->v[i].digest, true, &c->v[i].found, e);
			n += c->v[i].found.n;
			if (r == 0)
				keep(s, c->v[i].digest, &c->v[i].found);
		}
		if (r == 0 && n)
			return 0;
		if (!source_next_route(s, r < 0 ? e : &none))
			return r;
	}
}

int signatures_require(struct source *s, struct err *e)
{
	auto_demands struct demands d = { 0 };
	auto_candidates struct candidates c = { 0 };

	if (find_demands(s, &d, e) < 0)
		return -1;
	if (!d.n)
		return 0;
	candidates_add(&c, &s->top);
	candidates_add(&c, &s->digest);
	for (size_t i = 0; i < c.n; i++)
		if (store_read(s->store, c.v[i].digest, MANIFEST_MAX, &c.v[i].document, e) < 0 ||
		    signatures_stored(s->store, c.v[i].digest, &c.v[i].found, e) < 0)
			return -1;
	if (check(s, &d, &c, e) == 0)
		return 0;
	/* It may have been signed since. */
	return look(s, &c, e) < 0 ? -1 : check(s, &d, &c, e);
}
