#!/usr/bin/env python3
"""A site of images that lie or attack, one repository a case, for ociserve.py.

	hostile.py SITE

tests/loop/bad.bats says of each what Berth must answer.
"""
import gzip, io, json, sys
from oci import (CHAR, DIR, END, GZIP, HARD, INDEX, LINK, MANIFEST, TAR, Image, digest, entry, serve)

SITE = sys.argv[1]
GOOD = gzip.compress(entry(b"bin", type=DIR) + entry(b"bin/x", b"x" * 5000) + END)


def one(repo, tar, **more):
    """An image whose single layer is this tar, gzipped."""
    Image([gzip.compress(tar + END)], **more).site(SITE, repo)


def names():
    """Names that point out of the image."""
    one("dotdot", entry(b"a/../../etc/passwd", b"x"))
    one("absolute", entry(b"/etc/absolute", b"x"))
    one("through-link", entry(b"l", type=LINK, link=b"/etc") + entry(b"l/cron.d/x", b"x"))
    one("hardlink-out", entry(b"h", type=HARD, link=b"../../etc/shadow"))
    one("hardlink-none", entry(b"h", type=HARD, link=b"no/such/file"))
    one("wh-dotdot", entry(b"a/.wh.."))
    one("nul-name", entry(b"x", b"", pax={"path": b"a\0b"}))
    one("empty-name", entry(b"", b"x"))


