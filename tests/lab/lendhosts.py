"""lendhosts: machines and images to lend from and to, as directories of small files.

    lendhosts.py DIR        # DIR/hosts/<name>, DIR/images/<name>

Names, links and symbol versions are those of the real systems; libraries are stubs (elfstub.py),
devices ordinary files.  Hosts:

    el9-nv550        EL 9, NVIDIA 550.54.14 with 32-bit libraries, MIG, IMEX; Slingshot
    ubuntu2204-nv535 Ubuntu 22.04, NVIDIA 535.161.08, an old library left behind, InfiniBand
    el8-nv550        EL 8, the kernel's driver newer than the libraries
    ubuntu2404-rocm  Ubuntu 24.04, ROCm 6.1 in /opt/rocm
    el9-intel        EL 9, Level Zero
    alpine-ib        no ld.so.cache, InfiniBand
    el9-vendor       EL 9, a vendor's MPICH as a module and no other MPI
    el9-mpi          EL 9, Open MPI 4.1 as packaged, MPICH below /opt, a vendor's MPICH as a module
    bare             nothing to lend
"""

import os
import struct
import sys

from elfstub import stub

GLIBC = ["2.2.5", "2.3", "2.3.4", "2.4", "2.14", "2.17", "2.18", "2.25", "2.27", "2.28", "2.29",
         "2.31", "2.32", "2.33", "2.34", "2.35", "2.36", "2.38", "2.39"]
GLIBCXX = {"2.17": 19, "2.27": 25, "2.28": 25, "2.31": 28, "2.34": 29, "2.35": 30, "2.36": 30, "2.39": 33}


def key(v):
    return [int(x) for x in v.split(".")]


def glibc_versions(upto):
    return ["GLIBC_" + v for v in GLIBC if key(v) <= key(upto)] + ["GLIBC_PRIVATE"]


class Tree:
    def __init__(self, root):
        self.root, self.cache = root, []
        os.makedirs(root, exist_ok=True)

    def file(self, path, data=b"", mode=0o644):
        full = self.root + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(full, mode)

    def link(self, path, target):
        full = self.root + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if os.path.lexists(full):
            os.unlink(full)
        os.symlink(target, full)

    def lib(self, where, soname, file=None, glibc="2.17", needed=(), need=None, define=(), bits=64,
            cached=True, dev=False, symbols=()):
        """file in where, with its soname as a link; known to the cache by the soname."""
        file = file or soname
        versions = {"libc.so.6": ["GLIBC_2.2.5" if bits == 64 else "GLIBC_2.0"]}
        if glibc and bits == 64 and glibc != "2.2.5":
            versions["libc.so.6"].append("GLIBC_" + glibc)
        versions.update(need or {})
        libs = list(dict.fromkeys(list(needed) + [n for n in versions]))
        self.file("%s/%s" % (where, file),
                  stub(soname, libs, versions, define, symbols, bits=bits), 0o755)
        if file != soname:
            self.link("%s/%s" % (where, soname), file)
        if cached:
            self.cache.append((soname, "%s/%s" % (where, soname), bits))
        if dev:
            name = soname[:soname.index(".so") + 3]
            self.link("%s/%s" % (where, name), soname)
            self.cache.append((name, "%s/%s" % (where, name), bits))

    def base(self, where, glibc, where32=None, cxx=True):
        self.file(where + "/libc.so.6", stub("libc.so.6", define=glibc_versions(glibc)), 0o755)
        self.cache.append(("libc.so.6", where + "/libc.so.6", 64))
        self.file(where + "/libm.so.6", stub("libm.so.6", ["libc.so.6"], {}, glibc_versions(glibc)), 0o755)
        if cxx:
            define = ["GLIBCXX_3.4"] + ["GLIBCXX_3.4.%d" % i for i in range(1, GLIBCXX[glibc] + 1)]
            self.lib(where, "libstdc++.so.6", glibc="2.17", define=define + ["CXXABI_1.3"])
            self.lib(where, "libgcc_s.so.1", glibc="2.17", define=["GCC_3.0", "GCC_3.3", "GCC_4.2.0"])
        if where32:
            self.file(where32 + "/libc.so.6", stub("libc.so.6", define=["GLIBC_2.0"], bits=32), 0o755)
            self.cache.append(("libc.so.6", where32 + "/libc.so.6", 32))

    def write_cache(self, old=False):
        self.file("/etc/ld.so.cache", ldcache(self.cache, old))


