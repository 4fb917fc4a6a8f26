"""A remote write receiver that keeps what it gets and decodes it only when it is asked."""
import ctypes
import ctypes.util
import struct
import threading
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Request = namedtuple("Request", "encoding body")
# One request as senders of remote write split them is a few MiB at most.
LARGEST = 64 << 20


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        if size > LARGEST:
            self.close_connection = True
            self.send_error(413)
            return
        self.server.sink.take(self.path, Request(self.headers.get("Content-Encoding", ""), self.rfile.read(size)))
        self.send_response(204)
        self.end_headers()


class Sink:
    """Requests by path, from `begin` on."""

    def __init__(self, cleanup):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.sink = self
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.lock = threading.Lock()
        self.requests = {}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        cleanup.add(self.server.shutdown)

    def take(self, path, request):
        with self.lock:
            self.requests.setdefault(path, []).append(request)

    def begin(self):
        """Forgets what came so far."""
        with self.lock:
            self.requests = {}

    def taken(self, path):
        with self.lock:
            return list(self.requests.get(path, []))


def library(name):
    """A C library that is there at run time, whether or not its headers are."""
    found = ctypes.util.find_library(name)
    return ctypes.CDLL(found) if found else None


def decompressed(request):
    """The protobuf message of a request."""
    body = request.body
    if request.encoding == "snappy":
        snappy, size = library("snappy"), ctypes.c_size_t()
        if snappy.snappy_uncompressed_length(body, ctypes.c_size_t(len(body)), ctypes.byref(size)) != 0:
            raise ValueError("a request is no snappy block")
        buffer = ctypes.create_string_buffer(size.value)
        if snappy.snappy_uncompress(body, ctypes.c_size_t(len(body)), buffer, ctypes.byref(size)) != 0:
            raise ValueError("a request is no snappy block")
        return buffer.raw[:size.value]
    if request.encoding == "zstd":
        zstd = library("zstd")
        zstd.ZSTD_decompress.restype = ctypes.c_size_t
        buffer = ctypes.create_string_buffer(LARGEST)
        size = zstd.ZSTD_decompress(buffer, ctypes.c_size_t(LARGEST), body, ctypes.c_size_t(len(body)))
        if zstd.ZSTD_isError(ctypes.c_size_t(size)):
            raise ValueError("a request is no zstd frame")
        return buffer.raw[:size]
    return body


def fields(message, begin=0, end=None):
    """(number, begin, end) of the length-delimited fields of a protobuf message; others are passed over."""
    end = len(message) if end is None else end
    while begin < end:
        tag, begin = varint(message, begin)
        kind = tag & 7
        if kind == 2:
            size, begin = varint(message, begin)
            yield tag >> 3, begin, begin + size
            begin += size
        elif kind == 0:
            _, begin = varint(message, begin)
        elif kind in (1, 5):
            yield tag >> 3, begin, begin + (8 if kind == 1 else 4)
            begin += 8 if kind == 1 else 4
        else:
            raise ValueError("a request is no protobuf message")


def varint(message, at):
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def samples(request):
    """(labels, value) of each sample of a remote write 1.0 request; labels as raw bytes of their fields."""
    message = decompressed(request)
    for number, begin, end in fields(message):
        if number != 1:
            continue
        labels, values = [], []
        for part, first, last in fields(message, begin, end):
            if part == 1:
                labels.append(message[first:last])
            elif part == 2:
                value = next((message[a:b] for field, a, b in fields(message, first, last) if field == 1), bytes(8))
                values.append(struct.unpack("<d", value)[0])
        for value in values:
            yield labels, value


def unlabelled(labels):
    """{name: value} of labels as `samples` gives them."""
    found = {}
    for field in labels:
        parts = [field[begin:end].decode(errors="replace") for _, begin, end in fields(field)]
        if len(parts) == 2:
            found[parts[0]] = parts[1]
    return found
