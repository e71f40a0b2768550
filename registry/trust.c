/* libcurl takes one bundle; giving it the user's file would replace the system's
 * (CURLOPT_CAINFO; where the build also knows a directory of hashed names it would
 * not, so what was trusted would depend on the distribution).  CURLOPT_CAINFO_BLOB
 * is younger than EL 9's libcurl, so the sum goes through a file without a name. */
#include "registry/trust.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "src/base/buf.h"
#include "src/base/fd.h"

/* Where distributions keep their bundle: Debian and Arch, EL and Fedora, SUSE, Alpine. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

static int add_named(struct buf *out, const char *path, const char *from, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "CA certificates %s (%s)", path, from);
	if (fd_read_all(fd, &text, TRUST_FILE_MAX, path, e) < 0)
		return err_wrap(e, "CA certificates (%s)", from);
	if (!strstr(buf_str(&text), "-----BEGIN CERTIFICATE-----") &&
	    !strstr(buf_str(&text), "-----BEGIN TRUSTED CERTIFICATE-----"))
		return err_set(e, ERR_INPUT,
			       "CA certificates %s (%s): no certificate in it; it must be PEM text",
			       path, from);
	buf_add(out, text.data, text.len);
	buf_addch(out, '\n');
	return 0;
}

/* A host without a bundle has the user's file alone. */
static int add_system(struct buf *out, struct err *e)
{
	const char *file = getenv("SSL_CERT_FILE");
	struct err ignored;

	if (file && *file)
		return add_named(out, file, "SSL_CERT_FILE", e);
	for (size_t i = 0; i < ARRAY_LEN(bundles); i++)
		if (add_named(out, bundles[i], "the system's", &ignored) == 0)
			break;
	return 0;
}

int trust_open(int *out, const char *ca_file, char *const *more, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_close int fd = -1;

	if (add_system(&text, e) < 0 ||
	    (ca_file && *ca_file && add_named(&text, ca_file, "--tls-ca", e) < 0))
		return -1;
	for (; more && *more; more++)
		if (add_named(&text, *more, "certs.d", e) < 0)
			return -1;
	fd = memfd_create("berth-ca", MFD_CLOEXEC);
	if (fd < 0 || fd_write(fd, text.data, text.len) < 0)
		return err_sys(e, "private copy of the CA certificates");
	*out = take_fd(&fd);
	return 0;
}
