#!/usr/bin/env python3
"""squat: holds an abstract socket name, as somebody who is no keeper of this version.

    squat.py bound NAME      binds and does not listen
    squat.py silent NAME     listens, accepts, never answers
    squat.py older NAME      answers each hello with a ticket of version 0
    squat.py garbage NAME    answers each hello with noise
    squat.py drop NAME       closes each connection at once, NAME stays

Prints "ready" when the name is taken.
"""
import os
import signal
import socket
import struct
import sys

mode, name = sys.argv[1:]
sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
sock.bind(b"\0" + name.encode())
if mode != "bound":
    sock.listen(64)
print("ready", flush=True)
kept = []
while True:
    if mode == "bound":
        signal.pause()
    peer, _ = sock.accept()
    if mode == "drop":
        peer.close()
        continue
    kept.append(peer)
    if mode == "silent":
        continue
    try:
        peer.recv(65536)
        if mode == "older":
            peer.send(struct.pack("<4I8II", 0x48545242, 0, 0, 0, *[0] * 8, 0))
        else:
            peer.send(os.urandom(100))
    except OSError:
        pass
