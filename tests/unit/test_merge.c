/* Merging, case by case and at random against flat_reference.h. */
#include "image/merge.h"

#include "tests/unit/flat_reference.h"
#include "tests/unit/flatmake.h"
#include "tests/unit/tarmake.h"

#define CASES 410 /* that the reference can do, in each of five tests */

static void add(struct buf *b, const struct ref_entry *en)
{
	struct tarmake t = {
		.mode = en->ino.mode, .uid = en->ino.uid, .gid = en->ino.gid, .mtime = en->ino.mtime
	};
	auto_free char *marked = NULL, *dir = path_dir(en->path);
	const char *path = en->path;

	switch (en->kind) {
	case 'f':
		t.data = en->ino.text;
		t.len = strlen(en->ino.text);
		break;
	case 'd':
		t.type = '5';
		break;
	case 'l':
		t.type = '2';
		t.link = en->ino.text;
		break;
	case 'h':
		t.type = '1';
		t.link = en->target;
		break;
	case 'p':
		t.type = '6';
		break;
	case 'w':
		path = marked = xasprintf("%s/.wh.%s", dir, path_base(en->path));
		break;
	case 'o':
		path = marked = xasprintf("%s/.wh..wh..opq", en->path);
		break;
	}
	t.path = path;
	if (!t.mode) /* tarmake's 0 means its default */
		t.raw = "0000000", t.raw_at = 100, t.raw_len = 7;
	tarmake(b, t);
}

/* "f usr/bin/x body", "l lib usr/lib", "w etc/x" in any number; NULL ends. */
static void layer(struct buf *b, const char *const *lines)
{
	for (; *lines; lines++) {
		struct ref_entry en = { .kind = (*lines)[0], .ino = { .mode = 0755, .mtime = 9 } };
		char word[64] = "";

		sscanf(*lines + 1, " %62s %63s", en.path + 1, word);
		en.path[0] = '/';
		snprintf(en.ino.text, sizeof(en.ino.text), "%s", word);
		snprintf(en.target, sizeof(en.target), "%s", word);
		add(b, &en);
	}
	tarmake_end(b);
}

struct merge_case {
	const char *layers[4][10]; /* bottom first */
	const char *want;	   /* "path[body]" in order, without directories; or the error */
};

/* Bodies and targets of everything that is no directory. */
static void brief(int fd, struct buf *out)
{
	auto_buf struct buf all = { 0 };
	auto_strv struct strv lines = { 0 };

	flat_show(fd, 0, &all);
	strv_split(&lines, buf_str(&all), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char path[256], *text = strchr(lines.v[i], '[');

		sscanf(lines.v[i], "%255s", path);
		if (!strstr(lines.v[i], " 04"))
			buf_printf(out, "%s%s%.*s", out->len ? " " : "", path,
				   (int)strcspn(text, "]") + 1, text);
	}
}

static void ck_case(const struct merge_case *c)
{
	struct buf layers[4] = { 0 };
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };
	size_t n = 0;

	for (; n < 4 && c->layers[n][0]; n++)
		layer(&layers[n], c->layers[n]);
	auto_close int fd = flat_make(layers, n, 0, NULL, 0, NULL, NULL, &e);

	if (fd < 0)
		buf_adds(&got, e.text);
	else
		brief(fd, &got);
	ck_assert_str_eq(buf_str(&got), c->want);
	for (size_t i = 0; i < 4; i++)
		buf_fini(&layers[i]);
}

#define L(...)              \
	{                   \
		__VA_ARGS__ \
	}

