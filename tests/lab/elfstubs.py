"""elfstubs: the libraries that tests/unit/test_elf.c reads, and the seeds of fuzz_elf.

    elfstubs.py DIR
"""

import os
import sys

from elfstub import stub

LIBS = {
    "lib64.so": stub("libcuda.so.1", ["libc.so.6", "libm.so.6"],
                     {"libc.so.6": ["GLIBC_2.14", "GLIBC_2.2.5"], "libm.so.6": ["GLIBC_2.29"]},
                     ["LIBCUDA_1"], ["cuInit", "cuMem"], weak=["GLIBC_2.2.5"],
                     runpath="$ORIGIN/x"),
    "lib32.so": stub("libcuda.so.1", ["libc.so.6"], {"libc.so.6": ["GLIBC_2.0"]}, bits=32),
    "big.so": stub("libm.so.6", ["libc.so.6"], {}, big=True, machine=21),
    "prog": stub(needed=["libc.musl-x86_64.so.1"], interp="/lib/ld-musl-x86_64.so.1"),
}

os.makedirs(sys.argv[1], exist_ok=True)
for name, data in LIBS.items():
    with open(os.path.join(sys.argv[1], name), "wb") as f:
        f.write(data)