def ldcache(entries, old=False):
    """The newer table, alone or behind the older one as ldconfig -c compat writes it."""
    flags = {64: 0x0303, 32: 0x0003}
    entries = sorted(entries, key=lambda e: e[0], reverse=True)
    strings, at = b"", {}
    for name, path, _ in entries:
        for s in (name, path):
            if s not in at:
                at[s] = len(strings)
                strings += s.encode() + b"\0"
    base = 48 + 24 * len(entries)
    new = b"glibc-ld.so.cache1.1" + struct.pack("<IIB3xI12x", len(entries), len(strings), 2, 0)
    for name, path, bits in entries:
        new += struct.pack("<iIIIQ", flags[bits], base + at[name], base + at[path], 0, 0)
    new += strings
    if not old:
        return new
    head = b"ld.so-1.7.0\0" + struct.pack("<I", len(entries))
    size = (len(head) + 12 * len(entries) + 7) & ~7
    gap = size - len(head) - 12 * len(entries)
    shift = gap + base  # from the end of the older table to the strings of the newer one
    for name, path, bits in entries:
        head += struct.pack("<iII", flags[bits], shift + at[name], shift + at[path])
    return head + b"\0" * gap + new


# --- NVIDIA ---

def nvidia(t, where, version, where32=None, gpus=2, mig=False, imex=False, glvnd="2.34",
           kernel=None, model="NVIDIA A100-SXM4-40GB"):
    kernel = kernel or version
    t.file("/proc/driver/nvidia/version",
           "NVRM version: NVIDIA UNIX x86_64 Kernel Module  %s  Thu Feb 22 01:44:30 UTC 2024\n"
           "GCC version:  gcc version 11.4.1 20230605 (Red Hat 11.4.1-2) (GCC)\n" % kernel)
    t.file("/sys/module/nvidia/version", kernel + "\n")
    for i in range(gpus):
        bus = "0000:%02x:00.0" % (0x3B + 0x10 * i)
        t.file("/proc/driver/nvidia/gpus/%s/information" % bus,
               "Model: \t\t %s\nIRQ:   \t\t 120\nGPU UUID: \t GPU-0000000%d-1111-2222-3333-444455556666\n"
               "Bus Location: \t %s\nDevice Minor: \t %d\n" % (model, i, bus, i))
        t.file("/dev/nvidia%d" % i)
        t.file("/dev/dri/renderD%d" % (128 + i))
        t.file("/sys/bus/pci/devices/%s/drm/renderD%d/dev" % (bus, 128 + i), "226:%d\n" % (128 + i))
    for n in ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset"):
        t.file("/dev/" + n)
    if mig:
        for n, cap in ((1, "gpu0/mig/gi1/access"), (3, "gpu0/mig/gi1/ci0/access"), (2, "mig/config")):
            t.file("/dev/nvidia-caps/nvidia-cap%d" % n)
            t.file("/proc/driver/nvidia/capabilities/" + cap,
                   "DeviceFileMinor: %d\nDeviceFileMode: 292\nDeviceFileModify: 1\n" % n)
        # Another job's instance, whose node a cgroup keeps from this one.
        t.file("/proc/driver/nvidia/capabilities/gpu0/mig/gi2/access", "DeviceFileMinor: 12\n")
    if imex:
        t.file("/dev/nvidia-caps-imex-channels/channel0")
    major = ["libcuda.so.1", "libnvidia-ml.so.1", "libnvcuvid.so.1", "libnvidia-encode.so.1",
             "libnvidia-opencl.so.1", "libnvidia-ptxjitcompiler.so.1", "libnvidia-nvvm.so.4",
             "libnvoptix.so.1", "libEGL_nvidia.so.0", "libGLX_nvidia.so.0",
             "libGLESv2_nvidia.so.2", "libGLESv1_CM_nvidia.so.1", "libnvidia-cfg.so.1",
             "libnvidia-fbc.so.1", "libnvidia-ngx.so.1", "libnvidia-opticalflow.so.1",
             "libnvidia-allocator.so.1", "libcudadebugger.so.1", "libvdpau_nvidia.so.1"]
    exact = ["libnvidia-glcore", "libnvidia-eglcore", "libnvidia-glsi", "libnvidia-tls",
             "libnvidia-rtcore", "libnvidia-glvkspirv", "libnvidia-gpucomp", "libnvidia-gtk3",
             "libnvidia-wayland-client", "libnvidia-sandboxutils-not-listed-anywhere"]
    for soname in major:
        stem = soname[:soname.index(".so")]
        needed = {"libGLX_nvidia.so.0": ["libX11.so.6", "libnvidia-glcore.so." + version],
                  "libEGL_nvidia.so.0": ["libnvidia-eglcore.so." + version]}.get(soname, ["libm.so.6"])
        t.lib(where, soname, "%s.so.%s" % (stem, version), glibc="2.17" if stem == "libcuda" else "2.14",
              needed=needed, dev=stem in ("libcuda", "libnvidia-ml"))
        if where32 and stem in ("libcuda", "libnvidia-ml", "libGLX_nvidia", "libEGL_nvidia"):
            t.lib(where32, soname, "%s.so.%s" % (stem, version), bits=32)
    for stem in exact:
        t.lib(where, "%s.so.%s" % (stem, version), glibc="2.2.5" if "gtk" not in stem else "2.34")
    for soname in ("libGL.so.1", "libGLX.so.0", "libEGL.so.1", "libOpenGL.so.0", "libGLESv2.so.2"):
        t.lib(where, soname, soname + ".0.0", glibc=glvnd, needed=["libGLdispatch.so.0"])
    t.lib(where, "libGLdispatch.so.0", "libGLdispatch.so.0.0.0", glibc=glvnd)
    t.lib(where, "libOpenCL.so.1", "libOpenCL.so.1.0.0", glibc="2.17")
    for p in ("nvidia-smi", "nvidia-debugdump", "nvidia-persistenced", "nvidia-cuda-mps-control"):
        t.file("/usr/bin/" + p, stub(needed=["libc.so.6"], need={"libc.so.6": ["GLIBC_2.2.5"]},
                                     interp="/lib64/ld-linux-x86-64.so.2"), 0o755)
    for f in ("/usr/share/glvnd/egl_vendor.d/10_nvidia.json", "/etc/OpenCL/vendors/nvidia.icd",
              "/usr/share/vulkan/icd.d/nvidia_icd.x86_64.json", "/usr/share/nvidia/nvoptix.bin"):
        t.file(f, "{}\n")
    t.file("/run/nvidia-persistenced/socket")


