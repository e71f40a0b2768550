#!/usr/bin/env python3
"""Lists a tree so that two can be compared, or compares two lists.

	treelist.py DIR >LIST             # as root: it reads what has mode 0000
	treelist.py --diff WANT GOT [EXTRA]

One JSON line a path, sorted: type, mode, owner, size, sha256, link target, device, xattrs, link count
and the first name of the same inode.  Times are left out: unpackers set those of implicit parents at
will.  A directory's size and link count are its file system's business.  EXTRA lists paths, one a
line, that GOT may have more; a line that ends in / allows the whole directory.
"""
import errno, hashlib, json, os, stat, sys

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFCHR: "char",
         stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}


def content(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while data := f.read(1 << 20):
            h.update(data)
    return h.hexdigest()


def xattrs(path):
    out = {}
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError as e:
        if e.errno != errno.EOPNOTSUPP:  # so says a SquashFS that has no xattrs at all
            raise
        names = []
    for name in names:
        out[name] = os.getxattr(path, name, follow_symlinks=False).hex()
    return out


def describe(path, shown, firsts):
    st = os.lstat(path)
    kind = TYPES[stat.S_IFMT(st.st_mode)]
    d = {"path": shown, "type": kind, "mode": oct(stat.S_IMODE(st.st_mode)), "uid": st.st_uid,
         "gid": st.st_gid, "xattr": xattrs(path)}
    if kind == "file":
        d.update(size=st.st_size, sha256=content(path))
    if kind == "link":
        d["target"] = os.fsencode(os.readlink(path)).decode("latin-1")
    if kind in ("char", "block"):
        d["dev"] = [os.major(st.st_rdev), os.minor(st.st_rdev)]
    if kind != "dir":
        d["nlink"] = st.st_nlink
        if st.st_nlink > 1:
            d["inode"] = firsts.setdefault((st.st_dev, st.st_ino), shown)
    return d


def walk(top):
    """Every path below top, sorted by its bytes, "/" first."""
    found = [b""]
    for where, dirs, files in os.walk(os.fsencode(top)):
        for name in dirs + files:
            found.append(os.path.relpath(os.path.join(where, name), os.fsencode(top)))
    return sorted(found)


def listing(top):
    firsts = {}
    for rel in walk(top):
        path = os.path.join(os.fsencode(top), rel)
        print(json.dumps(describe(path, "/" + rel.decode("latin-1"), firsts), sort_keys=True))


def load(name):
    return {d["path"]: d for d in map(json.loads, open(name))}


def allowed(path, extra):
    return path in extra or any(e.endswith("/") and path.startswith(e) for e in extra)


def diff(want, got, extra):
    bad = 0
    for path in sorted(want.keys() | got.keys()):
        a, b = want.get(path), got.get(path)
        if a == b or (a is None and allowed(path, extra)):
            continue
        bad += 1
        if a is None or b is None:
            print("missing" if b is None else "too many", repr(path))
            continue
        for key in sorted(a.keys() | b.keys()):
            if a.get(key) != b.get(key):
                print("%r: %s is %s, wanted %s" % (path, key, b.get(key), a.get(key)))
    print("%d paths, %d differ" % (len(want), bad))
    return bad


def main():
    if sys.argv[1] != "--diff":
        return listing(sys.argv[1])
    extra = set(open(sys.argv[4]).read().splitlines()) if len(sys.argv) > 4 else set()
    sys.exit(1 if diff(load(sys.argv[2]), load(sys.argv[3]), extra) else 0)


main()
