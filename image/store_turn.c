/* A turn is an empty file "KEY.OWNER.turn" in the store's tmp.  The order is that of the files'
 * times, then of their names, so that all agree on it. */
#include "image/store_turn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/owner.h"
#include "image/store_impl.h"
#include "src/base/clock.h"
#include "src/base/log.h"

#define SETTLE_MS 20 /* file times tick at up to 10 ms: let all of the same tick appear */
#define POLL_MS	  100

struct store_turn {
	struct store *store;
	char *prefix, *name;
	int64_t settled; /* monotonic milliseconds: no sooner than this is it on */
	bool mine;
};

static void sleep_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static bool is_older(int dirfd, const char *other, const struct stat *mine, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, other, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (st.st_mtim.tv_sec != mine->st_mtim.tv_sec)
		return st.st_mtim.tv_sec < mine->st_mtim.tv_sec;
	if (st.st_mtim.tv_nsec != mine->st_mtim.tv_nsec)
		return st.st_mtim.tv_nsec < mine->st_mtim.tv_nsec;
	return strcmp(other, name) < 0;
}

/* Does an older turn of a living process stand before t?  What dead ones left goes. */
static bool is_somebody_before(const struct store_turn *t)
{
	int fd = openat(t->store->tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool found = false;
	struct dirent *de;
	struct stat mine;

	if (!dir) {
		close_p_(&fd);
		return false;
	}
	while (!found && fstatat(fd, t->name, &mine, 0) == 0 && (de = readdir(dir))) {
		auto_free char *owner = owner_of_file(de->d_name, t->prefix, ".turn");
		enum owner_state state = owner ? owner_state(owner) : OWNER_SELF;

		if (state == OWNER_GONE)
			unlinkat(fd, de->d_name, 0);
		found = state == OWNER_ALIVE && is_older(fd, de->d_name, &mine, t->name);
	}
	closedir(dir);
	return found;
}

int store_turn_ask(struct store_turn **out, struct store *s, const char *key, struct err *e)
{
	auto_store_turn struct store_turn *t = xcalloc(1, sizeof(*t));
	auto_free char *me = owner_name();
	auto_close int fd = -1;

	*out = NULL;
	t->store = s;
	t->prefix = xasprintf("%s.", key);
	t->name = xasprintf("%s%s.turn", t->prefix, me);
	fd = openat(s->tmp, t->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, STORE_FILE_MODE);
	if (fd < 0)
		return err_sys(e, "create %s/tmp/%s", s->dir, t->name);
	t->settled = now_ms() + SETTLE_MS;
	*out = take_ptr(t);
	return 0;
}

bool store_turn_is_mine(struct store_turn *t)
{
	if (!t->mine)
		t->mine = now_ms() >= t->settled && !is_somebody_before(t);
	return t->mine;
}

int store_turn_take(struct store_turn **out, struct store *s, const char *key,
		    bool (*stopped)(void *arg), void *arg, struct err *e)
{
	auto_store_turn struct store_turn *t = NULL;

	*out = NULL;
	if (store_turn_ask(&t, s, key, e) < 0)
		return -1;
	sleep_ms(SETTLE_MS + 1);
	for (bool told = false; !store_turn_is_mine(t); told = true) {
		if (!told)
			log_info("another process of this host is making this image; "
				 "waiting for it");
		if (stopped(arg))
			return err_set(e, ERR_INTR, "stopped");
		sleep_ms(POLL_MS);
	}
	*out = take_ptr(t);
	return 0;
}

void store_turn_end(struct store_turn *t)
{
	if (!t)
		return;
	if (t->name)
		unlinkat(t->store->tmp, t->name, 0);
	free(t->prefix);
	free(t->name);
	free(t);
}