def tars():
    """Layers that break off, lie about sizes, or grow."""
    good = entry(b"f", b"y" * 70000)
    one("bad-checksum", good[:148] + b"000000\0 " + good[156:])
    whole = gzip.compress(good + END)
    cut = whole[:len(whole) // 2]
    Image([(cut, GZIP, digest(good + END))]).site(SITE, "gzip-cut")
    Image([(good[:30000], TAR, digest(good[:30000]))]).site(SITE, "tar-cut")
    flipped = bytearray(whole)
    flipped[-6] ^= 0xff
    Image([(bytes(flipped), GZIP, digest(good + END))]).site(SITE, "gzip-crc")
    Image([(GOOD, GZIP, "sha256:" + "0" * 64)]).site(SITE, "diffid")
    Image([(b"this is no archive at all " * 40, TAR,
            digest(b"this is no archive at all " * 40))]).site(SITE, "no-tar")
    one("pax-size", entry(b"f", b"x", pax={"size": "99999999999999999999"}))
    one("pax-long", entry(b"f", b"x", pax={"path": b"a/" * 300000}))
    one("deep", entry(b"d/" * 60000 + b"f", b"x", gnu=True))
    one("sparse-lie", entry(b"GNUSparseFile.0/x", b"1\n9223372036854775807\n5\n".ljust(512, b"\0"), pax={
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s",
        "GNU.sparse.realsize": "9223372036854775807"}))
    bomb()


def bomb():
    """1 GiB of zeros in 1 MB: far over any honest ratio once repeated in gzip members."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as z:
        z.write(entry(b"bomb", b"", size=1 << 42)[:512])
        for _ in range(64):
            z.write(bytes(1 << 20))
    zeros = gzip.compress(bytes(16 << 20), mtime=0)
    blob = out.getvalue() + zeros * 256
    Image([(blob, GZIP, "sha256:" + "1" * 64)]).site(SITE, "bomb")


def manifests():
    """JSON that is wrong in each way."""
    good = Image([GOOD])

    def variant(repo, change, config=None):
        Image([GOOD], manifest=change, config=config).site(SITE, repo)

    def raw(repo, body, **facts):
        good.site(SITE, repo)
        serve(SITE, repo, "manifests/1", body, type=facts.pop("type", MANIFEST), **facts)

    variant("size-small", lambda d: d["layers"][0].update(size=10))
    variant("size-big", lambda d: d["layers"][0].update(size=10 ** 6))
    variant("size-huge", lambda d: d["layers"][0].update(size=1 << 62))
    variant("size-negative", lambda d: d["layers"][0].update(size=-1))
    variant("size-text", lambda d: d["layers"][0].update(size="10"))
    variant("layers-object", lambda d: d.update(layers={"0": d["layers"][0]}))
    variant("layers-none", lambda d: d.pop("layers"))
    variant("digest-short", lambda d: d["layers"][0].update(digest="sha256:abcd"))
    variant("digest-path", lambda d: d["layers"][0].update(digest="sha256:../../../../etc/passwd"))
    variant("digest-md5", lambda d: d["layers"][0].update(digest="md5:" + "0" * 32))
    variant("type-layer", lambda d: d["layers"][0].update(mediaType="application/x-rpm"))
    variant("config-missing", lambda d: d["config"].update(digest="sha256:" + "2" * 64))
    variant("blob-missing", lambda d: d["layers"][0].update(digest="sha256:" + "3" * 64))
    variant("os-other", None, config={"os": "windows"})
    variant("diffids-few", None, config={"rootfs": {"type": "layers", "diff_ids": []}})
    variant("env-number", None, config={"config": {"Env": 7}})
    variant("config-array", None, config={"config": [1, 2]})
    raw("not-json", b"<html>hello</html>")
    raw("json-array", b"[1,2,3]")
    raw("json-cut", good.manifest[:100])
    raw("json-deep", b"[" * 200000 + b"]" * 200000)
    raw("json-big", b'{"schemaVersion": 2, "x": "', fill=100 << 20)
    raw("type-html", b"<html></html>", type="text/html")
    raw("schema1", b'{"schemaVersion": 1, "name": "x", "tag": "1", "fsLayers": []}',
        type="application/vnd.docker.distribution.manifest.v1+prettyjws")
    raw("status-401", b"{}", status=401)
    raw("status-403", b'{"errors":[{"code":"DENIED","message":"no\\u001b[31m for you"}]}', status=403)
    raw("status-429", b"{}", status=429, header={"Retry-After": "0"})
    raw("status-500", b"{}", status=500)
    raw("digest-header", good.manifest, header={"Docker-Content-Digest": "sha256:" + "4" * 64})
    serve(SITE, "wrong-digest", "manifests/" + digest(b"other"), good.manifest, type=MANIFEST)
    corrupt = bytearray(GOOD)
    corrupt[40] ^= 1
    good.site(SITE, "corrupt")
    serve(SITE, "corrupt", "blobs/" + digest(GOOD), bytes(corrupt))
    good.site(SITE, "short")
    serve(SITE, "short", "blobs/" + digest(GOOD), GOOD[:30])


def indexes():
    """An index of two platforms, and one that offers nothing for this machine."""
    def index(repo, images):
        docs = []
        for image, platform in images:
            image.site(SITE, repo, "unused")
            docs.append({"mediaType": MANIFEST, "digest": digest(image.manifest),
                         "size": len(image.manifest), "platform": platform})
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": docs}).encode()
        serve(SITE, repo, "manifests/1", body, type=INDEX)

    def of(arch, text):
        layer = entry(b"arch", text) + entry(b"bin", type=DIR) + END
        return Image([gzip.compress(layer)], arch=arch)

    index("index", [(of("arm64", b"arm64\n"), {"architecture": "arm64", "os": "linux", "variant": "v8"}),
                    (of("amd64", b"amd64\n"), {"architecture": "amd64", "os": "linux"}),
                    (of("arm", b"armv7\n"), {"architecture": "arm", "os": "linux", "variant": "v7"})])
    index("index-other", [(of("s390x", b""), {"architecture": "s390x", "os": "linux"}),
                          (of("amd64", b""), {"architecture": "amd64", "os": "windows"})])
    serve(SITE, "index-loop", "manifests/1", b'{"schemaVersion":2,"mediaType":"%s","manifests":[]}'
          % INDEX.encode(), type=INDEX)


def main():
    Image([GOOD]).site(SITE, "good")
    # Lawful, but only just: a device, an absolute link target, a name in a directory named twice.
    one("lawful", entry(b"d", type=DIR) + entry(b"d", type=DIR, mode=0o700) + entry(
        b"d/null", type=CHAR, dev=(1, 3)) + entry(b"d/l", type=LINK, link=b"/etc/../../.."))
    names()
    tars()
    manifests()
    indexes()


main()
