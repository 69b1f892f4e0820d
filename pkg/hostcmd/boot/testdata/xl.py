"""Reads a configuration of xl.cfg(5) with Xen's own parser; prints it as JSON."""

import ctypes as c
import json
import sys

libc = c.CDLL(None)
libc.fdopen.restype = c.c_void_p
xlu = c.CDLL("libxlutil.so")
libxl = c.CDLL("libxenlight.so")
xlu.xlu_cfg_init.restype = c.c_void_p
xlu.xlu_cfg_init.argtypes = [c.c_void_p, c.c_char_p]
xlu.xlu_cfg_get_listitem.restype = c.c_char_p

STRINGS = "name type kernel ramdisk extra on_poweroff on_reboot on_crash".split()
NUMBERS = "memory vcpus".split()
LISTS = "disk channel".split()
RAW = 4  # LIBXL_DISK_FORMAT_RAW


class Disk(c.Structure):
    """The beginning of libxl_device_disk, and room for the rest."""

    _fields_ = [
        ("backend_domid", c.c_uint32),
        ("backend_domname", c.c_char_p),
        ("pdev_path", c.c_char_p),
        ("vdev", c.c_char_p),
        ("backend", c.c_int),
        ("format", c.c_int),
        ("script", c.c_char_p),
        ("removable", c.c_int),
        ("readwrite", c.c_int),
        ("rest", c.c_char * 1024),
    ]


def check(failed, what):
    if failed:
        libc.fflush(None)
        sys.exit("xl does not take " + what)


def disk(spec):
    d = Disk()
    libxl.libxl_device_disk_init(c.byref(d))
    specs = (c.c_char_p * 1)(spec.encode())
    check(xlu.xlu_disk_parse(cfg, 1, specs, c.byref(d)), spec)
    check(d.format != RAW, "it as raw: " + spec)
    return [d.vdev.decode(), d.pdev_path.decode(), "rw" if d.readwrite else "ro"]


def strings(name):
    items, count = c.c_void_p(), c.c_int()
    check(xlu.xlu_cfg_get_list(cfg, name.encode(), c.byref(items), c.byref(count), 0), name)
    return [xlu.xlu_cfg_get_listitem(items, i).decode() for i in range(count.value)]


text = sys.stdin.buffer.read()
cfg = c.c_void_p(xlu.xlu_cfg_init(libc.fdopen(2, b"w"), b"stdin"))
check(xlu.xlu_cfg_readdata(cfg, text, len(text)), "the configuration")
out = {}
for key in STRINGS:
    value = c.c_char_p()
    check(xlu.xlu_cfg_get_string(cfg, key.encode(), c.byref(value), 0), key)
    out[key] = value.value.decode()
for key in NUMBERS:
    value = c.c_long()
    check(xlu.xlu_cfg_get_long(cfg, key.encode(), c.byref(value), 0), key)
    out[key] = value.value
for key in LISTS:
    out[key] = strings(key)
out["disk"] = [disk(spec) for spec in out["disk"]]
print(json.dumps(out))
