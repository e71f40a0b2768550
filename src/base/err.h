/* err: the one error object.
 *
 * Flat and caller-owned, always the last argument.  A fallible function
 * returns 0 done, > 0 an outcome that its header names, -1 with the error
 * written.  The origin writes the sentence; a caller prefixes only what the
 * callee could not know; main prints once, outside in.
 *
 *	if (fd < 0)
 *		return err_sys(e, "open %s", path);
 *	...
 *	if (layer_open(&s, l, e) < 0)
 *		return err_wrap(e, "layer %.19s", l->digest);
 *
 * Nothing here allocates, so an error can be made between fork and exec and
 * copied by assignment.  A struct err needs no clean-up. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* What a script can act on: the kind picks the exit status (cli/exit.h). */
enum err_kind {
	ERR_NONE = 0,
	ERR_USAGE,	 /* the words of the command line or of a config file */
	ERR_INPUT,	 /* foreign bytes are not what their format says */
	ERR_NOTFOUND,	 /* a file, image, tag or program that is not there */
	ERR_EXISTS,	 /* refused to replace something */
	ERR_SYS,	 /* a system call failed; sys holds errno */
	ERR_SPACE,	 /* no space or quota left; sys holds errno */
	ERR_NET,	 /* name look-up, connection, TLS, server failure */
	ERR_AUTH,	 /* 401 or 403, bad credentials */
	ERR_HOST,	 /* this host lacks something a container needs */
	ERR_UNSUPPORTED, /* valid, but not done by this version */
	ERR_LIMIT,	 /* a stated limit was exceeded */
	ERR_INTR	 /* stopped by a signal */
};

struct err {
	enum err_kind kind;
	int sys; /* errno, 0 when no system call failed */
	char text[2040];
};

#define err_printf_(f, a) __attribute__((format(printf, f, a)))

/* Write the error.  Return -1, so that "return err_set(...)" reads well.
 * Text that does not fit is cut. */
#define err_set(e, kind, ...) (err_set_(e, kind, __VA_ARGS__), err_minus_one_())

/* As err_set with kind ERR_SYS (ERR_SPACE for ENOSPC, EDQUOT; ERR_NOTFOUND for
 * ENOENT), sys = errno, and ": <strerror>" appended. */
#define err_sys(e, ...) (err_sys_(e, __VA_ARGS__), err_minus_one_())

/* Prefix the text with "<fmt>: "; kind and sys stay.  Returns -1. */
#define err_wrap(e, ...) (err_wrap_(e, __VA_ARGS__), err_minus_one_())

/* The -1 is in sight of the compiler, so it knows which paths end here. */
static inline int err_minus_one_(void)
{
	return -1;
}
void err_set_(struct err *e, enum err_kind kind, const char *fmt, ...) err_printf_(3, 4);
void err_sys_(struct err *e, const char *fmt, ...) err_printf_(2, 3);
void err_wrap_(struct err *e, const char *fmt, ...) err_printf_(2, 3);

#endif
