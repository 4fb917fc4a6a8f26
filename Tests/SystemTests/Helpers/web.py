"""Servers and clients of HTTP and gRPC that know how many requests they made and how long those took.

Clients print one line of JSON: what they counted themselves.
"""

import http.client
import http.server
import json
import socket
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers /CODE with that status after /CODE/MILLISECONDS; in chunks if the path ends with /chunked."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        parts = self.path.split("/")
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if len(parts) > 2 and parts[2].isdigit():
            time.sleep(int(parts[2]) / 1000)
        if parts[1] == "0":
            # No answer.
            self.close_connection = True
            return
        self.send_response(int(parts[1]))
        if parts[-1] == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(20):
                self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        else:
            body = b"" if parts[1] in ("204", "304") else b"hello"
            if body:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

    def log_message(self, *arguments):
        pass


def http_server(port):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print("ready", flush=True)
    server.serve_forever()


def say(connection, method, path, body=None, chunked=False):
    """One request; the seconds until its answer began."""
    headers = {"Transfer-Encoding": "chunked"} if chunked else {}
    begin = time.monotonic()
    connection.request(method, path, body=body, headers=headers, encode_chunked=chunked)
    response = connection.getresponse()
    seconds = time.monotonic() - begin
    response.read()
    return seconds


def http_client(port, count):
    """`count` slow requests on one connection, and then every kind of other."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    seconds = sum(say(connection, "GET", "/200/20") for _ in range(count))
    made = {"2xx": count, "3xx": 0, "4xx": 0, "5xx": 0}
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for status in (200, 201, 204, 302, 304, 404, 429, 500, 503):
            body = b"GET /no HTTP/1.1\r\n\r\n" * 100 if method in ("POST", "PUT", "PATCH") else None
            seconds += say(connection, method, f"/{status}", body)
            made[f"{status // 100}xx"] += 1
    for _ in range(10):
        seconds += say(connection, "POST", "/200/chunked", iter([b"GET /no HTTP/1.1\r\n"] * 50), chunked=True)
        seconds += say(connection, "GET", "/404/chunked")
        made["2xx"] += 1
        made["4xx"] += 1
    connection.close()
    print(json.dumps({"made": made, "seconds": seconds}))


def http_unanswered(port, count):
    for _ in range(count):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            say(connection, "GET", "/0")
        except (http.client.HTTPException, OSError):
            pass
        connection.close()
    print(json.dumps({"made": {"unanswered": count}, "seconds": 0}))


def pipelined(port, rounds, depth):
    """`depth` requests at once, then all their answers, over and over on one connection."""
    stream = socket.create_connection(("127.0.0.1", port))
    request = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
    for _ in range(rounds):
        stream.sendall(request * depth)
        seen = b""
        while seen.count(b"HTTP/1.1 200") < depth or not seen.endswith(b"hello"):
            part = stream.recv(65536)
            if not part:
                sys.exit("the server hung up")
            seen += part
    stream.close()
    print(json.dumps({"made": {"2xx": rounds * depth}, "seconds": 0}))


def grpc_server(port):
    import grpc
    from concurrent import futures

    def unary(request, context):
        code = int(request.decode().split()[0])
        time.sleep(int(request.decode().split()[1]) / 1000)
        if code:
            context.abort(list(grpc.StatusCode)[code], "as asked")
        return b"answer"

    def stream(request, context):
        for _ in range(10):
            yield b"part"

    def long(request, context):
        # The code with which it ends, and the length of each message before that.
        code, *lengths = (int(part) for part in request.split())
        for length in lengths:
            yield b"x" * length
        if code:
            context.abort(list(grpc.StatusCode)[code], "as asked")

    class Methods(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method == "/test.Service/Long":
                return grpc.unary_stream_rpc_method_handler(long)
            if details.method == "/test.Service/Unary":
                return grpc.unary_unary_rpc_method_handler(unary)
            if details.method == "/test.Service/Stream":
                return grpc.unary_stream_rpc_method_handler(stream)
            return None

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Methods(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


def grpc_client(port, count):
    import grpc

    made, seconds = {}, 0.0

    def call(function, request, timeout=10):
        begin = time.monotonic()
        try:
            list(function(request, timeout=timeout)) if function is stream else function(request, timeout=timeout)
            name = "OK"
        except grpc.RpcError as error:
            name = error.code().name
        made["grpc:" + name] = made.get("grpc:" + name, 0) + 1
        return time.monotonic() - begin

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        unary = channel.unary_unary("/test.Service/Unary")
        stream = channel.unary_stream("/test.Service/Stream")
        unknown = channel.unary_unary("/test.Service/Unknown")
        for _ in range(count):
            seconds += call(unary, b"0 20")
        for code in range(1, 17):
            for _ in range(code):
                seconds += call(unary, b"%d 0" % code)
        for _ in range(7):
            seconds += call(stream, b"")
            seconds += call(unknown, b"")
    print(json.dumps({"made": made, "seconds": seconds}))


def grpc_long(port, rounds):
    """Calls whose messages are longer than what is captured, and what they end with."""
    import grpc

    made = {}
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        long = channel.unary_stream("/test.Service/Long")
        for _ in range(rounds):
            for length in (100, 2000, 5000, 16000, 20000, 40000, 64000):
                for code in (0, 5):
                    try:
                        assert [len(part) for part in long(b"%d %d" % (code, length))] == [length] and code == 0
                        name = "OK"
                    except grpc.RpcError as error:
                        name = error.code().name
                    made["grpc:" + name] = made.get("grpc:" + name, 0) + 1
    print(json.dumps({"made": made, "seconds": 0}))


def main():
    numbers = [int(argument) for argument in sys.argv[2:]]
    {
        "http-server": http_server,
        "http-client": http_client,
        "http-unanswered": http_unanswered,
        "pipelined": pipelined,
        "grpc-server": grpc_server,
        "grpc-client": grpc_client,
        "grpc-long": grpc_long,
    }[sys.argv[1]](*numbers)


main()
