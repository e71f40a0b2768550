/* Scripts ask it for the directory of the configuration, by Apptainer's names. */
#include <string.h>

#include "src/base/mem.h"
#include "src/base/site.h"
#include "src/cli/cmd.h"
#include "src/cli/persona.h"

/* clang-format off */
static const struct {
	const char *key, *value;
} fixed[] = {
	{ "PREFIX",	BERTH_PREFIX },
	{ "EXECPREFIX",	BERTH_PREFIX },
	{ "BINDIR",	BERTH_BINDIR },
	{ "LIBEXECDIR",	BERTH_LIBEXECDIR },
	{ "DATADIR",	BERTH_DATADIR },
	{ "SYSCONFDIR",	BERTH_SYSCONFDIR },
	{ "MANDIR",	BERTH_MANDIR },
};
/* clang-format on */

static int print_one(struct buf *out, const char *key, const char *want, const char *value)
{
	if (!want)
		buf_printf(out, "%s=%s\n", key, value);
	else if (!strcmp(key, want))
		buf_printf(out, "%s\n", value);
	return want && !strcmp(key, want);
}

static int run_buildcfg(void *req, int argc, char **argv, struct err *e)
{
	const char *want = argc ? argv[0] : NULL;
	auto_buf struct buf text = { 0 };
	int found = print_one(&text, "PACKAGE_NAME", want, persona()->package) |
		    print_one(&text, "PACKAGE_VERSION", want, persona()->version);

	(void)req;
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		found |= print_one(&text, fixed[i].key, want, fixed[i].value);
	found |= print_one(&text, "APPTAINER_CONFDIR", want, site_dir());
	found |= print_one(&text, "APPTAINER_CONF_FILE", want, site_file());
	found |= print_one(&text, "APPTAINER_SUID_INSTALL", want, "0");
	if (want && !found)
		return err_set(e, ERR_USAGE, "no variable named \"%s\" (%s buildcfg lists them)",
			       want, persona()->name);
	return cmd_print(&text, e);
}

static const struct opt no_opts[] = { OPT_END };

const struct cmd cmd_buildcfg = {
	.name = "buildcfg",
	.args = "[KEY]",
	.brief = "print where this build keeps its files",
	.details = "Prints KEY=value lines, or the value of one KEY; APPTAINER_CONF_FILE is the\n"
		   "configuration file.",
	.opts = no_opts,
	.most = 1,
	.run = run_buildcfg,
};
