/* conf: berth.conf, what a site or a user decides for every start; Apptainer's words.
 *
 *	auto_conf struct conf c = { 0 };
 *	conf_parse(&c, text, "/etc/berth/berth.conf", CONF_SITE, &notes, e);
 *	conf_parse(&c, text, "/home/ada/.config/berth/berth.conf", CONF_USER, &notes, e);
 *	if (!conf_yes(&c, CONF_ALLOW_PID_NS))
 *		... conf_where(&c, CONF_ALLOW_PID_NS)
 *
 * Lines are "key = value"; '#' begins a line of comment; lists repeat the key or use commas.
 * The site's file comes first: what it locks, or says of policy (allow, limit, enable
 * overlay, user bind control), a user's file cannot change.  Pure text in, values out; the conf
 *owns them all. */
#ifndef PLAN_CONF_H
#define PLAN_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/buf.h"
#include "src/base/err.h"

enum conf_key {
	CONF_ALLOW_USER_NS,
	CONF_ALLOW_PID_NS,
	CONF_ALLOW_IPC_NS,
	CONF_ALLOW_UTS_NS,
	CONF_CONFIG_PASSWD,
	CONF_CONFIG_GROUP,
	CONF_CONFIG_RESOLV_CONF,
	CONF_MOUNT_PROC,
	CONF_MOUNT_SYS,
	CONF_MOUNT_DEV, /* yes, no, minimal */
	CONF_MOUNT_DEVPTS,
	CONF_MOUNT_HOME,
	CONF_MOUNT_TMP,
	CONF_BIND_PATH,
	CONF_USER_BIND_CONTROL,
	CONF_ENABLE_OVERLAY,	  /* yes, no, try, driver: all but no mean yes */
	CONF_SESSIONDIR_MAX_SIZE, /* MiB */
	CONF_LIMIT_PATHS,
	CONF_LIMIT_OWNERS,
	CONF_LIMIT_GROUPS,
	CONF_ALLOW_SIF,
	CONF_ALLOW_SQUASHFS,
	CONF_ALLOW_DIR,
	CONF_ALLOW_EXTFS,
	CONF_ALWAYS_NV,
	CONF_ALWAYS_ROCM,
	CONF_VERIFY_KEY,
	CONF_DOWNLOADS, /* layers at once */
	CONF_KEYS
};

enum conf_level { CONF_DEFAULT, CONF_SITE, CONF_USER, CONF_LEVELS };

struct conf_value {
	char *word;	  /* NULL: the default */
	struct strv list; /* of a list key */
	enum conf_level level;
	unsigned line;	    /* in that level's file */
	unsigned lock_line; /* in the site's file; 0: not locked */
	bool replaces;	    /* a list: the site's own in place of the preset one */
};

struct conf {
	struct conf_value v[CONF_KEYS];
	char *file[CONF_LEVELS]; /* NULL: none was read */
};

void conf_fini(struct conf *c);
#define auto_conf auto_(conf_fini)

/* Adds what text says; file names it in messages.  Unknown keys, and what a user's file may not
 * change, are told in notes ("FILE:LINE: ...") and left out; keys of Apptainer that mean nothing
 * here are left out in silence.  ERR_USAGE with FILE:LINE for a line that is no "key = value", a
 * value that the key does not take, a lock of what is no key. */
int conf_parse(struct conf *c, const char *text, const char *file, enum conf_level level,
	       struct strv *notes, struct err *e);

/* The key's name, its value (never NULL), whether that is not "no".  Borrowed. */
const char *conf_name(enum conf_key k);
const char *conf_word(const struct conf *c, enum conf_key k);
bool conf_yes(const struct conf *c, enum conf_key k);
/* Of a number key; 0 when no file sets it. */
unsigned long conf_number(const struct conf *c, enum conf_key k);
/* The values of a list key; none unless a file names some. */
const struct strv *conf_list(const struct conf *c, enum conf_key k);
/* True when neither the user's file nor an option may change it. */
bool conf_locked(const struct conf *c, enum conf_key k);
/* "FILE:LINE" of what decides: the lock, else the value.  Heap string. */
char *conf_where(const struct conf *c, enum conf_key k);

#endif
