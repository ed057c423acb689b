"""A service and a client that find out, without waiting for a timeout, whether one reaches the other.

The client sends first to the port in question and then to a control port that is always open. Both programs run on one
processor, which handles packets in the order in which they were sent: when the control port has answered, everything
that was sent before has been handled too, and no answer means that it was dropped.

    traffic.py serve PORT CONTROL            writes "ready", then answers TCP and UDP until its stdin ends
    traffic.py ask PORT CONTROL FIRST SOURCE SERVICE [SOURCE SERVICE]...    writes [["tcp", "udp"], []], a list for each pair

FIRST is the first of the client's ports, three for each pair. No two calls may have the same: the firewall would take the
second one for the connection of the first, which it has let in.
"""
import json
import os
import select
import socket
import sys

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def serve(port, control):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    datagrams = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(2)]
    for opened, number in zip(datagrams, (port, control)):
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.bind(("::", number))
    print("ready", flush=True)
    while True:
        ready = select.select([sys.stdin, listener, *datagrams], [], [])[0]
        if sys.stdin in ready:
            return
        if listener in ready:
            connection = listener.accept()[0]
            connection.sendall(b"tcp")
            connection.close()
        for opened in [opened for opened in datagrams if opened in ready]:  # the control port last
            data, address = opened.recvfrom(100)
            opened.sendto(data, address)


def ask(port, control, first, source, service):
    family = socket.AF_INET6 if ":" in service else socket.AF_INET
    tcp = socket.socket(family, socket.SOCK_STREAM)
    udp, asked = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    for i, opened in enumerate((tcp, udp, asked)):
        opened.bind((source, first + i))
    asked.settimeout(20)
    asked.sendto(b"hello", (service, control))  # who has that address is asked now, and not in between
    asked.recv(100)
    tcp.setblocking(False)
    tcp.connect_ex((service, port))
    udp.sendto(b"udp", (service, port))
    asked.sendto(b"control", (service, control))
    assert asked.recv(100) == b"control"
    answers = {"tcp": is_answered(tcp), "udp": bool(select.select([udp], [], [], 0)[0])}
    return [protocol for protocol, answered in answers.items() if answered]


def is_answered(tcp):
    if not select.select([], [tcp], [], 0)[1] or tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
        return False
    tcp.settimeout(20)
    return tcp.recv(100) == b"tcp"


command, port, control, *rest = sys.argv[1:]
if command == "serve":
    serve(int(port), int(control))
else:
    first, *addresses = rest
    pairs = zip(addresses[::2], addresses[1::2])
    print(json.dumps([ask(int(port), int(control), int(first) + 3 * i, *pair) for i, pair in enumerate(pairs)]))