def infiniband(t, where, glibc):
    t.file("/dev/infiniband/uverbs0")
    t.file("/dev/infiniband/rdma_cm")
    t.file("/sys/class/infiniband/mlx5_0/device/uevent", "DRIVER=mlx5_core\nPCI_ID=15B3:101B\n")
    t.file("/etc/libibverbs.d/mlx5.driver", "driver mlx5\n")
    t.lib(where, "libnl-3.so.200", "libnl-3.so.200.26.0", glibc="2.17", define=["libnl_3"])
    t.lib(where, "libnl-route-3.so.200", "libnl-route-3.so.200.26.0", glibc="2.17",
          needed=["libnl-3.so.200"], need={"libnl-3.so.200": ["libnl_3"]})
    t.lib(where, "libibverbs.so.1", "libibverbs.so.1.14.41.0", glibc=glibc,
          needed=["libnl-route-3.so.200", "libnl-3.so.200"], define=["IBVERBS_1.0", "IBVERBS_1.14"])
    t.lib(where, "librdmacm.so.1", "librdmacm.so.1.3.41.0", glibc=glibc, needed=["libibverbs.so.1"],
          need={"libibverbs.so.1": ["IBVERBS_1.14"]})
    t.lib(where, "libmlx5.so.1", "libmlx5.so.1.24.41.0", glibc=glibc, needed=["libibverbs.so.1"])
    t.link(where + "/libibverbs/libmlx5-rdmav34.so", "../libmlx5.so.1.24.41.0")
    for n in ("ucp", "uct", "ucs", "ucm"):
        t.lib(where, "lib%s.so.0" % n, "lib%s.so.0.0.0" % n, glibc=glibc)
    t.lib(where + "/ucx", "libuct_ib.so.0", glibc=glibc, needed=["libibverbs.so.1"], cached=False)


