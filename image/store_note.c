/* Small files of the store that are named, not hashed: what was found beside an image. */
#include "image/store_impl.h"
#include "src/base/fd.h"

int store_note_read(struct store *s, const char *dir, const char *name, size_t max, struct buf *out,
		    struct err *e)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	int r = file_read(s->root, path, out, max, e);

	for (size_t i = 0; r == 1 && i < s->nsites; i++)
		r = file_read(s->site[i].fd, path, out, max, e);
	return r < 0 ? -1 : r == 0;
}

int store_note_write(struct store *s, const char *dir, const char *name, const void *p, size_t n,
		     struct err *e)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	if (dir_make_all(s->root, dir, 0700, e) < 0)
		return -1;
	return file_write_atomic(s->root, path, p, n, STORE_FILE_MODE, e);
}
