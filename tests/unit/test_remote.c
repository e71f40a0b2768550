/* The transfers against a scripted server on loopback, over plain http: which
 * requests are sent, with which headers, and what each odd reply leads to. */
#include "registry/remote.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/log.h"
#include "tests/unit/unit.h"

/* One reply: to the next request whose first line holds path.  %P in it is the
 * server's own port.  cut: bytes after which the connection is closed. */
struct reply {
	const char *path, *text;
	size_t cut;
	bool used;
};

struct server {
	int fd;
	unsigned port;
	struct reply *script;
	size_t n;
	struct buf log;		   /* all requests */
	bool own_login;		   /* of the test's: not u:p */
	bool may_hang_up, hung_up; /* the client does not take all of a reply */
	pthread_t thread;
};

static void serve_one(struct server *s, int fd)
{
	auto_buf struct buf request = { 0 }, out = { 0 };
	char port[8], line[512];
	size_t len;

	while (!strstr(buf_str(&request), "\r\n\r\n")) {
		ssize_t n;

		buf_reserve(&request, 4096);
		n = read(fd, request.data + request.len, 4095);
		if (n <= 0)
			return;
		request.len += (size_t)n;
		request.data[request.len] = '\0';
	}
	buf_add(&s->log, request.data, request.len);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(request.data, "\r"), request.data);
	snprintf(port, sizeof(port), "%u", s->port);
	for (size_t i = 0; i < s->n; i++) {
		struct reply *r = &s->script[i];

		if (r->used || !strstr(line, r->path))
			continue;
		r->used = true;
		for (const char *p = r->text, *at; p; p = at ? at + 2 : NULL) {
			at = strstr(p, "%P");
			buf_add(&out, p, at ? (size_t)(at - p) : strlen(p));
			buf_adds(&out, at ? port : "");
		}
		len = r->cut ? MIN(r->cut, out.len) : out.len;
		s->hung_up = send(fd, out.data, len, MSG_NOSIGNAL) != (ssize_t)len;
		ck_assert(!s->hung_up || s->may_hang_up);
		return;
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		serve_one(s, fd);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *s, struct reply *script, size_t n)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	*s = (struct server){ .script = script, .n = n };
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(s->fd, 16), 0);
	ck_assert_int_eq(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	ck_assert_int_eq(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	buf_fini(&s->log);
}

static unsigned count(const struct server *s, const char *what)
{
	unsigned n = 0;

	for (const char *p = buf_str(&s->log); (p = strstr(p, what)); p++)
		n++;
	return n;
}

/* A remote for lab/t on the server, quick to try again, with the login u:p. */
static struct remote *open_remote(const struct server *s, const char *host)
{
	struct remote_opts o = { .user = s->own_login ? NULL : "u",
				 .password = s->own_login ? NULL : "p",
				 .no_https = true,
				 .retry = { .base_ms = 1, .patience_s = 2 } };
	auto_free char *text = xasprintf("%s:%u/lab/t:1", host, s->port);
	auto_ref struct ref ref = { 0 };
	struct remote *r = NULL;
	struct err e = { 0 };

	log_set_level(LOG_SILENT);
	unsetenv("http_proxy");
	ck_ok(ref_parse(&ref, text, &e), &e);
	ck_ok(remote_open(&r, &ref, &o, &e), &e);
	return r;
}

/* What a blob_get got. */
struct got {
	struct buf bytes;
	unsigned restarts, dones;
	int refuse; /* this many done() say that the bytes are wrong */
};

static int on_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct got *g = arg;

	(void)e;
	buf_add(&g->bytes, p, n);
	return 0;
}

static int on_restart(void *arg, struct err *e)
{
	struct got *g = arg;

	(void)e;
	buf_clear(&g->bytes);
	g->restarts++;
	return 0;
}

static int on_done(void *arg, struct err *e)
{
	struct got *g = arg;

	(void)e;
	g->dones++;
	return g->refuse-- > 0 ? 1 : 0;
}

/* Fetches the blob "0123456789" of which have bytes are there. */
static int fetch(struct server *s, struct got *g, uint64_t have, struct err *e)
{
	auto_remote struct remote *r = open_remote(s, "127.0.0.1");
	struct blob_get get = { .size = 10,
				.have = have,
				.data = on_data,
				.restart = on_restart,
				.done = on_done,
				.arg = g };

	digest_of(&get.digest, DIGEST_SHA256, "0123456789", 10);
	buf_add(&g->bytes, "0123456789", have);
	return remote_blobs(r, &get, 1, e);
}