static const struct merge_case rules[] = {
	/* names */
	{ { L("f a 1"), L("f a 2") }, "/a[2]" },
	{ { L("f a 1", "f a 2") }, "/a[2]" },
	{ { L("f a/../b 1", "f //b/./../c 2") }, "/b[1] /c[2]" },
	{ { L("f a/../../b 1") }, "layer 1: /a/../../b: its name leads out of the image" },
	{ { L("f a 1", "h b ../a") },
	  "layer 1: /b: a hard link to ../a, which leads out of the image" },
	{ { L("f x/y/z 1") }, "/x/y/z[1]" },
	/* whiteouts hide what is below, never their own layer, wherever they stand */
	{ { L("f a 1", "f b 1"), L("w a") }, "/b[1]" },
	{ { L("f a 1"), L("f a 2", "w a") }, "/a[2]" },
	{ { L("f a 1"), L("w a", "f a 2") }, "/a[2]" },
	{ { L("f d/x 1", "f d/y 1"), L("w d") }, "" },
	{ { L("f d/x 1", "f d/y 1"), L("f d/z 2", "w d") }, "/d/z[2]" },
	{ { L("f d/x 1", "f d/y 1"), L("o d", "f d/z 2") }, "/d/z[2]" },
	{ { L("f d/x 1", "f d/y 1"), L("f d/z 2", "o d") }, "/d/z[2]" },
	{ { L("f d/e/x 1"), L("f d/e/y 2"), L("o d", "f d/e/z 3") }, "/d/e/z[3]" },
	{ { L("f a 1"), L("w a"), L("f a 3") }, "/a[3]" },
	{ { L("f a 1"), L("w nothing", "o nowhere") }, "/a[1]" },
	{ { L("f a 1"), L("f .wh..wh.plnk/1.2 x", "f .wh..wh.aufs y") }, "/a[1]" },
	{ { L("f a 1"), L("d .wh.a/") }, "" },
	{ { L("f d/x 1"), L("d d/.wh..wh..opq/") }, "" },
	{ { L("f d/.wh. 1") }, "layer 1: /d/.wh.: a whiteout of nothing" },
	{ { L("f d/.wh... 1") }, "layer 1: /d/.wh...: a whiteout of nothing" },
	/* changes of type */
	{ { L("f d/x 1"), L("f d 2") }, "/d[2]" },
	{ { L("f d 1"), L("f d/x 2") }, "/d/x[2]" },
	{ { L("f d/x 1"), L("d d", "f d/y 2") }, "/d/x[1] /d/y[2]" },
	{ { L("l d e", "f e/x 1"), L("d d") }, "/e/x[1]" },
	{ { L("f d/x 1"), L("f d 2"), L("d d") }, "" },
	{ { L("f . 1") }, "layer 1: /: the root can only be a directory" },
	/* parents that are links, in any layer */
	{ { L("d usr/lib", "l lib usr/lib"), L("f lib/x 2") }, "/lib[usr/lib] /usr/lib/x[2]" },
	{ { L("f usr/lib/x 1", "l lib usr/lib"), L("f lib/x 2") }, "/lib[usr/lib] /usr/lib/x[2]" },
	{ { L("f usr/lib/x 1", "l lib usr/lib"), L("w lib/x") }, "/lib[usr/lib]" },
	{ { L("f usr/lib/x 1", "l lib usr/lib"), L("o lib") }, "/lib[usr/lib]" },
	{ { L("l lib usr/lib"), L("f lib/x 2") }, "/lib[usr/lib] /usr/lib/x[2]" },
	{ { L("l up ../../..", "f up/x 1") }, "/up[../../..] /x[1]" },
	{ { L("l abs /etc", "f abs/x 1") }, "/abs[/etc] /etc/x[1]" },
	{ { L("l a b", "l b a", "f a/x 1") }, "layer 1: /a/x: too many levels of symbolic links" },
	/* the upper layer's path is no link any more, so it hides nothing that it seems to */
	{ { L("f lib/x 1"), L("w lib"), L("l lib usr/lib", "f lib/x 3") },
	  "/lib[usr/lib] /usr/lib/x[3]" },
	/* hard links */
	{ { L("f a 1", "h b a") }, "/a[1] /b[1]" },
	{ { L("f a 1"), L("h b a") }, "/a[1] /b[1]" },
	{ { L("f a 1"), L("h b a", "w a") }, "/b[1]" },
	{ { L("f a 1"), L("h b a"), L("f a 3") }, "/a[3] /b[1]" },
	{ { L("f a 1", "h b a"), L("w a") }, "/b[1]" },
	{ { L("f d/a 1", "h b d/a"), L("f d 2") }, "/b[1] /d[2]" },
	{ { L("h b a", "f a 1") }, "/a[1] /b[1]" },
	{ { L("h c b", "h b a", "f a 1") }, "/a[1] /b[1] /c[1]" },
	{ { L("f a 1", "h b a", "h c b"), L("w a", "w b") }, "/c[1]" },
	{ { L("l a t", "h b a") }, "/a[t] /b[t]" },
	{ { L("p a", "h b a") }, "/a[] /b[]" },
	{ { L("f a 1", "h b a", "f a 2") }, "/a[2] /b[1]" },
	{ { L("f a 1"), L("h b nowhere") },
	  "layer 2: /b: a hard link to /nowhere, which is in no layer" },
	{ { L("f a 1", "h a a") }, "layer 1: /a: a hard link to /a, which is in no layer" },
	{ { L("d d", "h b d") }, "layer 1: /b: a hard link to a directory" },
};

START_TEST(layers_merge_by_the_rules)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		ck_case(&rules[i]);
}
END_TEST

static unsigned rnd(unsigned *x, unsigned n)
{
	*x = *x * 1664525 + 1013904223;
	return (*x >> 10) % n;
}

static void rnd_path(unsigned *x, char *out, int depth)
{
	*out = '\0';
	for (int n = 1 + (int)rnd(x, (unsigned)depth); n > 0; n--)
		sprintf(out + strlen(out), "/%c", 'a' + (int)rnd(x, 4));
}

