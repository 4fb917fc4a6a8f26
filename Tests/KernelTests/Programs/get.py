# Requests over one connection, after a line on standard input.
# usage: get.py PORT COUNT socket|asyncio [item|big]
import asyncio, socket, ssl, sys

port, count, way = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
name = sys.argv[4] if len(sys.argv) > 4 else "item"
request = "GET /" + name + "-%d HTTP/1.1\r\nHost: localhost\r\n\r\n"
end = b"answer to /" + name.encode() + b"-%d\n"


async def talk():
    # Two at once, so that a socket can be taken for the wrong one.
    pairs = [await asyncio.open_connection("127.0.0.1", port, ssl=context) for _ in range(2)]
    for index in range(count):
        for reader, writer in pairs:
            writer.write((request % index).encode())
        for reader, writer in pairs:
            await reader.readuntil(end % index)
    for reader, writer in pairs:
        writer.close()


sys.stdin.readline()
if way == "asyncio":
    asyncio.run(talk())
else:
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
    for index in range(count):
        connection.sendall((request % index).encode())
        answer = b""
        while not answer.endswith(end % index):
            answer += connection.recv(65536)
    connection.close()
print("done", flush=True)
