/* The man pages are made from the tables that the parser uses, so they cannot
 * say anything else than the program does. */
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/globals.h"

/* roff takes a leading dot or quote and every backslash as its own. */
static void add_roff(struct buf *out, const char *text)
{
	bool line_start = true;

	for (const char *p = text; *p; p++) {
		if (line_start && (*p == '.' || *p == '\''))
			buf_adds(out, "\\&");
		if (*p == '\\')
			buf_adds(out, "\\e");
		else if (*p == '-')
			buf_adds(out, "\\-");
		else
			buf_addch(out, *p);
		line_start = *p == '\n';
	}
}

static void add_option(struct buf *out, const struct opt *o)
{
	buf_adds(out, ".TP\n");
	if (o->short_name)
		buf_printf(out, "\\fB\\-%c\\fR, ", o->short_name);
	buf_adds(out, "\\fB\\-\\-");
	add_roff(out, o->name);
	buf_adds(out, "\\fR");
	if (o->arg) {
		buf_adds(out, " \\fI");
		add_roff(out, o->arg);
		buf_adds(out, "\\fR");
	}
	buf_addch(out, '\n');
	add_roff(out, o->help);
	if (o->env) {
		buf_adds(out, "\n.br\nEnvironment: ");
		for (const char *key = o->env; *key; key += key[0] == ',') {
			size_t n = strcspn(key, ",");

			buf_printf(out, "%sBERTH_%.*s", key == o->env ? "" : ", ", (int)n, key);
			key += n;
		}
	}
	buf_addch(out, '\n');
}

static void overview(struct buf *out)
{
	buf_printf(
		out,
		".TH BERTH 1 \"\" \"berth %s\" \"User Commands\"\n.SH NAME\nberth \\- runs "
		"container "
		"images as an ordinary user\n.SH SYNOPSIS\n.B berth\n[OPTIONS] COMMAND [OPTIONS] "
		"...\n.SH DESCRIPTION\nImages are pulled over HTTPS, kept as one file, and started "
		"at native speed.\n.SH COMMANDS\n",
		BERTH_VERSION);
	for (const struct cmd *const *c = commands; *c; c++) {
		if (!*(*c)->brief)
			continue;
		buf_adds(out, ".TP\n\\fB");
		add_roff(out, (*c)->name);
		buf_adds(out, "\\fR\n");
		add_roff(out, (*c)->brief);
		buf_addch(out, '\n');
	}
	buf_adds(out, ".SH OPTIONS\nThey stand before the command.\n");
	for (const struct opt *o = global_opts; o->kind != OPT_KIND_END; o++)
		if (!(o->flags & OPT_HIDDEN))
			add_option(out, o);
	buf_adds(out,
		 ".SH SEE ALSO\nberth\\-exec(1), berth\\-pull(1), berth\\-build(1), one page a "
		 "command\n");
}

static void command(const struct cmd *c, struct buf *out)
{
	const char *examples = strstr(c->details, "\n\n");
	size_t prose = examples ? (size_t)(examples - c->details) : strlen(c->details);
	auto_free char *text = xstrndup(c->details, prose);

	auto_free char *page = xstrdup(c->name);

	for (char *p = page; (p = strchr(p, ' '));)
		*p = '-';
	buf_printf(out,
		   ".TH BERTH-%s 1 \"\" \"berth %s\" \"User Commands\"\n.SH NAME\nberth\\-%s \\- ",
		   page, BERTH_VERSION, page);
	add_roff(out, c->brief);
	buf_printf(out, "\n.SH SYNOPSIS\n.B berth %s\n", c->name);
	add_roff(out, c->opts[0].kind == OPT_KIND_END ? "" : "[OPTIONS] ");
	add_roff(out, c->args);
	buf_adds(out, "\n.SH DESCRIPTION\n");
	add_roff(out, text);
	buf_addch(out, '\n');
	if (c->opts[0].kind != OPT_KIND_END)
		buf_adds(out, ".SH OPTIONS\nOptions end at the first operand. Each variable named "
			      "here is also read as\nAPPTAINER_ and SINGULARITY_; the command line "
			      "comes first, then BERTH_,\nAPPTAINER_, SINGULARITY_.\n");
	for (const struct opt *o = c->opts; o->kind != OPT_KIND_END; o++)
		if (!(o->flags & OPT_HIDDEN))
			add_option(out, o);
	if (examples) {
		buf_adds(out, ".SH EXAMPLES\n.nf\n");
		add_roff(out, examples + 2);
		buf_adds(out, "\n.fi\n");
	}
	buf_adds(out, ".SH EXIT STATUS\nThat of the program that was started. 125: Berth itself "
		      "failed; 126: the program\ncannot be executed; 127: it is not in the image.\n"
		      ".SH SEE ALSO\nberth\\-help(1), the guides below docs/ in the source\n");
}

void cmd_man_text(const struct cmd *c, struct buf *out)
{
	if (c)
		command(c, out);
	else
		overview(out);
}
