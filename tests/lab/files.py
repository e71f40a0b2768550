#!/usr/bin/env python3
"""Files by address, with Range, If-Range and ETag; and the two services that no machine here runs.

	files.py --dir DIR [--tls DIR] [--log FILE] [--unix SOCKET] [--no-head]

Prints "listening on PORT" (or the socket's path).  Besides GET and HEAD of DIR's files:
	/v1/images/PATH, /v1/imagefile/PATH   the library API for DIR/PATH (":tag" taken as is)
	/assets/config/config.prod.json       what a remote says of its library
	/api/container/PATH                   Singularity Hub's answer for DIR/PATH
	/images/NAME/get                      Docker's export: DIR/NAME.tar, without a length
"""
import argparse, hashlib, json, os, re, socketserver, ssl, threading, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "peer"

    def note(self, status):
        if self.server.args.log:
            with open(self.server.args.log, "a") as log:
                log.write(json.dumps({"method": self.command, "path": self.path, "status": status,
                                      "range": self.headers.get("Range", ""),
                                      "auth": self.headers.get("Authorization", "")}) + "\n")

    def answer(self, status, body=b"", headers=()):
        self.note(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def document(self, value):
        self.answer(200, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def here(self, path):
        name = os.path.join(self.server.args.dir, urllib.parse.unquote(path).lstrip("/"))
        return name if os.path.isfile(name) else None

    def base(self):
        return ("https" if self.server.args.tls else "http") + "://" + self.headers.get("Host", "")

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/assets/config/config.prod.json":
            return self.document({"libraryAPI": {"uri": self.base()}})
        for prefix, call in (("/v1/images/", self.library), ("/v1/imagefile/", self.file),
                             ("/api/container/", self.hub), ("/images/", self.docker)):
            if path.startswith(prefix):
                return call(path[len(prefix):])
        self.file(path)

    do_HEAD = do_GET

    def library(self, path):
        name = self.here(path)
        if not name:
            return self.answer(404, b'{"error": {"code": 404, "message": "image not found"}}')
        data = open(name, "rb").read()
        self.document({"data": {"hash": "sha256." + hashlib.sha256(data).hexdigest(),
                                "size": len(data)}})

    def hub(self, path):
        if not self.here(path):
            return self.answer(404)
        self.document({"image": self.base() + "/" + path, "name": path})

    def docker(self, path):
        name = self.here(urllib.parse.unquote(path[:-len("/get")]) + ".tar")
        if not name:
            return self.answer(404, b'{"message": "No such image: nothing like it"}')
        self.note(200)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with open(name, "rb") as f:
            while data := f.read(65536):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def file(self, path):
        name = self.here(path)
        if not name:
            return self.answer(404, b"not here")
        if self.command == "HEAD" and self.server.args.no_head:
            return self.answer(405)
        data = open(name, "rb").read()
        tag = '"%s"' % hashlib.sha256(data).hexdigest()[:16]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.headers.get("If-Range", tag) == tag:
            start = int(wanted.group(1))
            if start >= len(data):
                return self.answer(416)
            return self.answer(206, data[start:], [("ETag", tag), ("Content-Range", "bytes %d-%d/%d" % (
                start, len(data) - 1, len(data)))])
        self.answer(200, data, [("ETag", tag)])


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--dir", required=True)
    for name in ("--tls", "--log", "--unix"):
        ap.add_argument(name)
    ap.add_argument("--no-head", action="store_true")
    args = ap.parse_args()
    server = UnixServer(args.unix, Handler) if args.unix else Server(("127.0.0.1", 0), Handler)
    server.args = args
    if args.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(args.tls, "srv.crt"), os.path.join(args.tls, "srv.key"))
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    print("listening on", args.unix or server.server_port, flush=True)
    server.serve_forever()


main()
