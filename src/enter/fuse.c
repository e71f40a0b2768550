/* A FUSE mount is only accepted from a /dev/fuse that was opened in the same user
 * namespace, so it is opened here and the descriptor sent out to the keeper; INIT
 * is answered while the binds are made. */
#include "src/enter/state.h"

#include <stdio.h>

#include "src/base/fd.h"
#include "src/enter/mountapi.h"

int fs_mount(const char *type, const struct fs_option *o, size_t n, unsigned attr)
{
	auto_close int fs = sys_fsopen(type);

	if (fs < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (sys_fsconfig(fs, o[i].value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, o[i].key,
				 o[i].value, 0) < 0)
			return -1;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs, attr);
}

/* snprintf() takes no lock and allocates nothing for plain integers. */
int fuse_open(const struct enter *x, bool writable, int *fuse, struct fault *f)
{
	char fd[16], uid[16], gid[16];
	const struct fs_option o[] = {
		{ "source", "berth" },
		{ "subtype", "berth" },
		{ writable ? "rw" : "ro", NULL },
		{ "fd", fd },
		{ "rootmode", "40000" },
		{ "user_id", uid },
		{ "group_id", gid },
		{ "allow_other", NULL },
		{ "default_permissions", NULL },
		{ "max_read", "1048576" },
	};
	int mount;

	*fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (*fuse < 0)
		return fault_at(f, FAULT_FUSE_OPEN, 0);
	snprintf(fd, sizeof(fd), "%d", *fuse);
	snprintf(uid, sizeof(uid), "%u", (unsigned)x->plan->uid);
	snprintf(gid, sizeof(gid), "%u", (unsigned)x->plan->gid);
	mount = fs_mount("fuse", o, ARRAY_LEN(o),
			 ROOT_ATTR & (writable ? ~(unsigned)MOUNT_ATTR_RDONLY : ~0u));
	return mount < 0 ? fault_at(f, FAULT_FUSE_MOUNT, 0) : mount;
}

int fuse_mount(const struct enter *x, int keeper, int *out, struct fault *f)
{
	auto_close int fuse = -1;

	*out = fuse_open(x, false, &fuse, f);
	if (*out < 0)
		return -1;
	return fd_send(keeper, fuse) < 0 ? fault_at(f, FAULT_KEEPER, 0) : 0;
}
