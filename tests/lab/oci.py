"""Tars and images made byte by byte: what the corpus and the hostile site are written with.

	tar = entry(b"etc/x", b"text", mode=0o4755) + entry(b"d", type=DIR) + END
	image = Image([gzip.compress(tar)])          # blobs, config and manifest
	image.layout(directory, "tag")               # an OCI layout
	image.site(directory, "repo", "tag")         # what ociserve.py serves, which may lie
"""
import gzip, hashlib, json, os, struct

FILE, HARD, LINK, CHAR, BLOCK, DIR, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
END = bytes(1024)

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
TAR, GZIP, ZSTD = OCI + "layer.v1.tar", OCI + "layer.v1.tar+gzip", OCI + "layer.v1.tar+zstd"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def number(value, width):
    """Octal where it fits, else GNU's base-256."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return b"\x80" + value.to_bytes(width - 1, "big")


def padded(data):
    return data + bytes(-len(data) % 512)


def entry(name, data=b"", mode=None, uid=0, gid=0, type=FILE, link=b"", dev=(0, 0), mtime=1700000000,
          size=None, prefix=b"", gnu=False, pax=None):
    """One tar entry with its padding.  pax: records put in an 'x' header before it."""
    if mode is None:
        mode = 0o755 if type == DIR else 0o644
    out = b""
    if gnu and len(name) > 100:
        out += entry(b"././@LongLink", name + b"\0", type=b"L")
    if gnu and len(link) > 100:
        out += entry(b"././@LongLink", link + b"\0", type=b"K")
    if pax:
        out += entry(b"PaxHeaders/x", b"".join(record(k, v) for k, v in pax.items()), type=b"x")
    length = len(data) if size is None else size
    magic = b"ustar  \0" if gnu else b"ustar\x0000"
    head = (name[:100].ljust(100, b"\0") + number(mode, 8) + number(uid, 8) + number(gid, 8)
            + number(length, 12) + number(mtime, 12) + b" " * 8 + type
            + link[:100].ljust(100, b"\0") + magic + bytes(64) + number(dev[0], 8)
            + number(dev[1], 8) + prefix.ljust(155, b"\0") + bytes(12))
    total = b"%06o\0 " % sum(head)
    return out + head[:148] + total + head[156:] + padded(data)


def record(key, value):
    """One PAX record; its length counts its own digits."""
    body = b" " + key.encode() + b"=" + (value if isinstance(value, bytes) else value.encode()) + b"\n"
    n = len(body) + 1
    while len(str(n)) + len(body) != n:
        n = len(str(n)) + len(body)
    return str(n).encode() + body


def sparse_gnu(name, chunks, size):
    """GNU's old sparse format: up to four (offset, bytes) in the header itself.  All chunks but
    the last must be whole blocks of 512 bytes, or GNU tar loses its place."""
    packed = b"".join(data for _, data in chunks)
    head = bytearray(entry(name, b"", type=b"S", gnu=True, size=len(packed)))
    at = 386
    for offset, data in chunks:
        head[at:at + 24] = number(offset, 12) + number(len(data), 12)
        at += 24
    head[483:495] = number(size, 12)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head) + padded(packed)


def sparse_pax(name, chunks, size):
    """PAX sparse 1.0: the map stands before the data."""
    table = b"%d\n" % len(chunks) + b"".join(b"%d\n%d\n" % (o, len(d)) for o, d in chunks)
    body = padded(table) + b"".join(data for _, data in chunks)
    return entry(b"GNUSparseFile.0/x", body, pax={
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
        "GNU.sparse.realsize": str(size)})


class Image:
    """layers: blobs bottom first, each bytes or (bytes, media type, diff_id)."""

    def __init__(self, layers, config=None, arch="amd64", manifest=None):
        self.layers = [self.layer(item) for item in layers]
        body = {"architecture": arch, "os": "linux", "created": "2024-01-02T03:04:05Z",
                "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["/bin/sh"]},
                "rootfs": {"type": "layers", "diff_ids": [d for _, _, d in self.layers]}}
        body.update(config or {})
        self.config = json.dumps(body).encode()
        self.doc = {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(self.config), "size": len(self.config)},
            "layers": [{"mediaType": t, "digest": digest(b), "size": len(b)}
                       for b, t, _ in self.layers]}
        if manifest:
            manifest(self.doc)
        self.manifest = json.dumps(self.doc).encode()

    @staticmethod
    def layer(item):
        if isinstance(item, tuple):
            return item
        if item[:2] == b"\x1f\x8b":
            return item, GZIP, digest(gzip.decompress(item))
        return item, TAR, digest(item)

    def blobs(self):
        return [self.config] + [b for b, _, _ in self.layers]

    def layout(self, top, tag):
        """Add this image to an OCI layout, made when it is not there."""
        where = os.path.join(top, "blobs", "sha256")
        os.makedirs(where, exist_ok=True)
        for blob in self.blobs() + [self.manifest]:
            write(os.path.join(where, digest(blob)[7:]), blob)
        write(os.path.join(top, "oci-layout"), b'{"imageLayoutVersion":"1.0.0"}')
        index = os.path.join(top, "index.json")
        doc = {"schemaVersion": 2, "manifests": []}
        if os.path.exists(index):
            doc = json.load(open(index))
        doc["manifests"].append({
            "mediaType": MANIFEST, "digest": digest(self.manifest), "size": len(self.manifest),
            "annotations": {"org.opencontainers.image.ref.name": tag}})
        write(index, json.dumps(doc).encode())

    def site(self, top, repo, tag="1", **more):
        """A repository for ociserve.py: see serve()."""
        for blob in self.blobs():
            serve(top, repo, "blobs/" + digest(blob), blob)
        serve(top, repo, "manifests/" + tag, self.manifest, type=MANIFEST, **more)
        serve(top, repo, "manifests/" + digest(self.manifest), self.manifest, type=MANIFEST)


def serve(top, repo, name, body, **facts):
    """Answer GET /v2/repo/name with body; facts: type, status, header (a dict), length."""
    path = os.path.join(top, repo, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write(path, body)
    if facts:
        write(path + ".facts", json.dumps(facts).encode())


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
