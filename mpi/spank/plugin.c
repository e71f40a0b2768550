/* The SPANK plugin: --container-* for srun, sbatch and salloc.
 *
 *	required spank_berth.so berth=/usr/bin/berth container_scope=job container_dir=/tmp
 *
 * - srun, before the step starts: an image that is a URI is fetched into the store, once, by
 *   srun itself; the nodes get its path.
 * - slurmstepd, before it forks tasks: the same where that path is not seen, as the user, beside
 *   the tasks' CPUs; a named container is found or made.
 * - each task, as the user: asks the engine for the container of this step (the engine makes it
 *   for the first and hands it to all), enters it, and goes on to become Slurm's program.
 *
 * An error there is one line on the task's stderr, said once a node however many tasks meet it.
 * The epilog removes the job's containers and never fails: Slurm drains a node for that. */
#include <slurm/spank.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mpi/spank/engine.h"
#include "mpi/spank/enter.h"
#include "mpi/spank/options.h"
#include "mpi/spank/said.h"
#include "src/base/mem.h"

#define FAILED	    125
#define IMAGE_VAR   "SLURM_BERTH_IMAGE" /* srun's words to the nodes */
#define MULTI_VAR   "SLURM_BERTH_MULTI"
#define STEP_BATCH  0xfffffffbu
#define STEP_EXTERN 0xfffffffcu
#define exported    __attribute__((visibility("default")))
#define ROW_MAX	    32

exported extern const char plugin_name[], plugin_type[];
exported extern const unsigned int plugin_version, spank_plugin_version;
SPANK_PLUGIN(berth, 1)

/* What plugstack.conf says. */
static struct {
	const char *berth, *dir;
	bool global;
} site = { BERTH_BINARY, "/tmp", false };

/* Of this step on this node; what user_init finds, the tasks inherit by fork. */
static struct {
	bool active;
	uint32_t job, step, tasks, exits;
	char node[256];
	char *scope, *name; /* name: without its mode; NULL: none */
	char *image, *dir;  /* dir: of a container that is kept for longer than the tasks */
	struct buf failure; /* what user_init could not do */
	struct said *said;  /* shared with the tasks */
} step;

static const char *lookup_own(const char *key, void *arg)
{
	(void)arg;
	return getenv(key);
}

