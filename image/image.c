#include "image/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/meta_script.h"
#include "image/sif.h"
#include "image/squash.h"
#include "src/base/fd.h"
#include "src/base/path.h"

#define MIN_SIZE      2048 /* shorter files are no images, to all engines */
#define LAUNCH_MAX    256  /* a Singularity 2 launch line ends before */
#define LAUNCH_MARK   " run-singularity\n"
#define INSPECT_MAX   (16u << 20)
#define SCRIPT_MAX    (1u << 20)
#define MAX_SCRIPTS   256
#define SINGULARITY_D "/.singularity.d"
#define ENV_DIR	      SINGULARITY_D "/env"

const char *image_host_arch(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return "ppc64le";
#elif defined(__riscv) && __riscv_xlen == 64
	return "riscv64";
#elif defined(__s390x__)
	return "s390x";
#elif defined(__i386__)
	return "386";
#elif defined(__arm__)
	return "arm";
#elif defined(__loongarch64)
	return "loong64";
#else
	return "unknown";
#endif
}

bool image_arch_runs(const char *arch, const char *host)
{
	return !*arch || !strcmp(arch, "unknown") || !strcmp(arch, host) ||
	       (!strcmp(arch, "386") && !strcmp(host, "amd64")) ||
	       (!strcmp(arch, "arm") && !strcmp(host, "arm64"));
}

/* Why a primary partition cannot be served, or NULL. */
static const char *fs_refusal(int32_t fs)
{
	switch (fs) {
	case SIF_FS_SQUASH:
		return NULL;
	case SIF_FS_EXT3:
		return "its system is an ext3 file system; rebuild it as SquashFS "
		       "(apptainer build new.sif old.sif)";
	case SIF_FS_LUKS:
	case SIF_FS_GOCRYPTFS:
		return "it is encrypted; decrypt it first "
		       "(apptainer build --pem-path key.pem plain.sif encrypted.sif)";
	default:
		return "its system is no SquashFS file system";
	}
}

static int read_objects(struct image *im, const struct sif *s, struct err *e)
{
	const struct sif_object *o = sif_find(s, SIF_JSON, IMAGE_INSPECT_NAME);
	auto_buf struct buf config = { 0 };

	if (o && sif_object_read(s, im->fd, o, &im->inspect, INSPECT_MAX, e) < 0)
		return err_wrap(e, IMAGE_INSPECT_NAME);
	o = sif_find(s, SIF_JSON, IMAGE_OCI_NAME);
	if (!o)
		return 0;
	if (sif_object_read(s, im->fd, o, &config, OCI_CONFIG_MAX, e) < 0 ||
	    oci_parse_config(&im->oci, buf_str(&config), config.len, e) < 0)
		return err_wrap(e, IMAGE_OCI_NAME);
	return 0;
}

static int open_sif(struct image *im, const struct sif *s, struct err *e)
{
	const struct sif_object *p = sif_primary(s);
	const char *why;

	im->kind = IMAGE_SIF;
	if (sif_find(s, SIF_OCI_INDEX, NULL))
		return err_set(e, ERR_UNSUPPORTED,
			       "it is an OCI-SIF, which this version does not run; "
			       "pull the image again with berth pull");
	if (!p)
		return err_set(e, ERR_INPUT,
			       s->n ? "the SIF has no primary system partition"
				    : "the SIF holds no objects");
	why = fs_refusal(p->fs);
	if (why)
		return err_set(e, ERR_UNSUPPORTED, "%s", why);
	im->off = p->off;
	im->size = p->size;
	for (size_t i = 0; i < s->n; i++)
		im->has_overlay |= s->obj[i].type == SIF_PARTITION &&
				   s->obj[i].part == SIF_PART_OVERLAY;
	im->arch = xstrdup(strcmp(p->arch, "00") ? sif_arch_name(p->arch) : "");
	return read_objects(im, s, e);
}

static bool has_squash_magic(const char *p)
{
	return !memcmp(p, "hsqs", 4);
}

/* ext3's magic and the features that make it ext3 and not ext4 do not matter here: all of the
 * family is refused alike. */
static bool has_ext_magic(const char *p)
{
	return (unsigned char)p[1080] == 0x53 && (unsigned char)p[1081] == 0xEF;
}

static int open_plain(struct image *im, off_t size, struct err *e)
{
	char head[MIN_SIZE + LAUNCH_MAX] = { 0 };
	const char *mark;
	size_t skip = 0;

	if (fd_pread(im->fd, head, sizeof(head), 0) < 0)
		return err_sys(e, "read");
	mark = memmem(head, LAUNCH_MAX, LAUNCH_MARK, strlen(LAUNCH_MARK));
	if (mark)
		skip = (size_t)(mark - head) + strlen(LAUNCH_MARK);
	if (has_squash_magic(head) || has_squash_magic(head + skip)) {
		im->kind = IMAGE_SQUASHFS;
		im->off = has_squash_magic(head) ? 0 : (int64_t)skip;
		im->size = size - im->off;
		return 0;
	}
	if (has_ext_magic(head + skip))
		return err_set(e, ERR_UNSUPPORTED,
			       "an image is one ext3 file system, which this "
			       "version does not run; rebuild it as SquashFS "
			       "(apptainer build new.sif old.img)");
	return err_set(e, ERR_INPUT, "it is no SIF, SquashFS or directory");
}

