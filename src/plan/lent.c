#include "src/plan/lent.h"

#include <stdio.h>
#include <string.h>

#include "src/base/path.h"

void lent_fini(struct lent *l)
{
	free(l->items);
	free(l->env);
	free(l->verdicts);
	strv_fini(&l->notes);
	arena_fini(&l->arena);
	*l = (struct lent){ 0 };
}

static unsigned hash_of(const char *s)
{
	unsigned h = 5381;

	for (; *s; s++)
		h = h * 33 + (unsigned char)*s;
	return h;
}

static struct lent_item *find(const struct lent *l, const char *dst)
{
	unsigned h = hash_of(dst);

	for (size_t i = 0; i < l->nitems; i++)
		if (l->items[i].hash == h && !strcmp(l->items[i].dst, dst))
			return &l->items[i];
	return NULL;
}

bool lent_has(const struct lent *l, const char *dst)
{
	return find(l, dst) != NULL;
}

static struct lent_item *add(struct lent *l, enum lent_kind kind, const char *src, const char *dst)
{
	struct lent_item *there = find(l, dst);

	if (there)
		return there;
	xgrow(&l->items, &l->items_cap, l->nitems + 1, sizeof(*l->items));
	there = &l->items[l->nitems++];
	*there = (struct lent_item){ .kind = kind,
				     .src = arena_strdup(&l->arena, src),
				     .dst = arena_strdup(&l->arena, dst),
				     .hash = hash_of(dst) };
	return there;
}

static const char *in_libs(struct lent *l, const char *name, int bits)
{
	*(bits == 32 ? &l->libs32 : &l->libs) = true;
	return arena_printf(&l->arena, "%s/%s", bits == 32 ? LENT_LIBS32_DIR : LENT_LIBS_DIR, name);
}

void lent_lib(struct lent *l, const char *src, const char *name, int bits)
{
	const char *base = path_base(src);

	add(l, LENT_LIB, src, in_libs(l, base, bits));
	if (strcmp(base, name) != 0)
		lent_lib_link(l, base, name, bits);
}

void lent_lib_link(struct lent *l, const char *text, const char *name, int bits)
{
	add(l, LENT_LINK, text, in_libs(l, name, bits));
}

struct lent_item *lent_bind(struct lent *l, const char *src, const char *dst, bool dir)
{
	struct lent_item *item = add(l, LENT_BIND, src, dst);

	item->dir = dir;
	return item;
}

struct lent_item *lent_device(struct lent *l, const char *src, const char *dst)
{
	return add(l, LENT_DEVICE, src, dst);
}

struct lent_item *lent_tmpfs(struct lent *l, const char *options, const char *dst)
{
	struct lent_item *item = add(l, LENT_TMPFS, options, dst);

	item->dir = true;
	return item;
}

void lent_env(struct lent *l, enum lent_how how, const char *key, const char *value)
{
	struct lent_env new = { how, arena_strdup(&l->arena, key),
				value ? arena_strdup(&l->arena, value) : NULL };

	for (size_t i = 0; i < l->nenv && how == LENT_SET; i++)
		if (l->env[i].how == LENT_SET && !strcmp(l->env[i].key, key)) {
			l->env[i] = new;
			return;
		}
	xgrow(&l->env, &l->env_cap, l->nenv + 1, sizeof(*l->env));
	l->env[l->nenv++] = new;
}

void lent_verdict(struct lent *l, enum lent_outcome outcome, const char *by, const char *what,
		  const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < l->nverdicts; i++)
		if (l->verdicts[i].outcome == outcome && !strcmp(l->verdicts[i].what, what) &&
		    !strcmp(l->verdicts[i].by, by))
			return;
	xgrow(&l->verdicts, &l->verdicts_cap, l->nverdicts + 1, sizeof(*l->verdicts));
	l->verdicts[l->nverdicts++] = (struct lent_judged){ outcome, arena_strdup(&l->arena, by),
							    arena_strdup(&l->arena, what),
							    arena_strdup(&l->arena, text) };
}

const char *lent_word(enum lent_outcome outcome)
{
	static const char *const words[] = { "given", "kept", "skipped", "refused", "absent" };

	return words[outcome];
}

void lent_line(struct buf *out, const struct lent_judged *v)
{
	buf_printf(out, "%s: %s: %s%s%s", v->by, v->what, lent_word(v->outcome),
		   v->text[0] ? ": " : "", v->text);
}
