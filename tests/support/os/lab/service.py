"""A TCP and UDP service: service.py NAME PORT ADDRESS [tcp] [udp]

It writes "ready", and then answers everybody with NAME until it is ended. ADDRESS "::" is every address of both families.
"""
import selectors
import socket
import sys

name, port, address, *protocols = sys.argv[1:]
kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
selector = selectors.DefaultSelector()
for protocol in protocols:
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kinds[protocol])
    if address == "::":
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    if protocol == "tcp":
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port may be held by portd
    opened.bind((address, int(port)))
    if protocol == "tcp":
        opened.listen()
    selector.register(opened, selectors.EVENT_READ, protocol)
print("ready", flush=True)
while True:
    for key, _ in selector.select():
        try:
            if key.data == "tcp":
                connection, _ = key.fileobj.accept()
                connection.sendall(name.encode())
                connection.close()
            else:
                _, sender = key.fileobj.recvfrom(2000)
                key.fileobj.sendto(name.encode(), sender)
        except OSError:
            pass  # the other side is gone
