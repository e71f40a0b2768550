#include <string.h>
#include <sys/stat.h>

#include "src/plan/plan.h"
#include "src/plan/policy.h"
#include "tests/unit/unit.h"

#define DIR (S_IFDIR | 0755)
#define REG (S_IFREG | 0644)

static void say(struct conf *c, enum conf_level level, const char *text)
{
	auto_strv struct strv notes = { 0 };
	struct err e = { 0 };

	ck_ok(conf_parse(c, text, level == CONF_SITE ? "/site" : "/user", level, &notes, &e), &e);
	ck_assert_uint_eq(notes.n, 0);
}

static void refused(const char *text, const struct run_req *req, const char *want)
{
	auto_conf struct conf c = { 0 };
	struct err e = { 0 };

	say(&c, CONF_SITE, text);
	ck_assert_int_eq(policy_request(&c, req, &e), -1);
	ck_assert_str_eq(e.text, want);
	ck_assert_int_eq(e.kind, ERR_USAGE);
}

static void accepted(const char *text, const struct run_req *req)
{
	auto_conf struct conf c = { 0 };
	struct err e = { 0 };

	say(&c, CONF_SITE, text);
	ck_ok(policy_request(&c, req, &e), &e);
}

START_TEST(a_namespace_that_is_not_allowed_is_refused_with_file_and_line)
{
	struct run_req plain = { 0 }, pid = { .pid = true }, inst = { .instance = "a" },
		       name = { .hostname = "x" };

	refused("allow pid ns = no", &pid,
		"--pid (or what implies it): /site:1 says \"allow pid ns = no\" for everybody");
	refused("\nallow pid ns = no", &inst,
		"an instance has a PID namespace: /site:2 says \"allow pid ns = no\" for "
		"everybody");
	refused("allow uts ns = no", &name,
		"--hostname: /site:1 says \"allow uts ns = no\" for everybody");
	refused("allow user ns = no", &plain,
		"every container has a user namespace: /site:1 says \"allow user ns = no\" for "
		"everybody");
	accepted("allow pid ns = no\nallow uts ns = no\nallow ipc ns = no", &plain);
}
END_TEST

START_TEST(an_option_outranks_a_key_unless_it_is_locked)
{
	struct run_req nv = { .nv = true }, nonv = { .no_nv = true }, home = { .home = "/h" };
	struct run_req words = { 0 };

	strv_add(&words.no_mount, "sys,tmp");
	accepted("always use nv = no", &nv);
	refused("lock = always use nv", &nv,
		"--nv: /site:1 says \"always use nv = no\" for everybody");
	accepted("lock = always use nv\nalways use nv = yes", &nv);
	refused("always use nv = yes\nlock = always use nv", &nonv,
		"--no-nv: /site:2 says \"always use nv = yes\" for everybody");
	accepted("mount tmp = yes", &words);
	refused("lock = mount tmp", &words,
		"--no-mount tmp: /site:1 says \"mount tmp = yes\" for everybody");
	accepted("lock = mount tmp\nmount tmp = no", &words);
	refused("lock = mount home\nmount home = no", &home,
		"--home: /site:1 says \"mount home = no\" for everybody");
	strv_add(&words.no_mount, "/opt/site");
	accepted("bind path = /apps:/opt/site", &words);
	refused("bind path = /apps:/opt/site\nlock = bind path", &words,
		"--no-mount /opt/site: /site:2 locks \"bind path\"");
	strv_fini(&words.no_mount);
}
END_TEST

START_TEST(binds_of_options_and_environment_need_user_bind_control)
{
	const char *variables[] = { "APPTAINER_BIND=/data:/mnt", NULL };
	const char *none[] = { "HOME=/h", NULL };
	struct facts f = { .cwd = "/", .environ = (char *const *)variables };
	struct run_req req = { 0 };
	auto_conf struct conf c = { 0 };
	struct err e = { 0 };

	ck_ok(policy_binds(&c, &req, &f, &e), &e);
	say(&c, CONF_SITE, "user bind control = no");
	ck_assert_int_eq(policy_binds(&c, &req, &f, &e), -1);
	ck_assert_str_eq(e.text, "bind /data on /mnt: /site:1 says \"user bind control = no\" for "
				 "everybody");
	f.environ = (char *const *)none;
	ck_ok(policy_binds(&c, &req, &f, &e), &e);
	strv_add(&req.binds, "/a");
	ck_assert_int_eq(policy_binds(&c, &req, &f, &e), -1);
	strv_fini(&req.binds);
}
END_TEST

