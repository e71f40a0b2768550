#include "src/cli/run_start.h"

#include "src/base/log.h"
#include "src/cli/access_opts.h"
#include "src/cli/cmd.h"
#include "src/cli/exit.h"
#include "src/flow/run.h"
#include "src/flow/source.h"

static void forget(void *words)
{
	access_forget(words);
}

/* A file needs no login, and no question. */
static int login(struct run_req *r, struct access_words *w, struct err *e)
{
	struct access a;

	if (!r->docker_login || !source_is_uri(r->image))
		return 0;
	w->login = true;
	w->user = r->user;
	w->password = r->password;
	if (access_settle(w, &a, e) < 0)
		return -1;
	r->user = a.user;
	r->password = a.password;
	return 0;
}

int run_start(struct run_req *r, enum run_verb verb, int names, int argc, char **argv,
	      struct err *e)
{
	auto_buf struct buf text = { 0 };
	struct access_words typed = { 0 };
	int status;

	r->verb = verb;
	r->image = argv[0];
	request_settle(r);
	for (int i = names; i < argc; i++)
		strv_add(&r->args, argv[i]);
	status = login(r, &typed, e);
	if (status == 0)
		status = flow_run(r, forget, &typed, &text, e);
	access_forget(&typed);
	strv_fini(&r->args);
	if (status > 0)
		log_error("%s", e->text);
	return status ? status : cmd_print(&text, e);
}
