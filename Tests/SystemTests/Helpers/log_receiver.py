#!/usr/bin/env python3
"""A collector of OTLP logs that keeps account of numbered lines: log_receiver.py PORT COUNT.

Bodies are "... NAME line NUMBER ..."; GET answers with one JSON object: for each name how many records came, how many different ones,
and how many of those that came for the first time came after a later one. Messages are read by the published definitions (the
package opentelemetry-proto).
"""
import gzip, json, re, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

port, most = int(sys.argv[1]), int(sys.argv[2])
# Without the name before it: a search for a word of any length takes seconds in a line that is one long word.
pattern = re.compile(r" line (\d+)")
lock = Lock()
names = {}
totals = {"requests": 0, "records": 0, "largest": 0, "other": 0}


class Name:
    def __init__(self):
        self.seen = bytearray(most)
        self.records = self.distinct = self.late = 0
        self.last = -1
        self.attributes = {}
        self.resource = {}

    def take(self, number):
        self.records += 1
        if self.seen[number]:
            return
        self.seen[number] = 1
        self.distinct += 1
        if number < self.last:
            self.late += 1
        self.last = max(self.last, number)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = logs_service_pb2.ExportLogsServiceRequest()
        request.ParseFromString(body)
        with lock:
            count = 0
            for resource in request.resource_logs:
                for scope in resource.scope_logs:
                    for record in scope.log_records:
                        count += 1
                        text = record.body.string_value
                        found = pattern.search(text)
                        words = text[: found.start()].split() if found else []
                        if not words:
                            totals["other"] += 1
                            continue
                        name = names.setdefault(words[-1], Name())
                        name.take(int(found[1]))
                        if not name.attributes:
                            name.attributes = {a.key: a.value.string_value for a in record.attributes}
                            name.resource = {a.key: a.value.string_value for a in resource.resource.attributes}
            totals["requests"] += 1
            totals["records"] += count
            totals["largest"] = max(totals["largest"], count)
        self.answer(b"", "application/x-protobuf")

    def do_GET(self):
        with lock:
            state = dict(totals)
            state["names"] = {
                key: {
                    "records": name.records,
                    "distinct": name.distinct,
                    "late": name.late,
                    "attributes": name.attributes,
                    "resource": name.resource,
                }
                for key, name in names.items()
            }
        self.answer(json.dumps(state).encode(), "application/json")


server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
print("ready", flush=True)
server.serve_forever()
