/* The file list follows what Apptainer puts into a root file system when it builds from an OCI
 * image; the texts are our own.  Apptainer sources env/ *.sh and runs the runscript; the actions
 * matter only to engines from before 3.0 and to people who call /.run by hand. */
#include "image/meta.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "image/meta_script.h"
#include "src/base/json.h"

#define ENV_DIR	 "/.singularity.d/env/"
#define OCI_ENV	 ENV_DIR "10-docker2singularity.sh"
#define USER_ENV ENV_DIR "90-environment.sh"

#define SOURCE_ENV                                     \
	"for script in /.singularity.d/env/*.sh; do\n" \
	"\tif [ -f \"$script\" ]; then\n"              \
	"\t\t. \"$script\"\n"                          \
	"\tfi\n"                                       \
	"done\n"

static const char user_env[] = "#!/bin/sh\n# Environment that the image's author adds.\n";

/* clang-format off */
static const struct {
	const char *path;
	mode_t mode;
	bool replace;
	const char *data;
} fixed[] = {
	{ "/.singularity.d",         S_IFDIR | 0755, false, "" },
	{ "/.singularity.d/actions", S_IFDIR | 0755, false, "" },
	{ "/.singularity.d/env",     S_IFDIR | 0755, false, "" },
	{ "/.singularity.d/libs",    S_IFDIR | 0755, false, "" },
	{ "/.singularity.d/actions/exec", S_IFREG | 0755, true,
	  "#!/bin/sh\n" SOURCE_ENV "exec \"$@\"\n" },
	{ "/.singularity.d/actions/run", S_IFREG | 0755, true,
	  "#!/bin/sh\n" SOURCE_ENV
	  "if [ -x /.singularity.d/runscript ]; then\n"
	  "\texec /.singularity.d/runscript \"$@\"\n"
	  "fi\n"
	  "exec /bin/sh \"$@\"\n" },
	{ "/.singularity.d/actions/shell", S_IFREG | 0755, true,
	  "#!/bin/sh\n" SOURCE_ENV
	  "if [ -x /bin/bash ]; then\n"
	  "\texec /bin/bash --norc \"$@\"\n"
	  "fi\n"
	  "exec /bin/sh \"$@\"\n" },
	{ "/.singularity.d/actions/start", S_IFREG | 0755, true,
	  "#!/bin/sh\n" SOURCE_ENV
	  "if [ -x /.singularity.d/startscript ]; then\n"
	  "\texec /.singularity.d/startscript \"$@\"\n"
	  "fi\n" },
	{ "/.singularity.d/actions/test", S_IFREG | 0755, true,
	  "#!/bin/sh\n" SOURCE_ENV
	  "if [ -x /.singularity.d/test ]; then\n"
	  "\texec /.singularity.d/test \"$@\"\n"
	  "fi\n"
	  "echo \"this image has no test\" >&2\n" },
	{ ENV_DIR "01-base.sh", S_IFREG | 0755, true,
	  "#!/bin/sh\n# Sourced first.\n" },
	{ USER_ENV, S_IFREG | 0755, false, user_env },
	{ ENV_DIR "95-apps.sh", S_IFREG | 0755, true,
	  "#!/bin/sh\n# This image has no apps.\n" },
	{ ENV_DIR "99-base.sh", S_IFREG | 0755, true,
	  "#!/bin/sh\n"
	  "export LD_LIBRARY_PATH=\"${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/.singularity.d/libs\"\n"
	  "export PS1=\"Apptainer> \"\n" },
	{ ENV_DIR "99-runtimevars.sh", S_IFREG | 0755, true,
	  "#!/bin/sh\n"
	  "if [ -n \"${SING_USER_DEFINED_PREPEND_PATH:-}\" ]; then\n"
	  "\texport PATH=\"$SING_USER_DEFINED_PREPEND_PATH:$PATH\"\n"
	  "fi\n"
	  "if [ -n \"${SING_USER_DEFINED_APPEND_PATH:-}\" ]; then\n"
	  "\texport PATH=\"$PATH:$SING_USER_DEFINED_APPEND_PATH\"\n"
	  "fi\n"
	  "if [ -n \"${SING_USER_DEFINED_PATH:-}\" ]; then\n"
	  "\texport PATH=\"$SING_USER_DEFINED_PATH\"\n"
	  "fi\n" },
	{ "/.singularity.d/startscript", S_IFREG | 0755, false, "#!/bin/sh\n" },
	{ "/.singularity.d/test",        S_IFREG | 0755, false, "#!/bin/sh\n" },
	{ "/singularity", S_IFLNK | 0777, false, ".singularity.d/runscript" },
	{ "/.run",        S_IFLNK | 0777, false, ".singularity.d/actions/run" },
	{ "/.exec",       S_IFLNK | 0777, false, ".singularity.d/actions/exec" },
	{ "/.test",       S_IFLNK | 0777, false, ".singularity.d/actions/test" },
	{ "/.shell",      S_IFLNK | 0777, false, ".singularity.d/actions/shell" },
	{ "/environment", S_IFLNK | 0777, false, ".singularity.d/env/90-environment.sh" },
	{ "/dev",     S_IFDIR | 0755,  false, "" },
	{ "/proc",    S_IFDIR | 0755,  false, "" },
	{ "/root",    S_IFDIR | 0700,  false, "" },
	{ "/var",     S_IFDIR | 0755,  false, "" },
	{ "/var/tmp", S_IFDIR | 01777, false, "" },
	{ "/tmp",     S_IFDIR | 01777, false, "" },
	{ "/etc",     S_IFDIR | 0755,  false, "" },
	{ "/sys",     S_IFDIR | 0755,  false, "" },
	{ "/home",    S_IFDIR | 0755,  false, "" },
	{ "/etc/hosts",       S_IFREG | 0644, false, "" },
	{ "/etc/resolv.conf", S_IFREG | 0644, false, "" },
};
/* clang-format on */