def el9_nv550(t):
    t.link("/lib64", "usr/lib64")
    t.link("/lib", "usr/lib")
    t.base("/usr/lib64", "2.34", "/usr/lib")
    nvidia(t, "/lib64", "550.54.14", "/lib", mig=True, imex=True)
    t.file("/dev/cxi0")
    t.file("/dev/xpmem")
    t.lib("/lib64", "libcxi.so.1", "libcxi.so.1.5.0", glibc="2.17")
    t.lib("/lib64", "libfabric.so.1", "libfabric.so.1.18.1", glibc="2.17",
          needed=["libcxi.so.1"], define=["FABRIC_1.%d" % i for i in range(7)])
    cdi(t)
    modules(t)
    t.write_cache()


def gpu_node(n):
    return "  - name: \"%s\"\n    containerEdits:\n      deviceNodes:\n" % n + "".join(
        "      - path: /dev/nvidia%d\n" % i for i in ((0, 1) if n == "all" else (int(n),)))


def cdi(t):
    """As nvidia-ctk writes it, and some of a vendor that goes wrong."""
    v = "550.54.14"
    t.file("/etc/cdi/nvidia.yaml", "---\ncdiVersion: 0.5.0\ncontainerEdits:\n  deviceNodes:\n"
           "  - path: /dev/nvidia-modeset\n  - path: /dev/nvidia-uvm\n  - path: /dev/nvidiactl\n"
           "  env:\n  - NVIDIA_VISIBLE_DEVICES=void\n  hooks:\n"
           "  - args:\n    - nvidia-cdi-hook\n    - create-symlinks\n    - --link\n"
           "    - libcuda.so.1::/usr/lib64/libcuda.so\n    - --link\n"
           "    - ../libglxserver_nvidia.so.%s::/usr/lib/xorg/nvidia_drv.so\n"
           "    hookName: createContainer\n    path: /usr/bin/nvidia-cdi-hook\n"
           "  - args: [nvidia-ctk, hook, update-ldcache, --folder, /usr/lib64]\n"
           "    hookName: createContainer\n    path: /usr/bin/nvidia-ctk\n"
           "  - args: [nvidia-ctk, hook, chmod, --mode, \"755\", --path, /dev/dri]\n"
           "    hookName: createContainer\n    path: /usr/bin/nvidia-ctk\n"
           "  mounts:\n" % v + "".join(
               "  - containerPath: %s\n    hostPath: %s\n    options:\n    - ro\n    - nosuid\n    - nodev\n"
               "    - bind\n" % (p, p) for p in (
                   "/usr/lib64/libcuda.so." + v, "/usr/lib64/libnvidia-ml.so." + v, "/usr/bin/nvidia-smi")) +
           "devices:\n" + gpu_node("0") + gpu_node("1") + gpu_node("all") + "kind: nvidia.com/gpu\n")
    hook = ('"hooks": [{"hookName": "createContainer", "path": "/usr/bin/vendor-hook",'
            ' "args": ["vendor-hook", "setup"]}]')
    t.file("/etc/cdi/net.json", '{"cdiVersion": "0.8.0", "kind": "vendor.com/net", "later": 1, "devices": ['
           '{"name": "x", "containerEdits": {"env": ["WHERE=etc"]}},'
           '{"name": "gone", "containerEdits": {"deviceNodes": [{"path": "/dev/gone"}]}},'
           '{"name": "hooked", "containerEdits": {%s}}]}' % hook)
    one = '{"cdiVersion": "1.0.0", "kind": "vendor.com/net", "devices": [{"name": "%s", "containerEdits": {"env": ["WHERE=%s"]}}]}'
    t.file("/etc/cdi/odd.json", '{"cdiVersion": "1.1.0", "kind": "vendor.com/odd", "devices": ['
           '{"name": "mem", "containerEdits": {"mounts": [{"type": "tmpfs", "hostPath": "tmpfs", "containerPath":'
           ' "/scratch", "options": ["nosuid", "noexec", "mode=0700", "size=8m"]}]}},'
           '{"name": "proc", "containerEdits": {"mounts": [{"type": "proc", "hostPath": "proc", "containerPath": "/p"}]}},'
           '{"name": "mine", "containerEdits": {"additionalGids": [0, %d]}},'
           '{"name": "group", "containerEdits": {"additionalGids": [4000000]}},'
           '{"name": "rdt", "containerEdits": {"intelRdt": {"closID": "x"}}},'
           '{"name": "nic", "containerEdits": {"netDevices": [{"hostInterfaceName": "eth7", "name": "eth0"}]}}]}'
           % os.getegid())
    t.file("/etc/cdi/t1.json", one % ("twice", "1"))
    t.file("/etc/cdi/t2.json", one % ("twice", "2"))
    t.file("/var/run/cdi/net.json", one % ("x", "run"))
    t.file("/opt/cdi/net.json", one % ("x", "opt"))
    t.file("/etc/cdi/bad.yaml", "cdiVersion: 0.6.0\nkind: &k a/b\n")
    t.file("/etc/cdi/new.yaml", "cdiVersion: 7.0.0\nkind: a.b/c\ndevices:\n- {name: d, containerEdits: {}}\n")
    t.file("/etc/cdi/README", "not a spec")


