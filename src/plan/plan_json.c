/* The plan as --dry-run prints it: every field, in a fixed order. */
#include <sched.h>
#include <stdio.h>

#include "src/base/json.h"
#include "src/plan/plan.h"

struct name {
	unsigned bit;
	const char *name;
};

static const char *const kinds[] = {
	[PLAN_BIND] = "bind",	  [PLAN_IMAGE] = "image",     [PLAN_TMPFS] = "tmpfs",
	[PLAN_PROC] = "proc",	  [PLAN_SYSFS] = "sysfs",     [PLAN_DEVPTS] = "devpts",
	[PLAN_MQUEUE] = "mqueue", [PLAN_SYMLINK] = "symlink",
};
static const char *const origins[] = {
	[PLAN_DEFAULT] = "default", [PLAN_USER] = "user", [PLAN_LENT] = "lent"
};
static const struct name flags[] = {
	{ PLAN_RO, "ro" },	   { PLAN_REC, "rec" },	    { PLAN_OPTIONAL, "optional" },
	{ PLAN_NOSUID, "nosuid" }, { PLAN_NODEV, "nodev" }, { PLAN_NOEXEC, "noexec" },
	{ PLAN_IS_DIR, "dir" },	   { PLAN_HIDE, "hide" },
};
static const struct name namespaces[] = {
	{ CLONE_NEWUSER, "user" },     { CLONE_NEWNS, "mnt" },	{ CLONE_NEWPID, "pid" },
	{ CLONE_NEWIPC, "ipc" },       { CLONE_NEWUTS, "uts" }, { CLONE_NEWNET, "net" },
	{ CLONE_NEWCGROUP, "cgroup" },
};

static void put_list(struct jw *w, const char *key, const struct strv *list)
{
	jw_arr(w, key);
	for (size_t i = 0; i < list->n; i++)
		jw_str(w, NULL, list->v[i]);
	jw_end(w);
}

/* The names of the bits that are set, with commas. */
static void put_bits(struct jw *w, const char *key, unsigned bits, const struct name *names,
		     size_t n)
{
	auto_buf struct buf text = { 0 };

	for (size_t i = 0; i < n; i++)
		if (bits & names[i].bit)
			buf_printf(&text, "%s%s", text.len ? "," : "", names[i].name);
	jw_str(w, key, buf_str(&text));
}

static void put_mode(struct jw *w, const char *key, mode_t mode)
{
	char text[16];

	snprintf(text, sizeof(text), "%04o", (unsigned)(mode & 07777));
	jw_str(w, key, text);
}

static void put_images(struct jw *w, const struct plan *p)
{
	jw_arr(w, "images");
	for (size_t i = 0; i < p->nimages; i++) {
		jw_obj(w, NULL);
		jw_str(w, "path", p->images[i].path);
		jw_int(w, "offset", p->images[i].off);
		jw_int(w, "size", p->images[i].size);
		jw_end(w);
	}
	jw_end(w);
}

static void put_layers(struct jw *w, const struct plan *p)
{
	jw_arr(w, "layers");
	for (size_t i = 0; i < p->nlayers; i++) {
		const struct plan_layer *l = &p->layers[i];

		jw_obj(w, NULL);
		if (l->dir)
			jw_str(w, "directory", l->dir);
		else if (l->is_ext)
			jw_str(w, "ext", p->exts[l->image].path);
		else
			jw_str(w, "image", p->images[l->image].path);
		jw_end(w);
	}
	jw_end(w);
	if (p->writable) {
		jw_str(w, "changes", p->image);
	} else if (p->upper == PLAN_UPPER_DIR || p->upper == PLAN_UPPER_EXT) {
		jw_str(w, "changes", p->upper_dir);
	} else if (p->upper == PLAN_UPPER_TMPFS) {
		jw_str(w, "changes", "tmpfs");
		jw_str(w, "tmpfs_options", p->upper_data);
		jw_str(w, "tmpfs_size_from", p->upper_size_from);
	}
}

