# owners: lists what root emulation must get right: owners.py PATH...
import os, stat, sys

def show(path):
    s = os.lstat(path)
    x = []
    if not stat.S_ISLNK(s.st_mode) or os.listxattr(path, follow_symlinks=False):
        for name in sorted(os.listxattr(path, follow_symlinks=False)):
            if name.split(".")[0] in ("user", "trusted") or name == "security.capability":
                x.append(name + "=" + os.getxattr(path, name, follow_symlinks=False).hex())
    dev = f"{os.major(s.st_rdev)}:{os.minor(s.st_rdev)}" if stat.S_ISCHR(s.st_mode) or stat.S_ISBLK(s.st_mode) else "-"
    links = 0 if stat.S_ISDIR(s.st_mode) else s.st_nlink
    print(path, oct(s.st_mode), s.st_uid, s.st_gid, dev, links, *x)

SKIP = {"/proc", "/sys", "/dev", "/tmp", "/root", "/run", "/var/tmp", "/var/cache", "/var/log", "/var/lib/apt/lists",
        "/etc/hosts", "/etc/resolv.conf", "/etc/mtab", "/srv/in"}
for top in sys.argv[1:]:
    for dir, dirs, files in os.walk(top):
        dirs[:] = sorted(d for d in dirs if os.path.join(dir, d) not in SKIP)
        for name in sorted(dirs + files):
            path = os.path.join(dir, name)
            if path not in SKIP and not name.startswith(".berth-"):
                show(path)