def modules(t):
    t.file("/opt/sw/bin/tool")
    o = "/opt/cray/lib"
    t.lib(o, "libpals.so.0", glibc="2.17", cached=True)
    t.lib(o, "libmpi_gnu_91.so.12", glibc="2.28", needed=["libpals.so.0"], cached=False)
    t.file("/etc/berth/bindings.d/site.conf", """[licence]
bind = /opt/sw:/sw:ro
optional bind = /nowhere
env = LM_LICENSE_FILE=27000@lic-${USER}
prepend = PATH=/sw/bin
unset = LANG

[cray-mpich]
summary = the site's MPI in the place of the image's MPICH
when image has = libmpi.so.12
lib = /opt/cray/lib/libmpi_gnu_91.so.12 as libmpi.so.12
device = /dev/cxi*
requires = fabric-dirs

[fabric-dirs]
env = FI_CXI_RX_MATCH_MODE=hybrid



[openmpi]


conflicts = cray-mpich
""")
    t.file("/etc/berth/bindings.d/x.conf",
           "[always]\ndefault = yes\nenv = SITE=here\n[never]\ndefault = yes\nwhen exists = /not/here\n")
    t.file("/etc/berth/bindings.d/note.txt", "not read")


def ubuntu2204_nv535(t):
    d = "/lib/x86_64-linux-gnu"
    t.link("/lib", "usr/lib")
    t.base("/usr" + d, "2.35")
    nvidia(t, d, "535.161.08", gpus=1, glvnd="2.34")
    t.lib(d, "libnvidia-old.so.1", "libnvidia-old.so.470.57.02")
    infiniband(t, d, "2.34")
    t.write_cache()


def el8_nv550(t):
    t.link("/lib64", "usr/lib64")
    t.base("/usr/lib64", "2.28")
    nvidia(t, "/lib64", "535.161.08", kernel="550.54.14")
    t.write_cache(old=True)


