#!/usr/bin/env python3
"""A TLS exchange whose bytes on the wire are counted by a relay between the two ends.

server CERTIFICATE KEY PORT REPLY   prints "ready", serves one connection through a counting relay on 127.0.0.1:PORT,
                                    then prints the bytes that the client's TCP connection carried: "SENT RECEIVED"
client PORT BYTES [sendfile]        connects to the relay, sends BYTES (and their number) over TLS, reads to the end, prints "done"
"""
import socket
import ssl
import struct
import sys
import tempfile
import threading


def pump(source, target, totals, index):
    while True:
        data = source.recv(65536)
        if not data:
            break
        totals[index] += len(data)
        try:
            target.sendall(data)
        except OSError:
            pass  # The other end has what it wants; what arrives here is still counted.
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def server(certificate, key, port, reply):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    outer = socket.create_server(("127.0.0.1", port))
    near, far = socket.socketpair()
    totals = [0, 0]
    print("ready", flush=True)
    client, _ = outer.accept()

    def serve():
        with context.wrap_socket(far, server_side=True) as tls:
            left = struct.unpack("!Q", tls.recv(8))[0]
            while left > 0:
                left -= len(tls.recv(min(left, 65536)))
            tls.sendall(b"r" * reply)

    threads = [
        threading.Thread(target=serve),
        threading.Thread(target=pump, args=(client, near, totals, 0)),
        threading.Thread(target=pump, args=(near, client, totals, 1)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    print(totals[0], totals[1], flush=True)


def client(port, count, how):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection(("127.0.0.1", port))
    tls = context.wrap_socket(raw, suppress_ragged_eofs=True)
    tls.sendall(struct.pack("!Q", count))
    if how == "sendfile":
        with tempfile.TemporaryFile() as file:
            file.truncate(count)
            tls.sendfile(file)
    else:
        block = b"s" * 65536
        while count > 0:
            tls.sendall(block[:count])
            count -= min(count, len(block))
    while tls.recv(65536):
        pass
    tls.close()
    print("done", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        server(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        client(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "send")
