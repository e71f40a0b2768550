/* What is rare: xz and bzip2 through libarchive's filters, without its archive formats. */
#include <archive.h>

#include "image/decode_filter.h"
#include "src/base/dl.h"

static struct {
	__typeof__(&archive_read_new) read_new;
	__typeof__(&archive_read_free) read_free;
	__typeof__(&archive_read_support_filter_xz) filter_xz;
	__typeof__(&archive_read_support_filter_bzip2) filter_bzip2;
	__typeof__(&archive_read_support_format_raw) format_raw;
	__typeof__(&archive_read_open) open;
	__typeof__(&archive_read_next_header) next_header;
	__typeof__(&archive_read_data) data;
	__typeof__(&archive_error_string) error_string;
} la;

static const struct dl_symbol symbols[] = {
	DL_SYMBOL(la.read_new, "archive_read_new"),
	DL_SYMBOL(la.read_free, "archive_read_free"),
	DL_SYMBOL(la.filter_xz, "archive_read_support_filter_xz"),
	DL_SYMBOL(la.filter_bzip2, "archive_read_support_filter_bzip2"),
	DL_SYMBOL(la.format_raw, "archive_read_support_format_raw"),
	DL_SYMBOL(la.open, "archive_read_open"),
	DL_SYMBOL(la.next_header, "archive_read_next_header"),
	DL_SYMBOL(la.data, "archive_read_data"),
	DL_SYMBOL(la.error_string, "archive_error_string"),
};

static struct dl_library lib = { "libarchive.so.13", "libarchive13", symbols, ARRAY_LEN(symbols),
				 0 };

struct filtered {
	struct stream s;
	struct stream *src;
	struct archive *a;
	struct err src_err; /* what src said, so that libarchive cannot reword it */
	unsigned char buf[DECODE_BUFFER];
};

static la_ssize_t give(struct archive *a, void *arg, const void **p)
{
	struct filtered *f = arg;
	ssize_t n = stream_read(f->src, f->buf, sizeof(f->buf), &f->src_err);

	(void)a;
	*p = f->buf;
	return n < 0 ? ARCHIVE_FATAL : n;
}

static int fail(struct filtered *f, struct err *e)
{
	const char *why = la.error_string(f->a);

	if (f->src_err.kind != ERR_NONE) {
		*e = f->src_err;
		return -1;
	}
	return err_set(e, ERR_INPUT, "the compressed data is damaged: %s", why ? why : "?");
}

static ssize_t filtered_read(struct stream *s, void *buf, size_t n, struct err *e)
{
	struct filtered *f = (struct filtered *)s;
	la_ssize_t r = la.data(f->a, buf, n);

	return r < 0 ? fail(f, e) : r;
}

static void filtered_close(struct stream *s)
{
	struct filtered *f = (struct filtered *)s;

	if (f->a)
		la.read_free(f->a);
	stream_close(f->src);
	free(f);
}

int decode_archive(struct stream **out, struct stream *src, struct err *e)
{
	static const struct stream_ops ops = { filtered_read, filtered_close };
	struct filtered *f = xcalloc(1, sizeof(*f));
	struct archive_entry *entry;

	f->s.ops = &ops;
	f->src = src;
	if (dl_load(&lib, e) < 0) {
		stream_close(&f->s);
		return -1;
	}
	f->a = la.read_new();
	if (!f->a)
		abort(); /* out of memory, as xmalloc */
	la.filter_xz(f->a);
	la.filter_bzip2(f->a);
	la.format_raw(f->a);
	if (la.open(f->a, f, NULL, give, NULL) != ARCHIVE_OK ||
	    la.next_header(f->a, &entry) != ARCHIVE_OK) {
		fail(f, e);
		stream_close(&f->s);
		return -1;
	}
	*out = &f->s;
	return 0;
}