def ubuntu2404_rocm(t):
    d = "/lib/x86_64-linux-gnu"
    t.link("/lib", "usr/lib")
    t.base("/usr" + d, "2.39")
    t.file("/dev/kfd")
    for i in range(2):
        t.file("/dev/dri/renderD%d" % (128 + i))
    t.file("/dev/dri/card0")
    t.file("/sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 64\nsimd_count 0\n")
    for i in (1, 2):
        t.file("/sys/class/kfd/kfd/topology/nodes/%d/properties" % i,
               "cpu_cores_count 0\nsimd_count 440\ndrm_render_minor %d\nunique_id %d\n" % (127 + i, 0xABC0 + i))
    t.link("/opt/rocm", "rocm-6.1.0")
    o = "/opt/rocm-6.1.0/lib"
    t.lib(d, "libnuma.so.1", "libnuma.so.1.0.0", glibc="2.17", define=["libnuma_1.1"])
    t.lib(d, "libdrm.so.2", "libdrm.so.2.4.0", glibc="2.17")
    t.lib(d, "libdrm_amdgpu.so.1", "libdrm_amdgpu.so.1.0.0", glibc="2.17", needed=["libdrm.so.2"])
    t.lib(o, "libhsa-runtime64.so.1", "libhsa-runtime64.so.1.13.60100", glibc="2.34",
          needed=["libdrm_amdgpu.so.1", "libnuma.so.1"], need={"libnuma.so.1": ["libnuma_1.1"]})
    t.lib(o, "libamd_comgr.so.2", "libamd_comgr.so.2.6.60100", glibc="2.17",
          need={"libstdc++.so.6": ["GLIBCXX_3.4", "GLIBCXX_3.4.22"]})
    t.lib(o, "libamdhip64.so.6", "libamdhip64.so.6.1.60100", glibc="2.34",
          needed=["libamd_comgr.so.2", "libhsa-runtime64.so.1"],
          need={"libstdc++.so.6": ["GLIBCXX_3.4.30"]})
    t.file("/opt/rocm-6.1.0/bin/rocminfo", stub(needed=["libc.so.6"], need={"libc.so.6": ["GLIBC_2.34"]},
                                                interp="/lib64/ld-linux-x86-64.so.2"), 0o755)
    t.file("/etc/OpenCL/vendors/amdocl64.icd", "libamdocl64.so\n")
    t.write_cache()


def el9_intel(t):
    t.link("/lib64", "usr/lib64")
    t.base("/usr/lib64", "2.34")
    t.file("/dev/dri/renderD128")
    t.file("/dev/dri/card0")
    t.lib("/lib64", "libze_loader.so.1", "libze_loader.so.1.16.1", glibc="2.34",
          need={"libstdc++.so.6": ["GLIBCXX_3.4.29"]})
    t.lib("/lib64", "libigdgmm.so.12", "libigdgmm.so.12.3.0", glibc="2.17")
    t.lib("/lib64", "libze_intel_gpu.so.1", "libze_intel_gpu.so.1.3.28202", glibc="2.34",
          needed=["libigdgmm.so.12"])
    t.file("/etc/OpenCL/vendors/intel.icd", "libigdrcl.so\n")
    t.write_cache()


def site_lists(t):
    """A site with lists of its own, MPS and Gaudi devices; its Omni-Path is the only fabric."""
    d = "/usr/lib64"
    t.link("/lib64", "usr/lib64")
    t.base(d, "2.34")
    nvidia(t, "/lib64", "550.54.14", gpus=1)
    t.file("/etc/berth/nvliblist.conf", "# ours\nnvidia-smi\nlibsitenv.so\n/opt/site.icd\n")
    t.file("/etc/berth/rocmliblist.conf", "libsiteroc.so\n")
    t.file("/opt/site.icd", "x\n")
    t.lib("/lib64", "libsitenv.so.1")
    t.lib("/lib64", "libsiteroc.so.1")
    t.file("/tmp/nvidia-mps/control")
    t.file("/dev/kfd")
    for i in range(3):
        t.file("/dev/accel/accel%d" % i)
    t.file("/dev/hfi1_0")
    t.lib("/lib64", "libpsm2.so.2", "libpsm2.so.2.2")
    t.lib("/lib64", "libfabric.so.1", "libfabric.so.1.18.1", needed=["libpsm2.so.2"], define=["FABRIC_1.0"])
    t.lib(d + "/libfabric", "libopx-fi.so", needed=["libpsm2.so.2"], cached=False)
    t.write_cache()


