#include "src/flow/run_program.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/base/path.h"
#include "src/flow/run_lend.h"

/* The mount that path lies in; NULL: the image. */
static const struct plan_mount *mount_of(const struct plan *p, const char *path)
{
	const struct plan_mount *best = NULL;

	for (size_t i = 0; i < p->nmounts; i++) {
		const struct plan_mount *m = &p->mounts[i];

		if (m->kind != PLAN_SYMLINK && path_is_below(path, m->dst) &&
		    (!best || strlen(m->dst) >= strlen(best->dst)))
			best = m;
	}
	return best;
}

/* 0 read, 1 not there, 2 there, but no ELF file. */
static int elf_at(struct elf *out, const struct plan *p, struct run_image *image, const char *path)
{
	const struct plan_mount *m = mount_of(p, path);
	struct inside_file f = { 0 };
	struct err ignored;
	int r;

	if (m && m->kind == PLAN_BIND) {
		auto_free char *host = xasprintf("%s%s", m->src, path + strlen(m->dst));
		auto_close int fd = open(host, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		return fd < 0 ? 1 : elf_read_fd(out, fd, &ignored) ? 2 : 0;
	}
	if (m || run_lend_image.open(image, path, &f, &ignored) != 0)
		return 1;
	r = elf_read(out, &f.src, &ignored) ? 2 : 0;
	run_lend_image.close(image, &f);
	return r;
}

int run_program_elf(struct elf *out, const struct plan *p, struct run_image *image)
{
	const char *name = p->argv.n ? p->argv.v[0] : "", *path = strv_env_get(&p->env, "PATH");
	auto_strv struct strv dirs = { 0 };
	int r = 1;

	if (strchr(name, '/')) {
		auto_free char *full = path_clean(p->cwd.n ? p->cwd.v[0] : "/", name);

		return elf_at(out, p, image, full) != 0;
	}
	strv_split(&dirs, path && *name ? path : "", ':');
	for (size_t i = 0; i < dirs.n && r == 1; i++) {
		auto_free char *full = path_join(dirs.v[i], name);

		if (full[0] == '/')
			r = elf_at(out, p, image, full);
	}
	return r != 0;
}
