#include "src/plan/command.h"

#include <string.h>

#include "src/plan/script.h"

#define RUNSCRIPT	"/.singularity.d/runscript"
#define STARTSCRIPT	"/.singularity.d/startscript"
#define TESTSCRIPT	"/.singularity.d/test"
#define VALUE_LINES_MAX 500

/* The line that every script made from an OCI configuration has. */
static bool is_oci_runscript(const char *text)
{
	static const char mark[] = "eval \"set ${SINGULARITY_OCI_RUN}\"";

	for (const char *p = text; (p = strstr(p, mark)); p++) {
		const char *start = p;
		char end = p[strlen(mark)];

		while (start > text && (start[-1] == ' ' || start[-1] == '\t'))
			start--;
		if ((start == text || start[-1] == '\n') && (!end || end == '\n'))
			return true;
	}
	return false;
}

/* The words in NAME='...' at the start of a line. */
static int words_of(struct strv *out, const char *text, const char *name)
{
	auto_shvars struct shvars v = { 0 };
	const char *p = text, *end;
	const char *value;
	size_t n = strlen(name);
	unsigned lines = 0;

	for (;; p++) {
		if (!strncmp(p, name, n) && p[n] == '=')
			break;
		p = strchr(p, '\n');
		if (!p)
			return 1;
	}
	/* A quoted newline belongs to the value: take lines until they make sense.  Not
	 * without end: each try reads all lines again. */
	for (end = strchrnul(p, '\n');; end = strchrnul(end + 1, '\n')) {
		auto_free char *line = xstrndup(p, (size_t)(end - p));

		if (!script_run(&v, line, NULL))
			break;
		if (!*end || ++lines == VALUE_LINES_MAX)
			return 1;
	}
	value = shvars_get(&v, name);
	/* An unescaped $ would have come from the environment of the script. */
	return value && !script_words(value, out) ? 0 : 1;
}

int command_from_runscript(struct strv *entrypoint, struct strv *cmd, const char *runscript)
{
	auto_strv struct strv ep = { 0 }, c = { 0 };

	if (!is_oci_runscript(runscript) || words_of(&ep, runscript, "OCI_ENTRYPOINT") ||
	    words_of(&c, runscript, "OCI_CMD"))
		return 1;
	for (size_t i = 0; i < ep.n; i++)
		strv_add(entrypoint, ep.v[i]);
	for (size_t i = 0; i < c.n; i++)
		strv_add(cmd, c.v[i]);
	return 0;
}

static void add_list(struct strv *argv, char *const *list)
{
	for (; list && *list; list++)
		strv_add(argv, *list);
}

static int command_shell(struct strv *argv, const struct run_req *req, const struct facts *f,
			 struct err *e)
{
	if (req->shell && *req->shell) {
		strv_add(argv, req->shell);
	} else if (f->image.has_bash) {
		strv_add(argv, "/bin/bash");
		strv_add(argv, "--norc");
	} else if (f->image.has_sh) {
		strv_add(argv, "/bin/sh");
	} else {
		return err_set(e, ERR_NOTFOUND,
			       "the image has neither /bin/bash nor /bin/sh "
			       "(name another program with --shell)");
	}
	return 0;
}

/* Entrypoint, then the user's arguments in place of the image's command. */
static int command_run(struct strv *argv, const struct run_req *req, const struct facts *f,
		       struct strv *notes, struct err *e)
{
	const struct facts_image *image = &f->image;
	auto_strv struct strv ep = { 0 }, cmd = { 0 };
	bool oci = image->has_config &&
		   (req->oci_compat || !image->runscript || is_oci_runscript(image->runscript));

	if (!oci && image->runscript && command_from_runscript(&ep, &cmd, image->runscript)) {
		strv_add(argv, RUNSCRIPT);
		return 0;
	}
	if (oci) {
		add_list(&ep, image->entrypoint);
		add_list(&cmd, image->cmd);
	}
	for (size_t i = 0; i < ep.n; i++)
		strv_add(argv, ep.v[i]);
	for (size_t i = 0; i < cmd.n && !req->args.n; i++)
		strv_add(argv, cmd.v[i]);
	if (req->oci_compat && !argv->n && !req->args.n)
		return err_set(e, ERR_NOTFOUND,
			       "the image has neither Entrypoint nor Cmd (name a command)");
	/* An OCI image that names nothing runs the user's words; another one gives them to a shell.
	 */
	if (argv->n || (req->args.n && (oci || image->runscript)))
		return 0;
	if (!image->has_sh)
		return err_set(e, ERR_NOTFOUND,
			       "the image says nothing to run and has no /bin/sh "
			       "(name a command with exec)");
	strv_add(notes, "the image has no runscript; /bin/sh is started");
	strv_add(argv, "/bin/sh");
	return 0;
}

/* The script of one application of the image, in the layout of SCIF. */
static int command_app(struct strv *argv, const struct run_req *req, const struct facts *f,
		       struct err *e)
{
	const char *name = req->verb == RUN_TEST ? "test" : "runscript";

	if (!f->image.has_app_script)
		return err_set(e, ERR_NOTFOUND, "the application %s of the image has no %s",
			       req->app, name);
	strv_addf(argv, "/scif/apps/%s/scif/%s", req->app, name);
	return 0;
}

int command_make(struct strv *argv, const struct run_req *req, const struct facts *f,
		 struct strv *notes, struct err *e)
{
	int r = 0;

	if (req->app && !f->image.has_app)
		r = err_set(e, ERR_NOTFOUND,
			    "the image has no application \"%s\" (inspect --list-apps names them)",
			    req->app);
	else if (req->app && (req->verb == RUN_RUN || req->verb == RUN_TEST))
		r = command_app(argv, req, f, e);
	else if (req->verb == RUN_SHELL)
		r = command_shell(argv, req, f, e);
	else if (req->verb == RUN_RUN)
		r = command_run(argv, req, f, notes, e);
	else if (req->verb == RUN_START)
		strv_add(argv, STARTSCRIPT);
	else if (req->verb == RUN_TEST)
		strv_add(argv, TESTSCRIPT);
	else if (req->explain_env && !req->args.n)
		strv_add(argv, "true"); /* nothing is started */
	else if (!req->args.n)
		r = err_set(e, ERR_USAGE, "exec: the command is missing");
	if (r < 0)
		return -1;
	add_list(argv, strv_list(&req->args));
	return 0;
}
