#include "registry/trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "tests/unit/unit.h"

#define PEM(x) "-----BEGIN CERTIFICATE-----\n" x "\n-----END CERTIFICATE-----"

static char dir[] = "/tmp/berth-trust-XXXXXX";

/* A file of that text in dir. */
static char *file(const char *name, const char *text)
{
	char *path = path_join(dir, name);
	struct err e = { 0 };

	ck_ok(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, &e), &e);
	return path;
}

static void clean(char *a, char *b)
{
	unlink(a);
	unlink(b);
	rmdir(dir);
	free(a);
	free(b);
}

START_TEST(the_users_certificates_count_besides_the_systems)
{
	char *system = NULL, *mine = NULL;
	auto_close int fd = -1;
	auto_buf struct buf got = { 0 };
	auto_free char *path = NULL;
	struct err e = { 0 };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	system = file("system.pem", PEM("SYSTEM"));
	mine = file("mine.pem", PEM("MINE"));
	setenv("SSL_CERT_FILE", system, 1);
	ck_ok(trust_open(&fd, mine, NULL, &e), &e);
	path = xasprintf("/proc/self/fd/%d", fd);
	ck_ok(file_read(AT_FDCWD, path, &got, 1000, &e), &e);
	/* each begins on a line of its own, even behind a file without a last newline */
	ck_assert_str_eq(buf_str(&got), PEM("SYSTEM") "\n" PEM("MINE") "\n");
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
	buf_clear(&got);
	ck_ok(trust_open(&fd, NULL, NULL, &e), &e);
	ck_ok(file_read(AT_FDCWD, path, &got, 1000, &e), &e);
	ck_assert_str_eq(buf_str(&got), PEM("SYSTEM") "\n");
	clean(system, mine);
}
END_TEST

START_TEST(without_ssl_cert_file_the_distributions_bundle_is_kept)
{
	char *mine = NULL;
	auto_close int fd = -1;
	struct err e = { 0 };

	if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) < 0) {
		fprintf(stderr, "skipped: this host has no /etc/ssl/certs/ca-certificates.crt\n");
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	unsetenv("SSL_CERT_FILE");
	mine = file("mine.pem", PEM("MINE"));
	ck_ok(trust_open(&fd, mine, NULL, &e), &e);
	ck_assert_int_gt(lseek(fd, 0, SEEK_END), 10000);
	clean(mine, xstrdup(""));
}
END_TEST

START_TEST(a_file_that_cannot_help_is_named_with_its_option)
{
	auto_free char *want = NULL, *empty = NULL;
	char *mine = NULL;
	int fd = -1;
	struct err e = { 0 };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	unsetenv("SSL_CERT_FILE");
	mine = file("key.pem", "-----BEGIN PRIVATE KEY-----\n");
	want = xasprintf("CA certificates %s (--tls-ca): no certificate in it; it must be PEM text",
			 mine);
	ck_assert_int_eq(trust_open(&fd, mine, NULL, &e), -1);
	ck_assert_str_eq(e.text, want);
	ck_assert_int_eq(trust_open(&fd, "/nowhere.pem", NULL, &e), -1);
	ck_assert_str_eq(e.text,
			 "CA certificates /nowhere.pem (--tls-ca): No such file or directory");
	setenv("SSL_CERT_FILE", "/gone.pem", 1);
	ck_assert_int_eq(trust_open(&fd, mine, NULL, &e), -1);
	ck_assert_str_eq(e.text,
			 "CA certificates /gone.pem (SSL_CERT_FILE): No such file or directory");
	clean(mine, xstrdup(""));
}
END_TEST

UNIT(trust, the_users_certificates_count_besides_the_systems,
     without_ssl_cert_file_the_distributions_bundle_is_kept,
     a_file_that_cannot_help_is_named_with_its_option)
