#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/progress.h"
#include "src/cli/cmd.h"
#include "src/cli/globals.h"
#include "src/cli/persona.h"
#include "src/flow/settings.h"

static void set_level(const struct globals *g)
{
	if (g->debug)
		log_set_level(LOG_DEBUG);
	else if (g->verbose)
		log_set_level(LOG_VERBOSE);
	else if (g->silent)
		log_set_level(LOG_ERROR);
	else if (g->quiet)
		log_set_level(LOG_WARN);
}

/* A closed descriptor 0, 1 or 2 would be taken by the next open(), and a
 * message would then be written into a file. */
static void fill_standard_fds(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
}

static int print_help(const struct cmd *c, struct err *e)
{
	auto_buf struct buf text = { 0 };

	cmd_help_text(c, &text);
	return cmd_print(&text, e);
}

/* *words tells whether the error is one of the words that the user wrote, or what came of them. */
static int run_parsed(const struct cmd *c, void *req, int argc, char **argv, bool *words,
		      struct err *e)
{
	int used = 0;
	int r = opt_parse(c->opts, req, argc, argv, &used, e);

	if (r == 1)
		return print_help(c, e);
	if (r < 0)
		return err_wrap(e, "%s", c->name);
	argc -= used;
	argv += used;
	if (argc < c->least || argc > c->most)
		return err_set(e, ERR_USAGE, "%s: usage: %s %s%s%s%s (%s help %s)", c->name,
			       persona()->name, c->name,
			       c->opts[0].kind == OPT_KIND_END ? "" : " [OPTIONS]",
			       *c->args ? " " : "", c->args, persona()->name, c->name);
	*words = false;
	return c->run(req, argc, argv, e);
}

static int run_command(const struct cmd *c, int argc, char **argv, bool *words, struct err *e)
{
	auto_free void *req = xcalloc(1, MAX(c->size, 1));
	int r = run_parsed(c, req, argc, argv, words, e);

	opt_release(c->opts, req);
	return r;
}

static int print_version(struct err *e)
{
	auto_buf struct buf text = { 0 };

	buf_printf(&text, "%s version %s\n", persona()->package, persona()->version);
	return cmd_print(&text, e);
}

static int dispatch(int argc, char **argv, bool *words, struct err *e)
{
	struct globals g = { 0 };
	const struct cmd *c;
	int used = 0;
	int r = opt_parse(global_opts, &g, argc - 1, argv + 1, &used, e);

	if (r == 1)
		return print_help(NULL, e);
	if (r < 0)
		return -1;
	set_level(&g);
	if (g.progress && progress_set_mode(g.progress, e) < 0)
		return -1;
	if (g.config)
		settings_use_file(g.config);
	argc -= 1 + used;
	argv += 1 + used;
	if (g.version)
		return print_version(e);
	if (!argc) {
		print_help(NULL, e);
		return err_set(e, ERR_USAGE, "no command given");
	}
	c = cmd_find_words(argc, argv, &used);
	if (!c)
		return cmd_unknown(argc, argv, e);
	return run_command(c, argc - used, argv + used, words, e);
}

/* run-singularity IMAGE ARG... is what the kernel makes of ./IMAGE ARG... */
static char **words_with(const char *implied, int *argc, char **argv)
{
	char **all = xcalloc((size_t)*argc + 2, sizeof(*all));

	all[0] = argv[0];
	all[1] = (char *)(uintptr_t)implied;
	memcpy(all + 2, argv + 1, (size_t)*argc * sizeof(*all));
	++*argc;
	return all;
}

int main(int argc, char **argv)
{
	auto_free char **all = NULL;
	const struct persona *p;
	struct err e = { 0 };
	bool words = true;
	int r;

	fill_standard_fds();
	if (argc < 1)
		return persona()->failure;
	p = persona_choose(argv[0]);
	if (p->implied)
		argv = all = words_with(p->implied, &argc, argv);
	r = dispatch(argc, argv, &words, &e);
	if (r >= 0)
		return r;
	log_error("%s", e.text);
	return words ? p->usage : p->failure;
}
