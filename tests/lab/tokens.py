#!/usr/bin/env python3
"""A token server for docker-registry's token auth (JWT, RS256).

	tokens.py --tls DIR --ttl SECONDS --log FILE [--silent]

Anybody may pull repositories under open/; everything else takes alice / wonderland.  DIR holds
srv.crt and srv.key.  docker-registry allows 60 s of clock skew, so a token says in its exp that it
ended 60 s earlier: --ttl is then what the registry really grants.  --silent keeps the lifetime from the client, who
then learns of its end from a 401.
"""
import argparse, base64, json, os, ssl, subprocess, time, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SKEW = 60


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def sign(tls, claims):
    pem = open(os.path.join(tls, "srv.crt")).read()
    der = "".join(line for line in pem.splitlines() if "-----" not in line)
    header = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
    text = b64(json.dumps(header).encode()) + b"." + b64(json.dumps(claims).encode())
    key = os.path.join(tls, "srv.key")
    mark = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text,
                          stdout=subprocess.PIPE, check=True).stdout
    return (text + b"." + b64(mark)).decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        given = self.headers.get("Authorization", "")
        alice = given == "Basic " + base64.b64encode(b"alice:wonderland").decode()
        if given and not alice:
            return self.answer(401, {"errors": [{"code": "UNAUTHORIZED",
                                                 "message": "wrong user name or password"}]})
        access = []
        for scope in " ".join(query.get("scope", [])).split():
            kind, name, actions = scope.split(":")
            if alice or name.startswith("open/"):
                granted = [a for a in actions.split(",") if alice or a == "pull"]
                access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        ttl = self.server.args.ttl
        token = sign(self.server.args.tls, {
            "iss": "labtok", "sub": "alice" if alice else "", "aud": query["service"][0],
            "exp": now + ttl - SKEW, "nbf": now - SKEW, "iat": now - SKEW,
            "jti": os.urandom(8).hex(), "access": access})
        with open(self.server.args.log, "a") as log:
            log.write(json.dumps({"user": "alice" if alice else "", "scope": query.get("scope"),
                                  "access": access}) + "\n")
        self.answer(200, {"token": token} if self.server.args.silent
                    else {"token": token, "expires_in": ttl})


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--tls", required=True)
    ap.add_argument("--ttl", type=int, default=300)
    ap.add_argument("--log", default=os.devnull)
    ap.add_argument("--silent", action="store_true")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.args = ap.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(server.args.tls, "srv.crt"),
                            os.path.join(server.args.tls, "srv.key"))
    # The handshake is left to each connection's thread: a silent client must not hold the rest.
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    print("listening on", server.server_port)
    server.serve_forever()


main()