static void image_says(const char *text, const struct policy_image *im, const char *want)
{
	auto_conf struct conf c = { 0 };
	struct err e = { 0 };
	int r;

	say(&c, CONF_SITE, text);
	ck_assert(policy_wants_image(&c));
	r = policy_image(&c, im, &e);
	ck_assert_str_eq(r < 0 ? e.text : "", want);
}

START_TEST(images_are_limited_by_kind_place_owner_and_group)
{
	struct policy_image im = { POLICY_SQUASHFS, "/apps2/a.sqfs", "ada", NULL, 1000, 100, false };
	auto_conf struct conf none = { 0 };

	ck_assert(!policy_wants_image(&none));
	image_says("allow container squashfs = no", &im,
		   "/apps2/a.sqfs: it is a bare SquashFS file; /site:1 says \"allow container "
		   "squashfs = no\"");
	image_says("allow container sif = no", &im, "");
	image_says("limit container paths = /apps, /sw/", &im,
		   "/apps2/a.sqfs: it lies elsewhere; /site:1 says \"limit container paths = "
		   "/apps, /sw/\"");
	image_says("limit container paths = /apps2/", &im, "");
	image_says("limit container owners = root", &im,
		   "/apps2/a.sqfs: it belongs to ada; /site:1 says \"limit container owners = "
		   "root\"");
	image_says("limit container owners = root, ada", &im, "");
	image_says("limit container owners = 1000", &im, "");
	image_says("limit container groups = staff", &im,
		   "/apps2/a.sqfs: its group is 100; /site:1 says \"limit container groups = "
		   "staff\"");
	image_says("limit container groups = 100", &im, "");
}
END_TEST

START_TEST(a_uri_is_listed_by_whole_parts_of_its_beginning)
{
	static const struct {
		const char *name;
		bool listed;
	} t[] = {
		{ "docker://registry.example.org/lab/x", true },
		{ "docker://registry.example.org/labor", false },
		{ "oras://registry.example.org/lab/x", false },
		{ "docker://docker.io/library/debian:12", true },
		{ "docker://docker.io/library/debian:11", false },
		{ "https://site/apps/a.sif", true },
		{ "https://site/apps/../a.sif", false },
		{ "https://site/apps/%2e%2e/a.sif", false },
		{ "https://site:80/apps/a.sif", false },
	};
	struct policy_image im = { .kind = POLICY_SIF, .path = "/store/a.sif" };
	auto_conf struct conf c = { 0 };
	struct err e = { 0 };

	say(&c, CONF_SITE,
	    "limit container paths = docker://registry.example.org/lab/, "
	    "docker://docker.io/library/debian:12\nlimit container paths = https://site/apps");
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		ck_assert_msg(policy_uri(&c, t[i].name) == t[i].listed, "%s", t[i].name);
	ck_assert_int_eq(policy_image(&c, &im, &e), -1);
	im.listed = true;
	ck_ok(policy_image(&c, &im, &e), &e);
	ck_assert_int_eq(policy_store(&c, "docker://a/b:1", "/home/ada/.berth/cache", &e), -1);
	ck_assert_str_eq(
		e.text,
		"docker://a/b:1: it would lie in the store /home/ada/.berth/cache, and "
		"neither that nor the URI is listed; /site:1 says \"limit container paths = "
		"docker://registry.example.org/lab/, docker://docker.io/library/debian:12, "
		"https://site/apps\"");
}
END_TEST

START_TEST(a_build_asks_for_namespace_binds_and_devices)
{
	auto_conf struct conf c = { 0 };
	struct err e = { 0 };

	ck_ok(policy_build(&c, 1, true, true, &e), &e);
	say(&c, CONF_SITE, "user bind control = no\nlock = always use nv");
	ck_ok(policy_build(&c, 0, false, true, &e), &e);
	ck_assert_int_eq(policy_build(&c, 1, false, false, &e), -1);
	ck_assert_str_eq(
		e.text,
		"a bind of the build: /site:1 says \"user bind control = no\" for everybody");
	ck_assert_int_eq(policy_build(&c, 0, true, false, &e), -1);
	ck_assert_str_eq(e.text, "--nv: /site:2 says \"always use nv = no\" for everybody");
}
END_TEST

