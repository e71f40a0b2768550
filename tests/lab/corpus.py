#!/usr/bin/env python3
"""A small image with what layers may lawfully hold, written byte by byte.

	corpus.py LAYOUT      # an OCI layout with the tags "corpus" and "sparse"; LAYOUT/sparse.tar

Setuid bits, modes 0000, devices, ids of 32 bits, names that are no UTF-8, xattrs, sparse files, long
names of each kind, hard links within and over layers, type changes, implicit parents, whiteouts,
opaque directories, a tar without an end, several gzip members.  "sparse" is the one thing that umoci
does not unpack, GNU's old sparse format; GNU tar itself is the judge there.
"""
import gzip, struct, sys
from oci import (BLOCK, CHAR, DIR, END, FIFO, HARD, LINK, Image, entry, sparse_gnu, sparse_pax,
                 write)

# cap_net_raw=ep, revision 2
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


def odd_entries():
    e = entry
    return b"".join([
        e(b"./", type=DIR), e(b"./a/", type=DIR), e(b"a/b", type=DIR, mode=0o2775, gid=50),
        e(b"a/file", b"one\n", mode=0o640, uid=1000, gid=1000),
        e(b"a/first", b"linked\n"), e(b"a/second", type=HARD, link=b"a/first"),
        e(b"z-third", type=HARD, link=b"./a/second"),
        e(b"a/setuid", b"#!/bin/sh\n", mode=0o4755), e(b"a/setgid", b"x", mode=0o2711, gid=42),
        e(b"tmp", type=DIR, mode=0o1777),
        e(b"a/none", b"nobody may\n", mode=0), e(b"a/closed", type=DIR, mode=0),
        e(b"a/closed/inside", b"hidden\n", mode=0o600),
        e(b"dev", type=DIR), e(b"dev/null", type=CHAR, dev=(1, 3), mode=0o666),
        e(b"dev/loop", type=BLOCK, dev=(7, 0), mode=0o660, gid=6),
        e(b"dev/big", type=BLOCK, dev=(259, 300000)), e(b"dev/pipe", type=FIFO, mode=0o622),
        e(b"ids/big", b"", uid=4000000000, gid=3000000000),
        e(b"ids/pax", b"", pax={"uid": "4000000001", "gid": "3000000001"}),
        e(b"names/caf\xe9\xff", b"latin\n"), e(b"names/new\nline", b"n\n"),
        e(b"names/back\\slash \x01", b"b\n"),
        e(b"names/" + b"g" * 200, b"gnu\n", gnu=True),
        e(b"short", b"pax\n", pax={"path": b"names/" + b"p" * 240}),
        e(b"n" * 60, b"prefix\n", prefix=b"names/" + b"q" * 100),
        e(b"names/link", type=LINK, link=b"t" * 300, mode=0o777, gnu=True),
        e(b"names/paxlink", type=LINK, mode=0o777, pax={"linkpath": b"u" * 300}),
        e(b"names/linkname", type=HARD, link=b"names/" + b"g" * 200, gnu=True),
        e(b"x/user", b"x", pax={"SCHILY.xattr.user.colour": b"blue\0green"}),
        e(b"x/cap", b"x", mode=0o755, pax={"SCHILY.xattr.security.capability": CAPABILITY}),
        # Names of one length: squashfuse 0.1.105 compares a shorter one with memory that it did not set.
        e(b"x/many", b"x", pax={"SCHILY.xattr.user.n%02d" % i: b"%d" % i * 40 for i in range(20)}),
        e(b"x/dir", type=DIR, pax={"SCHILY.xattr.user.on": b"a directory"}),
        sparse_pax(b"sparse/pax", [(300032, b"here" * 128), (900096, b"end")], 900099),
        e(b"sizes/empty"), e(b"sizes/block", b"B" * 512), e(b"sizes/frag", b"F" * 131073),
        e(b"sizes/zeros", bytes(300000)),
        e(b"imp/li/cit/file", b"parents are implied\n"),
        e(b"twice", b"first\n"), e(b"twice", b"second\n", mode=0o600),
        e(b"time", b"t", pax={"mtime": "1700000000.123456789"}),
    ])


