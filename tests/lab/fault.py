#!/usr/bin/env python3
"""A proxy in front of a registry that does what networks and servers do on bad days.

	fault.py --tls DIR --upstream https://localhost:PORT --log FILE [--rules FILE]

Listens on a free loopback port with TLS, prints "listening on PORT".  FILE of --rules is a list of
rules, read again for each request; the first that matches and is not used up holds:

	{"re": "GET .*/blobs/", "skip": 0, "times": 2, "do": "cut", "arg": 50000}

"re" is searched in "METHOD PATH"; the first "skip" matches pass untouched, "times" follow (default:
all).  What "do" does, and its "arg":
	cut N       close after N body bytes          rst N       the same with a TCP reset
	stall N     fall silent after N bytes         slow N      N bytes a second
	status N    answer so; "retry_after": text, "body": text
	corrupt N   flip one bit of body byte N       truncate N  end well after N bytes, length N
	redirect U  307 to U + path                   norange     the server knows no Range
	accept R    202 with Range: R, and the body goes nowhere
	digest T    Docker-Content-Digest: T          type T      Content-Type: T
	cutup N     of a request's body, pass N bytes on and close both ends
	longer N    announce N bytes more             more N      send N bytes more
The log has one JSON line a request: method, path, auth (the scheme), range, host, status.
"""
import argparse, http.client, json, os, re, socket, ssl, struct, threading, time, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOCK = threading.Lock()
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def rule(self):
        """The rule that holds for this request, or an empty one."""
        what = self.command + " " + self.path
        with LOCK:
            if not self.server.args.rules:
                return {}
            with open(self.server.args.rules) as f:
                rules = json.load(f)
            for i, rule in enumerate(rules):
                if not re.search(rule["re"], what):
                    continue
                key = (i, json.dumps(rule))
                seen = self.server.seen.get(key, 0)
                self.server.seen[key] = seen + 1
                skip = rule.get("skip", 0)
                if skip <= seen < skip + rule.get("times", 1 << 30):
                    return rule
        return {}

    def record(self, status):
        line = {"method": self.command, "path": self.path, "status": status,
                "auth": self.headers.get("Authorization", "").split(" ")[0],
                "range": self.headers.get("Range", ""), "host": self.headers.get("Host", ""),
                "time": time.time()}
        with LOCK, open(self.server.args.log, "a") as log:
            log.write(json.dumps(line) + "\n")

    def plain(self, status, headers, body):
        self.record(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def forward(self, rule):
        up = urllib.parse.urlsplit(self.server.args.upstream)
        if up.scheme == "https":
            context = ssl._create_unverified_context()
            conn = http.client.HTTPSConnection(up.netloc, timeout=60, context=context)
        else:
            conn = http.client.HTTPConnection(up.netloc, timeout=60)
        conn.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        conn.putheader("Host", up.netloc)
        # One by one: a registry that gets only the last of several Accept lines answers 404.
        for name, value in self.headers.items():
            if name.lower() in HOP or name.lower() == "host":
                continue
            if name.lower() in ("range", "if-range") and rule.get("do") == "norange":
                continue
            conn.putheader(name, value)
        length = int(self.headers.get("Content-Length", 0))
        if length:
            conn.putheader("Content-Length", str(length))
        conn.endheaders()
        limit = rule["arg"] if rule.get("do") == "cutup" else length
        left = min(length, limit)
        while left > 0:
            data = self.rfile.read(min(left, 65536))
            if not data:
                break
            conn.send(data)
            left -= len(data)
        if limit < length:
            time.sleep(0.2)
            conn.sock.shutdown(socket.SHUT_RDWR)
            conn.close()
            return None
        return conn.getresponse()

    def do_GET(self):
        rule = self.rule()
        do, arg = rule.get("do"), rule.get("arg", 0)
        if do == "status":
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = rule.get("body", json.dumps({"errors": [{"code": "LAB", "message": "as asked"}]}))
            extra = [("Content-Type", "application/json")]
            if "retry_after" in rule:
                extra.append(("Retry-After", rule["retry_after"]))
            return self.plain(arg, extra, body.encode())
        if do == "accept":
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return self.plain(202, [("Location", self.path), ("Range", arg)], b"")
        if do == "redirect":
            return self.plain(307, [("Location", arg + self.path)], b"")
        answer = self.forward(rule)
        if answer is None:
            self.record(0)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.relay(answer, do, arg)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def relay(self, answer, do, arg):
        length = int(answer.headers.get("Content-Length", 0))
        self.record(answer.status)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            low = name.lower()
            if low in HOP or (do == "norange" and low == "accept-ranges"):
                continue
            if low == "location" and self.command in ("POST", "PATCH", "PUT", "GET"):
                # Relative, so that the client comes back through here.
                value = re.sub(r"^https?://[^/]*", "", value)
            if (low, do) in (("docker-content-digest", "digest"), ("content-type", "type")):
                value = arg
            self.send_header(name, value)
        announced = {"longer": length + arg, "more": length + arg, "truncate": arg} \
            if isinstance(arg, int) else {}
        self.send_header("Content-Length", str(announced.get(do, length)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.body(answer, do, arg)

    def body(self, answer, do, arg):
        sent = 0
        limit = arg if do in ("cut", "rst", "stall", "truncate") else None
        while True:
            want = 65536 if do != "slow" else max(1, arg // 20)
            if limit is not None:
                want = min(want, limit - sent)
            data = answer.read(want) if want else b""
            if not data:
                break
            if do == "corrupt" and sent <= arg < sent + len(data):
                data = bytearray(data)
                data[arg - sent] ^= 1
            self.wfile.write(data)
            sent += len(data)
            if do == "slow":
                time.sleep(0.05)
        if do == "more":
            self.wfile.write(b"x" * arg)
        if do == "stall":
            self.wfile.flush()
            self.server.stalled.wait(600)
        if do == "rst":
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        if do in ("cut", "rst", "stall", "longer"):
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that hang up are what this is for


def main():
    ap = argparse.ArgumentParser()
    for name in ("--tls", "--upstream", "--log"):
        ap.add_argument(name, required=True)
    ap.add_argument("--rules")
    server = Server(("127.0.0.1", 0), Handler)
    server.args = ap.parse_args()
    server.seen = {}
    server.stalled = threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(server.args.tls, "srv.crt"),
                            os.path.join(server.args.tls, "srv.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    print("listening on", server.server_port, flush=True)
    server.serve_forever()


main()
