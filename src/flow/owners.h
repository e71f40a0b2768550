/* owners: a table of src/enter/emul_table.h as the answer to who owns what, for packing and
 * unpacking.
 *
 *	struct unpack_opts u = { .made = owners_made, .arg = table };   // prefill
 *	struct pack_opts p = { .look = owners_look, .arg = &owners };   // what is stored */
#ifndef FLOW_OWNERS_H
#define FLOW_OWNERS_H

#include "image/pack.h"
#include "image/unpack.h"
#include "src/enter/emul_table.h"

/* Remembers what an unpacked file cannot be: arg is the struct emul_table. */
int owners_made(void *arg, const struct unpack_entry *entry, struct err *e);

struct owners {
	const struct emul_table *table;
	/* Private: attributes of the current file. */
	struct xattr *xattrs;
	size_t cap;
};

/* Answers from the table, and leaves the table's own file in the root out: arg is the
 * struct owners. */
int owners_look(void *arg, const struct pack_entry *entry, struct pack_attr *attr, struct err *e);
/* For a reader: while a --fakeroot run writes to the tree, waits for it to save what it knows, some
 * seconds at most.  tree must not be locked through this descriptor. */
void owners_wait(int tree, const char *path);
/* Adds what is saved in the tree to the table; path is for messages.  Files that were made anew
 * without emulation are said. */
int owners_load(struct emul_table *t, int tree, const char *path, struct err *e);

void owners_fini(struct owners *o);
#define auto_owners auto_(owners_fini)

#endif