static void put_mounts(struct jw *w, const struct plan *p)
{
	jw_arr(w, "mounts");
	for (size_t i = 0; i < p->nmounts; i++) {
		const struct plan_mount *m = &p->mounts[i];

		jw_obj(w, NULL);
		jw_str(w, "kind", kinds[m->kind]);
		jw_str(w, "origin", origins[m->origin]);
		if (m->kind == PLAN_IMAGE)
			jw_str(w, "image", p->images[m->image].path);
		if (m->src)
			jw_str(w, "source", m->src);
		jw_str(w, "target", m->dst);
		put_bits(w, "flags", m->flags, flags, ARRAY_LEN(flags));
		if (m->data)
			jw_str(w, "data", m->data);
		jw_end(w);
	}
	jw_end(w);
}

static void put_dirs(struct jw *w, const struct plan *p)
{
	jw_arr(w, "host_directories");
	for (size_t i = 0; i < p->ndirs; i++) {
		jw_obj(w, NULL);
		jw_str(w, "path", p->dirs[i].path);
		put_mode(w, "mode", p->dirs[i].mode);
		jw_end(w);
	}
	jw_end(w);
}

static void put_files(struct jw *w, const struct plan *p)
{
	jw_arr(w, "files");
	for (size_t i = 0; i < p->nfiles; i++) {
		const struct plan_file *f = &p->files[i];

		jw_obj(w, NULL);
		jw_str(w, "path", f->path);
		put_mode(w, "mode", f->mode);
		jw_bool(w, "replace", f->replace);
		if (f->host)
			jw_str(w, "host", f->host);
		if (f->data)
			jw_str(w, "data", f->data);
		jw_end(w);
	}
	jw_end(w);
}

static void put_tree(struct jw *w, const struct plan *p)
{
	jw_obj(w, "root");
	jw_str(w, "kind", p->root == PLAN_ROOT_DIR ? "directory" : "squashfs");
	jw_str(w, "path", p->image);
	jw_int(w, "offset", p->off);
	jw_int(w, "size", p->size);
	jw_end(w);
	if (p->nimages)
		put_images(w, p);
	if (plan_is_layered(p) || p->writable)
		put_layers(w, p);
	put_mounts(w, p);
	put_files(w, p);
	if (p->ndirs)
		put_dirs(w, p);
}

static void put_program(struct jw *w, const struct plan *p)
{
	put_list(w, "argv", &p->argv);
	put_list(w, "env", &p->env);
	put_list(w, "cwd", &p->cwd);
	jw_bool(w, "cwd_required", p->cwd_required);
}

static void put_ids(struct jw *w, const struct plan *p)
{
	jw_int(w, "uid", p->uid);
	jw_int(w, "gid", p->gid);
}

static void put_namespaces(struct jw *w, const struct plan *p)
{
	put_bits(w, "namespaces", CLONE_NEWUSER | CLONE_NEWNS | p->ns, namespaces,
		 ARRAY_LEN(namespaces));
	if (p->ns & CLONE_NEWPID)
		jw_bool(w, "init", p->init);
	if (p->idle)
		jw_bool(w, "idle", true);
	if (p->hostname)
		jw_str(w, "hostname", p->hostname);
}

void plan_json(const struct plan *p, struct buf *out)
{
	struct jw w = { .out = out, .indent = 2 };

	jw_obj(&w, NULL);
	jw_str(&w, "verb", request_verb(p->verb));
	put_tree(&w, p);
	put_program(&w, p);
	put_ids(&w, p);
	put_mode(&w, "umask", p->umask);
	put_namespaces(&w, p);
	if (p->limits.n)
		put_list(&w, "limits", &p->limits);
	if (p->lent.n)
		put_list(&w, "lent", &p->lent);
	put_list(&w, "notes", &p->notes);
	jw_end(&w);
	buf_addch(out, '\n');
}

void plan_identity(const struct plan *p, struct buf *out)
{
	struct jw w = { .out = out };

	jw_obj(&w, NULL);
	put_tree(&w, p);
	put_ids(&w, p);
	put_namespaces(&w, p);
	jw_end(&w);
}
