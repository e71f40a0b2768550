#!/usr/bin/env python3
"""Signs an image of a registry as cosign does, with openssl.

	cosign.py --ca FILE --key KEY.pem HOST:PORT/REPO:TAG [--form FORM] [--attest] [--site DIR] ...

FORM is where the signature stands: tag (sha256-<hex>.sig, .att), fallback (a referrer, listed under the
tag sha256-<hex>), bundle (the same, as Sigstore's bundle), message (a bundle over the manifest's bytes).
--site copies the image into a directory for ociserve.py and puts the signature there, with a list of
referrers that the server itself answers.  --digest signs for another image, --payload FILE signs any
bytes.  An index is signed as it is.  Prints the digest of the image.
"""
import argparse, base64, hashlib, json, os, ssl, subprocess, tempfile, urllib.error, urllib.request

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
TYPES = [OCI, INDEX, "application/vnd.docker.distribution.manifest.v2+json",
         "application/vnd.docker.distribution.manifest.list.v2+json"]
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    def __init__(self, host, repo, ca):
        self.base = "https://%s/v2/%s/" % (host, repo)
        self.context = ssl.create_default_context(cafile=ca)

    def ask(self, method, url, data=None, headers={}):
        url = url if url.startswith("https:") else self.base + url
        r = urllib.request.Request(url, data=data, method=method, headers=headers)
        with urllib.request.urlopen(r, context=self.context) as answer:
            return answer.read(), answer.headers

    def manifest(self, ref):
        body, headers = self.ask("GET", "manifests/" + ref, headers={"Accept": ", ".join(TYPES)})
        return body, headers["Content-Type"]

    def blob(self, d):
        return self.ask("GET", "blobs/" + d)[0]

    def put_blob(self, data):
        where = self.ask("POST", "blobs/uploads/", b"")[1]["Location"]
        where += ("&" if "?" in where else "?") + "digest=" + digest(data)
        self.ask("PUT", where, data, {"Content-Type": "application/octet-stream"})
        return digest(data)

    def put_manifest(self, ref, data, kind):
        self.ask("PUT", "manifests/" + ref, data, {"Content-Type": kind})

    def add_referrer(self, image, entry):
        tag = image.replace(":", "-")
        try:
            index = json.loads(self.manifest(tag)[0])
        except urllib.error.HTTPError:
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        index["manifests"].append(entry)
        self.put_manifest(tag, json.dumps(index).encode(), INDEX)


class Site:
    """The same, as files for ociserve.py."""

    def __init__(self, top, repo):
        self.top = os.path.join(top, repo)

    def write(self, kind, name, data, facts=None):
        os.makedirs(os.path.join(self.top, kind), exist_ok=True)
        path = os.path.join(self.top, kind, name)
        open(path, "wb").write(data)
        if facts:
            json.dump(facts, open(path + ".facts", "w"))

    def put_blob(self, data):
        self.write("blobs", digest(data), data)
        return digest(data)

    def put_manifest(self, ref, data, kind):
        for name in {ref, digest(data)}:
            self.write("manifests", name, data, {"type": kind})

    def add_referrer(self, image, entry):
        path = os.path.join(self.top, "referrers", image)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        if os.path.exists(path):
            index = json.load(open(path))
        index["manifests"].append(entry)
        self.write("referrers", image, json.dumps(index).encode(), {"type": INDEX})

    def copy(self, source, ref):
        body, kind = source.manifest(ref)
        doc = json.loads(body)
        for m in doc.get("manifests", []):
            self.copy(source, m["digest"])
        for d in doc.get("layers", []) + [doc[k] for k in ("config",) if k in doc]:
            self.put_blob(source.blob(d["digest"]))
        self.put_manifest(ref, body, kind)


def sign(key, data):
    """The raw signature, as cosign makes it for the key's algorithm."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        kind = subprocess.run(["openssl", "pkey", "-in", key, "-noout", "-text"], check=True,
                              capture_output=True, text=True).stdout
        if "ED25519" in kind.upper():
            return subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", f.name],
                                  check=True, capture_output=True).stdout
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, f.name], check=True,
                              capture_output=True).stdout


def b64(data):
    return base64.b64encode(data).decode()


def envelope(key, statement):
    kind, body = "application/vnd.in-toto+json", json.dumps(statement).encode()
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(body), body)
    return {"payloadType": kind, "payload": b64(body), "signatures": [{"keyid": "", "sig": b64(sign(key, pae))}]}


def statement(image, predicate):
    return {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": predicate,
            "subject": [{"name": "image", "digest": {"sha256": image.split(":")[1]}}], "predicate": {"made": "by a test"}}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("image")
    for name in ("ca", "key"):
        ap.add_argument("--" + name, required=True)
    for name in ("digest", "payload", "site"):
        ap.add_argument("--" + name)
    ap.add_argument("--form", default="tag")
    ap.add_argument("--attest", action="store_true")
    a = ap.parse_args()
    host, rest = a.image.split("/", 1)
    repo, tag = rest.rsplit(":", 1)
    registry = to = Registry(host, repo, a.ca)
    if a.site:
        to = Site(a.site, repo)
        to.copy(registry, tag)
    manifest, _ = registry.manifest(tag)
    image = digest(manifest)
    named = a.digest or image
    annotations = {}
    if a.attest:
        part = json.dumps(envelope(a.key, statement(named, "https://spdx.dev/Document"))).encode()
        kind = DSSE
        annotations["predicateType"] = "https://spdx.dev/Document"
    elif a.form == "bundle":
        part = json.dumps({"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": "k"}, "tlogEntries": []},
                           "dsseEnvelope": envelope(a.key, statement(named, "https://sigstore.dev/cosign/sign/v1"))}).encode()
        kind = BUNDLE
    elif a.form == "message":
        part = json.dumps({"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": "k"}},
                           "messageSignature": {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(manifest).digest())},
                                                "signature": b64(sign(a.key, manifest))}}).encode()
        kind = BUNDLE
    else:
        part = json.dumps({"critical": {"identity": {"docker-reference": host + "/" + repo},
                                        "image": {"docker-manifest-digest": named},
                                        "type": "cosign container image signature"}, "optional": None},
                          separators=(",", ":")).encode()
        if a.payload:
            part = open(a.payload, "rb").read()
        kind = SIMPLE
        annotations["dev.cosignproject.cosign/signature"] = b64(sign(a.key, part))
    config = b"{}"
    doc = {"schemaVersion": 2, "mediaType": OCI,
           "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config), "digest": to.put_blob(config)},
           "layers": [{"mediaType": kind, "size": len(part), "digest": to.put_blob(part), "annotations": annotations}]}
    if a.form == "tag":
        to.put_manifest(image.replace(":", "-") + (".att" if a.attest else ".sig"), json.dumps(doc).encode(), OCI)
    else:
        doc["artifactType"] = BUNDLE if kind == BUNDLE else "application/vnd.dev.cosign.artifact.sig.v1+json"
        doc["subject"] = {"mediaType": OCI, "size": len(manifest), "digest": image}
        body = json.dumps(doc).encode()
        to.put_manifest(digest(body), body, OCI)
        to.add_referrer(image, {"mediaType": OCI, "size": len(body), "digest": digest(body), "artifactType": doc["artifactType"]})
    print(image)


main()