START_TEST(layers_need_enable_overlay)
{
	auto_conf struct conf c = { 0 };
	struct run_req memory = { .writable_tmpfs = true, .tmpfs_size = 1 << 20 }, dir = { 0 };
	struct err e = { 0 };

	strv_add(&dir.overlays, "layer");
	refused("enable overlay = no", &memory,
		"--writable-tmpfs: /site:1 says \"enable overlay = no\" for everybody");
	refused("enable overlay = no", &dir,
		"--overlay: /site:1 says \"enable overlay = no\" for everybody");
	accepted("enable overlay = try", &dir);
	accepted("sessiondir max size = 64", &memory);
	refused("sessiondir max size = 64\nlock = sessiondir max size", &memory,
		"--tmpfs-size: /site:2 says \"sessiondir max size = 64\" for everybody");
	ck_ok(policy_extfs(&c, "/l.img", &e), &e);
	say(&c, CONF_SITE, "allow container extfs = no");
	ck_assert_int_eq(policy_extfs(&c, "/l.img", &e), -1);
	ck_assert_str_eq(e.text,
			 "/l.img: it is an ext3 file system; /site:1 says \"allow container "
			 "extfs = no\"");
	strv_fini(&dir.overlays);
}
END_TEST

START_TEST(sizes_and_numbers_count_where_no_option_says_them)
{
	auto_conf struct conf c = { 0 }, theirs = { 0 };
	struct run_req plain = { 0 }, own = { .tmpfs_size = 4096 };

	policy_apply(&c, &plain);
	ck_assert_uint_eq(plain.tmpfs_size, 0);
	say(&c, CONF_SITE, "sessiondir max size = 64\ndownload concurrency = 9");
	policy_apply(&c, &plain);
	policy_apply(&c, &own);
	ck_assert_uint_eq(plain.tmpfs_size, 64 << 20);
	ck_assert_uint_eq(conf_number(&c, CONF_DOWNLOADS), 9);
	ck_assert_uint_eq(own.tmpfs_size, 4096);
	plain.tmpfs_size = 0;
	say(&theirs, CONF_USER, "sessiondir max size = 64");
	policy_apply(&theirs, &plain);
	ck_assert_uint_eq(plain.tmpfs_size, 0);
}
END_TEST

START_TEST(what_options_leave_open_the_files_settle)
{
	auto_conf struct conf c = { 0 };
	struct run_req req = { .home = "/h" };

	say(&c, CONF_SITE,
	    "mount home = no\nmount sys = no\nmount dev = minimal\nalways use nv = "
	    "yes\nbind path = /etc/hosts, /apps\nconfig passwd = no\n");
	policy_apply(&c, &req);
	ck_assert(req.nv && !req.rocm && req.minimal_dev);
	ck_assert(!strv_has(&req.no_mount, "home")); /* --home was given */
	ck_assert(strv_has(&req.no_mount, "sys") && strv_has(&req.no_mount, "/etc/passwd"));
	ck_assert(strv_has(&req.no_mount, "/etc/localtime"));
	ck_assert(!strv_has(&req.no_mount, "/etc/hosts"));
	ck_assert_uint_eq(req.site_binds.n, 1);
	ck_assert_str_eq(req.site_binds.v[0], "/apps");
	strv_fini(&req.no_mount);
	strv_fini(&req.site_binds);
}
END_TEST

START_TEST(a_users_bind_path_keeps_the_preset_ones)
{
	auto_conf struct conf c = { 0 };
	struct run_req req = { 0 };

	say(&c, CONF_USER, "bind path = /apps\n");
	policy_apply(&c, &req);
	ck_assert_uint_eq(req.no_mount.n, 0);
	ck_assert_uint_eq(req.site_binds.n, 1);
	strv_fini(&req.site_binds);
}
END_TEST

