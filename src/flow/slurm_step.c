#include "src/flow/slurm_step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/path.h"
#include "src/flow/output.h"
#include "src/flow/source.h"
#include "src/host/lease.h"

#define NAME_MAX_LEN 64
#define LEASE_NAME   ".berth-lease"

enum mode { NAME_AUTO, NAME_CREATE, NAME_EXEC, NAME_NO_EXEC };
static const char *const modes[] = { "auto", "create", "exec", "no_exec" };

struct named {
	enum mode mode;
	char *name, *dir;
};

static void named_fini(struct named *n)
{
	free(n->name);
	free(n->dir);
}
#define auto_named auto_(named_fini)

static int name_parse(struct named *n, const char *text, struct err *e)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text), i = 0;

	for (; colon && i < ARRAY_LEN(modes) && strcmp(modes[i], colon + 1) != 0; i++)
		;
	if (i == ARRAY_LEN(modes))
		return err_set(e, ERR_USAGE,
			       "--container-name=%s: after the colon stands auto, create, exec or "
			       "no_exec",
			       text);
	n->mode = (enum mode)i;
	if (!len || len > NAME_MAX_LEN || text[0] == '.' ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") < len)
		return err_set(e, ERR_USAGE,
			       "--container-name=%s: a name has 1 to %d letters, digits, '.', '_' "
			       "or '-', and no '.' first",
			       text, NAME_MAX_LEN);
	n->name = xstrndup(text, len);
	return 0;
}