struct label_list {
	struct oci_label *v;
	size_t n;
};

/* Sets key; one that is there keeps its place and, unless replace, its value. */
static void set_label(struct label_list *l, const char *key, const char *value, bool replace)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].key, key))
			continue;
		if (replace)
			l->v[i].value = value;
		return;
	}
	l->v[l->n++] = (struct oci_label){ key, value };
}

const char *meta_build_date(struct arena *a, int64_t t)
{
	static const char *const days[] = { "Sunday",	"Monday", "Tuesday", "Wednesday",
					    "Thursday", "Friday", "Saturday" };
	static const char *const months[] = { "January",   "February", "March",	   "April",
					      "May",	   "June",     "July",	   "August",
					      "September", "October",  "November", "December" };
	time_t when = (time_t)t;
	struct tm tm = { 0 };

	gmtime_r(&when, &tm);
	return arena_printf(a, "%s_%d_%s_%d_%d:%d:%d_UTC", days[tm.tm_wday], tm.tm_mday,
			    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct oci_label *)a)->key, ((const struct oci_label *)b)->key);
}

static struct label_list collect_labels(struct arena *a, const struct oci_config *c,
					const struct digest *manifest)
{
	struct label_list l = { arena_array(a, struct oci_label, c->nlabels + 8), 0 };
	char digest[DIGEST_TEXT_MAX];
	int64_t created = oci_created(c);

	/* Keys of a JSON object are unique already. */
	for (size_t i = 0; i < c->nlabels; i++)
		l.v[l.n++] = c->labels[i];
	set_label(&l, "org.label-schema.schema-version", "1.0", true);
	if (*c->arch) {
		set_label(&l, "org.label-schema.build-arch", c->arch, true);
		set_label(&l, "org.opencontainers.image.architecture", c->arch, false);
	}
	if (created) {
		set_label(&l, "org.label-schema.build-date", meta_build_date(a, created), true);
		set_label(&l, "org.opencontainers.image.created", c->created, false);
	}
	set_label(&l, "org.opencontainers.image.base.digest",
		  arena_strdup(a, digest_text(manifest, digest)), true);
	qsort(l.v, l.n, sizeof(*l.v), by_key);
	return l;
}

static void write_labels(struct jw *w, const char *key, const struct label_list *l)
{
	jw_obj(w, key);
	for (size_t i = 0; i < l->n; i++)
		jw_str(w, l->v[i].key, l->v[i].value);
	jw_end(w);
}

static void write_inspect(struct meta *m, const struct label_list *l, const char *env,
			  const char *runscript)
{
	struct jw w = { .out = &m->inspect, .html = true };

	jw_obj(&w, NULL);
	jw_obj(&w, "data");
	jw_obj(&w, "attributes");
	jw_obj(&w, "environment");
	jw_str(&w, OCI_ENV, env);
	jw_str(&w, USER_ENV, user_env);
	jw_end(&w);
	write_labels(&w, "labels", l);
	jw_str(&w, "runscript", runscript);
	jw_end(&w);
	jw_end(&w);
	jw_str(&w, "type", "container");
	jw_end(&w);
}

static void add_node(struct meta *m, const char *path, mode_t mode, const char *data, int64_t mtime,
		     bool replace)
{
	m->nodes[m->nnodes++] = (struct flatten_node){
		.path = path,
		.mode = mode,
		.data = data,
		.len = strlen(data),
		.mtime = mtime,
		.replace = replace,
	};
}

void meta_for_oci(struct meta **out, const struct oci_config *c, const struct digest *manifest)
{
	struct meta *m = xcalloc(1, sizeof(*m));
	auto_buf struct buf env = { 0 }, run = { 0 }, labels = { 0 };
	struct label_list l = collect_labels(&m->arena_, c, manifest);
	struct jw w = { .out = &labels, .indent = -1, .html = true };
	int64_t mtime = oci_created(c);

	meta_env_script(&env, &c->env);
	meta_runscript(&run, &c->entrypoint, &c->cmd);
	write_labels(&w, NULL, &l);
	write_inspect(m, &l, buf_str(&env), buf_str(&run));
	m->nodes = arena_array(&m->arena_, struct flatten_node, ARRAY_LEN(fixed) + 3);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		add_node(m, fixed[i].path, fixed[i].mode, fixed[i].data, mtime, fixed[i].replace);
	add_node(m, OCI_ENV, S_IFREG | 0755, arena_strdup(&m->arena_, buf_str(&env)), mtime, true);
	add_node(m, "/.singularity.d/runscript", S_IFREG | 0755,
		 arena_strdup(&m->arena_, buf_str(&run)), mtime, true);
	add_node(m, "/.singularity.d/labels.json", S_IFREG | 0644,
		 arena_strdup(&m->arena_, buf_str(&labels)), mtime, true);
	*out = m;
}

int meta_frame(int (*put)(void *arg, const struct flatten_node *n, struct err *e), void *arg,
	       struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		const struct flatten_node n = { .path = fixed[i].path,
						.mode = fixed[i].mode,
						.data = fixed[i].data,
						.len = strlen(fixed[i].data),
						.replace = fixed[i].replace };

		if (put(arg, &n, e) < 0)
			return -1;
	}
	return 0;
}

void meta_free(struct meta *m)
{
	if (!m)
		return;
	buf_fini(&m->inspect);
	arena_fini(&m->arena_);
	free(m);
}
