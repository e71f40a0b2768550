#!/usr/bin/env python3
"""sif: puts file systems into one SIF, byte by byte, as other writers lay it out.

    sif.py OUT PART=FS:FILE...      PART: system primary data overlay; FS: squashfs ext3 luks

The descriptors count from 1 in the order of the words.
"""
import struct
import sys

PARTS = {"system": 1, "primary": 2, "data": 3, "overlay": 4}
SYSTEMS = {"squashfs": 1, "ext3": 2, "luks": 5}
TABLE, SLOTS, SIZE = 4096, 48, 585
DATA = TABLE + SLOTS * SIZE


def main(out, *words):
    table, at = b"", DATA
    with open(out, "wb") as f:
        for number, word in enumerate(words, 1):
            part, rest = word.split("=", 1)
            system, path = rest.split(":", 1)
            with open(path, "rb") as source:
                body = source.read()
            start = (at + 4095) // 4096 * 4096
            table += struct.pack("<iBIIIqqqqqqq128si i3s", 0x4004, 1, number, 0xF0000001, 0, start,
                                 len(body), start - at + len(body), 0, 0, 0, 0, b"part",
                                 SYSTEMS[system], PARTS[part], b"02\0").ljust(SIZE, b"\0")
            f.seek(start)
            f.write(body)
            at = start + len(body)
        f.seek(TABLE)
        f.write(table.ljust(SLOTS * SIZE, b"\0"))
        f.seek(0)
        f.write(struct.pack("<32s10s3s3s16sqqqqqqqq", b"#!/usr/bin/env run-singularity\n",
                            b"SIF_MAGIC\0", b"01\0", b"02\0", bytes(16), 0, 0,
                            SLOTS - len(words), SLOTS, TABLE, SLOTS * SIZE, DATA, at - DATA))


if __name__ == "__main__":
    main(*sys.argv[1:])