static int open_file(struct image *im, off_t size, struct err *e)
{
	auto_sif struct sif *s = NULL;
	int r;

	if (size < MIN_SIZE)
		return err_set(e, ERR_INPUT, "it is no image: a file of %lld bytes",
			       (long long)size);
	r = sif_read(&s, im->fd, e);
	if (r < 0)
		return -1;
	return r == 0 ? open_sif(im, s, e) : open_plain(im, size, e);
}

int image_open(struct image **out, const char *path, struct err *e)
{
	auto_image struct image *im = xcalloc(1, sizeof(*im));
	struct stat st;
	int r = 0;

	*out = NULL;
	im->path = xstrdup(path);
	if (!*path)
		return err_set(e, ERR_USAGE, "the image's name is empty");
	/* O_NONBLOCK: a FIFO must not hold us up. */
	im->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (im->fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "image %s: no such file", path);
	if (im->fd < 0 || fstat(im->fd, &st) < 0)
		return err_sys(e, "image %s", path);
	if (S_ISDIR(st.st_mode))
		im->kind = IMAGE_DIR;
	else if (S_ISREG(st.st_mode))
		r = open_file(im, st.st_size, e);
	else
		r = err_set(e, ERR_INPUT, "it is neither a file nor a directory");
	if (r < 0)
		return err_wrap(e, "image %s", path);
	if (!im->arch)
		im->arch = xstrdup("");
	*out = take_ptr(im);
	return 0;
}

void image_free(struct image *im)
{
	if (!im)
		return;
	for (size_t i = 0; i < im->nenv; i++) {
		free(im->env[i].path);
		free(im->env[i].text);
	}
	free(im->env);
	free(im->runscript);
	free(im->arch);
	free(im->path);
	buf_fini(&im->inspect);
	oci_free(im->oci);
	close_p_(&im->fd);
	free(im);
}

int image_read_file(struct image *im, struct squash *sq, const char *path, size_t max,
		    struct buf *out, struct err *e)
{
	auto_close int fd = -1;
	struct stat st;

	if (sq)
		return squash_read_file(sq, path, out, max, e);
	fd = open_in_root(im->fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 1;
	return fd_read_all(fd, out, max, path, e);
}

int image_list_dir(struct image *im, struct squash *sq, const char *path, struct strv *names,
		   struct err *e)
{
	struct dirent *de;
	DIR *dir;
	int fd;

	if (sq)
		return squash_list_dir(sq, path, names, e);
	fd = open_in_root(im->fd, path, O_RDONLY | O_DIRECTORY, 0);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		close_p_(&fd);
		return 1;
	}
	while ((de = readdir(dir)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			strv_add(names, de->d_name);
	closedir(dir);
	strv_sort(names);
	return 0;
}

static bool exists(struct image *im, struct squash *sq, const char *path, struct err *e)
{
	auto_close int fd = -1;
	struct squash_stat st;

	if (sq)
		return squash_stat_path(sq, path, true, &st, e) == 0;
	fd = open_in_root(im->fd, path, O_PATH, 0);
	return fd >= 0;
}

static int load_env(struct image *im, struct squash *sq, struct err *e)
{
	auto_strv struct strv names = { 0 };
	int r = image_list_dir(im, sq, ENV_DIR, &names, e);

	if (r < 0)
		return -1;
	im->env = xcalloc(MAX_SCRIPTS, sizeof(*im->env));
	for (size_t i = 0; i < names.n && im->nenv < MAX_SCRIPTS; i++) {
		auto_free char *path = path_join(ENV_DIR, names.v[i]);
		auto_buf struct buf text = { 0 };

		/* A glob: no hidden names. */
		if (names.v[i][0] == '.' || !str_has_suffix(names.v[i], ".sh"))
			continue;
		r = image_read_file(im, sq, path, SCRIPT_MAX, &text, e);
		if (r < 0)
			return -1;
		if (r > 0)
			continue;
		im->env[im->nenv].path = take_ptr(path);
		im->env[im->nenv++].text = xstrdup(buf_str(&text));
	}
	return 0;
}

/* Entrypoint and command of an image whose SIF keeps no configuration. */
static void config_from_runscript(struct image *im)
{
	auto_strv struct strv ep = { 0 }, cmd = { 0 };
	struct err ignored;

	if (im->oci || !im->runscript || meta_runscript_parse(im->runscript, &ep, &cmd) != 0 ||
	    oci_parse_config(&im->oci, "{}", 2, &ignored) < 0)
		return;
	for (size_t i = 0; i < ep.n; i++)
		strv_add(&im->oci->entrypoint, ep.v[i]);
	for (size_t i = 0; i < cmd.n; i++)
		strv_add(&im->oci->cmd, cmd.v[i]);
}

int image_load_scripts(struct image *im, struct squash *sq, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r;

	im->has_singularity_d = exists(im, sq, SINGULARITY_D, e);
	im->has_sh = exists(im, sq, "/bin/sh", e);
	if (im->has_singularity_d && load_env(im, sq, e) < 0)
		return err_wrap(e, "image %s", im->path);
	r = image_read_file(im, sq, SINGULARITY_D "/runscript", SCRIPT_MAX, &text, e);
	if (r < 0)
		return err_wrap(e, "image %s", im->path);
	if (r == 0)
		im->runscript = xstrdup(buf_str(&text));
	config_from_runscript(im);
	return 0;
}