def alpine_ib(t):
    t.file("/lib/ld-musl-x86_64.so.1", stub("libc.musl-x86_64.so.1"), 0o755)
    t.file("/dev/infiniband/uverbs0")
    t.file("/usr/lib/libibverbs.so.1.14.41.0",
           stub("libibverbs.so.1", ["libc.musl-x86_64.so.1"]), 0o755)
    t.link("/usr/lib/libibverbs.so.1", "libibverbs.so.1.14.41.0")


def el9_mpi(t):
    t.link("/lib64", "usr/lib64")
    t.base("/usr/lib64", "2.34")
    d = "/usr/lib64/openmpi/lib"
    t.lib("/lib64", "libhwloc.so.15", "libhwloc.so.15.5.3", glibc="2.17")
    t.lib("/lib64", "libevent_core-2.1.so.7", glibc="2.17")
    t.lib("/lib64", "libnl-3.so.200", glibc="2.17", define=["libnl_3", "libnl_3_5"])
    t.lib(d, "libopen-pal.so.40", "libopen-pal.so.40.30.3", needed=["libevent_core-2.1.so.7", "libhwloc.so.15"])
    t.lib(d, "libmpi.so.40", "libmpi.so.40.30.6", glibc="2.34",
          needed=["libopen-pal.so.40", "libstdc++.so.6"], symbols=["ompi_mpi_comm_world"])
    t.file(d + "/openmpi/mca_btl_usnic.so", stub("mca_btl_usnic.so", ["libnl-3.so.200", "libopen-pal.so.40"],
                                                 {"libnl-3.so.200": ["libnl_3_5"]}), 0o755)
    o = "/opt/mpich/lib"
    t.lib(o, "libmpi.so.12", "libmpi.so.12.3.1", needed=["libucp.so.0"], symbols=["MPII_Version_string"],
          cached=False)
    t.lib(o, "libucp.so.0", "libucp.so.0.0.0", needed=["libucs.so.0"], cached=False)
    t.lib(o, "libucs.so.0", "libucs.so.0.0.0", cached=False)
    t.file(o + "/ucx/libuct_ib.so.0", stub("libuct_ib.so.0", ["libucs.so.0"]), 0o755)
    t.lib("/opt/vendor/lib", "libmpi_gnu.so.12", "libmpi_gnu.so.12.0.0", cached=False)
    t.file("/etc/berth/bindings.d/mpi.conf", "[vendor-mpich]\nmpi = mpich\nwhen env = VENDOR\n"
           "lib = /opt/vendor/lib/libmpi_gnu.so.12 as libmpi.so.12\n")
    t.write_cache()


def el9_vendor(t):
    """The vendor's MPICH, by a module of the site, and nothing else."""
    t.base("/lib64", "2.34")
    t.lib("/opt/vendor/lib", "libmpi_gnu.so.12", "libmpi_gnu.so.12.0.0", cached=False)
    t.file("/etc/berth/bindings.d/mpi.conf", "[vendor-mpich]\nmpi = mpich\n"
           "lib = /opt/vendor/lib/libmpi_gnu.so.12 as libmpi.so.12\n")
    t.write_cache()


HOSTS = {"el9-mpi": el9_mpi, "el9-vendor": el9_vendor, "el9-nv550": el9_nv550, "ubuntu2204-nv535": ubuntu2204_nv535, "el8-nv550": el8_nv550,
         "ubuntu2404-rocm": ubuntu2404_rocm, "el9-intel": el9_intel, "alpine-ib": alpine_ib, "site-lists": site_lists,
         "bare": lambda t: t.base("/lib64", "2.34")}


# --- images ---

def image(t, glibc, debian):
    d = "/usr/lib/x86_64-linux-gnu" if debian else "/usr/lib64"
    t.link("/lib" if debian else "/lib64", "usr/lib" if debian else "usr/lib64")
    t.base(d, glibc)
    t.write_cache()
    return d


