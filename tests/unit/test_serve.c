/* Speaks the kernel's side of FUSE over a socket pair, so it needs no mount. */
#include "image/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* A server at the other end of sock. */
struct kernel {
	int image, sock, server_end;
	struct squash *img;
	struct serve *serve;
	pthread_t thread;
	uint64_t unique;
	uint8_t in[1 << 17]; /* the last answer's body */
	size_t len;
};

static void *run_server(void *arg)
{
	struct kernel *k = arg;
	struct err e = { 0 };

	ck_ok(serve_run(k->serve, k->server_end, &e), &e);
	return NULL;
}

/* Sends a request; returns the answer's errno, its body in k->in. */
static int ask(struct kernel *k, uint32_t opcode, uint64_t node, const void *body, size_t n)
{
	struct fuse_in_header h = {
		.len = (uint32_t)(sizeof(h) + n),
		.opcode = opcode,
		.unique = ++k->unique,
		.nodeid = node,
	};
	struct fuse_out_header o;
	struct iovec out[2] = { { &h, sizeof(h) }, { (void *)body, n } };
	struct iovec in[2] = { { &o, sizeof(o) }, { k->in, sizeof(k->in) } };
	struct msghdr to = { .msg_iov = out, .msg_iovlen = 2 };
	struct msghdr from = { .msg_iov = in, .msg_iovlen = 2 };
	ssize_t got;

	ck_assert_int_eq(sendmsg(k->sock, &to, 0), h.len);
	got = recvmsg(k->sock, &from, 0);
	ck_assert_int_ge(got, (ssize_t)sizeof(o));
	ck_assert_uint_eq(o.len, got);
	ck_assert_uint_eq(o.unique, k->unique);
	k->len = (size_t)got - sizeof(o);
	return -o.error;
}

static void start(struct kernel *k, const struct serve_node *nodes, size_t n)
{
	struct serve_opts o = { .uid = 1234, .gid = 567, .threads = 1, .nodes = nodes, .nnodes = n };
	struct fuse_init_in init = { 7, 38, 131072, UINT32_MAX & ~FUSE_INIT_EXT, 0, { 0 } };
	struct fuse_init_out *out = (void *)k->in;
	struct err e = { 0 };
	int pair[2];

	memset(k, 0, sizeof(*k));
	k->image = open(TEST_DATA "/squash/zstd.sqfs", O_RDONLY | O_CLOEXEC);
	ck_ok(squash_open(&k->img, k->image, 0, -1, NULL, &e), &e);
	ck_ok(serve_new(&k->serve, k->img, &o, &e), &e);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	k->sock = pair[0];
	k->server_end = pair[1];
	pthread_create(&k->thread, NULL, run_server, k);
	ck_assert_int_eq(ask(k, FUSE_INIT, 0, &init, sizeof(init)), 0);
	ck_assert_uint_eq(out->major, 7);
	ck_assert(out->flags & FUSE_DO_READDIRPLUS);
}

static void stop(struct kernel *k)
{
	close(k->sock);
	pthread_join(k->thread, NULL);
	close(k->server_end);
	serve_free(k->serve);
	squash_close(k->img);
	close(k->image);
}

/* The node of one name, 0 when it is absent; its attributes in k->in. */
static uint64_t look(struct kernel *k, uint64_t dir, const char *name)
{
	const struct fuse_entry_out *o = (void *)k->in;

	ck_assert_int_eq(ask(k, FUSE_LOOKUP, dir, name, strlen(name) + 1), 0);
	ck_assert_uint_eq(k->len, sizeof(*o));
	ck_assert_uint_gt(o->entry_valid, 1000000);
	return o->nodeid;
}

