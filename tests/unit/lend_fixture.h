/* lend_fixture: a fixture machine lends to a fixture image.
 *
 *	auto_loan struct loan l = { .config = { .nv = true } };
 *	loan_make(&l, "el9-nv550", "glibc231");        // r, e and lent are filled
 *	loan_says(&l, "nv: libcuda.so.1: given");      // a verdict that begins so
 */
#ifndef TESTS_UNIT_LEND_FIXTURE_H
#define TESTS_UNIT_LEND_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bindings/lend.h"
#include "src/base/fd.h"

struct loan {
	struct lend_config config;
	const char *site; /* NULL: "/etc/berth" */
	const char *const *environ;
	struct lent lent;
	struct err e;
	int r;
};

static ssize_t loan_read(void *arg, void *p, size_t n, uint64_t off)
{
	return pread((int)(intptr_t)arg, p, n, (off_t)off);
}

static int loan_open(void *arg, const char *path, struct inside_file *out, struct err *e)
{
	int fd = open_in_root(*(int *)arg, path, O_RDONLY, 0);
	struct stat st;

	(void)e;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close_p_(&fd);
		return 1;
	}
	*out = (struct inside_file){ { loan_read, (void *)(intptr_t)fd }, (void *)(intptr_t)fd };
	return 0;
}

static void loan_close(void *arg, struct inside_file *f)
{
	(void)arg;
	close((int)(intptr_t)f->state);
}

static int loan_root(const char *kind, const char *name)
{
	auto_free char *path = xasprintf(TEST_LEND "/%s/%s", kind, name);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "no %s", path);
	return fd;
}

static const struct inside_ops loan_ops = { loan_open, loan_close };

/* What a launch that did not ask for the fabric hears. */
static inline void loan_watch(struct strv *notes, const char *host, const char *image)
{
	auto_close int root = loan_root("hosts", host), inside = loan_root("images", image);
	struct lend_host h = { .rootfd = root,
			       .site = "/etc/berth",
			       .image = { .ops = &loan_ops, .arg = &inside } };

	fabric_watch(notes, &h);
	lend_host_fini(&h);
}

static inline void loan_make(struct loan *l, const char *host, const char *image)
{
	static char *const none[] = { NULL };
	auto_close int root = loan_root("hosts", host), inside = loan_root("images", image);
	struct lend_host h = { .rootfd = root,
			       .site = l->site ? l->site : "/etc/berth",
			       .environ = l->environ ? (char *const *)l->environ : none,
			       .image = { .ops = &loan_ops, .arg = &inside } };

	lent_fini(&l->lent);
	l->e = (struct err){ 0 };
	l->r = lend_collect(&l->lent, &h, &l->config, &l->e);
	lend_host_fini(&h);
}

static inline void loan_fini(struct loan *l)
{
	strv_fini(&l->config.devices);
	strv_fini(&l->config.cdi_dirs);
	strv_fini(&l->config.modules);
	lent_fini(&l->lent);
}
#define auto_loan auto_(loan_fini)

/* Everything that was decided, for messages. */
static inline const char *loan_text(const struct loan *l)
{
	static struct buf text;

	buf_clear(&text);
	for (size_t i = 0; i < l->lent.nverdicts; i++) {
		lent_line(&text, &l->lent.verdicts[i]);
		buf_addch(&text, '\n');
	}
	for (size_t i = 0; i < l->lent.nitems; i++)
		buf_printf(&text, "  %s <- %s\n", l->lent.items[i].dst, l->lent.items[i].src);
	for (size_t i = 0; i < l->lent.nenv; i++)
		buf_printf(&text, "  %s %d %s\n", l->lent.env[i].key, (int)l->lent.env[i].how,
			   l->lent.env[i].value ? l->lent.env[i].value : "");
	for (size_t i = 0; i < l->lent.notes.n; i++)
		buf_printf(&text, "note: %s\n", l->lent.notes.v[i]);
	buf_printf(&text, "result %d: %s\n", l->r, l->e.text);
	return buf_str(&text);
}

/* A verdict, an item or a note begins with start. */
static inline bool loan_says(const struct loan *l, const char *start)
{
	const char *text = loan_text(l);
	size_t n = strlen(start);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, start, n) ||
		    (!strncmp(text, "  ", 2) && !strncmp(text + 2, start, n)))
			return true;
	}
	return false;
}

/* libcheck's messages are short: everything that was decided goes to stderr. */
static inline bool loan_complain(const struct loan *l, bool ok)
{
	if (!ok)
		fprintf(stderr, "%s", loan_text(l));
	return ok;
}

#define ck_says(l, start)   ck_assert_msg(loan_complain(l, loan_says(l, start)), "no \"%s\"", start)
#define ck_silent(l, start) ck_assert_msg(loan_complain(l, !loan_says(l, start)), "\"%s\"", start)

/* What an environment, and nothing else, changes. */
struct loan_case {
	const char *env[3];
	const char *says[5], *silent[4];
};

static inline void loan_cases(struct loan *l, const char *host, const char *image,
			      const struct loan_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		l->environ = c[i].env;
		loan_make(l, host, image);
		for (size_t k = 0; k < ARRAY_LEN(c[i].says) && c[i].says[k]; k++)
			ck_says(l, c[i].says[k]);
		for (size_t k = 0; k < ARRAY_LEN(c[i].silent) && c[i].silent[k]; k++)
			ck_silent(l, c[i].silent[k]);
	}
	l->environ = NULL;
}

#endif
