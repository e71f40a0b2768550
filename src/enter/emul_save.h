/* emul_save: a table of owners as a file in the tree that it is about.
 *
 *	emul_save(table, tree, e);           // writes tree/.berth-owners, or not at all
 *	emul_load(table, tree, &stat, e);    // 1: there is none
 *
 * Text, so that a person can read it:
 *
 *	berth-owners 1
 *	root INODE BIRTH
 *	f INODE BIRTH LIFE UID GID PATH
 *	c INODE BIRTH LIFE UID GID MAJOR:MINOR PATH      (b for a block device)
 *	x NAME HEX                                       (attribute of the record above)
 *	end RECORDS
 *
 * Numbers are decimal, BIRTH in nanoseconds, LIFE the hash of the file handle, 0 for not known.
 * PATH is relative to the tree, "." for its root; bytes up to a blank, 127 and the backslash are
 * written as \ooo.  Of a file with several names one is there.
 *
 * It lies in the tree and not beside it, so that it goes along when the tree is renamed.  A path
 * whose file is another one by now (made anew without emulation) loses its record.  In a copy of
 * the tree all inodes are others; root's line shows that, and then the paths alone count. */
#ifndef ENTER_EMUL_SAVE_H
#define ENTER_EMUL_SAVE_H

#include <stddef.h>

#include "src/base/buf.h"
#include "src/base/err.h"
#include "src/enter/emul_table.h"

#define EMUL_SAVE_NAME ".berth-owners"
#define EMUL_SAVE_MAX  ((size_t)256 << 20) /* bytes */

struct emul_load_stat {
	size_t loaded;
	size_t dropped; /* records whose file is gone or another one */
	bool moved;	/* the tree is a copy */
};

/* tree is open on the tree's root; what is mounted below it is not looked at.  The old file stays
 * until the new one is complete. */
int emul_save(struct emul_table *t, int tree, struct err *e);
/* Adds what the file says to t.  1: there is no such file.  ERR_INPUT names the line. */
int emul_load(struct emul_table *t, int tree, struct emul_load_stat *st, struct err *e);

/* The reader alone: one call of each a record; rec->xattrs are freed afterwards.  For emul_load()
 * and the fuzzer. */
struct emul_line {
	struct emul_rec rec;
	char *path;
};
int emul_save_parse(const char *text, size_t len, struct emul_key *root,
		    int (*one)(void *arg, const struct emul_line *line, struct err *e), void *arg,
		    struct err *e);

#endif
