#include "mpi/share.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"

#define KEY_MAX	      256
#define ANCESTORS_MAX 16

int share_decide(struct share *out, const char *word, const struct launcher *l, struct err *e)
{
	*out = (struct share){ .launcher = l };
	if (!word || !strcmp(word, "auto")) {
		out->wanted = launcher_has_peers(l);
	} else if (!strcmp(word, "node")) {
		out->wanted = true;
	} else if (strcmp(word, "none")) {
		if (!*word || strlen(word) > KEY_MAX)
			return err_set(e, ERR_USAGE,
				       "--share: auto, node, none, or a key of 1 to %d bytes",
				       KEY_MAX);
		out->wanted = true;
		out->key = word;
	}
	return 0;
}

/* Fowler-Noll-Vo 1a, 128 bits: names have to differ by accident only, for nobody but
 * the user himself makes them, and loading libcrypto would cost more than the join. */
struct hash {
	unsigned __int128 v;
};

static void hash_add(struct hash *h, const void *p, size_t n)
{
	const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		h->v = (h->v ^ b[i]) * prime;
}

/* With its NUL, so that "ab","c" is not "a","bc". */
static void hash_text(struct hash *h, const char *s)
{
	hash_add(h, s, strlen(s) + 1);
}

static size_t proc_read(const char *path, char *out, size_t cap)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, cap - 1);

	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

struct process {
	long pid, parent;
	unsigned long long started; /* clock ticks since boot: tells a reused pid */
	char comm[32];
};

/* proc(5) stat: the name stands between the first "(" and the last ")". */
static bool process_look(struct process *out, long pid)
{
	char path[64], text[1024], *open_, *close_;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	*out = (struct process){ .pid = pid };
	if (!proc_read(path, text, sizeof(text)))
		return false;
	open_ = strchr(text, '(');
	close_ = strrchr(text, ')');
	if (!open_ || !close_ || close_ < open_)
		return false;
	snprintf(out->comm, sizeof(out->comm), "%.*s", (int)(close_ - open_ - 1), open_ + 1);
	return sscanf(close_ + 1,
		      " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		      "%*d %llu",
		      &out->parent, &out->started) == 2;
}

/* The nearest ancestor of that name, else the parent: between a launcher's proxy and us
 * may stand a shell that every rank has for itself. */
static void anchor_add(struct hash *h, const char *comm)
{
	struct process first = { 0 }, p = { .parent = getppid() };

	for (int i = 0; i < ANCESTORS_MAX && p.parent > 1 && process_look(&p, p.parent); i++) {
		if (i == 0)
			first = p;
		if (!*comm || !strcmp(p.comm, comm))
			break;
	}
	if (*comm && strcmp(p.comm, comm))
		p = first;
	hash_add(h, &p.pid, sizeof(p.pid));
	hash_add(h, &p.started, sizeof(p.started));
}

void share_key(struct share *out, uid_t uid, const char *identity, size_t len)
{
	const struct launcher *l = out->launcher;
	struct hash h = { ((unsigned __int128)0x6c62272e07bb0142ULL << 64) |
			  0x62b821756295c58dULL };
	char boot[64];

	proc_read("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	hash_text(&h, boot);
	hash_text(&h, out->key ? "key" : l->name ? l->name : "parent");
	if (out->key) {
		hash_text(&h, out->key);
	} else {
		hash_text(&h, l->id);
		if (!l->name || l->anchor)
			anchor_add(&h, l->anchor ? l->anchor : "");
	}
	hash_add(&h, identity, len);
	snprintf(out->name, sizeof(out->name), "berth/%d/%lu/%016llx%016llx", SHARE_VERSION,
		 (unsigned long)uid, (unsigned long long)(h.v >> 64), (unsigned long long)h.v);
}
