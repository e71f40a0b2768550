#include "image/meta_script.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A line of every runscript made from an OCI image; engines recognise them by it. */
#define MARK "eval \"set ${SINGULARITY_OCI_RUN}\""

/* What a shell reads inside double quotes as s. */
static void add_in_double(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("\\\"`$", *s))
			buf_addch(out, '\\');
		buf_addch(out, *s);
	}
}

/* What a shell reads inside single quotes as s. */
static void add_in_single(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(out, "'\"'\"'");
		else
			buf_addch(out, *s);
	}
}

static bool name_is_valid(const char *s, size_t n)
{
	if (n == 0 || isdigit((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!(isascii((unsigned char)s[i]) && isalnum((unsigned char)s[i])) && s[i] != '_')
			return false;
	return true;
}

void meta_env_script(struct buf *out, const struct strv *env)
{
	buf_adds(out, "#!/bin/sh\n");
	for (size_t i = 0; i < env->n; i++) {
		const char *item = env->v[i];
		size_t n = strcspn(item, "=");

		if (!name_is_valid(item, n))
			continue;
		if (!item[n]) {
			buf_printf(out, "export %s=\"${%s:-}\"\n", item, item);
			continue;
		}
		if (n == 4 && !strncmp(item, "PATH", 4)) {
			buf_adds(out, "export PATH=\"");
			add_in_double(out, item + 5);
			buf_adds(out, "\"\n");
			continue;
		}
		buf_printf(out, "export %.*s=\"${%.*s:-\"", (int)n, item, (int)n, item);
		add_in_double(out, item + n + 1);
		buf_adds(out, "\"}\"\n");
	}
}

/* NAME='"a" "b"' */
static void add_assignment(struct buf *out, const char *name, const struct strv *words)
{
	auto_buf struct buf text = { 0 };

	for (size_t i = 0; i < words->n; i++) {
		buf_adds(&text, i ? " \"" : "\"");
		add_in_double(&text, words->v[i]);
		buf_addch(&text, '"');
	}
	buf_printf(out, "%s='", name);
	add_in_single(out, buf_str(&text));
	buf_adds(out, "'\n");
}

static void add_set(struct buf *out, const char *indent, const struct strv *words, const char *rest)
{
	buf_printf(out, "%sset --", indent);
	for (size_t i = 0; i < words->n; i++) {
		buf_adds(out, " '");
		add_in_single(out, words->v[i]);
		buf_addch(out, '\'');
	}
	buf_printf(out, "%s\n", rest);
}

void meta_runscript(struct buf *out, const struct strv *entrypoint, const struct strv *cmd)
{
	buf_adds(out, "#!/bin/sh\n");
	add_assignment(out, "OCI_ENTRYPOINT", entrypoint);
	add_assignment(out, "OCI_CMD", cmd);
	buf_adds(out,
		 "\n# --no-eval: every word as it is.  Arguments replace the image's command.\n"
		 "if [ -n \"${SINGULARITY_NO_EVAL:-}\" ]; then\n"
		 "\tif [ $# -eq 0 ]; then\n");
	add_set(out, "\t\t", cmd, "");
	buf_adds(out, "\tfi\n");
	add_set(out, "\t", entrypoint, " \"$@\"");
	buf_adds(out,
		 "\texec \"$@\"\n"
		 "fi\n"
		 "\n# Else the arguments are expanded once more, as Apptainer's users know it.\n"
		 "CMDLINE_ARGS=\"\"\n"
		 "for arg in \"$@\"; do\n"
		 "\tCMDLINE_ARGS=\"${CMDLINE_ARGS} \\\"$arg\\\"\"\n"
		 "done\n"
		 "if [ $# -gt 0 ]; then\n"
		 "\tSINGULARITY_OCI_RUN=\"${OCI_ENTRYPOINT} ${CMDLINE_ARGS}\"\n"
		 "else\n"
		 "\tSINGULARITY_OCI_RUN=\"${OCI_ENTRYPOINT} ${OCI_CMD}\"\n"
		 "fi\n" MARK "\n"
		 "exec \"$@\"\n");
}

/* The value of NAME='...' on a line of its own, its '"'"' turned back.  NULL when there is no
 * such line or it goes on in another way. */
static const char *find_assignment(const char *text, const char *name, struct buf *out)
{
	const char *p = text;
	size_t n = strlen(name);

	for (; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!strncmp(p, name, n) && p[n] == '=' && p[n + 1] == '\'')
			break;
	}
	if (!p)
		return NULL;
	for (p += n + 2; *p;) {
		if (!strncmp(p, "'\"'\"'", 5)) {
			buf_addch(out, '\'');
			p += 5;
		} else if (*p == '\'') {
			return p[1] == '\n' || !p[1] ? buf_str(out) : NULL;
		} else {
			buf_addch(out, *p++);
		}
	}
	return NULL;
}

/* One "word", escapes undone.  Returns what follows, NULL when it is not of that form. */
static const char *take_word(const char *p, struct buf *word)
{
	if (*p++ != '"')
		return NULL;
	for (; *p && *p != '"'; p++) {
		if (*p == '$' || *p == '`')
			return NULL;
		if (*p == '\\' && p[1] && strchr("\\\"`$", p[1]))
			p++;
		buf_addch(word, *p);
	}
	return *p == '"' ? p + 1 : NULL;
}

static int take_words(const char *p, struct strv *out)
{
	while (p && *p) {
		auto_buf struct buf word = { 0 };

		p = take_word(p, &word);
		if (!p)
			return 1;
		strv_add(out, buf_str(&word));
		if (*p && *p++ != ' ')
			return 1;
	}
	return 0;
}

static bool has_mark(const char *text)
{
	const char *p = strstr(text, MARK);

	return p && (p == text || p[-1] == '\n') && (p[strlen(MARK)] == '\n' || !p[strlen(MARK)]);
}

int meta_runscript_parse(const char *text, struct strv *entrypoint, struct strv *cmd)
{
	auto_buf struct buf a = { 0 }, b = { 0 };
	auto_strv struct strv ep = { 0 }, args = { 0 };
	const char *ep_text, *cmd_text;

	if (!has_mark(text))
		return 1;
	ep_text = find_assignment(text, "OCI_ENTRYPOINT", &a);
	cmd_text = find_assignment(text, "OCI_CMD", &b);
	if (!ep_text || !cmd_text || take_words(ep_text, &ep) || take_words(cmd_text, &args))
		return 1;
	for (size_t i = 0; i < ep.n; i++)
		strv_add(entrypoint, ep.v[i]);
	for (size_t i = 0; i < args.n; i++)
		strv_add(cmd, args.v[i]);
	return 0;
}
