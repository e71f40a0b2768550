#!/usr/bin/env python3
"""A registry that serves exactly the bytes it is given, right or wrong.

	ociserve.py --tls DIR --site DIR --log FILE [--http 1.0] [--bind ADDRESS]

Prints "listening on PORT".  GET /v2/REPO/manifests/REF and /v2/REPO/blobs/DIGEST answer with the file
SITE/REPO/manifests/REF or SITE/REPO/blobs/DIGEST.  A file NAME.facts beside it, JSON, may say: type,
status, header (a dict), length (announced instead of the real one), fill (that many zero bytes follow
the file's: a huge body that takes no disk).  Range requests are answered with 206.
"""
import argparse, json, os, re, socket, ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/v2/":
            return self.small(200, "OK")
        name = os.path.join(self.server.args.site, path[len("/v2/"):])
        if ".." in path or not path.startswith("/v2/") or not os.path.isfile(name):
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
