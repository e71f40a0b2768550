"""elfstub: the smallest shared libraries that say what a real one says about itself.

    stub(soname="libcuda.so.1", needed=["libc.so.6"],
         need={"libc.so.6": ["GLIBC_2.14"]}, define=["LIBCUDA_1"], symbols=["cuInit"]) -> bytes

They hold headers, a dynamic section, names, symbols and version tables, and no code: for readers of
ELF files, not for a loader.  bits is 32 or 64, machine an EM_ number, big the other byte order.

    elfstub.py OUT SONAME [needed=LIB]... [need=LIB:VERSION]... [define=VERSION]... [symbol=NAME]...
"""

import struct
import sys

X86, X86_64, AARCH64 = 3, 62, 183


def sysv_hash(name):
    h = 0
    for c in name.encode():
        h = (h << 4) + c
        h ^= (h >> 24) & 0xF0
        h &= 0x0FFFFFFF
    return h


class Names:
    def __init__(self):
        self.data, self.at = bytearray(b"\0"), {"": 0}

    def add(self, name):
        if name not in self.at:
            self.at[name] = len(self.data)
            self.data += name.encode() + b"\0"
        return self.at[name]


def stub(soname=None, needed=(), need=None, define=(), symbols=(), weak=(), runpath=None,
         rpath=None, interp=None, bits=64, machine=None, big=False):
    e = ">" if big else "<"
    word, machine = bits // 8, machine or (X86_64 if bits == 64 else X86)
    names, need = Names(), need or {}

    dynsym = b"\0" * (24 if bits == 64 else 16)
    for s in symbols:
        n = names.add(s)
        dynsym += (struct.pack(e + "IBBHQQ", n, 0x12, 0, 1, 0x100, 1) if bits == 64
                   else struct.pack(e + "IIIBBH", n, 0x100, 1, 0x12, 0, 1))
    buckets, chain = [0] * 3, [0] * (len(symbols) + 1)
    for i, s in enumerate(symbols, 1):
        b = sysv_hash(s) % len(buckets)
        chain[i], buckets[b] = buckets[b], i
    table = struct.pack(e + "%dI" % (2 + len(buckets) + len(chain)), len(buckets), len(chain),
                        *buckets, *chain)

    verneed = b""
    for i, (lib, versions) in enumerate(need.items()):
        last = i == len(need) - 1
        verneed += struct.pack(e + "HHIII", 1, len(versions), names.add(lib), 16,
                               0 if last else 16 + 16 * len(versions))
        for k, v in enumerate(versions):
            verneed += struct.pack(e + "IHHII", sysv_hash(v), 2 if v in weak else 0, 2 + k,
                                   names.add(v), 0 if k == len(versions) - 1 else 16)
    verdef, defs = b"", ([soname or ""] + list(define)) if define else []
    for i, v in enumerate(defs):
        verdef += struct.pack(e + "HHHHIII", 1, 1 if i == 0 else 0, i + 1, 1, sysv_hash(v), 20,
                              0 if i == len(defs) - 1 else 28)
        verdef += struct.pack(e + "II", names.add(v), 0)

    dyn = [(1, names.add(n)) for n in needed]
    if soname:
        dyn.append((14, names.add(soname)))
    if runpath:
        dyn.append((29, names.add(runpath)))
    if rpath:
        dyn.append((15, names.add(rpath)))

    nph = 3 if interp else 2
    at = (64 + 56 * nph) if bits == 64 else (52 + 32 * nph)
    body, where = b"", {}
    parts = [("str", bytes(names.data)), ("sym", dynsym), ("hash", table), ("need", verneed),
             ("def", verdef), ("interp", interp.encode() + b"\0" if interp else b"")]
    for key, data in parts:
        body += b"\0" * (-(at + len(body)) % 8)
        where[key] = at + len(body)
        body += data
    body += b"\0" * (-(at + len(body)) % 8)
    dyn += [(5, where["str"]), (10, len(names.data)), (6, where["sym"]), (4, where["hash"])]
    if verneed:
        dyn += [(0x6FFFFFFE, where["need"]), (0x6FFFFFFF, len(need))]
    if verdef:
        dyn += [(0x6FFFFFFC, where["def"]), (0x6FFFFFFD, len(defs))]
    dyn.append((0, 0))
    dynamic = b"".join(struct.pack(e + ("QQ" if bits == 64 else "II"), t, v) for t, v in dyn)
    dyn_at, total = at + len(body), at + len(body) + len(dynamic)

    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 2 if big else 1, 1]) + b"\0" * 9
    head = ident + struct.pack(e + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"), 3, machine,
                               1, 0, 64 if bits == 64 else 52, 0, 0, 64 if bits == 64 else 52,
                               56 if bits == 64 else 32, nph, 0, 0, 0)

    def segment(kind, off, size):
        if bits == 64:
            return struct.pack(e + "IIQQQQQQ", kind, 4, off, off, off, size, size, word)
        return struct.pack(e + "IIIIIIII", kind, off, off, off, size, size, 4, word)

    head += segment(1, 0, total) + segment(2, dyn_at, len(dynamic))
    if interp:
        head += segment(3, where["interp"], len(interp) + 1)
    return head + body + dynamic


def main(argv):
    words = {"needed": [], "need": {}, "define": [], "symbol": [], "bits": 64}
    for a in argv[3:]:
        key, value = a.split("=", 1)
        if key == "need":
            lib, version = value.split(":", 1)
            words["need"].setdefault(lib, []).append(version)
        elif key == "bits":
            words["bits"] = int(value)
        else:
            words[key].append(value)
    with open(argv[1], "wb") as f:
        f.write(stub(argv[2] or None, words["needed"], words["need"], words["define"],
                     words["symbol"], bits=words["bits"]))


if __name__ == "__main__":
    main(sys.argv)
