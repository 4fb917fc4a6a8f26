#!/usr/bin/env python3
"""Stands before a receiver and makes faults: fault_proxy.py LISTEN UPSTREAM PLAN LOG [CERTIFICATE KEY]

PLAN is a file with one line of actions, read before each request; the last one stays, and a new line starts afresh:

    pass            the receiver's own answer
    STATUS          that answer, with a reason in the body; 429/6 adds "Retry-After: 6"
    reset           the connection is reset when half of the body was read
    swallow         everything is read, nothing is ever answered
    lost            the receiver takes it, but the connection is reset instead of the answer
    slow/SECONDS    pass, after a while
    larger/BYTES    413 for bodies beyond BYTES, pass for others

LOG gets one line of JSON a request, when its outcome is known.
"""
import hashlib
import http.client
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

listen, upstream, plan_path, log_path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
lock = threading.Lock()
plan = {"text": None, "next": 0}
log = open(log_path, "a", buffering=1)


def action():
    """The action for the next request."""
    with lock:
        with open(plan_path) as file:
            text = file.read().strip()
        if text != plan["text"]:
            plan.update(text=text, next=0)
        actions = text.split() or ["pass"]
        index = min(plan["next"], len(actions) - 1)
        plan["next"] += 1
        return actions[index]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def note(self, act, body, status, start):
        line = {
            "time": start,
            "action": act,
            "bytes": len(body),
            "hash": hashlib.sha256(body).hexdigest()[:16],
            "status": status,
            "type": self.headers.get("Content-Type", ""),
            "encoding": self.headers.get("Content-Encoding", ""),
        }
        with lock:
            log.write(json.dumps(line) + "\n")

    def reset(self):
        # No orderly end: what is unread is lost, and the peer sees ECONNRESET.
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def forward(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=30)
        skipped = {"host", "connection", "content-length"}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in skipped}
        connection.request("POST", self.path, body, headers)
        response = connection.getresponse()
        words = response.read()
        kept = [
            (name, value)
            for name, value in response.getheaders()
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "date", "server"}
        ]
        connection.close()
        return response.status, words, kept

    def do_POST(self):
        start = time.time()
        size = int(self.headers.get("Content-Length", 0))
        act = action()
        name, _, argument = act.partition("/")
        if name == "reset":
            body = self.rfile.read(size // 2)
            self.note(act, body, 0, start)
            return self.reset()
        body = self.rfile.read(size)
        if name == "swallow":
            self.note(act, body, 0, start)
            # Until the peer gives up.
            self.rfile.read(1)
            self.close_connection = True
            return None
        if name == "larger":
            name = "413" if size > int(argument) else "pass"
        if name.isdigit():
            self.note(act, body, int(name), start)
            wish = [("Retry-After", argument)] if name in ("429", "503") and argument else []
            return self.answer(int(name), f"the proxy says {name}\n".encode(), wish)
        if name == "slow":
            time.sleep(float(argument))
        try:
            status, words, headers = self.forward(body)
        except OSError:
            status, words, headers = 502, b"no receiver\n", []
        self.note(act, body, status, start)
        if name == "lost":
            return self.reset()
        return self.answer(status, words, headers)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", listen), Handler)
if len(sys.argv) > 5:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[5], sys.argv[6])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
