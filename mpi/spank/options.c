#include "mpi/spank/options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/mem.h"

/* clang-format off */
const struct option_row option_rows[] = {
	{ "container-image", "[USER@][REGISTRY#]IMAGE[:TAG]|URI|PATH", NULL, OPTION_IMAGE,
	  "the image to run in: a file, docker://..., or a name in a registry" },
	{ "container-mounts", "SRC:DST[:FLAGS][,SRC:DST...]", NULL, OPTION_MOUNTS,
	  "bind mounts; FLAGS are joined by \"+\": ro, rw, ...; SRC may be tmpfs or umount" },
	{ "container-workdir", "PATH", NULL, OPTION_WORKDIR, "working directory in the container" },
	{ "container-name", "NAME[:auto|create|exec|no_exec]", NULL, OPTION_NAME,
	  "keep the container under this name, and use it again in later steps" },
	{ "container-save", "PATH", NULL, OPTION_SAVE,
	  "write the container as an image when the step has ended" },
	{ "container-env", "NAME[,NAME...]", NULL, OPTION_ENV,
	  "variables whose value of the host wins over the image's" },
	{ "container-mount-home", NULL, "1", OPTION_MOUNT_HOME, "mount the home directory" },
	{ "no-container-mount-home", NULL, "0", OPTION_MOUNT_HOME,
	  "do not mount the home directory" },
	{ "container-remap-root", NULL, "1", OPTION_REMAP_ROOT,
	  "be root in the container; gives no rights outside" },
	{ "no-container-remap-root", NULL, "0", OPTION_REMAP_ROOT,
	  "be oneself in the container" },
	{ "container-entrypoint", NULL, "1", OPTION_ENTRYPOINT,
	  "start the command through the image's entrypoint" },
	{ "no-container-entrypoint", NULL, "0", OPTION_ENTRYPOINT,
	  "start the command itself" },
	{ "container-writable", NULL, "1", OPTION_WRITABLE,
	  "the container can be written to" },
	{ "container-readonly", NULL, "0", OPTION_WRITABLE,
	  "the container cannot be written to" },
};
const size_t option_nrows = ARRAY_LEN(option_rows);

static const char *const variables[OPTION_COUNT] = {
	"PYXIS_CONTAINER_IMAGE", "PYXIS_CONTAINER_MOUNTS", "PYXIS_CONTAINER_WORKDIR",
	"PYXIS_CONTAINER_NAME", "PYXIS_CONTAINER_SAVE", "PYXIS_CONTAINER_ENV",
	"PYXIS_CONTAINER_MOUNT_HOME", "PYXIS_CONTAINER_REMAP_ROOT", "PYXIS_CONTAINER_ENTRYPOINT",
	"PYXIS_CONTAINER_WRITABLE",
};

/* mount(8)'s words that change nothing here: binds are recursive, slaves of the host, nosuid where
 * the kernel says so, and their targets are made. */
static const char *const idle_flags[] = {
	"rw", "bind", "rbind", "private", "rprivate", "slave", "rslave", "shared", "rshared", "nosuid",
	"nodev", "x-create=auto", "x-create=dir", "x-create=file", "noatime", "relatime", "silent",
};
/* clang-format on */

static char *values[OPTION_COUNT];

void option_set(size_t row, const char *arg)
{
	const struct option_row *r = &option_rows[row];

	free(values[r->option]);
	values[r->option] = xstrdup(r->arg ? arg : r->value);
}

void options_clear(void)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		free(values[i]);
		values[i] = NULL;
	}
}

static bool is_switch(enum option o)
{
	return o >= OPTION_MOUNT_HOME;
}

const char *option_get(enum option o, option_lookup *lookup, void *arg)
{
	const char *v = values[o] ? values[o] : lookup(variables[o], arg);

	if (!v || !*v || !is_switch(o))
		return v && *v ? v : NULL;
	if (strchr("0nNfF", *v))
		return "0";
	return "1";
}

bool option_is(enum option o, const char *value, option_lookup *lookup, void *arg)
{
	const char *v = option_get(o, lookup, arg);

	return v && !strcmp(v, value);
}

static bool flag_is_idle(const char *flag)
{
	for (size_t i = 0; i < ARRAY_LEN(idle_flags); i++)
		if (!strcmp(flag, idle_flags[i]))
			return true;
	return false;
}

static int flags_read(bool *ro, const char *flags, const char *mount, struct err *e)
{
	auto_strv struct strv list = { 0 };

	strv_split(&list, flags, '+');
	for (size_t i = 0; i < list.n; i++) {
		if (!strcmp(list.v[i], "ro"))
			*ro = true;
		else if (!flag_is_idle(list.v[i]))
			return err_set(e, ERR_USAGE,
				       "--container-mounts=%s: the flag %s is not known; ro and rw "
				       "are",
				       mount, list.v[i]);
	}
	return 0;
}

static int mount_words(struct strv *words, const char *mount, struct err *e)
{
	auto_free char *copy = xstrdup(mount);
	char *dst = strchr(copy, ':'), *flags = dst ? strchr(dst + 1, ':') : NULL;
	bool ro = false;

	if (dst)
		*dst++ = '\0';
	if (flags)
		*flags++ = '\0';
	if (flags && flags_read(&ro, flags, mount, e) < 0)
		return -1;
	if (!*copy || (dst && *dst != '/') || (!dst && *copy != '/'))
		return err_set(e, ERR_USAGE,
			       "--container-mounts=%s: SRC:DST[:FLAGS] with an absolute DST is "
			       "what a mount looks like",
			       mount);
	if (dst && (!strcmp(copy, "tmpfs") || !strcmp(copy, "umount"))) {
		strv_add(words, *copy == 't' ? "--scratch" : "--no-mount");
		strv_add(words, dst);
		return 0;
	}
	strv_add(words, "--bind");
	strv_addf(words, "%s:%s%s", copy, dst ? dst : copy, ro ? ":ro" : "");
	return 0;
}

static int mounts_words(struct strv *words, const char *mounts, struct err *e)
{
	auto_strv struct strv list = { 0 };

	strv_split(&list, mounts, ',');
	for (size_t i = 0; i < list.n; i++)
		if (mount_words(words, list.v[i], e) < 0)
			return -1;
	return 0;
}

int engine_words(struct strv *words, option_lookup *lookup, void *arg, struct err *e)
{
	const char *v;

	strv_add(words, option_is(OPTION_ENTRYPOINT, "1", lookup, arg) ? "run" : "exec");
	strv_add(words, "--no-eval");
	v = option_get(OPTION_MOUNTS, lookup, arg);
	if (v && mounts_words(words, v, e) < 0)
		return -1;
	v = option_get(OPTION_WORKDIR, lookup, arg);
	if (v && *v != '/')
		return err_set(e, ERR_USAGE, "--container-workdir=%s: an absolute path is needed",
			       v);
	if (v) {
		strv_add(words, "--pwd");
		strv_add(words, v);
	}
	if (option_is(OPTION_MOUNT_HOME, "0", lookup, arg))
		strv_add(words, "--no-home");
	if (option_is(OPTION_REMAP_ROOT, "1", lookup, arg)) {
		strv_add(words, "--fakeroot");
		strv_add(words, "--emulation");
		strv_add(words, "none");
	}
	return 0;
}
