#!/usr/bin/env python3
"""A registry that serves exactly the bytes it is given, right or wrong.

	ociserve.py --tls DIR --site DIR --log FILE [--http 1.0] [--bind ADDRESS] [--writable]

Prints "listening on PORT".  GET /v2/REPO/manifests/REF and /v2/REPO/blobs/DIGEST answer with the file
SITE/REPO/manifests/REF or SITE/REPO/blobs/DIGEST.  A file NAME.facts beside it, JSON, may say: type,
status, header (a dict), length (announced instead of the real one), fill (that many zero bytes follow
the file's: a huge body that takes no disk).  Range requests are answered with 206.

With --writable it takes blobs and manifests as well, and keeps the list of referrers itself: the answer to a
manifest with a subject has OCI-Subject, and GET /v2/REPO/referrers/DIGEST lists it (distribution-spec 1.1).
"""
import argparse, hashlib, json, os, re, socket, ssl, threading, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


INDEX = "application/vnd.oci.image.index.v1+json"
LOCK = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        with open(self.server.args.log, "a") as log:
            log.write("%s %s %s\n" % (self.command, self.path, self.headers.get("Range", "")))

    def small(self, status, text):
        body = json.dumps({"errors": [{"code": text, "message": text.lower()}]}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def place(self, path):
        """The file for a path, None when it is no business of this registry."""
        if ".." in path or not path.startswith("/v2/"):
            return None
        return os.path.join(self.server.args.site, path[len("/v2/"):])

    def put(self, path, body, type="application/octet-stream", header=None):
        name = self.place(path)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as f:
            f.write(body)
        with open(name + ".facts", "w") as f:
            json.dump({"type": type, "header": header or {}}, f)

    def done(self, status, **header):
        self.send_response(status)
        for key, value in header.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def begin(self):
        """The request's body, and its path; nothing when it may not write."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        where = urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qs(where.query)
        if not self.server.args.writable or not self.place(where.path):
            self.small(405, "UNSUPPORTED")
            return None, None
        return body, where.path

    def do_POST(self):
        body, path = self.begin()
        if path and path.endswith("/blobs/uploads/"):
            session = path + os.urandom(8).hex()
            self.put(session, b"")
            self.done(202, Location=session, Range="0-0")
        elif path:
            self.small(404, "NOT_FOUND")

    def do_PATCH(self):
        body, path = self.begin()
        if not path:
            return
        if "/blobs/uploads/" not in path or not os.path.isfile(self.place(path)):
            return self.small(404, "BLOB_UPLOAD_UNKNOWN")
        with open(self.place(path), "ab") as f:
            f.write(body)
            self.done(202, Location=path, Range="0-%d" % (f.tell() - 1))

    def do_PUT(self):
        body, path = self.begin()
        if not path:
            return
        if "/blobs/uploads/" in path:
            return self.put_blob(body, path)
        repo, _, ref = path.partition("/manifests/")
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        if not ref or (":" in ref and ref != digest):
            return self.small(400, "DIGEST_INVALID")
        type, doc = self.headers.get("Content-Type", ""), json.loads(body)
        for name in (ref, digest):
            self.put(repo + "/manifests/" + name, body, type, {"Docker-Content-Digest": digest})
        header = {"Location": path, "Docker_Content_Digest": digest}
        if "subject" in doc:
            self.refer(repo, doc, {"mediaType": type, "digest": digest, "size": len(body)})
            header["OCI_Subject"] = doc["subject"]["digest"]
        self.done(201, **header)

    def put_blob(self, body, path):
        digest = self.query.get("digest", [""])[0]
        with open(self.place(path), "rb") as f:
            body = f.read() + body
        if digest != "sha256:" + hashlib.sha256(body).hexdigest():
            return self.small(400, "DIGEST_INVALID")
        self.put(path.partition("uploads/")[0] + digest, body)
        self.done(201, Location=path.partition("uploads/")[0] + digest)

    def refer(self, repo, doc, entry):
        path = repo + "/referrers/" + doc["subject"]["digest"]
        entry["artifactType"] = doc.get("artifactType") or doc["config"]["mediaType"]
        with LOCK:
            try:
                index = json.load(open(self.place(path)))
            except FileNotFoundError:
                index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
            if entry["digest"] not in [m["digest"] for m in index["manifests"]]:
                index["manifests"].append(entry)
            self.put(path, json.dumps(index).encode(), INDEX)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/v2/":
            return self.small(200, "OK")
        name = self.place(path)
        if not name or not os.path.isfile(name):
            return self.small(404, "NOT_FOUND")
        facts = {}
        if os.path.exists(name + ".facts"):
            facts = json.load(open(name + ".facts"))
        body = open(name, "rb").read()
        self.reply(body, facts)

    do_HEAD = do_GET

    def reply(self, body, facts):
        status, start = facts.get("status", 200), 0
        total = len(body) + facts.get("fill", 0)
        m = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if m and status == 200 and int(m.group(1)) < total:
            status, start = 206, int(m.group(1))
        self.send_response(status)
        self.send_header("Content-Type", facts.get("type", "application/octet-stream"))
        for key, value in facts.get("header", {}).items():
            self.send_header(key, value)
        if status == 206:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, total - 1, total))
        self.send_header("Content-Length", str(facts.get("length", total - start)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body[start:])
        left = total - max(start, len(body))
        while left > 0:
            n = min(left, 1 << 20)
            self.wfile.write(bytes(n))
            left -= n
        if facts.get("length", 0) > total:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that hangs up on a bad answer does right


def main():
    ap = argparse.ArgumentParser()
    for name in ("--tls", "--site", "--log"):
        ap.add_argument(name, required=True)
    ap.add_argument("--http", default="1.1")
    ap.add_argument("--bind", default="127.0.0.1")
    ap.add_argument("--writable", action="store_true")
    args = ap.parse_args()
    Handler.protocol_version = "HTTP/" + args.http
    Server.address_family = socket.AF_INET6 if ":" in args.bind else socket.AF_INET
    server = Server((args.bind, 0), Handler)
    server.args = args
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(server.args.tls, "srv.crt"),
                            os.path.join(server.args.tls, "srv.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    print("listening on", server.server_port, flush=True)
    server.serve_forever()


main()