static void rnd_entry(unsigned *x, struct ref_entry *en, unsigned serial)
{
	static const char kinds[] = "ffffffdddlllhhhpwwo";
	static const unsigned modes[] = { 0644, 0755, 04755, 0, 01777 };
	static const char *const froms[] = { "", "/", "..", "../.." };
	char path[64];

	*en = (struct ref_entry){ .kind = kinds[rnd(x, sizeof(kinds) - 1)] };
	rnd_path(x, en->path, 3);
	rnd_path(x, en->target, 3);
	en->ino = (struct ref_ino){ .type = en->kind,
				    .mode = modes[rnd(x, ARRAY_LEN(modes))],
				    .uid = rnd(x, 3),
				    .gid = rnd(x, 3),
				    .mtime = serial };
	if (en->kind == 'f' && rnd(x, 4))
		snprintf(en->ino.text, sizeof(en->ino.text), "body %u", serial);
	if (en->kind == 'l') {
		const char *from = froms[rnd(x, ARRAY_LEN(froms))];

		rnd_path(x, path, 2);
		snprintf(en->ino.text, sizeof(en->ino.text), "%s%s", from, *from ? path : path + 1);
		en->ino.mode = 0777;
	}
}

static void ref_show(struct ref_tree *t, struct buf *out)
{
	struct flat_list l = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		const struct ref_ino *ino = t->at[i].ino;
		unsigned nlink = 0, type = ino->type == 'f'   ? 0100000
					   : ino->type == 'd' ? 040000
					   : ino->type == 'l' ? 0120000
							      : 010000;
		struct flat_line *f = flat_add(&l, t->at[i].path, (uint32_t)(ino - t->pool));

		for (size_t k = 0; k < t->n; k++) {
			auto_free char *up = path_dir(t->at[k].path);

			if (type == 040000)
				nlink += t->at[k].ino->type == 'd' && !strcmp(up, t->at[i].path) &&
					 k != i;
			else
				nlink += t->at[k].ino == ino;
		}
		snprintf(f->rest, sizeof(f->rest), "%06o %u:%u @%u n%u [%s]", type | ino->mode,
			 ino->uid, ino->gid, ino->mtime, nlink + (type == 040000 ? 2 : 0),
			 ino->text);
	}
	flat_text(&l, out);
}

/* 1 the reference gave up, 0 both agree. */
static int run_case(unsigned seed, unsigned *rereads)
{
	struct ref_tree *t = xcalloc(1, sizeof(*t));
	struct buf layers[4] = { 0 };
	auto_buf struct buf want = { 0 }, got = { 0 };
	static const struct flatten_opts small = { .comp = COMP_LZ4, .block_size = 4096 };
	struct flatten_stat st;
	struct err e = { 0 };
	unsigned x = seed * 2654435761U + 1, serial = 1;
	size_t n = 1 + rnd(&x, 4);
	bool ok = true;

	ref_begin(t);
	for (size_t l = 0; l < n; l++) {
		for (unsigned k = 1 + rnd(&x, 9); k > 0; k--) {
			struct ref_entry en;

			rnd_entry(&x, &en, serial++);
			add(&layers[l], &en);
			ok = ok && ref_apply(t, &en);
		}
		ref_next_layer(t);
	}
	auto_close int fd = flat_make(layers, n, 0, NULL, 0, &small, &st, &e);

	if (ok) {
		ck_assert_msg(fd >= 0, "case %u: %s", seed, e.text);
		ref_show(t, &want);
		flat_show(fd, 0, &got);
		ck_assert_msg(!strcmp(buf_str(&want), buf_str(&got)), "case %u: want\n%sgot\n%s",
			      seed, buf_str(&want), buf_str(&got));
		*rereads += st.reread;
	}
	for (size_t l = 0; l < n; l++)
		buf_fini(&layers[l]);
	ref_fini(t);
	free(t);
	return !ok;
}

/* Five tests, so that each has the time limit of one to itself on a busy machine. */
static void ck_random(unsigned seed)
{
	unsigned ran = 0, rereads = 0;

	for (seed *= 1000000; ran < CASES; seed++)
		ran += !run_case(seed, &rereads);
}

START_TEST(random_layers_become_what_the_reference_says)
{
	ck_random(1);
}
END_TEST
START_TEST(and_so_do_others)
{
	ck_random(2);
}
END_TEST
START_TEST(and_more)
{
	ck_random(3);
}
END_TEST
START_TEST(and_still_more)
{
	ck_random(4);
}
END_TEST
START_TEST(and_the_last_ones)
{
	ck_random(5);
}
END_TEST

UNIT(merge, layers_merge_by_the_rules, random_layers_become_what_the_reference_says,
     and_so_do_others, and_more, and_still_more, and_the_last_ones)
