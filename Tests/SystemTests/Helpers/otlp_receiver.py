#!/usr/bin/env python3
"""An OTLP/HTTP receiver of logs and traces on the published protobuf definitions (the package opentelemetry-proto):
otlp_receiver.py PORT OUT [REJECTED]

OUT gets one line of JSON for each span and log record, in the order in which they came. With REJECTED, every answer is a
partial success that says so many items were not stored, and that many at the end of the request are left out.
"""
import gzip
import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

rejected = int(sys.argv[3]) if len(sys.argv) > 3 else 0
out = open(sys.argv[2], "a", buffering=1)


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind) if kind else None


def attributes(pairs):
    found = {pair.key: value(pair.value) for pair in pairs}
    assert len(found) == len(pairs), "an attribute twice"
    return found


def span(item, scope):
    return {
        "trace": item.trace_id.hex(), "id": item.span_id.hex(), "parent": item.parent_span_id.hex(),
        "name": item.name, "kind": item.kind, "start": item.start_time_unix_nano, "end": item.end_time_unix_nano,
        "status": item.status.code, "flags": item.flags, "attributes": attributes(item.attributes),
        "scope": scope.name, "trace_state": item.trace_state,
    }


def record(item, scope):
    return {
        "trace": item.trace_id.hex(), "span": item.span_id.hex(), "time": item.time_unix_nano,
        "observed": item.observed_time_unix_nano, "severity": item.severity_number, "level": item.severity_text,
        "body": value(item.body), "attributes": attributes(item.attributes), "scope": scope.name,
    }


def decode(path, body):
    """All items of a request with their resources; fields that the definitions do not know are an error."""
    if path.endswith("traces"):
        request = traces.ExportTraceServiceRequest.FromString(body)
        groups = [(g.resource, [span(s, x.scope) for x in g.scope_spans for s in x.spans]) for g in request.resource_spans]
    else:
        request = logs.ExportLogsServiceRequest.FromString(body)
        groups = [
            (g.resource, [record(s, x.scope) for x in g.scope_logs for s in x.log_records]) for g in request.resource_logs
        ]
    resources = [attributes(resource.attributes) for resource, _ in groups]
    assert len({json.dumps(r, sort_keys=True) for r in resources}) == len(resources), "a resource twice"
    # What is parsed and written again has lost what is not known; lengths may be written in several ways.
    known = type(request)()
    known.CopyFrom(request)
    known.DiscardUnknownFields()
    assert known == request and known.ByteSize() == request.ByteSize(), "unknown fields"
    return [dict(item, resource=resource) for resource, (_, items) in zip(resources, groups) for item in items]


def decompress(body, encoding):
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "zstd":
        return subprocess.run(["zstd", "-dc"], input=body, stdout=subprocess.PIPE, check=True).stdout
    assert encoding is None, encoding
    return body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer, status = b"", 200
        try:
            encoding = self.headers.get("Content-Encoding")
            items = decode(self.path, decompress(body, encoding))
            request = {
                "path": self.path, "key": self.headers.get("X-Api-Key"), "encoding": encoding,
                "type": self.headers.get("Content-Type"),
            }
            stored = items[: max(0, len(items) - rejected)]
            out.write("".join(json.dumps(dict(item, request=request)) + "\n" for item in stored))
            if rejected:
                if self.path.endswith("traces"):
                    response = traces.ExportTraceServiceResponse()
                    response.partial_success.rejected_spans = len(items) - len(stored)
                else:
                    response = logs.ExportLogsServiceResponse()
                    response.partial_success.rejected_log_records = len(items) - len(stored)
                response.partial_success.error_message = "no room"
                answer = response.SerializeToString()
        except Exception as error:
            out.write(json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n")
            status = 400
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