/* Each directory that we make is ours alone; one that is another's is no place to write to. */
static int private_dir(const char *path, bool make, struct err *e)
{
	struct stat st;

	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", path);
	if (lstat(path, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		return err_set(
			e, ERR_HOST,
			"%s is not a directory of yours alone; remove it, or ask whose it is",
			path);
	return 0;
}

/* BASE/berth-UID/slurm/NODE/SCOPE; heap. */
static int scope_dir(char **out, const struct slurm_step_req *r, bool make, struct err *e)
{
	char host[65] = "localhost";
	const char *words[3] = { "slurm", r->node ? r->node : host,
				 r->scope ? r->scope : "global" };
	auto_free char *path =
		xasprintf("%s/berth-%lu", r->base ? r->base : "/tmp", (unsigned long)geteuid());

	gethostname(host, sizeof(host) - 1);
	if (private_dir(path, make, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		char *below = path_join(path, words[i]);

		free(path);
		path = below;
		if (strchr(words[i], '/') || private_dir(path, make, e) < 0)
			return -1;
	}
	*out = take_ptr(path);
	return 0;
}

static bool is_running(const char *dir)
{
	auto_free char *path = path_join(dir, LEASE_NAME);
	struct lease_id owner, self;
	struct err ignored;

	return lease_read(&owner, path, &ignored) == 0 && lease_self(&self, &ignored) == 0 &&
	       lease_judge(&owner, &self) != LEASE_DEAD;
}

/* What the mode allows.  exists: the container is there. */
static int mode_check(const struct named *n, bool exists, bool has_image, struct err *e)
{
	if (n->mode == NAME_CREATE && exists)
		return err_set(e, ERR_EXISTS,
			       "--container-name=%s:create: the container is there already; use "
			       "--container-name=%s, or another name",
			       n->name, n->name);
	if (n->mode == NAME_EXEC && !(exists && is_running(n->dir)))
		return err_set(e, ERR_NOTFOUND,
			       "--container-name=%s:exec: no step of this job runs in it", n->name);
	if (n->mode == NAME_NO_EXEC && exists && is_running(n->dir))
		return err_set(
			e, ERR_EXISTS,
			"--container-name=%s:no_exec: a step runs in it; wait for its end, or "
			"leave \":no_exec\" away to join it",
			n->name);
	if (!exists && !has_image)
		return err_set(e, ERR_NOTFOUND,
			       "--container-name=%s: there is no container of this name yet; make "
			       "it with --container-image=",
			       n->name);
	return 0;
}

/* pyxis writes the registry before a '#'; without a scheme it means a registry. */
static char *word_to_uri(const char *word)
{
	const char *at = strchr(word, '@'), *hash = strchr(word, '#');

	if (at && hash && at < hash)
		word = at + 1;
	hash = strchr(word, '#');
	return hash ? xasprintf("docker://%.*s/%s", (int)(hash - word), word, hash + 1)
		    : xasprintf("docker://%s", word);
}

/* The user of USER@REGISTRY#IMAGE, for whom credentials are looked up; NULL for none. */
static char *word_user(const char *word)
{
	const char *at = strchr(word, '@'), *hash = strchr(word, '#');

	return at && hash && at < hash ? xstrndup(word, (size_t)(at - word)) : NULL;
}

static int image_find(struct buf *path, const struct slurm_step_req *r, struct err *e)
{
	const struct access *a = &r->access;
	bool file = access(r->word, F_OK) == 0;
	bool bare = !file && !strstr(r->word, "://") && !source_is_uri(r->word);
	auto_free char *cwd = file || r->word[0] == '.' ? getcwd(NULL, 0) : NULL;
	auto_free char *uri = NULL, *user = NULL;
	struct pull_req pull = { .uri = r->word,
				 .arch = r->arch,
				 .no_https = a->no_https,
				 .password = a->password,
				 .user = a->user,
				 .ca_file = a->ca_file,
				 .auth_file = a->auth_file,
				 .parallel = a->parallel };

	if (file || (bare && (r->word[0] == '/' || r->word[0] == '.'))) {
		auto_free char *whole = path_clean(cwd ? cwd : "/", r->word);

		if (!file && !r->submit)
			return err_sys(e, "--container-image=%s", r->word);
		buf_adds(path, whole);
		return 0;
	}
	if (bare) {
		pull.uri = uri = word_to_uri(r->word);
		user = word_user(r->word);
		if (user && a->password)
			pull.user = user;
	}
	return source_path(&pull, path, e) < 0 ? err_wrap(e, "--container-image=%s", r->word) : 0;
}

static int image_note(const struct named *n, const char *image, struct err *e)
{
	auto_free char *link = path_join(n->dir, "image"), *fresh = path_join(n->dir, "image.new");

	unlink(fresh);
	if (symlink(image, fresh) < 0 || rename(fresh, link) < 0)
		return err_sys(e, "--container-name=%s: note its image in %s", n->name, n->dir);
	return 0;
}

static int image_of(const struct named *n, struct buf *path, struct err *e)
{
	auto_free char *link = path_join(n->dir, "image");
	char target[4096];
	ssize_t len = readlink(link, target, sizeof(target) - 1);

	if (len < 0)
		return err_sys(e, "--container-name=%s: %s", n->name, link);
	target[len] = '\0';
	if (access(target, F_OK) < 0)
		return err_sys(e, "--container-name=%s: its image %s", n->name, target);
	buf_adds(path, target);
	return 0;
}

/* A container that exists keeps its image: what was changed in it was changed over that one. */
static int named_find(struct named *n, const struct slurm_step_req *r, struct buf *image,
		      struct err *e)
{
	auto_free char *scope = NULL;
	auto_free char *link = NULL;
	struct stat st;
	bool exists;

	if (name_parse(n, r->name, e) < 0 || scope_dir(&scope, r, true, e) < 0)
		return -1;
	n->dir = path_join(scope, n->name);
	link = path_join(n->dir, "image");
	exists = lstat(link, &st) == 0;
	if (mode_check(n, exists, r->word, e) < 0)
		return -1;
	if (exists)
		return image_of(n, image, e);
	if (private_dir(n->dir, true, e) < 0 || image_find(image, r, e) < 0)
		return -1;
	return image_note(n, buf_str(image), e);
}

/* Nothing to remove is as good as removed. */
static int forget(const struct slurm_step_req *r, struct err *e)
{
	auto_named struct named n = { 0 };
	auto_free char *dir = NULL;
	auto_close int fd = -1;

	if (r->name && name_parse(&n, r->name, e) < 0)
		return -1;
	if (scope_dir(&dir, r, false, e) < 0)
		return e->kind == ERR_NOTFOUND ? 0 : -1;
	if (!r->name && (!r->scope || strncmp(r->scope, "job-", 4) != 0))
		return err_set(e, ERR_USAGE, "only what belongs to a job is removed as a whole");
	fd = open(r->name ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open %s", dir);
	output_remove_tree(fd, r->name ? n.name : dir + 1);
	return 0;
}

int flow_slurm_step(const struct slurm_step_req *r, struct buf *text, struct err *e)
{
	auto_named struct named n = { 0 };

	if (r->forget)
		return forget(r, e);
	if (r->name && !r->submit) {
		if (named_find(&n, r, text, e) < 0)
			return -1;
	} else if (r->word && image_find(text, r, e) < 0) {
		return -1;
	}
	buf_printf(text, "\n%s\n", n.dir ? n.dir : "");
	return 0;
}
