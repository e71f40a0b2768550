#!/usr/bin/env python3
"""A directory through FUSE, as a file system that has no locks: every lock is refused with ENOLCK.

	nolock.py BACKING MOUNTPOINT        # in the foreground; fusermount3 -u ends it
"""
import errno, os, sys

from fusepy import FUSE, FuseOSError, Operations


class Through(Operations):
    def __init__(self, root):
        self.root = root

    def at(self, path):
        return self.root + path

    def __call__(self, op, path, *args):
        try:
            return getattr(self, op)(path, *args)
        except OSError as e:
            raise FuseOSError(e.errno)

    def lock(self, path, fh, cmd, lock):
        raise FuseOSError(errno.ENOLCK)

    def access(self, path, mode):
        if not os.access(self.at(path), mode):
            raise FuseOSError(errno.EACCES)

    def getattr(self, path, fh=None):
        st = os.fstat(fh) if fh else os.lstat(self.at(path))
        d = {k: getattr(st, k) for k in ("st_atime", "st_ctime", "st_mtime", "st_gid", "st_uid", "st_mode", "st_nlink", "st_size", "st_ino")}
        return dict(d, st_blocks=st.st_blocks)

    def readdir(self, path, fh):
        return [".", ".."] + os.listdir(self.at(path))

    def create(self, path, mode, fi=None):
        return os.open(self.at(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def open(self, path, flags):
        return os.open(self.at(path), flags & ~os.O_APPEND)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.ftruncate(fh, length) if fh else os.truncate(self.at(path), length)

    def fsync(self, path, datasync, fh):
        return os.fsync(fh)

    def release(self, path, fh):
        return os.close(fh)

    def rename(self, old, new):
        os.rename(self.at(old), self.at(new))

    def link(self, target, source):
        os.link(self.at(source), self.at(target), follow_symlinks=False)

    def statfs(self, path):
        st = os.statvfs(self.at(path))
        return {k: getattr(st, k) for k in ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag", "f_frsize", "f_namemax")}

    def chmod(self, path, mode):
        os.chmod(self.at(path), mode)

    def chown(self, path, uid, gid):
        os.chown(self.at(path), uid, gid)

    def utimens(self, path, times=None):
        os.utime(self.at(path), times)

    def mkdir(self, path, mode):
        os.mkdir(self.at(path), mode)

    def rmdir(self, path):
        os.rmdir(self.at(path))

    def unlink(self, path):
        os.unlink(self.at(path))

    def symlink(self, name, target):
        os.symlink(target, self.at(name))

    def readlink(self, path):
        return os.readlink(self.at(path))


FUSE(Through(os.path.abspath(sys.argv[1])), sys.argv[2], foreground=True, use_ino=True)
