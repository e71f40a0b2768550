#include "src/base/sqlite.h"

#include <string.h>

#include "src/base/buf.h"
#include "src/base/mem.h"

#define DEPTH_MAX   32
#define PAYLOAD_MAX (64u << 20) /* of one row */

struct db {
	const unsigned char *p;
	uint32_t page, usable; /* bytes */
	uint32_t npages;
	unsigned char *seen; /* a bit a page */
};

/* One walk over the rows of a tree. */
struct walk {
	const struct db *db;
	size_t ncolumns;
	sqlite_row *f;
	void *arg;
	struct buf payload;
};

static uint32_t be(const unsigned char *p, size_t n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static int damaged(struct err *e)
{
	return err_set(e, ERR_INPUT, "the SQLite database is damaged");
}

/* Bytes taken; 0 when it does not end in [p, end). */
static size_t varint(const unsigned char *p, const unsigned char *end, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < 9 && p + i < end; i++) {
		if (i == 8) {
			*v = *v << 8 | p[i];
			return 9;
		}
		*v = *v << 7 | (p[i] & 0x7f);
		if (!(p[i] & 0x80))
			return i + 1;
	}
	return 0;
}

/* NULL: there is no such page, or it was here before. */
static const unsigned char *visit(const struct db *db, uint32_t number)
{
	uint32_t i = number - 1;

	if (!number || number > db->npages || db->seen[i / 8] & 1 << i % 8)
		return NULL;
	db->seen[i / 8] |= (unsigned char)(1 << i % 8);
	return db->p + (size_t)i * db->page;
}

static size_t size_of(uint64_t type)
{
	static const unsigned char sizes[] = { 0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0 };

	return type < 12 ? sizes[type] : (size_t)((type - 12) / 2);
}

static int64_t integer(const unsigned char *p, size_t n, uint64_t type)
{
	uint64_t v = n && *p & 0x80 ? UINT64_MAX : 0;

	if (type == 8 || type == 9)
		return (int64_t)(type - 8);
	while (n--)
		v = v << 8 | *p++;
	return (int64_t)v;
}

static int record(struct walk *w, const unsigned char *p, size_t n, struct err *e)
{
	struct sqlite_value v[SQLITE_MAX_COLUMNS] = { 0 };
	const unsigned char *end = p + n, *head_end, *body;
	uint64_t head, type;
	size_t k = varint(p, end, &head);

	if (!k || head < k || head > n)
		return damaged(e);
	head_end = body = p + head;
	p += k;
	for (size_t i = 0; i < w->ncolumns && p < head_end; i++) {
		size_t size;

		k = varint(p, head_end, &type);
		if (!k)
			return damaged(e);
		p += k;
		size = size_of(type);
		if (size > (size_t)(end - body))
			return damaged(e);
		v[i].kind = type == 0	? SQLITE_NULL
			    : type == 7 ? SQLITE_REAL
			    : type < 12 ? SQLITE_INT
			    : type % 2	? SQLITE_TEXT
					: SQLITE_BLOB;
		if (v[i].kind == SQLITE_INT)
			v[i].i = integer(body, size, type);
		v[i].p = (const char *)body;
		v[i].n = size;
		body += size;
	}
	return w->f(w->arg, v, e);
}

/* A row that does not fit in its page goes on in a chain of others. */
static int long_record(struct walk *w, const unsigned char *p, size_t local, uint64_t n,
		       uint32_t next, struct err *e)
{
	const struct db *db = w->db;

	buf_clear(&w->payload);
	buf_add(&w->payload, p, local);
	while (w->payload.len < n) {
		const unsigned char *page = visit(db, next);
		size_t left = (size_t)n - w->payload.len;

		if (!page)
			return damaged(e);
		next = be(page, 4);
		buf_add(&w->payload, page + 4, MIN(left, (size_t)db->usable - 4));
	}
	return record(w, (const unsigned char *)w->payload.data, w->payload.len, e);
}

/* room: what the page still has for cells; a page whose cells lie over each other would cost time
 * out of proportion. */
static int leaf_cell(struct walk *w, const unsigned char *p, const unsigned char *end, size_t *room,
		     struct err *e)
{
	const unsigned char *start = p;
	const uint32_t u = w->db->usable, x = u - 35, m = (u - 12) * 32 / 255 - 23;
	uint64_t n, rowid, local;
	size_t k = varint(p, end, &n);

