/* Agents whose base is made by a distribution's own tool, on the host's root, as root by
 * emulation: debootstrap (or mmdebstrap, which is faster), dnf or yum, zypper, pacman; and
 * busybox, which is one file. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/image.h"
#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/base/path.h"
#include "src/enter/emul.h"
#include "src/enter/emul_save.h"
#include "src/flow/build_base.h"
#include "src/flow/build_child.h"
#include "src/flow/program.h"

struct tool {
	const char *agent;
	const char *programs[3]; /* the first that is installed is used */
	int (*make)(struct build *b, struct build_stage *s, const char *program, struct strv *argv,
		    struct err *e);
};

static const char *header(const struct build_stage *s, const char *key, const char *otherwise)
{
	const char *v = def_header(s->def, key);

	return v && *v ? v : otherwise;
}

/* "a b, c" as "a,b,c". */
static char *comma_list(const char *text)
{
	auto_buf struct buf out = { 0 };
	auto_strv struct strv words = { 0 };
	auto_free char *plain = xstrdup(text);

	for (char *p = plain; *p; p++)
		if (*p == ',' || *p == '\t')
			*p = ' ';
	strv_split(&words, plain, ' ');
	for (size_t i = 0; i < words.n; i++)
		buf_printf(&out, "%s%s", i ? "," : "", words.v[i]);
	buf_adds(&out, "");
	return out.len ? buf_take(&out) : xstrdup("");
}

static int debootstrap(struct build *b, struct build_stage *s, const char *program,
		       struct strv *argv, struct err *e)
{
	const char *mirror = header(s, "mirrorurl", ""), *suite = header(s, "osversion", "");
	auto_free char *include = comma_list(header(s, "include", ""));
	const char *arch = b->req->arch ? b->req->arch : image_host_arch();
	bool mm = str_has_suffix(program, "mmdebstrap");

	(void)e;
	strv_add(argv, program);
	strv_add(argv, "--variant=minbase");
	strv_addf(argv, "--arch=%s", arch);
	if (*include)
		strv_addf(argv, "--include=%s", include);
	if (mm) {
		strv_add(argv, "--mode=root");
		strv_add(argv, "--format=directory");
		/* One id cannot mount devpts; /dev holds what mknod was asked for. */
		strv_add(argv, "--skip=check/empty,chroot/mount");
		/* Its own sandbox user cannot be switched to with one id. */
		strv_add(argv, "--aptopt=APT::Sandbox::User \"root\"");
	} else {
		strv_add(argv, "--exclude=openssl,udev,debconf-i18n,e2fsprogs");
	}
	strv_add(argv, suite);
	strv_add(argv, s->tree.path);
	strv_add(argv, mirror);
	return 0;
}

static int rpm(struct build *b, struct build_stage *s, const char *program, struct strv *argv,
	       struct err *e)
{
	auto_free char *conf = path_join(b->work, "rpm.conf"), *include = NULL;
	auto_strv struct strv words = { 0 };
	const char *mirror = header(s, "mirrorurl", ""), *version = header(s, "osversion", "");
	auto_buf struct buf text = { 0 };

	buf_printf(&text,
		   "[main]\ngpgcheck=0\nkeepcache=0\nreposdir=/dev/null\n"
		   "cachedir=%s/rpm-cache\nlogdir=%s\npersistdir=%s/"
		   "rpm-state\n\n[base]\nname=base\nbaseurl=",
		   b->work, b->work, b->work);
	for (const char *p = mirror; *p; p++) {
		static const char mark[] = "%{OSVERSION}";

		if (!strncmp(p, mark, sizeof(mark) - 1)) {
			buf_adds(&text, version);
			p += sizeof(mark) - 2;
		} else {
			buf_addch(&text, *p);
		}
	}
	buf_printf(&text, "\nenabled=1\ngpgcheck=0\n");
	if (*header(s, "updateurl", ""))
		buf_printf(&text, "[updates]\nname=updates\nbaseurl=%s\nenabled=1\ngpgcheck=0\n",
			   header(s, "updateurl", ""));
	if (file_write_atomic(b->workfd, "rpm.conf", buf_str(&text), text.len, 0644, e) < 0)
		return -1;
	include = comma_list(header(s, "include", "coreutils"));
	strv_split(&words, include, ',');
	strv_add(argv, program);
	strv_add(argv, "-y");
	strv_add(argv, "-c");
	strv_add(argv, conf);
	strv_addf(argv, "--installroot=%s", s->tree.path);
	strv_addf(argv, "--releasever=%s", *version ? version : "/");
	if (*header(s, "setopt", ""))
		strv_addf(argv, "--setopt=%s", header(s, "setopt", ""));
	strv_add(argv, "install");
	for (size_t i = 0; i < words.n; i++)
		strv_add(argv, words.v[i]);
	return 0;
}

