#!/usr/bin/env python3
"""Images in forms that others write: an OCI layout with one tag each.

	forms.py BUSYBOX DIR

estargz (a member a file, a table of contents, a footer), empty (layers without an entry: an empty archive,
nothing but its end, gzip of that), many (127 layers, each with a file and one whiteout), variants (an index of
arm/v6, arm/v7, arm64, amd64 and an attestation of "unknown"), nested (an index in an index), artifact (no
image), schema2 (Docker's types), foreign (a layer that a registry may not have).
"""
import gzip, json, os, struct, sys, zlib

from oci import CONFIG, DIR, END, GZIP, INDEX, LINK, MANIFEST, TAR, Image, digest, entry

DOCKER = "application/vnd.docker."


def base(say):
    busybox = open(sys.argv[1], "rb").read()
    tar = b"".join(entry(d, type=DIR) for d in (b"bin/", b"etc/", b"tmp/"))
    tar += entry(b"bin/busybox", busybox, mode=0o755)
    for name in (b"sh", b"cat", b"ls", b"echo", b"true"):
        tar += entry(b"bin/" + name, type=LINK, link=b"busybox")
    return tar + entry(b"etc/hello", b"hello from a layer\n") + entry(b"etc/form", say.encode()) + END


def member(data):
    return gzip.compress(data, 6, mtime=0)


def estargz(tar):
    """As its spec has it: each entry's header and body in a gzip member of its own; stargz.index.json; a
    footer of 51 bytes whose extra field tells the offset of that."""
    blob, at, toc = b"", 0, []
    while at < len(tar) and any(tar[at:at + 512]):
        size = int(tar[at + 124:at + 135], 8)
        end = at + 512 + -(-size // 512) * 512
        toc.append({"name": tar[at:at + 100].rstrip(b"\0").decode(), "type": "reg", "size": size, "offset": len(blob)})
        blob += member(tar[at:end])
        at = end
    where = len(blob)
    blob += member(entry(b"stargz.index.json", json.dumps({"version": 1, "entries": toc}).encode()) + END)
    extra = b"SG" + struct.pack("<H", 22) + b"%016xSTARGZ" % where
    blob += b"\x1f\x8b\x08\x04" + bytes(4) + b"\0\xff" + struct.pack("<H", len(extra)) + extra + b"\x01\0\0\xff\xff" + bytes(8)
    return blob


def decompressed(blob):
    out = b""
    while blob:
        d = zlib.decompressobj(31)
        out += d.decompress(blob)
        blob = d.unused_data
    return out


def put(top, data):
    with open(os.path.join(top, "blobs", "sha256", digest(data).split(":")[1]), "wb") as f:
        f.write(data)
    return digest(data)


def tag(top, name, kind, data):
    path = os.path.join(top, "index.json")
    index = json.load(open(path))
    index["manifests"].append({"mediaType": kind, "digest": put(top, data), "size": len(data),
                               "annotations": {"org.opencontainers.image.ref.name": name}})
    json.dump(index, open(path, "w"))


def described(image, top, platform):
    for blob in image.blobs():
        put(top, blob)
    return {"mediaType": MANIFEST, "digest": put(top, image.manifest), "size": len(image.manifest), "platform": platform}


def main():
    top = sys.argv[2]
    blob = estargz(base("estargz"))
    Image([(blob, GZIP, digest(decompressed(blob)))]).layout(top, "estargz")
    empty = gzip.compress(b"", mtime=0)
    Image([base("empty"), END, b"", gzip.compress(END, mtime=0), (empty, GZIP, digest(b""))]).layout(top, "empty")
    layers = [base("many")]
    for i in range(1, 127):
        gone = entry(b"f/.wh.n%d" % (i - 1)) if i > 1 else b""
        layers.append(gzip.compress(entry(b"f/", type=DIR) + gone + entry(b"f/n%d" % i, b"%d\n" % i) + END, mtime=0))
    Image(layers).layout(top, "many")
    kinds = [("arm", "v6"), ("arm", "v7"), ("arm64", "v8"), ("amd64", None)]
    manifests = [{"mediaType": MANIFEST, "digest": digest(b"none"), "size": 4,
                  "platform": {"os": "unknown", "architecture": "unknown"}}]
    for arch, variant in kinds:
        extra = {"variant": variant} if variant else {}
        image = Image([base(arch + (variant or ""))], arch=arch, config=extra)
        manifests.append(described(image, top, dict(extra, os="linux", architecture=arch)))
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()
    tag(top, "variants", INDEX, index)
    inner = {"mediaType": INDEX, "digest": put(top, index), "size": len(index),
             "platform": {"os": "linux", "architecture": "amd64"}}
    tag(top, "nested", INDEX, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [inner]}).encode())
    chart = b"a chart"
    tag(top, "artifact", MANIFEST, json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": put(top, b"{}"), "size": 2},
        "layers": [{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": put(top, chart), "size": len(chart)}]}).encode())

    def docker(doc):
        doc["mediaType"] = DOCKER + "distribution.manifest.v2+json"
        doc["config"]["mediaType"] = DOCKER + "container.image.v1+json"
        for l in doc["layers"]:
            l["mediaType"] = DOCKER + "image.rootfs.diff.tar.gzip"
    image = Image([gzip.compress(base("schema2"), mtime=0)], manifest=docker)
    for b in image.blobs():
        put(top, b)
    tag(top, "schema2", DOCKER + "distribution.manifest.v2+json", image.manifest)


main()