	p += k;
	if (!k || !(k = varint(p, end, &rowid)) || n > PAYLOAD_MAX)
		return damaged(e);
	p += k;
	local = n;
	if (n > x) {
		local = m + (n - m) % (u - 4);
		if (local > x)
			local = m;
	}
	local += n > x ? 4 : 0;
	if (local > (uint64_t)(end - p) || (size_t)(p - start) + local > *room)
		return damaged(e);
	*room -= (size_t)(p - start) + (size_t)local;
	local -= n > x ? 4 : 0;
	if (n <= x)
		return record(w, p, (size_t)n, e);
	return long_record(w, p, (size_t)local, n, be(p + local, 4), e);
}

static int tree(struct walk *w, uint32_t number, int depth, struct err *e)
{
	const struct db *db = w->db;
	const unsigned char *page = visit(db, number), *head, *end;
	bool leaf;
	size_t room = db->usable;
	uint32_t cells;
	int r = 0;

	if (!page || depth > DEPTH_MAX)
		return damaged(e);
	head = page + (number == 1 ? 100 : 0);
	end = page + db->usable;
	if (*head != 0x0d && *head != 0x05)
		return damaged(e);
	leaf = *head == 0x0d;
	cells = be(head + 3, 2);
	if (head + (leaf ? 8 : 12) + (size_t)cells * 2 > end)
		return damaged(e);
	for (uint32_t i = 0; i < cells && r == 0; i++) {
		const unsigned char *cell = page + be(head + (leaf ? 8 : 12) + (size_t)i * 2, 2);

		if (cell + 4 > end)
			return damaged(e);
		r = leaf ? leaf_cell(w, cell, end, &room, e) : tree(w, be(cell, 4), depth + 1, e);
	}
	return r || leaf ? r : tree(w, be(head + 8, 4), depth + 1, e);
}

struct find {
	const char *table;
	uint32_t root;
};

/* type, name, tbl_name, rootpage, sql */
static int schema_row(void *arg, const struct sqlite_value *v, struct err *e)
{
	struct find *f = arg;

	(void)e;
	if (v[0].kind == SQLITE_TEXT && v[0].n == 5 && !memcmp(v[0].p, "table", 5) &&
	    v[1].kind == SQLITE_TEXT && v[1].n == strlen(f->table) &&
	    !memcmp(v[1].p, f->table, v[1].n) && v[3].kind == SQLITE_INT && v[3].i > 0 &&
	    v[3].i <= UINT32_MAX)
		f->root = (uint32_t)v[3].i;
	return 0;
}

static int open_db(struct db *db, const char *p, size_t n, struct err *e)
{
	*db = (struct db){ .p = (const unsigned char *)p };
	if (n < 512 || memcmp(p, "SQLite format 3", 16) != 0)
		return err_set(e, ERR_INPUT, "it is no SQLite database");
	db->page = be(db->p + 16, 2);
	if (db->page == 1)
		db->page = 65536;
	/* 480 is what the format itself asks for. */
	if (db->page < 512 || db->page & (db->page - 1) || db->page - db->p[20] < 480)
		return damaged(e);
	db->usable = db->page - db->p[20];
	db->npages = (uint32_t)MIN(n / db->page, (size_t)UINT32_MAX);
	db->seen = xcalloc(db->npages / 8 + 1, 1);
	return 0;
}

int sqlite_rows(const char *p, size_t n, const char *table, size_t ncolumns, sqlite_row *f,
		void *arg, struct err *e)
{
	struct find find = { .table = table };
	struct db db;
	struct walk w = { .db = &db, .ncolumns = 5, .f = schema_row, .arg = &find };
	int r;

	if (open_db(&db, p, n, e) < 0)
		return -1;
	r = tree(&w, 1, 0, e);
	if (r == 0 && !find.root)
		r = err_set(e, ERR_NOTFOUND, "the SQLite database has no table %s", table);
	if (r == 0) {
		w.ncolumns = MIN(ncolumns, (size_t)SQLITE_MAX_COLUMNS);
		w.f = f;
		w.arg = arg;
		r = tree(&w, find.root, 0, e);
	}
	buf_fini(&w.payload);
	free(db.seen);
	return r;
}
