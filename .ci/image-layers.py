"""Writes raw-N.tar into a folder: layers with what umoci itself never writes."""

import io
import sys
import tarfile


class Layer:
    def __init__(self, folder, number, format=tarfile.PAX_FORMAT):
        self.tar = tarfile.open(f"{folder}/raw-{number}.tar", "w", format=format)

    def entry(self, name, type=tarfile.REGTYPE, data=b"", **attributes):
        info = tarfile.TarInfo(name)
        info.type = type
        info.mtime = attributes.pop("mtime", 1_000_000_000)
        info.mode = attributes.pop("mode", 0o755 if type == tarfile.DIRTYPE else 0o644)
        info.size = len(data)
        for key, value in attributes.items():
            setattr(info, key, value)
        self.tar.addfile(info, io.BytesIO(data))

    def folder(self, name, **attributes):
        self.entry(name, tarfile.DIRTYPE, **attributes)

    def link(self, name, target):
        self.entry(name, tarfile.LNKTYPE, linkname=target)

    def symlink(self, name, target):
        self.entry(name, tarfile.SYMTYPE, linkname=target, mode=0o777)

    def close(self):
        self.tar.close()


folder = sys.argv[1]

one = Layer(folder, 1)
one.folder("srv/", mode=0o755)
for name in ("opaque", "late", "gone", "kept", "links"):
    one.folder(f"srv/{name}", mode=0o750, uid=1000, gid=1001)
    one.entry(f"srv/{name}/lower", data=b"lower\n")
one.entry("srv/links/a", data=b"linked\n", uid=7, mode=0o600)
one.link("srv/links/b", "srv/links/a")
one.symlink("srv/to-kept", "kept")
one.symlink("srv/out", "../../../../etc")
one.entry("./srv/dotted", data=b"dot\n")
one.folder("srv/" + "n" * 200)
one.entry("srv/" + "n" * 200 + "/" + "long" * 40, data=b"long\n")
one.entry("srv/big-owner", uid=3_000_000_000, gid=4_000_000_000)
one.entry("srv/fraction", mtime=1_234_567_890.5)
one.entry("srv/attributes", pax_headers={"SCHILY.xattr.user.x": "y" * 300})
one.close()

two = Layer(folder, 2)
two.folder("srv/opaque")
two.entry("srv/opaque/.wh..wh..opq")
two.entry("srv/opaque/upper", data=b"upper\n")
two.folder("srv/late")
two.entry("srv/late/upper", data=b"upper\n")
two.entry("srv/.wh.gone")
two.entry("srv/to-kept/through", data=b"through a link\n")
two.link("srv/links/c", "srv/links/a")
two.link("srv/elsewhere", "srv/links/b")
two.close()

three = Layer(folder, 3)
three.entry("srv/links/.wh.a")
three.entry("srv/links/b", data=b"replaced\n")
three.folder("srv/gone")
three.entry("srv/gone/new", data=b"new\n")
three.entry("srv/late/.wh.upper")
three.close()
