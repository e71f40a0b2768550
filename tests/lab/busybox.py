#!/usr/bin/env python3
"""An image of two layers around this machine's static busybox.

	busybox.py LAYOUT          # an OCI layout with the tag "busybox"
"""
import gzip, subprocess, sys
from oci import DIR, END, LINK, Image, entry

PROGRAM = "/bin/busybox"


def main():
    names = subprocess.run([PROGRAM, "--list"], stdout=subprocess.PIPE, check=True).stdout.split()
    first = b"".join(entry(d, type=DIR) for d in (b"bin", b"etc", b"root", b"usr"))
    first += entry(b"tmp", type=DIR, mode=0o1777)
    first += entry(b"bin/busybox", open(PROGRAM, "rb").read(), mode=0o755)
    first += b"".join(entry(b"bin/" + n, type=LINK, link=b"busybox", mode=0o777)
                      for n in names if n != b"busybox")
    second = entry(b"etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    second += entry(b"etc/group", b"root:x:0:\n")
    second += entry(b"etc/hello", b"hello from a layer\n")
    image = Image([gzip.compress(first + END, mtime=0), gzip.compress(second + END, mtime=0)], config={
        "config": {"Env": ["PATH=/bin:/usr/bin", "GREETING=hello"], "Cmd": ["cat", "/etc/hello"],
                   "Labels": {"org.example.name": "busybox"}}})
    image.layout(sys.argv[1], "busybox")


main()
