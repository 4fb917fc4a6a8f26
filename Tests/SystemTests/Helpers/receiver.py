#!/usr/bin/env python3
"""A collector that prints one line a request: receiver.py PORT [STATUS]."""
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

status = int(sys.argv[2]) if len(sys.argv) > 2 else 200


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = self.headers
        print(
            f"POST {self.path} x-api-key={headers.get('X-Api-Key')} encoding={headers.get('Content-Encoding')}"
            f" type={headers.get('Content-Type')} version={headers.get('X-Prometheus-Remote-Write-Version')}",
            flush=True,
        )
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
