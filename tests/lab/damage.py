#!/usr/bin/env python3
"""Damages a SIF (or the SquashFS in it) in one named way.

	damage.py IN OUT WHAT       # WHAT: a name below, or flip:SEED
	damage.py --list

Offsets are the SIF format's: the header's table fields at 80, a descriptor's at 0, 17, 25 and 201.
"""
import random, struct, sys


def table(d):
    """Offset and number of the descriptors."""
    return struct.unpack_from("<q", d, 96)[0], struct.unpack_from("<q", d, 88)[0]


def partition(d):
    """Where the descriptor of the partition stands, and its data."""
    start, total = table(d)
    for i in range(total):
        at = start + 585 * i
        if struct.unpack_from("<i", d, at)[0] == 0x4004 and d[at + 4]:
            return at, struct.unpack_from("<q", d, at + 17)[0]
    raise SystemExit("no partition")


def put(fmt, where, value):
    def change(d):
        struct.pack_into(fmt, d, where(d) if callable(where) else where, value)
    return change


def field(off):
    return lambda d: partition(d)[0] + off


def fs(off):
    return lambda d: partition(d)[1] + off


def cut(n):
    def change(d):
        del d[n if n > 0 else len(d) + n:]
    return change


WAYS = {
    "magic": put("<I", 32, 0), "version": put("<H", 42, 0x3939),
    "table-beyond": put("<q", 96, 1 << 60), "table-negative": put("<q", 96, -585),
    "total-huge": put("<q", 88, 1 << 50), "total-negative": put("<q", 88, -1),
    "table-size": put("<q", 104, 7),
    "no-partition": lambda d: put("<B", field(4), 0)(d),
    "offset-negative": put("<q", field(17), -4096), "offset-beyond": put("<q", field(17), 1 << 40),
    "size-negative": put("<q", field(25), -1), "size-beyond": put("<q", field(25), 1 << 40),
    "size-overflow": put("<q", field(25), (1 << 63) - 1),
    "fs-ext3": put("<i", field(201), 2), "fs-encrypted": put("<i", field(201), 5),
    "fs-unknown": put("<i", field(201), 77),
    "cut-header": cut(100), "cut-table": cut(6000), "cut-data": cut(-200000),
    "squash-magic": put("<I", fs(0), 0), "squash-compressor": put("<H", fs(20), 3),
    "squash-compressor-unknown": put("<H", fs(20), 99), "squash-version": put("<H", fs(28), 3),
    "squash-block-size": put("<I", fs(12), 3), "squash-block-log": put("<H", fs(22), 60),
    "squash-bytes": put("<Q", fs(40), 1 << 62), "squash-root": put("<Q", fs(32), (1 << 60) | 5),
    "squash-inodes": put("<Q", fs(64), 1 << 50), "squash-dirs": put("<Q", fs(72), 1 << 50),
    "squash-ids": put("<Q", fs(48), 1 << 50), "squash-frags": put("<Q", fs(80), 1 << 50),
    "squash-no-ids": put("<H", fs(26), 0),
}


def main():
    if sys.argv[1] == "--list":
        return print("\n".join(WAYS))
    d = bytearray(open(sys.argv[1], "rb").read())
    if sys.argv[3].startswith("flip:"):
        dice = random.Random(int(sys.argv[3][5:]))
        start = partition(d)[1]
        for _ in range(dice.randint(1, 8)):
            # Near either end of the file system: its super block, or its tables.
            at = dice.choice([start + dice.randrange(96), len(d) - 1 - dice.randrange(20000)])
            d[at] ^= 1 << dice.randrange(8)
    else:
        WAYS[sys.argv[3]](d)
    with open(sys.argv[2], "wb") as f:
        f.write(d)


main()