/* The node of a path without links. */
static uint64_t find(struct kernel *k, const char *path)
{
	char name[64];
	uint64_t node = FUSE_ROOT_ID;

	while (*path && node) {
		size_t n = strcspn(++path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		node = look(k, node, name);
		path += n;
	}
	return node;
}

static const struct fuse_attr *attr(struct kernel *k, uint64_t node)
{
	struct fuse_getattr_in in = { 0 };

	ck_assert_int_eq(ask(k, FUSE_GETATTR, node, &in, sizeof(in)), 0);
	return &((struct fuse_attr_out *)k->in)->attr;
}

static const char *text(struct kernel *k, uint64_t node, uint64_t off, uint32_t size)
{
	struct fuse_read_in in = { .offset = off, .size = size };

	ck_assert_int_eq(ask(k, FUSE_READ, node, &in, sizeof(in)), 0);
	k->in[k->len] = 0;
	return (const char *)k->in;
}

/* All names of a directory, by answers of at most size bytes. */
static void list(struct kernel *k, uint64_t node, uint32_t size, struct strv *names)
{
	struct fuse_read_in in = { .size = size };

	for (;;) {
		const uint8_t *p = k->in;

		ck_assert_int_eq(ask(k, FUSE_READDIR, node, &in, sizeof(in)), 0);
		if (k->len == 0)
			return;
		while (p < k->in + k->len) {
			const struct fuse_dirent *d = (const void *)p;

			strv_take(names, xstrndup(d->name, d->namelen));
			in.offset = d->off;
			p += FUSE_DIRENT_SIZE(d);
		}
	}
}

START_TEST(opens_are_told_to_go_away)
{
	static struct kernel k;
	struct fuse_open_in in = { 0 };

	start(&k, NULL, 0);
	ck_assert_int_eq(ask(&k, FUSE_OPEN, find(&k, "/etc/hostname"), &in, sizeof(in)), ENOSYS);
	ck_assert_int_eq(ask(&k, FUSE_OPENDIR, 1, &in, sizeof(in)), ENOSYS);
	ck_assert_int_eq(ask(&k, FUSE_LSEEK, 1, &in, sizeof(in)), ENOSYS);
	ck_assert_int_eq(ask(&k, 4000, 1, &in, sizeof(in)), ENOSYS);
	stop(&k);
}
END_TEST

START_TEST(all_files_belong_to_the_caller_with_modes_as_stored)
{
	static struct kernel k;
	const struct fuse_attr *a;

	start(&k, NULL, 0);
	a = attr(&k, find(&k, "/etc/shadow"));
	ck_assert_uint_eq(a->mode, S_IFREG | 0600);
	ck_assert_uint_eq(a->uid, 1234);
	ck_assert_uint_eq(a->gid, 567);
	ck_assert_uint_eq(attr(&k, find(&k, "/etc/hostname"))->nlink, 2);
	ck_assert_uint_eq(find(&k, "/etc/hostname"), find(&k, "/usr/bin/hardlink"));
	stop(&k);
}
END_TEST

START_TEST(absent_names_are_answered_for_ever)
{
	static struct kernel k;

	start(&k, NULL, 0);
	ck_assert_uint_eq(look(&k, 1, "nothing"), 0);
	ck_assert_uint_eq(look(&k, find(&k, "/big"), "entry-999"), 0);
	ck_assert_uint_ne(look(&k, find(&k, "/big"), "entry-399"), 0);
	stop(&k);
}
END_TEST

START_TEST(files_and_links_are_read)
{
	static struct kernel k;
	uint64_t numbers;

	start(&k, NULL, 0);
	ck_assert_str_eq(text(&k, find(&k, "/etc/hostname"), 0, 4096), "berth\n");
	ck_assert_str_eq(text(&k, find(&k, "/etc/hostname"), 4096, 4096), "");
	numbers = find(&k, "/usr/lib/numbers");
	text(&k, numbers, 4096, 65536);
	ck_assert_uint_eq(k.len, attr(&k, numbers)->size - 4096);
	ck_assert_int_eq(ask(&k, FUSE_READLINK, find(&k, "/scratch"), NULL, 0), 0);
	ck_assert_int_eq(memcmp(k.in, "/gpfs/scratch", k.len), 0);
	ck_assert_uint_eq(k.len, 13);
	stop(&k);
}
END_TEST

START_TEST(a_listing_in_many_small_answers_is_whole)
{
	static const struct serve_node nodes[] = {
		{ .path = "/big/added", .mode = S_IFDIR | 0755 },
		{ .path = "/big/zzz", .mode = S_IFDIR | 0755 },
		{ .path = "/big/entry-200",
		  .mode = S_IFREG | 0644,
		  .data = "new",
		  .len = 3,
		  .replace = true },
	};
	static struct kernel k;
	auto_strv struct strv names = { 0 };

	start(&k, nodes, ARRAY_LEN(nodes));
	list(&k, find(&k, "/big"), 200, &names);
	ck_assert_uint_eq(names.n, 2 + 400 + 2);
	strv_sort(&names);
	ck_assert_str_eq(names.v[2], "added");
	ck_assert_str_eq(names.v[202], "entry-200");
	ck_assert_str_eq(names.v[203], "entry-201");
	ck_assert_str_eq(names.v[403], "zzz");
	ck_assert_str_eq(text(&k, find(&k, "/big/entry-200"), 0, 10), "new");
	stop(&k);
}
END_TEST

START_TEST(a_plus_listing_brings_attributes)
{
	static struct kernel k;
	struct fuse_read_in in = { .size = 4096 };
	const struct fuse_direntplus *d = (void *)k.in;
	int n = 0;

	start(&k, NULL, 0);
	ck_assert_int_eq(ask(&k, FUSE_READDIRPLUS, find(&k, "/etc"), &in, sizeof(in)), 0);
	for (size_t at = 0; at < k.len; n++) {
		d = (const void *)(k.in + at);
		at += FUSE_DIRENTPLUS_SIZE(d);
		if (d->dirent.namelen == 6 && memcmp(d->dirent.name, "shadow", 6) == 0) {
			ck_assert_uint_eq(d->entry_out.attr.mode, S_IFREG | 0600);
			ck_assert_uint_eq(d->entry_out.attr.size, 7);
		}
	}
	ck_assert_int_eq(n, 6);
	stop(&k);
}
END_TEST

START_TEST(missing_mount_points_are_made_at_any_depth)
{
	static const struct serve_node nodes[] = {
		{ .path = "/usr/lib/zz/deep/er", .mode = S_IFDIR | 0755 },
		{ .path = "/opt/deep/file", .mode = S_IFREG | 0644 },
		{ .path = "/opt/deep/er", .mode = S_IFDIR | 0700 },
	};
	static struct kernel k;

	start(&k, nodes, ARRAY_LEN(nodes));
	ck_assert_uint_eq(attr(&k, find(&k, "/usr/lib/zz/deep/er"))->mode, S_IFDIR | 0755);
	ck_assert_uint_eq(attr(&k, find(&k, "/usr/lib/zz"))->nlink, 3);
	ck_assert_uint_eq(attr(&k, find(&k, "/opt/deep/file"))->mode, S_IFREG | 0644);
	ck_assert_uint_eq(attr(&k, find(&k, "/opt/deep/er"))->mode, S_IFDIR | 0755);
	ck_assert_str_eq(text(&k, find(&k, "/usr/lib/numbers"), 0, 4), "1\n2\n");
	stop(&k);
}
END_TEST

START_TEST(mount_points_are_resolved_inside_the_image)
{
	static const struct serve_node nodes[] = {
		{ .path = "/scratch", .mode = S_IFDIR | 0755 },
		{ .path = "/var/run/user/1000", .mode = S_IFDIR | 0755 },
		{ .path = "/../var-run/other", .mode = S_IFDIR | 0755 },
		{ .path = "/bin/tool", .mode = S_IFREG | 0755, .data = "#!", .len = 2 },
	};
	static struct kernel k;

	start(&k, nodes, ARRAY_LEN(nodes));
	ck_assert_uint_ne(find(&k, "/gpfs/scratch"), 0);
	ck_assert_uint_ne(find(&k, "/run/user/1000"), 0);
	ck_assert_uint_ne(find(&k, "/run/other"), 0);
	ck_assert_str_eq(text(&k, find(&k, "/usr/bin/tool"), 0, 9), "#!");
	ck_assert_uint_eq(attr(&k, find(&k, "/scratch"))->mode & S_IFMT, S_IFLNK);
	stop(&k);
}
END_TEST

START_TEST(a_replaced_link_is_a_file_of_its_own)
{
	static const struct serve_node nodes[] = {
		{ .path = "/scratch",
		  .mode = S_IFREG | 0444,
		  .data = "here",
		  .len = 4,
		  .replace = true },
		{ .path = "/etc/hostname",
		  .mode = S_IFREG | 0644,
		  .data = "n1\n",
		  .len = 3,
		  .replace = true },
	};
	static struct kernel k;

	start(&k, nodes, ARRAY_LEN(nodes));
	ck_assert_str_eq(text(&k, find(&k, "/scratch"), 0, 9), "here");
	ck_assert_str_eq(text(&k, find(&k, "/scratch"), 2, 9), "re");
	ck_assert_str_eq(text(&k, find(&k, "/scratch"), 9, 9), "");
	ck_assert_str_eq(text(&k, find(&k, "/etc/hostname"), 0, 9), "n1\n");
	ck_assert_str_eq(text(&k, find(&k, "/usr/bin/hardlink"), 0, 9), "berth\n");
	stop(&k);
}
END_TEST

START_TEST(a_mount_point_below_a_file_is_refused_by_name)
{
	const struct serve_node node = { .path = "/etc/hostname/x/y", .mode = S_IFDIR };
	struct serve_opts o = { .nodes = &node, .nnodes = 1 };
	auto_close int fd = open(TEST_DATA "/squash/zstd.sqfs", O_RDONLY | O_CLOEXEC);
	auto_squash struct squash *img = NULL;
	struct serve *s;
	struct err e = { 0 };

	ck_ok(squash_open(&img, fd, 0, -1, NULL, &e), &e);
	ck_assert_int_eq(serve_new(&s, img, &o, &e), -1);
	ck_assert_str_eq(e.text, "/etc/hostname/x/y: leads through hostname, which is a file in "
				 "the image");
}
END_TEST

START_TEST(thousands_of_mount_points_are_found)
{
	enum { MANY = 5000 };
	static struct serve_node nodes[MANY];
	static char path[MANY][40];
	static struct kernel k;
	auto_strv struct strv names = { 0 };

	for (int n = 0; n < MANY; n++) {
		snprintf(path[n], sizeof(path[n]), "/opt/app/lib-%d", n * 7 % MANY);
		nodes[n] = (struct serve_node){ .path = path[n], .mode = S_IFREG | 0644 };
	}
	start(&k, nodes, MANY);
	list(&k, find(&k, "/opt/app"), 4096, &names);
	ck_assert_uint_eq(names.n, MANY + 2);
	ck_assert_uint_ne(find(&k, "/opt/app/lib-4999"), 0);
	ck_assert_uint_eq(find(&k, "/opt/app/lib-5000"), 0);
	stop(&k);
}
END_TEST

START_TEST(attributes_beyond_the_inode_come_when_the_image_has_some)
{
	static struct kernel k;
	struct {
		struct fuse_getxattr_in in;
		char name[16];
	} rq = { { .size = 0 }, "user.size" };
	uint64_t node;

	start(&k, NULL, 0);
	node = find(&k, "/etc/os-release");
	ck_assert_int_eq(ask(&k, FUSE_GETXATTR, node, &rq, sizeof(rq)), 0);
	ck_assert_uint_eq(((struct fuse_getxattr_out *)k.in)->size, 5);
	rq.in.size = 3;
	ck_assert_int_eq(ask(&k, FUSE_GETXATTR, node, &rq, sizeof(rq)), ERANGE);
	rq.in.size = 5;
	ck_assert_int_eq(ask(&k, FUSE_GETXATTR, node, &rq, sizeof(rq)), 0);
	ck_assert_int_eq(memcmp(k.in, "large", 5), 0);
	ck_assert_int_eq(ask(&k, FUSE_GETXATTR, 1, &rq, sizeof(rq)), ENODATA);
	stop(&k);
}
END_TEST

START_TEST(nonsense_from_a_client_is_an_error)
{
	static struct kernel k;
	struct fuse_read_in in = { .size = UINT32_MAX };

	start(&k, NULL, 0);
	ck_assert_int_eq(ask(&k, FUSE_READ, find(&k, "/etc/hostname"), &in, sizeof(in)), EINVAL);
	in.size = 4096;
	ck_assert_int_eq(ask(&k, FUSE_READ, 1, &in, sizeof(in)), EISDIR);
	ck_assert_int_eq(ask(&k, FUSE_GETATTR, UINT64_MAX, &in, sizeof(in)), EIO);
	ck_assert_int_eq(ask(&k, FUSE_GETATTR, 0, &in, sizeof(in)), EIO);
	ck_assert_int_eq(ask(&k, FUSE_GETATTR, UINT64_MAX >> 1, &in, sizeof(in)), EIO);
	in.offset = 123456789;
	ck_assert_int_ne(ask(&k, FUSE_READDIR, 1, &in, sizeof(in)), ENOSYS);
	in.offset = UINT64_MAX;
	ck_assert_int_ne(ask(&k, FUSE_READDIR, 1, &in, sizeof(in)), ENOSYS);
	stop(&k);
}
END_TEST

UNIT(serve, opens_are_told_to_go_away, all_files_belong_to_the_caller_with_modes_as_stored,
     absent_names_are_answered_for_ever, files_and_links_are_read,
     a_listing_in_many_small_answers_is_whole, a_plus_listing_brings_attributes,
     missing_mount_points_are_made_at_any_depth, mount_points_are_resolved_inside_the_image,
     a_replaced_link_is_a_file_of_its_own, a_mount_point_below_a_file_is_refused_by_name,
     thousands_of_mount_points_are_found, attributes_beyond_the_inode_come_when_the_image_has_some,
     nonsense_from_a_client_is_an_error)
