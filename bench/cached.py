"""Row S5: what the page cache holds of the image that this process runs in, after `import numpy`.

Prints "DEVICE BYTES", with mincore(2) over every file of /usr, which reads none of them; then waits
for the end of standard input, so that all mounts that are compared exist at once.
"""
import ctypes
import os
import stat
import sys

import numpy  # noqa: F401

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
PAGE = os.sysconf("SC_PAGE_SIZE")
PROT_READ, MAP_SHARED = 1, 1


def resident(path):
    size = os.lstat(path).st_size
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    at = libc.mmap(None, size, PROT_READ, MAP_SHARED, fd, 0)
    os.close(fd)
    if at == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), path)
    pages = ctypes.create_string_buffer((size + PAGE - 1) // PAGE)
    if libc.mincore(at, size, pages) != 0:
        raise OSError(ctypes.get_errno(), path)
    libc.munmap(at, size)
    return PAGE * sum(b & 1 for b in pages.raw)


total = 0
for top, _, names in os.walk("/usr"):
    for name in names:
        st = os.lstat(os.path.join(top, name))
        if stat.S_ISREG(st.st_mode) and st.st_size and st.st_mode & 0o400:
            total += resident(os.path.join(top, name))
print(os.stat("/usr").st_dev, total, flush=True)
sys.stdin.read()