def with_gl(t):
    d = image(t, "2.31", True)
    for soname in ("libGL.so.1", "libGLX.so.0", "libEGL.so.1", "libGLdispatch.so.0", "libdrm.so.2",
                   "libnuma.so.1", "libX11.so.6"):
        t.lib(d, soname)
    t.lib(d, "libcuda.so.1", "libcuda.so.470.57.02")
    t.lib(d, "libfabric.so.1", define=["FABRIC_1.%d" % i for i in range(4)])


def with_mpich(t, glibc):
    d = image(t, glibc, False)
    t.lib(d, "libmpi.so.12", "libmpi.so.12.1.10")


def with_openmpi(t, glibc):
    image(t, glibc, True)
    t.lib("/opt/openmpi/lib", "libmpi.so.40", "libmpi.so.40.40.7", symbols=["ompi_mpi_comm_world"], cached=False)
    t.lib("/opt/openmpi/lib", "libopen-pal.so.40", cached=False)
    t.lib("/usr/lib/x86_64-linux-gnu", "libnl-3.so.200", define=["libnl_3", "libnl_3_5", "libnl_3_6"])
    t.lib("/usr/lib/x86_64-linux-gnu", "libhwloc.so.15")


def musl(t):
    t.file("/lib/ld-musl-x86_64.so.1", stub("libc.musl-x86_64.so.1"), 0o755)
    t.file("/usr/lib/libstdc++.so.6", stub("libstdc++.so.6", ["libc.musl-x86_64.so.1"]), 0o755)


def multilib(t):
    t.base("/usr/lib64", "2.36", "/usr/lib")
    t.link("/lib64", "usr/lib64")
    t.write_cache()


def old_cxx(t):
    """A newer C library beside an older compiler's, as conda and hand-made images have it."""
    image(t, "2.36", True)
    t.lib("/usr/lib/x86_64-linux-gnu", "libstdc++.so.6", define=["GLIBCXX_3.4", "GLIBCXX_3.4.22"])


def no_cxx(t):
    t.base("/lib64", "2.36", cxx=False)
    t.write_cache()


def with_verbs(t, provider):
    """rdma-core, whose providers are a package of their own."""
    d = image(t, "2.36", True)
    t.lib(d, "libibverbs.so.1", "libibverbs.so.1.14.44.0", define=["IBVERBS_1.0", "IBVERBS_PRIVATE_44"])
    t.file("%s/libibverbs/lib%s-rdmav44.so" % (d, provider), "x")


IMAGES = {"verbs-mlx5": lambda t: with_verbs(t, "mlx5"), "verbs-efa": lambda t: with_verbs(t, "efa"),
          "glibc217": lambda t: image(t, "2.17", False), "glibc227": lambda t: image(t, "2.27", True),
          "glibc231": lambda t: image(t, "2.31", True), "glibc236": lambda t: image(t, "2.36", True),
          "glibc239": lambda t: image(t, "2.39", True), "glibc231-gl": with_gl,
          "glibc231-mpich": lambda t: with_mpich(t, "2.31"),
          "glibc231-openmpi": lambda t: with_openmpi(t, "2.31"),
          "glibc236-openmpi": lambda t: with_openmpi(t, "2.36"),
          "glibc217-mpich": lambda t: with_mpich(t, "2.17"), "musl": musl,
          "static": lambda t: t.file("/bin/app", "static"), "nocxx": no_cxx, "multilib": multilib,
          "oldcxx": old_cxx}


def main(out):
    for kind, table in (("hosts", HOSTS), ("images", IMAGES)):
        for name, make in table.items():
            make(Tree("%s/%s/%s" % (out, kind, name)))
    entries = [("libcuda.so.1", "/lib64/libcuda.so.1", 64), ("libcuda.so.1", "/lib/libcuda.so.1", 32),
               ("libc.so.6", "/lib64/libc.so.6", 64)]
    for name, old in (("new", False), ("compat", True)):
        os.makedirs(out + "/caches", exist_ok=True)
        with open("%s/caches/%s" % (out, name), "wb") as f:
            f.write(ldcache(entries, old))
    with open(out + "/done", "w"):
        pass


if __name__ == "__main__":
    main(sys.argv[1])