static const struct plan_mount *mount_at(const struct plan *p, const char *dst)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (!strcmp(p->mounts[i].dst, dst))
			return &p->mounts[i];
	return NULL;
}

START_TEST(a_plan_has_the_bind_paths_that_are_there)
{
	static const struct fact_path paths[] = {
		{ .path = "/proc", .mode = DIR }, { .path = "/dev", .mode = DIR },
		{ .path = "/apps", .mode = DIR }, { .path = "/etc/motd", .mode = REG },
		{ .path = "/gone", .error = 2 },  { .path = "/mine", .mode = DIR },
	};
	static char *const env[] = { NULL };
	auto_conf struct conf c = { 0 };
	struct run_req req = { .verb = RUN_EXEC };
	struct facts f = { .cwd = "/",
			   .environ = env,
			   .paths = paths,
			   .npaths = ARRAY_LEN(paths),
			   .image = { .path = "/i", .has_sh = true } };
	auto_plan struct plan *p = NULL;
	struct err e = { 0 };

	strv_add(&req.args, "true");
	strv_add(&req.binds, "/mine:/over");
	strv_add(&req.no_mount, "/out");
	say(&c, CONF_SITE,
	    "bind path = /apps:/opt/apps:ro, /etc/motd, /gone, /apps:/over/x, "
	    "/apps:/out\nconfig passwd = no\nmount dev = minimal");
	policy_apply(&c, &req);
	ck_ok(plan_make(&p, &req, &f, &e), &e);
	ck_assert_uint_eq(mount_at(p, "/opt/apps")->flags & PLAN_RO, PLAN_RO);
	ck_assert_str_eq(mount_at(p, "/opt/apps")->src, "/apps");
	ck_assert_ptr_nonnull(mount_at(p, "/etc/motd"));
	ck_assert_ptr_null(mount_at(p, "/gone"));
	ck_assert_ptr_null(mount_at(p, "/over/x")); /* the user's bind wins */
	ck_assert_ptr_null(mount_at(p, "/out"));
	ck_assert_int_eq(mount_at(p, "/dev")->kind, PLAN_TMPFS);
	ck_assert_uint_eq(p->nfiles, 1);
	ck_assert_str_eq(p->files[0].path, "/etc/group");
	strv_fini(&req.args);
	strv_fini(&req.binds);
	strv_fini(&req.no_mount);
	strv_fini(&req.site_binds);
}
END_TEST

START_TEST(keys_are_those_of_the_longest_prefix_of_whole_parts)
{
	static const struct {
		const char *name, *files;
	} t[] = {
		{ "registry.example.org/lab/x", "/lab.pub,/lab2.pub" },
		{ "registry.example.org/lab", "/lab.pub,/lab2.pub" },
		{ "registry.example.org/labor/x", "/all.pub" },
		{ "registry.example.org/lab/x/y", "/y.pub" },
		{ "quay.io/a", "/all.pub" },
	};
	auto_conf struct conf c = { 0 };

	say(&c, CONF_SITE,
	    "verify key = * /all.pub\nverify key = registry.example.org/lab /lab.pub, "
	    "registry.example.org/lab/ /lab2.pub\n"
	    "verify key = registry.example.org/lab/x/y /y.pub");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_strv struct strv files = { 0 };
		auto_buf struct buf b = { 0 };

		policy_verify_keys(&c, t[i].name, &files);
		for (size_t k = 0; k < files.n; k++)
			buf_printf(&b, "%s%s", k ? "," : "", files.v[k]);
		ck_assert_str_eq(buf_str(&b), t[i].files);
	}
}
END_TEST

UNIT(policy, keys_are_those_of_the_longest_prefix_of_whole_parts,
     a_namespace_that_is_not_allowed_is_refused_with_file_and_line,
     an_option_outranks_a_key_unless_it_is_locked,
     binds_of_options_and_environment_need_user_bind_control,
     images_are_limited_by_kind_place_owner_and_group, what_options_leave_open_the_files_settle,
     a_uri_is_listed_by_whole_parts_of_its_beginning, a_build_asks_for_namespace_binds_and_devices,
     layers_need_enable_overlay, sizes_and_numbers_count_where_no_option_says_them,
     a_users_bind_path_keeps_the_preset_ones, a_plan_has_the_bind_paths_that_are_there)