static int zypper(struct build *b, struct build_stage *s, const char *program, struct strv *argv,
		  struct err *e)
{
	auto_free char *include = comma_list(header(s, "include", "aaa_base"));
	auto_strv struct strv words = { 0 };

	(void)b;
	(void)e;
	strv_split(&words, include, ',');
	strv_add(argv, program);
	strv_addf(argv, "--root=%s", s->tree.path);
	strv_add(argv, "--non-interactive");
	strv_add(argv, "--no-gpg-checks");
	strv_addf(argv, "--plus-repo=%s", header(s, "mirrorurl", ""));
	strv_add(argv, "install");
	strv_add(argv, "--no-recommends");
	for (size_t i = 0; i < words.n; i++)
		strv_add(argv, words.v[i]);
	return 0;
}

/* pacman itself: pacstrap mounts /proc for it, which a namespace without a PID namespace may not. */
static int pacman(struct build *b, struct build_stage *s, const char *program, struct strv *argv,
		  struct err *e)
{
	auto_free char *include = comma_list(header(s, "include", ""));
	const char *conf = header(s, "confurl", "");
	auto_strv struct strv words = { 0 };
	auto_close int db = build_tree_dir(&s->tree, "/var/lib/pacman", e);

	if (db < 0)
		return -1;
	if (strstr(conf, "://"))
		return err_set(e, ERR_UNSUPPORTED, "ConfURL takes a file, not %s: fetch it first",
			       conf);
	strv_split(&words, include, ',');
	strv_add(argv, program);
	strv_add(argv, "-Sy");
	strv_add(argv, "--noconfirm");
	strv_addf(argv, "--root=%s", s->tree.path);
	strv_addf(argv, "--dbpath=%s/var/lib/pacman", s->tree.path);
	strv_addf(argv, "--cachedir=%s/pacman", b->work);
	if (*conf)
		strv_addf(argv, "--config=%s", conf);
	strv_add(argv, "base");
	for (size_t i = 0; i < words.n; i++)
		strv_add(argv, words.v[i]);
	return 0;
}

/* clang-format off */
static const struct tool tools[] = {
	{ "debootstrap", { "mmdebstrap", "debootstrap" }, debootstrap },
	{ "yum",         { "dnf", "yum" },                rpm },
	{ "dnf",         { "dnf", "yum" },                rpm },
	{ "zypper",      { "zypper" },                    zypper },
	{ "arch",        { "pacman" },                    pacman },
};
/* clang-format on */

static const struct tool *find_tool(const char *agent)
{
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		if (!strcmp(tools[i].agent, agent))
			return &tools[i];
	return NULL;
}

static char *installed(const struct tool *t)
{
	char *path = NULL;

	for (size_t i = 0; !path && i < ARRAY_LEN(t->programs) && t->programs[i]; i++)
		path = program_find(t->programs[i]);
	return path;
}

static bool is_busybox(const struct build_stage *s)
{
	return !strcmp(s->agent, "busybox");
}

int build_base_tool_check(const struct build_stage *s, struct err *e)
{
	const struct tool *t = find_tool(s->agent);
	auto_free char *path = NULL;

	if (is_busybox(s)) {
		const char *file = header(s, "mirrorurl", "");

		path = *file ? xstrdup(file) : program_find("busybox");
		if (!path)
			return err_set(e, ERR_HOST,
				       "Bootstrap: busybox needs a busybox program: install it, or "
				       "name a static one with MirrorURL: /path/busybox");
		if (strstr(path, "://"))
			return err_set(e, ERR_UNSUPPORTED,
				       "Bootstrap: busybox takes a file, not %s: fetch a static "
				       "busybox and say MirrorURL: /path/busybox",
				       path);
		return 0;
	}
	if (!t)
		return 1;
	path = installed(t);
	if (!path)
		return err_set(e, ERR_HOST,
			       "Bootstrap: %s needs %s%s%s, which is not installed here", s->agent,
			       t->programs[0], t->programs[1] ? " or " : "",
			       t->programs[1] ? t->programs[1] : "");
	return 0;
}

