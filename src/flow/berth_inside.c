#include "src/flow/berth_inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/mem.h"

#define NAME "berth-inside"

char *berth_inside_path(struct err *e)
{
	auto_free char *self = realpath("/proc/self/exe", NULL);
	auto_free char *near_ = NULL, *installed = NULL;

	if (!self || !strrchr(self, '/')) {
		err_sys(e, "where berth lies (/proc/self/exe)");
		return NULL;
	}
	*strrchr(self, '/') = '\0';
	near_ = xasprintf("%s/" NAME, self);
	installed = xasprintf("%s/../libexec/berth/" NAME, self);
	if (access(near_, X_OK) == 0)
		return take_ptr(near_);
	if (access(installed, X_OK) == 0)
		return take_ptr(installed);
	err_set(e, ERR_NOTFOUND, "neither %s nor %s is there; install Berth whole", near_,
		installed);
	return NULL;
}

int berth_inside_open(struct err *e)
{
	auto_free char *path = berth_inside_path(e);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	return path && fd < 0 ? err_sys(e, "open %s", path) : fd;
}