static const char *lookup_list(const char *key, void *arg)
{
	size_t n = strlen(key);

	for (char *const *v = arg; v && *v; v++)
		if (!strncmp(*v, key, n) && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

static char **job_env(spank_t sp)
{
	char **env = NULL;

	return spank_get_item(sp, S_JOB_ENV, &env) == ESPANK_SUCCESS ? env : NULL;
}

static int option_cb(int val, const char *arg, int remote)
{
	(void)remote;
	option_set((size_t)val, arg);
	return 0;
}

/* Slurm keeps pointers into what is registered. */
static int options_register(spank_t sp)
{
	static struct spank_option rows[ROW_MAX];

	for (size_t i = 0; i < option_nrows && i < ROW_MAX; i++) {
		const struct option_row *r = &option_rows[i];

		rows[i] = (struct spank_option){ (char *)(uintptr_t)r->name,
						 (char *)(uintptr_t)r->arg,
						 xasprintf("[berth] %s", r->usage),
						 r->arg != NULL,
						 (int)i,
						 option_cb };
		if (spank_option_register(sp, &rows[i]) != ESPANK_SUCCESS)
			slurm_error("berth: another plugin has --%s already; keep one of the two "
				    "in plugstack.conf",
				    r->name);
	}
	return 0;
}

static void site_read(int ac, char **av)
{
	for (int i = 0; i < ac; i++) {
		if (!strncmp(av[i], "berth=", 6))
			site.berth = av[i] + 6;
		else if (!strncmp(av[i], "container_dir=", 14))
			site.dir = av[i] + 14;
		else if (!strncmp(av[i], "container_scope=", 16))
			site.global = !strcmp(av[i] + 16, "global");
		else
			slurm_error("berth: plugstack.conf: \"%s\" is none of berth=, "
				    "container_dir=, container_scope=job|global",
				    av[i]);
	}
}

exported int slurm_spank_init(spank_t sp, int ac, char **av)
{
	site_read(ac, av);
	if (spank_context() == S_CTX_LOCAL || spank_context() == S_CTX_REMOTE ||
	    spank_context() == S_CTX_ALLOCATOR)
		return options_register(sp);
	return 0;
}

/* Said where the words were typed, before a job is made of them. */
exported int slurm_spank_init_post_opt(spank_t sp, int ac, char **av)
{
	auto_strv struct strv words = { 0 };
	struct err e = { 0 };

	(void)sp;
	(void)ac;
	(void)av;
	if (spank_context() == S_CTX_REMOTE || engine_words(&words, lookup_own, NULL, &e) == 0)
		return 0;
	/* Slurm would add two lines of its own; nothing was begun. */
	fprintf(stderr, "berth: %s\n", e.text);
	exit(FAILED);
}

/* The line breaks of out, which has two lines; the first one is the path. */
static void answer_take(struct buf *out)
{
	char *second = out->data ? strchr(out->data, '\n') : NULL, *end;

	if (!second)
		return;
	*second++ = '\0';
	end = strchr(second, '\n');
	if (end)
		*end = '\0';
	step.image = xstrdup(out->data);
	step.dir = *second ? xstrdup(second) : NULL;
}

/* Slurm tells no plugin; getopt takes abbreviations. */
static void multi_prog_note(void)
{
	FILE *words = fopen("/proc/self/cmdline", "re");
	auto_free char *w = NULL;
	size_t size = 0;

	unsetenv(MULTI_VAR);
	if (getenv("SLURM_MULTI_PROG"))
		setenv(MULTI_VAR, "1", 1);
	while (words && getdelim(&w, &size, '\0', words) > 0)
		if (strlen(w) > 4 && !strncmp("--multi-prog", w, strlen(w)))
			setenv(MULTI_VAR, "1", 1);
	if (words)
		fclose(words);
}

/* Its text is then the one argument: "0-3 program words".  Each task has words of its own, which
 * no plugin reaches. */
static bool is_multi_prog(int argc, char *const *argv, char **env)
{
	const char *line = argc == 2 ? argv[1] : "";

	while (line && (*line == '#' || *line == '\n')) {
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return lookup_list(MULTI_VAR, env) && line &&
	       (*line == '*' || (*line >= '0' && *line <= '9'));
}

/* In srun, which may as well be the one who has the network and the credentials. */
exported int slurm_spank_local_user_init(spank_t sp, int ac, char **av)
{
	const char *word = option_get(OPTION_IMAGE, lookup_own, NULL);
	char *words[] = { (char *)(uintptr_t)site.berth,  (char *)(uintptr_t) "slurm-step",
			  (char *)(uintptr_t) "--submit", (char *)(uintptr_t) "--",
			  (char *)(uintptr_t)word,	  NULL };
	struct engine g = { .argv = words, .sock = -1, .own_err = true };
	auto_buf struct buf out = { 0 };
	char *nl;

	(void)sp;
	(void)ac;
	(void)av;
	unsetenv(IMAGE_VAR);
	multi_prog_note();
	if (!word)
		return 0;
	g.env = environ;
	if (engine_start(&g) < 0 || engine_finish(&g, &out, NULL) != 0)
		return -1;
	nl = out.data ? strchr(out.data, '\n') : NULL;
	if (nl)
		*nl = '\0';
	if (out.len && *out.data == '/')
		setenv(IMAGE_VAR, out.data, 1);
	return 0;
}

static void node_name(spank_t sp)
{
	const char *own = getenv("SLURMD_NODENAME");

	if (spank_getenv(sp, "SLURMD_NODENAME", step.node, sizeof(step.node)) == ESPANK_SUCCESS)
		return;
	if (own)
		snprintf(step.node, sizeof(step.node), "%s", own);
	else
		gethostname(step.node, sizeof(step.node) - 1);
}

/* The user of the step, for a process that slurmstepd starts. */
static void engine_user(struct engine *g, spank_t sp)
{
	gid_t *groups = NULL;
	int n = 0;

	/* Where Slurm does not say who, the engine ends before it does anything: never as root. */
	g->become = true;
	if (spank_get_item(sp, S_JOB_UID, &g->uid) != ESPANK_SUCCESS ||
	    spank_get_item(sp, S_JOB_GID, &g->gid) != ESPANK_SUCCESS)
		g->uid = (uid_t)-1;
	if (spank_get_item(sp, S_JOB_SUPPLEMENTARY_GIDS, &groups, &n) == ESPANK_SUCCESS) {
		g->groups = groups;
		g->ngroups = n;
	}
}

/* "name:mode" as it goes to the engine: of an option, or one of our own for --container-save. */
static char *step_name(char **env)
{
	const char *name = option_get(OPTION_NAME, lookup_list, env);

	if (name)
		return xstrdup(name);
	if (option_get(OPTION_SAVE, lookup_list, env))
		return xasprintf("save.%u", step.step);
	return NULL;
}

static void step_words(struct strv *words, const char *name, char **env)
{
	const char *image = option_get(OPTION_IMAGE, lookup_list, env);
	const char *found = lookup_list(IMAGE_VAR, env);

	strv_add(words, site.berth);
	strv_add(words, "slurm-step");
	if (name) {
		strv_addf(words, "--name=%s", name);
		strv_addf(words, "--base=%s", site.dir);
		strv_addf(words, "--node=%s", step.node);
		strv_addf(words, "--scope=%s", step.scope);
	}
	strv_add(words, "--");
	if (image)
		strv_add(words, found && faccessat(AT_FDCWD, found, R_OK, AT_EACCESS) == 0 ? found
											   : image);
}

exported int slurm_spank_user_init(spank_t sp, int ac, char **av)
{
	char **env = job_env(sp);
	auto_strv struct strv words = { 0 };
	auto_buf struct buf out = { 0 };
	struct engine g = { .sock = -1, .env = env };
	int status;

	(void)ac;
	(void)av;
	spank_get_item(sp, S_JOB_ID, &step.job);
	spank_get_item(sp, S_JOB_STEPID, &step.step);
	spank_get_item(sp, S_JOB_LOCAL_TASK_COUNT, &step.tasks);
	if (step.step == STEP_EXTERN || (!option_get(OPTION_IMAGE, lookup_list, env) &&
					 !option_get(OPTION_NAME, lookup_list, env)))
		return 0;
	step.active = true;
	step.said = said_new();
	node_name(sp);
	step.scope = site.global ? xstrdup("global") : xasprintf("job-%u", step.job);
	step.name = step_name(env);
	step_words(&words, step.name, env);
	if (step.name)
		step.name[strcspn(step.name, ":")] = '\0';
	engine_user(&g, sp);
	g.argv = words.v;
	status = engine_start(&g) < 0 ? -1 : engine_finish(&g, &out, &step.failure);
	if (status == 0) {
		answer_take(&out);
		buf_clear(&step.failure);
	} else if (!step.failure.len) {
		buf_printf(&step.failure,
			   "berth: %s does not start (status %d); is it installed on "
			   "this node?\n",
			   site.berth, status);
	}
	return 0;
}

static _Noreturn void task_fail(const char *text, size_t len)
{
	said_once(step.said, text, len);
	_exit(FAILED);
}

/* What the host has wins over the image: the engine's own kind of variable says so. */
static void env_words(struct strv *env, char **job)
{
	const char *names = option_get(OPTION_ENV, lookup_list, job);
	auto_strv struct strv list = { 0 };

	for (char **v = job; v && *v; v++)
		strv_add(env, *v);
	if (names)
		strv_split(&list, names, ',');
	for (size_t i = 0; i < list.n; i++) {
		const char *value = lookup_list(list.v[i], job);

		if (value)
			strv_addf(env, "BERTHENV_%s=%s", list.v[i], value);
	}
}

/* The batch script lies in slurmd's spool, which no image has. */
static void script_words(struct strv *words, spank_t sp)
{
	char **argv = NULL;
	int argc = 0;

	if (step.step == STEP_BATCH &&
	    spank_get_item(sp, S_JOB_ARGV, &argc, &argv) == ESPANK_SUCCESS && argc > 0 &&
	    argv[0][0] == '/') {
		strv_add(words, "--bind");
		strv_addf(words, "%s:%s:ro", argv[0], argv[0]);
	}
}

static void task_words(struct strv *words, spank_t sp, char **env)
{
	struct err e = { 0 };
	bool readonly = option_is(OPTION_WRITABLE, "0", lookup_list, env);
	bool writable = option_is(OPTION_WRITABLE, "1", lookup_list, env);

	strv_add(words, site.berth);
	if (engine_words(words, lookup_list, env, &e) < 0) {
		auto_free char *text = xasprintf("berth: %s\n", e.text);

		task_fail(text, strlen(text));
	}
	script_words(words, sp);
	if (step.dir)
		strv_addf(words, "--overlay=%s%s", step.dir, readonly ? ":ro" : "");
	else if (writable)
		strv_add(words, "--writable-tmpfs");
	if (step.name) {
		strv_addf(words, "--share=slurm/%s/%s/%s", step.node, step.scope, step.name);
		strv_add(words, "--share-any");
	} else {
		strv_addf(words, "--share=slurm/%s/%u.%u", step.node, step.job, step.step);
	}
	strv_add(words, "--hand-over=3");
	strv_add(words, step.image);
	strv_add(words, "."); /* stands for the program; what comes before it is its prefix */
}

static int task_setenv(const char *key, const char *value, void *sp)
{
	if (!value) {
		spank_unsetenv(sp, key);
		return 0;
	}
	return spank_setenv(sp, key, value, 1) == ESPANK_SUCCESS ? 0 : -1;
}

/* The program becomes the argument of a small one that starts the entrypoint with it. */
static int prefix_set(struct container *c, spank_t sp, struct err *e)
{
	auto_strv struct strv words = { 0 };
	char **argv = NULL, key[64];
	int argc = 0;

	container_prefix(c, &words);
	if (!words.n)
		return 0;
	if (words.n > PREFIX_MAX ||
	    spank_get_item(sp, S_JOB_ARGV, &argc, &argv) != ESPANK_SUCCESS || argc < 1)
		return err_set(e, ERR_LIMIT, "--container-entrypoint: not for this kind of step");
	if (is_multi_prog(argc, argv, job_env(sp)))
		return err_set(e, ERR_UNSUPPORTED,
			       "--container-entrypoint: not with --multi-prog, whose programs no "
			       "plugin can put behind another; write the entrypoint into its file, "
			       "or give --no-container-entrypoint");
	for (size_t i = 0; i < words.n; i++) {
		snprintf(key, sizeof(key), PREFIX_WORD "%zu", i);
		task_setenv(key, words.v[i], sp);
	}
	snprintf(key, sizeof(key), "%zu", words.n);
	task_setenv(PREFIX_COUNT, key, sp);
	task_setenv(PREFIX_ARGV0, argv[0], sp);
	argv[0] = xasprintf("/proc/self/fd/%d", take_fd(&c->prefix));
	return 0;
}

static int task_enter(spank_t sp, struct engine *g, int sock, struct buf *said, struct err *e)
{
	struct container c = { 0 };
	int r = container_recv(&c, sock, e), status = engine_finish(g, NULL, said);

	if (r == 1)
		err_set(e, ERR_SYS, "%s ended with status %d and did not say why", site.berth,
			status);
	if (r == 0 && (container_enter(&c, task_setenv, sp, e) < 0 || prefix_set(&c, sp, e) < 0))
		r = -1;
	container_fini(&c);
	return r;
}

exported int slurm_spank_task_init(spank_t sp, int ac, char **av)
{
	char **job = job_env(sp);
	auto_strv struct strv words = { 0 }, env = { 0 };
	auto_buf struct buf said = { 0 };
	struct engine g = { 0 };
	struct err e = { 0 };
	int pair[2], r;

	(void)ac;
	(void)av;
	if (!step.active)
		return 0;
	if (step.failure.len)
		task_fail(step.failure.data, step.failure.len);
	task_words(&words, sp, job);
	env_words(&env, job);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		task_fail("berth: socketpair failed\n", 25);
	g = (struct engine){ .argv = words.v, .env = env.v, .sock = pair[1] };
	if (engine_start(&g) < 0)
		task_fail("berth: fork failed\n", 19);
	close(pair[1]);
	r = task_enter(sp, &g, pair[0], &said, &e);
	close(pair[0]);
	if (r < 0 || (r == 1 && !said.len))
		buf_printf(&said, "berth: %s\n", e.text);
	if (r != 0)
		task_fail(said.data, said.len);
	if (said.len)
		said_once(step.said, said.data, said.len);
	return 0;
}

/* Where the step's first node is: one image is written, not one a node. */
static void save(spank_t sp)
{
	char **env = job_env(sp);
	const char *path = option_get(OPTION_SAVE, lookup_list, env);
	auto_strv struct strv words = { 0 };
	struct engine g = { .sock = -1, .env = env };
	uint32_t nodeid = 0;
	auto_buf struct buf said = { 0 };
	int status;

	spank_get_item(sp, S_JOB_NODEID, &nodeid);
	if (!path || !step.dir || nodeid != 0)
		return;
	strv_add(&words, site.berth);
	strv_add(&words, "exec");
	strv_addf(&words, "--overlay=%s:ro", step.dir);
	strv_addf(&words, "--save-as=%s", path);
	strv_add(&words, "--share=none");
	strv_add(&words, step.image);
	strv_add(&words, ".");
	engine_user(&g, sp);
	g.argv = words.v;
	status = engine_start(&g) < 0 ? -1 : engine_finish(&g, NULL, &said);
	if (said.len && said.data[said.len - 1] == '\n')
		said.data[--said.len] = '\0';
	if (said.len)
		slurm_error("%s", said.data);
	else if (status != 0)
		slurm_error("berth: --container-save=%s was not written (status %d)", path, status);
}

static void forget(struct engine *g, const char *node, const char *scope, const char *name)
{
	auto_strv struct strv words = { 0 };

	strv_add(&words, site.berth);
	strv_add(&words, "slurm-step");
	strv_add(&words, "--forget");
	strv_addf(&words, "--base=%s", site.dir);
	strv_addf(&words, "--node=%s", node);
	strv_addf(&words, "--scope=%s", scope);
	if (name)
		strv_addf(&words, "--name=%s", name);
	g->argv = words.v;
	if (engine_start(g) == 0)
		engine_finish(g, NULL, NULL);
}

/* A container that was made only to be saved goes with its last task: when slurmstepd ends, it
 * ends its children, too. */
exported int slurm_spank_task_exit(spank_t sp, int ac, char **av)
{
	char **env = job_env(sp);
	struct engine g = { .sock = -1, .env = env };

	(void)ac;
	(void)av;
	if (!step.active || ++step.exits < step.tasks)
		return 0;
	save(sp);
	if (step.dir && !option_get(OPTION_NAME, lookup_list, env)) {
		engine_user(&g, sp);
		forget(&g, step.node, step.scope, step.name);
	}
	return 0;
}

exported int slurm_spank_job_epilog(spank_t sp, int ac, char **av)
{
	char path[] = "PATH=/usr/bin:/bin", *env[] = { path, NULL };
	struct engine g = { .sock = -1, .env = env, .become = true, .ngroups = 1 };
	const struct passwd *pw;
	auto_free char *dir = NULL, *scope = NULL;
	struct stat st;
	uint32_t job = 0;

	site_read(ac, av); /* slurm_spank_init is not called here */
	if (spank_get_item(sp, S_JOB_UID, &g.uid) != ESPANK_SUCCESS ||
	    spank_get_item(sp, S_JOB_ID, &job) != ESPANK_SUCCESS)
		return 0;
	node_name(sp);
	scope = xasprintf("job-%u", job);
	dir = xasprintf("%s/berth-%u/slurm/%s/%s", site.dir, (unsigned)g.uid, step.node, scope);
	pw = getpwuid(g.uid);
	if (!pw || lstat(dir, &st) < 0)
		return 0;
	g.gid = pw->pw_gid;
	g.groups = &g.gid;
	forget(&g, step.node, scope, NULL);
	return 0;
}