#define BLOB  "/blobs/"
#define FULL  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
#define HEAD4 (sizeof("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n") - 1 + 4)
#define FROM4                                                                                      \
	"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n" \
	"456789"
#define EMPTY(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"

START_TEST(a_cut_blob_goes_on_where_it_was_cut)
{
	struct reply script[] = { { BLOB, FULL, HEAD4, 0 }, { BLOB, FROM4, 0, 0 } };
	struct server s;
	struct got g = { 0 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_ok(fetch(&s, &g, 0, &e), &e);
	ck_assert_str_eq(buf_str(&g.bytes), "0123456789");
	ck_assert_uint_eq(g.restarts, 0);
	ck_assert_uint_eq(count(&s, "Range: bytes=4-\r\n"), 1);
	ck_assert_uint_eq(count(&s, "Accept-Encoding"), 0);
	server_stop(&s);
	buf_fini(&g.bytes);
}
END_TEST

START_TEST(what_an_earlier_run_left_is_not_fetched_again)
{
	struct reply script[] = { { BLOB, FROM4, 0, 0 } };
	struct server s;
	struct got g = { 0 }, whole = { 0 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_ok(fetch(&s, &g, 4, &e), &e);
	ck_assert_str_eq(buf_str(&g.bytes), "0123456789");
	ck_ok(fetch(&s, &whole, 10, &e), &e);
	ck_assert_uint_eq(whole.dones, 1);
	ck_assert_uint_eq(count(&s, "GET "), 1);
	server_stop(&s);
	buf_fini(&g.bytes);
	buf_fini(&whole.bytes);
}
END_TEST

/* Whoever else fetches a blob is done when the other blob is. */
struct waiting {
	const struct got *other;
	unsigned asked;
};

static int on_ready(void *arg, uint64_t *have, struct err *e)
{
	struct waiting *w = arg;

	(void)have, (void)e;
	w->asked++;
	return w->other->dones && w->asked > 3 ? BLOB_THERE : BLOB_WAIT;
}

START_TEST(a_blob_that_somebody_else_brings_lets_the_others_go_on)
{
	struct reply script[] = { { BLOB, FULL, 0, 0 } };
	struct server s;
	struct got g = { 0 };
	struct waiting w = { &g, 0 };
	struct blob_get gets[] = {
		{ .size = 10, .ready = on_ready, .arg = &w },
		{ .size = 10, .data = on_data, .restart = on_restart, .done = on_done, .arg = &g },
	};
	auto_remote struct remote *r = NULL;
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	r = open_remote(&s, "127.0.0.1");
	digest_of(&gets[0].digest, DIGEST_SHA256, "x", 1);
	digest_of(&gets[1].digest, DIGEST_SHA256, "0123456789", 10);
	ck_ok(remote_blobs(r, gets, 2, &e), &e);
	ck_assert_str_eq(buf_str(&g.bytes), "0123456789");
	ck_assert_uint_ge(w.asked, 4);
	ck_assert_uint_eq(count(&s, "GET "), 1);
	server_stop(&s);
	buf_fini(&g.bytes);
}
END_TEST

START_TEST(a_server_that_cannot_resume_makes_the_blob_start_over)
{
	static const struct {
		const char *first, *second;
		unsigned requests;
	} rows[] = {
		{ FULL, NULL, 1 },
		{ EMPTY("416 Range Not Satisfiable"), FULL, 2 },
		{ "HTTP/1.1 206 X\r\nContent-Range: bytes 3-9/10\r\nContent-Length: "
		  "7\r\n\r\n3456789",
		  FULL, 2 },
		{ "HTTP/1.1 206 X\r\nContent-Range: bytes 4-9/11\r\nContent-Length: "
		  "6\r\n\r\n456789",
		  FULL, 2 },
		{ "HTTP/1.1 206 X\r\nContent-Length: 6\r\n\r\n456789", FULL, 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply script[] = { { BLOB, rows[i].first, 0, 0 },
					  { BLOB, rows[i].second ? rows[i].second : FULL, 0, 0 } };
		struct server s;
		struct got g = { 0 };
		struct err e = { 0 };

		server_start(&s, script, ARRAY_LEN(script));
		ck_ok(fetch(&s, &g, 4, &e), &e);
		ck_assert_str_eq(buf_str(&g.bytes), "0123456789");
		ck_assert_uint_eq(g.restarts, 1);
		ck_assert_uint_eq(count(&s, "GET "), rows[i].requests);
		server_stop(&s);
		buf_fini(&g.bytes);
	}
}
END_TEST

START_TEST(a_size_other_than_the_manifests_is_an_error_at_once)
{
	static const struct {
		const char *reply, *text;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789X",
		  ": the manifest says that it has 10 bytes, the registry sends 11" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n012345678",
		  ": the manifest says that it has 10 bytes, the registry sends 9" },
		{ "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789X",
		  ": the manifest says that it has 10 bytes, the registry sends more" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply script[] = { { BLOB, rows[i].reply, 0, 0 }, { BLOB, FULL, 0, 0 } };
		struct server s;
		struct got g = { 0 };
		struct err e = { 0 };

		server_start(&s, script, ARRAY_LEN(script));
		ck_assert_int_eq(fetch(&s, &g, 0, &e), -1);
		ck_assert_int_eq(e.kind, ERR_INPUT);
		ck_assert_msg(strstr(e.text, rows[i].text), "%s", e.text);
		ck_assert_int_eq(strncmp(e.text, "blob sha256:84d89877f0d4: ", 26), 0);
		ck_assert_uint_eq(count(&s, "GET "), 1);
		ck_assert_uint_eq(g.dones, 0);
		server_stop(&s);
		buf_fini(&g.bytes);
	}
}
END_TEST

START_TEST(a_registry_that_is_gone_ends_the_pull_after_five_tries)
{
	struct reply script[] = { { BLOB, FULL, HEAD4, 0 } };
	struct server s;
	struct got g = { 0 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_assert_int_eq(fetch(&s, &g, 0, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NET);
	ck_assert_str_eq(e.text,
			 "blob sha256:84d89877f0d4: connection closed by the registry after "
			 "4 bytes (5 tries)");
	server_stop(&s);
	buf_fini(&g.bytes);
}
END_TEST

START_TEST(a_status_that_may_pass_is_tried_again_as_asked)
{
	struct reply script[] = { { BLOB, EMPTY("503 Service Unavailable\r\nRetry-After: 0"), 0,
				    0 },
				  { BLOB, EMPTY("429 Too Many Requests\r\nRetry-After: 0"), 0, 0 },
				  { BLOB, EMPTY("500 Internal Server Error"), 0, 0 },
				  { BLOB, FULL, 0, 0 } };
	struct server s;
	struct got g = { 0 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_ok(fetch(&s, &g, 0, &e), &e);
	ck_assert_uint_eq(count(&s, "GET "), 4);
	server_stop(&s);
	buf_fini(&g.bytes);
}
END_TEST

START_TEST(a_rate_limit_of_hours_is_reported_at_once)
{
	struct reply script[] = {
		{ BLOB,
		  "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nConnection: close\r\n\r\n"
		  "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"enough\"}]}",
		  0, 0 },
	};
	struct server s;
	struct got g = { 0 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_assert_int_eq(fetch(&s, &g, 0, &e), -1);
	ck_assert_str_eq(e.text,
			 "blob sha256:84d89877f0d4: 429 Too Many Requests: enough (the registry's "
			 "rate limit; it asks to retry after 3600 s)");
	server_stop(&s);
	buf_fini(&g.bytes);
}
END_TEST

START_TEST(wrong_bytes_are_fetched_once_more_only_when_asked_and_once)
{
	struct reply script[] = { { BLOB, FROM4, 0, 0 },
				  { BLOB, FULL, 0, 0 },
				  { BLOB, FULL, 0, 0 } };
	struct server s;
	struct got g = { .refuse = 1 }, never = { .refuse = 9 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_ok(fetch(&s, &g, 4, &e), &e);
	ck_assert_uint_eq(g.restarts, 1);
	ck_assert_uint_eq(count(&s, "Range: "), 1);
	ck_assert_int_eq(fetch(&s, &never, 10, &e), -1);
	ck_assert_str_eq(e.text, "blob sha256:84d89877f0d4: the registry's bytes do not have this "
				 "digest");
	server_stop(&s);
	buf_fini(&g.bytes);
	buf_fini(&never.bytes);
}
END_TEST

#define ASK_BASIC EMPTY("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"lab\"")
#define ASK_BEARER                                                                                \
	EMPTY("401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:%P/token\"," \
	      "service=\"lab\"")
#define TOKEN(t) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"token\":\"" t "\"}"

START_TEST(authorization_stays_with_the_host_that_asked_for_it)
{
	static const struct {
		const char *to;
		unsigned with_auth; /* requests that carried it */
	} rows[] = {
		{ "/elsewhere", 2 },
		{ "http://127.0.0.1:%P/elsewhere", 2 },
		{ "http://localhost:%P/elsewhere", 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *redirect =
			xasprintf("HTTP/1.1 307 X\r\nLocation: %s\r\nContent-Length: "
				  "0\r\n\r\n",
				  rows[i].to);
		struct reply script[] = { { BLOB, ASK_BASIC, 0, 0 },
					  { BLOB, redirect, 0, 0 },
					  { "/elsewhere", FULL, 0, 0 } };
		struct server s;
		struct got g = { 0 };
		struct err e = { 0 };

		server_start(&s, script, ARRAY_LEN(script));
		ck_ok(fetch(&s, &g, 0, &e), &e);
		ck_assert_uint_eq(count(&s, "GET "), 3);
		ck_assert_uint_eq(count(&s, "Authorization: Basic dTpw\r\n"), rows[i].with_auth);
		server_stop(&s);
		buf_fini(&g.bytes);
	}
}
END_TEST

START_TEST(a_way_back_to_the_origin_does_not_bring_authorization_back)
{
	struct reply script[] = {
		{ BLOB, ASK_BASIC, 0, 0 },
		{ BLOB, EMPTY("302 Found\r\nLocation: http://localhost:%P/a"), 0, 0 },
		{ "/a ", EMPTY("302 Found\r\nLocation: http://127.0.0.1:%P/b"), 0, 0 },
		{ "/b ", FULL, 0, 0 },
	};
	struct server s;
	struct got g = { 0 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_ok(fetch(&s, &g, 0, &e), &e);
	ck_assert_uint_eq(count(&s, "GET "), 4);
	ck_assert_uint_eq(count(&s, "Authorization: "), 1);
	server_stop(&s);
	buf_fini(&g.bytes);
}
END_TEST

START_TEST(an_expired_token_is_renewed_and_the_blob_goes_on)
{
	struct reply script[] = {
		{ BLOB, ASK_BEARER, 0, 0 },	 { "/token", TOKEN("T1"), 0, 0 },
		{ BLOB, FULL, HEAD4, 0 },	 { BLOB, ASK_BEARER, 0, 0 },
		{ "/token", TOKEN("T2"), 0, 0 }, { BLOB, FROM4, 0, 0 },
	};
	struct server s;
	struct got g = { 0 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_ok(fetch(&s, &g, 0, &e), &e);
	ck_assert_str_eq(buf_str(&g.bytes), "0123456789");
	ck_assert_uint_eq(g.restarts, 0);
	ck_assert_uint_eq(count(&s, "GET /token?service=lab&scope=repository%3Alab%2Ft%3Apull"
				    "&account=u "),
			  2);
	ck_assert_uint_eq(count(&s, "Authorization: Bearer T2\r\n"), 1);
	server_stop(&s);
	buf_fini(&g.bytes);
}
END_TEST

START_TEST(an_identity_token_is_posted_and_else_left_out)
{
	static const char *const refusals[] = { EMPTY("400 X"), EMPTY("401 X"), EMPTY("404 X"),
						EMPTY("405 X") };

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct reply script[] = { { BLOB, ASK_BEARER, 0, 0 },
					  { "POST /token", refusals[i], 0, 0 },
					  { "GET /token", TOKEN("T1"), 0, 0 },
					  { BLOB, FULL, 0, 0 } };
		struct server s;
		struct got g = { 0 };
		auto_free char *login = NULL;
		struct err e = { 0 };

		server_start(&s, script, ARRAY_LEN(script));
		login = xasprintf("{\"auths\":{\"127.0.0.1:%u\":{\"identitytoken\":\"I+T\"}}}",
				  s.port);
		setenv("DOCKER_AUTH_CONFIG", login, 1);
		s.own_login = true;
		ck_ok(fetch(&s, &g, 0, &e), &e);
		ck_assert_uint_eq(count(&s, "refresh_token=I%2BT"), 1);
		ck_assert_uint_eq(count(&s, "Authorization: Basic"), 0);
		ck_assert_uint_eq(count(&s, "Authorization: Bearer T1"), 1);
		unsetenv("DOCKER_AUTH_CONFIG");
		server_stop(&s);
		buf_fini(&g.bytes);
	}
}
END_TEST

START_TEST(a_fresh_token_that_is_refused_ends_it)
{
	struct reply script[] = { { BLOB, ASK_BEARER, 0, 0 }, { "/token", TOKEN("T1"), 0, 0 },
				  { BLOB, ASK_BEARER, 0, 0 }, { "/token", TOKEN("T2"), 0, 0 },
				  { BLOB, ASK_BEARER, 0, 0 }, { "/token", TOKEN("T3"), 0, 0 } };
	struct server s;
	struct got g = { 0 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_assert_int_eq(fetch(&s, &g, 0, &e), -1);
	ck_assert_int_eq(e.kind, ERR_AUTH);
	ck_assert_str_eq(e.text, "blob sha256:84d89877f0d4: 401 Unauthorized (the credentials from "
				 "--docker-username or BERTH_DOCKER_USERNAME were refused)");
	ck_assert_uint_eq(count(&s, "GET /token"), 1);
	server_stop(&s);
	buf_fini(&g.bytes);
}
END_TEST

static int manifest_of(struct server *s, const char *tag, struct err *e)
{
	auto_remote struct remote *r = open_remote(s, "127.0.0.1");
	auto_manifest_doc struct manifest_doc doc = { 0 };

	return remote_manifest(r, tag, &doc, e);
}

START_TEST(a_manifest_with_another_digest_is_refused)
{
#define ZERO "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	struct reply script[] = {
		{ "/manifests/", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, 0 },
		{ "/manifests/",
		  "HTTP/1.1 200 OK\r\nDocker-Content-Digest: " ZERO
		  "\r\nContent-Length: 2\r\n\r\n{}",
		  0, 0 },
		{ "/manifests/", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, 0 },
	};
	struct server s;
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_assert_int_eq(manifest_of(&s, ZERO, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "the manifest is not what was asked for"));
	ck_assert_int_eq(manifest_of(&s, "1", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "the manifest is not what the registry says it is"));
	ck_ok(manifest_of(&s, "1", &e), &e);
	ck_assert_uint_eq(count(&s, "Accept: application/vnd.oci.image.index.v1+json\r\n"), 3);
	ck_assert_uint_eq(count(&s, "Accept: application/vnd.docker.distribution.manifest.v2+json"),
			  3);
	server_stop(&s);
}
END_TEST

START_TEST(replies_are_bounded)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
	auto_free char *big = xmalloc(sizeof(head) + MANIFEST_MAX + 1);
	auto_free char *headers = xmalloc(200000);
	struct reply script[] = { { "/manifests/", big, 0, 0 }, { "/manifests/", headers, 0, 0 } };
	struct server s;
	struct err e = { 0 };

	memset(big, ' ', sizeof(head) + MANIFEST_MAX);
	memcpy(big, head, sizeof(head) - 1);
	big[sizeof(head) + MANIFEST_MAX] = '\0';
	memset(headers, 0, 200000);
	strcpy(headers, "HTTP/1.1 200 OK\r\n");
	for (size_t n = strlen(headers); n < 190000; n += 60)
		snprintf(headers + n, 200000 - n, "X-%053zu: x\r\n", n);
	server_start(&s, script, ARRAY_LEN(script));
	ck_assert_int_eq(manifest_of(&s, "1", &e), -1);
	ck_assert_ptr_nonnull(
		strstr(e.text, "the reply is larger than the limit of 8388608 bytes"));
	ck_assert_int_eq(manifest_of(&s, "1", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "the reply's headers are larger than 65536 bytes"));
	server_stop(&s);
}
END_TEST

START_TEST(an_error_page_without_end_is_not_read_to_its_end)
{
	static const char head[] = "HTTP/1.1 404 Not Found\r\n\r\n";
	auto_free char *big = xmalloc(64 << 20);
	struct reply script[] = { { "/manifests/", big, 0, 0 } };
	struct server s;
	struct err e = { 0 };

	memset(big, 'x', 64 << 20);
	memcpy(big, head, sizeof(head) - 1);
	big[(64 << 20) - 1] = '\0';
	server_start(&s, script, ARRAY_LEN(script));
	s.may_hang_up = true;
	ck_assert_int_eq(manifest_of(&s, "1", &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
	server_stop(&s);
	ck_assert_msg(s.hung_up, "all of the page was read");
}
END_TEST

START_TEST(what_an_earlier_run_left_beyond_the_size_is_dropped)
{
	struct reply script[] = { { BLOB, FULL, 0, 0 } };
	struct server s;
	struct got g = { 0 };
	struct err e = { 0 };

	server_start(&s, script, ARRAY_LEN(script));
	ck_ok(fetch(&s, &g, 11, &e), &e);
	ck_assert_str_eq(buf_str(&g.bytes), "0123456789");
	ck_assert_uint_eq(g.restarts, 1);
	ck_assert_uint_eq(count(&s, "Range: "), 0);
	server_stop(&s);
	buf_fini(&g.bytes);
}
END_TEST

START_TEST(a_cancelled_remote_does_nothing_more)
{
	struct server s;
	auto_remote struct remote *r = NULL;
	auto_manifest_doc struct manifest_doc doc = { 0 };
	struct err e = { 0 };

	server_start(&s, NULL, 0);
	r = open_remote(&s, "127.0.0.1");
	remote_cancel(r);
	ck_assert_int_eq(remote_manifest(r, "1", &doc, &e), -1);
	ck_assert_int_eq(e.kind, ERR_INTR);
	ck_assert_uint_eq(count(&s, "GET "), 0);
	server_stop(&s);
}
END_TEST

static void *cancel_soon(void *r)
{
	usleep(100000);
	remote_cancel(r);
	return NULL;
}

START_TEST(a_transfer_under_way_ends_when_cancelled_from_another_thread)
{
	/* connections are taken into the backlog and never answered */
	struct server s = { .port = 0 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	auto_remote struct remote *r = NULL;
	auto_manifest_doc struct manifest_doc doc = { 0 };
	struct err e = { 0 };
	struct timespec from, to;
	pthread_t t;

	s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s.fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(s.fd, 4), 0);
	ck_assert_int_eq(getsockname(s.fd, (struct sockaddr *)&a, &len), 0);
	s.port = ntohs(a.sin_port);
	r = open_remote(&s, "127.0.0.1");
	clock_gettime(CLOCK_MONOTONIC, &from);
	ck_assert_int_eq(pthread_create(&t, NULL, cancel_soon, r), 0);
	ck_assert_int_eq(remote_manifest(r, "1", &doc, &e), -1);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ck_assert_int_eq(e.kind, ERR_INTR);
	ck_assert_int_le(to.tv_sec - from.tv_sec, 5);
	pthread_join(t, NULL);
	close(s.fd);
}
END_TEST

UNIT(remote, a_cut_blob_goes_on_where_it_was_cut, what_an_earlier_run_left_is_not_fetched_again,
     a_blob_that_somebody_else_brings_lets_the_others_go_on,
     a_server_that_cannot_resume_makes_the_blob_start_over,
     a_size_other_than_the_manifests_is_an_error_at_once,
     a_registry_that_is_gone_ends_the_pull_after_five_tries,
     a_status_that_may_pass_is_tried_again_as_asked, a_rate_limit_of_hours_is_reported_at_once,
     wrong_bytes_are_fetched_once_more_only_when_asked_and_once,
     authorization_stays_with_the_host_that_asked_for_it,
     a_way_back_to_the_origin_does_not_bring_authorization_back,
     an_expired_token_is_renewed_and_the_blob_goes_on,
     an_identity_token_is_posted_and_else_left_out, a_fresh_token_that_is_refused_ends_it,
     a_manifest_with_another_digest_is_refused, replies_are_bounded,
     an_error_page_without_end_is_not_read_to_its_end,
     what_an_earlier_run_left_beyond_the_size_is_dropped, a_cancelled_remote_does_nothing_more,
     a_transfer_under_way_ends_when_cancelled_from_another_thread)
