# An HTTPS server that answers every request with its path, behind 100,000 bytes if that begins with /big; prints its port.
# usage: serve.py CERTIFICATE KEY
import socket, ssl, sys, threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(128)
print(listener.getsockname()[1], flush=True)


def serve(raw):
    try:
        connection = context.wrap_socket(raw, server_side=True)
        rest = b""
        while True:
            while b"\r\n\r\n" not in rest:
                more = connection.recv(65536)
                if not more:
                    return
                rest += more
            head, rest = rest.split(b"\r\n\r\n", 1)
            path = head.split(b" ")[1]
            body = (b"x" * 100_000 if path.startswith(b"/big") else b"") + b"answer to " + path + b"\n"
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    except OSError:
        pass


while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
