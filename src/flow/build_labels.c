#include "src/flow/build_labels.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "image/meta.h"
#include "src/base/json.h"
#include "src/flow/build_env.h"

#define LABELS_PATH "/.singularity.d/labels.json"
#define TEXT_MAX    (8 << 20)
/* What Apptainer calls itself in this label; tools look for it. */
#define VERSION_KEY "org.label-schema.usage.apptainer.version"

struct labels {
	struct def_pairs p;
	struct arena *a;
};

static void set(struct labels *l, const char *key, const char *value)
{
	for (size_t i = 0; i < l->p.n; i++) {
		if (strcmp(l->p.v[i].key, key) != 0)
			continue;
		l->p.v[i].value = arena_strdup(l->a, value);
		return;
	}
	if (l->p.n == l->p.cap) {
		struct def_pair *v = arena_array(l->a, struct def_pair, l->p.cap * 2 + 16);

		if (l->p.n)
			memcpy(v, l->p.v, l->p.n * sizeof(*v));
		l->p.v = v;
		l->p.cap = l->p.cap * 2 + 16;
	}
	l->p.v[l->p.n++] =
		(struct def_pair){ arena_strdup(l->a, key), arena_strdup(l->a, value), 0 };
}

static int take(void *arg, const char *key, const struct json *v)
{
	if (json_str(v))
		set(arg, key, json_str(v));
	return 0;
}

static int from_base(struct labels *l, const struct build_tree *t, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_json struct json *doc = NULL;
	int r = build_tree_read(t, LABELS_PATH, TEXT_MAX, &text, e);

	if (r)
		return r < 0 ? -1 : 0;
	/* A base whose labels are broken is no reason not to build on it. */
	if (json_parse(&doc, buf_str(&text), text.len, TEXT_MAX, e) == 0)
		json_members(doc, take, l);
	return 0;
}

/* "key value" lines that %post appended to $APPTAINER_LABELS. */
static int from_post(struct labels *l, const struct build_tree *t, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = build_tree_read(t, BUILD_LABELS, TEXT_MAX, &text, e);

	if (r)
		return r < 0 ? -1 : 0;
	for (char *line = text.data, *next; line && *line; line = next) {
		char *value;

		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		line += strspn(line, " \t");
		value = line + strcspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (*value)
			*value++ = '\0';
		set(l, line, value + strspn(value, " \t"));
	}
	unlinkat(t->fd, &BUILD_LABELS[1], 0);
	return 0;
}

static void own(struct labels *l, const struct build *b, const struct build_stage *s)
{
	int64_t now = b->epoch >= 0 ? b->epoch : (int64_t)time(NULL);
	time_t when = (time_t)now;
	const char *arch = build_tree_arch(&s->tree);
	struct tm tm = { 0 };
	char text[64];

	gmtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	set(l, "org.label-schema.schema-version", "1.0");
	set(l, "org.label-schema.build-date", meta_build_date(l->a, now));
	set(l, "org.label-schema.build-arch", arch);
	set(l, VERSION_KEY, BERTH_VERSION);
	set(l, "org.opencontainers.image.created", text);
	set(l, "org.opencontainers.image.architecture", arch);
}

static void from_def(struct labels *l, const struct def_stage *d)
{
	if (d->script[DEF_HELP].text) {
		set(l, "org.label-schema.usage", "/.singularity.d/runscript.help");
		set(l, "org.label-schema.usage.apptainer.runscript.help",
		    "/.singularity.d/runscript.help");
	}
	for (size_t i = 0; i < d->header.n; i++) {
		const char *key = arena_printf(
			l->a, "org.label-schema.usage.singularity.deffile.%s", d->header.v[i].key);

		set(l, key, d->header.v[i].value);
	}
	for (size_t i = 0; i < d->labels.n; i++)
		set(l, d->labels.v[i].key, d->labels.v[i].value);
}

static void from_docker(struct labels *l, const struct build_stage *s)
{
	for (size_t i = 0; i < s->config.labels.n; i++) {
		const char *kv = s->config.labels.v[i];
		size_t n = strcspn(kv, "=");

		set(l, arena_strndup(l->a, kv, n), kv + n + 1);
	}
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct def_pair *)a)->key, ((const struct def_pair *)b)->key);
}

int build_labels(struct build *b, struct build_stage *s, struct err *e)
{
	auto_arena struct arena a = { 0 };
	struct labels l = { .a = &a };
	auto_buf struct buf text = { 0 };
	struct jw w = { .out = &text, .indent = -1, .html = true };

	if (from_base(&l, &s->tree, e) < 0)
		return -1;
	own(&l, b, s);
	if (s->def)
		from_def(&l, s->def);
	if (b->docker)
		from_docker(&l, s);
	if (from_post(&l, &s->tree, e) < 0)
		return -1;
	qsort(l.p.v, l.p.n, sizeof(*l.p.v), by_key);
	jw_obj(&w, NULL);
	for (size_t i = 0; i < l.p.n; i++)
		jw_str(&w, l.p.v[i].key, l.p.v[i].value);
	jw_end(&w);
	return build_tree_write(&s->tree, LABELS_PATH, buf_str(&text), text.len, 0644, e);
}