def lower():
    """What the layers above change."""
    e = entry
    return b"".join([
        e(b"w", type=DIR), e(b"w/gone", b"x"), e(b"w/stays", b"x"), e(b"w/tree/deep/er", b"x"),
        e(b"op", type=DIR, mode=0o750), e(b"op/old", b"x"), e(b"op/sub", type=DIR),
        e(b"op/sub/old", b"x"),
        e(b"t", type=DIR), e(b"t/file-to-dir", b"x"), e(b"t/dir-to-file", type=DIR),
        e(b"t/dir-to-file/in", b"x"), e(b"t/link-to-dir", type=LINK, link=b"../tmp"),
        e(b"t/dir-to-link", type=DIR), e(b"t/dir-to-link/in", b"x"), e(b"t/file-to-dev", b"x"),
        e(b"h", type=DIR), e(b"h/one", b"shared\n"), e(b"h/two", type=HARD, link=b"h/one"),
        e(b"h/three", type=HARD, link=b"h/one"),
        e(b"dirmode", type=DIR, mode=0o777), e(b"dirmode/kept", b"x"),
        e(b"re", type=DIR), e(b"re/x", b"old\n"),
    ])


def upper():
    e = entry
    return b"".join([
        e(b"w/.wh.gone"), e(b"w/.wh.tree"),
        e(b"op", type=DIR, mode=0o750), e(b"op/.wh..wh..opq"), e(b"op/new", b"new\n"),
        e(b"op/sub", type=DIR, mode=0o711),
        e(b"t/file-to-dir", type=DIR), e(b"t/file-to-dir/in", b"y"),
        e(b"t/dir-to-file", b"now a file\n"),
        e(b"t/link-to-dir", type=DIR), e(b"t/link-to-dir/in", b"y"),
        e(b"t/dir-to-link", type=LINK, link=b"../tmp", mode=0o777),
        e(b"t/file-to-dev", type=CHAR, dev=(1, 5)),
        # One name of three gets new content; a new name joins from this layer.
        e(b"h/one", b"changed\n"), e(b"cross", type=HARD, link=b"h/two"),
        e(b"dirmode", type=DIR, mode=0o700, uid=1000, gid=1000),
        e(b"re/.wh.x"), e(b"re/x", b"again\n"),
    ])


def unended():
    """Neither an end-of-archive mark nor the padding of the last file: umoci writes such tars."""
    return entry(b"un", type=DIR) + entry(b"un/ended", b"ends here\n").rstrip(b"\0")


def pack(data):
    """The same bytes on each run, so that what was made from them is found again."""
    return gzip.compress(data, mtime=0)


def main():
    first = odd_entries() + lower() + END
    half = len(first) // 2 // 512 * 512 + 77
    members = b"".join(pack(part) for part in (first[:half], b"", first[half:]))
    image = Image([members, upper() + END, pack(unended())], config={"config": {
        "Env": ["PATH=/usr/bin:/bin", "ODD=a b$c\"d'e\\f"], "Entrypoint": ["/bin/echo", "it's"],
        "Cmd": ["$HOME", "\"q\""], "Labels": {"org.example.a": "1", "empty": ""},
        "WorkingDir": "/tmp", "User": "1000:1000"}})
    image.layout(sys.argv[1], "corpus")
    tar = b"".join([
        entry(b"sparse", type=DIR),
        sparse_gnu(b"sparse/gnu", [(0, b"s" * 512), (1 << 20, b"m" * 1024), (1 << 21, b"")], 1 << 21),
        entry(b"after", b"aligned\n")]) + END
    Image([tar]).layout(sys.argv[1], "sparse")
    write(sys.argv[1] + "/sparse.tar", tar)


main()