struct running {
	struct emul *emul;
	char *const *argv;
};

static int proc_write(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : fd_write(fd, text, strlen(text));
}

/* Namespaces of its own: what the tool mounts is gone with it, and the supervisor, which is in the
 * build's user namespace, has one to join. */
static void in_namespace(void *arg, struct err *e)
{
	struct running *r = arg;
	struct fault f = { 0 };

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    proc_write("/proc/self/uid_map", "0 0 1") < 0 ||
	    proc_write("/proc/self/gid_map", "0 0 1") < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) {
		err_sys(e, "namespaces for the tool");
		return;
	}
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("DEBIAN_FRONTEND", "noninteractive", 1);
	setenv("LC_ALL", "C", 1);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (emul_attach(r->emul, &f) < 0) {
		errno = f.sys;
		err_sys(e, "root emulation");
		return;
	}
	execve(r->argv[0], r->argv, environ);
	err_sys(e, "start %s", r->argv[0]);
}

static void save_owners(struct emul_table *table, void *arg)
{
	struct err ignored;

	(void)emul_save(table, *(int *)arg, &ignored);
}

static int run_tool(struct build_stage *s, const struct strv *argv, struct err *e)
{
	struct emul_opts o = { .stat = true,
			       .fake_sync = true,
			       .table = s->tree.owners,
			       .save = save_owners,
			       .arg = &s->tree.fd,
			       .keep = &s->tree.fd,
			       .nkeep = 1 };
	auto_emul struct emul *emul = NULL;
	struct running r = { .argv = strv_list(argv) };
	struct build_child c = { .run = in_namespace, .arg = &r };
	struct emul_load_stat st;
	int status;

	if (emul_start(&emul, &o, e) < 0)
		return -1;
	r.emul = emul;
	status = build_child_run(&c, e);
	emul_wait(emul);
	if (status > 0) {
		const char *tail = buf_str(&c.tail);
		size_t n = strlen(tail);

		err_set(e, ERR_INPUT, "%s failed with exit status %d; its last words: %s",
			argv->v[0],
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
			n > 400 ? tail + n - 400 : tail);
		status = -1;
	}
	buf_fini(&c.tail);
	if (status < 0)
		return -1;
	if (emul_load(s->tree.owners, s->tree.fd, &st, e) < 0)
		return -1;
	unlinkat(s->tree.fd, EMUL_SAVE_NAME, 0);
	return 0;
}

static int busybox(struct build *b, struct build_stage *s, struct err *e)
{
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n";
	static const char group[] = "root:x:0:\n";
	static const char *const argv[] = { "/bin/busybox", "--install", "/bin", NULL };
	const char *file = header(s, "mirrorurl", "");
	auto_free char *path = *file ? xstrdup(file) : program_find("busybox");
	struct step run = { .kind = STEP_RUN,
			    .name = "busybox",
			    .title = "busybox --install",
			    .line = s->def->line,
			    .argv = argv };
	auto_buf struct buf program = { 0 };

	if (file_read(AT_FDCWD, path, &program, 64 << 20, e) != 0)
		return err_sys(e, "read %s", path);
	if (build_tree_write(&s->tree, "/bin/busybox", program.data, program.len, 0755, e) < 0 ||
	    build_tree_write(&s->tree, "/etc/passwd", passwd, strlen(passwd), 0644, e) < 0 ||
	    build_tree_write(&s->tree, "/etc/group", group, strlen(group), 0644, e) < 0)
		return -1;
	return build_run(b, s, &run, e);
}

int build_base_tool(struct build *b, struct build_stage *s, struct err *e)
{
	const struct tool *t = find_tool(s->agent);
	auto_strv struct strv argv = { 0 };
	auto_free char *program = NULL;

	if (is_busybox(s))
		return busybox(b, s, e);
	program = installed(t);
	if (!program)
		return err_set(e, ERR_HOST, "%s is not installed here", t->programs[0]);
	log_info("%s makes the base", program);
	if (t->make(b, s, program, &argv, e) < 0)
		return -1;
	return run_tool(s, &argv, e) < 0 ? err_wrap(e, "Bootstrap: %s", s->agent) : 0;
}
