"""Opens sockets of every kind in several processes of this network namespace, which is to have nothing else in it.

Says {"opened": <number of sockets>} on stdout when all of them are as they will stay, and keeps them until its stdin
ends. What it cannot have on this kernel is left out.
"""

import errno
import json
import os
import socket
import subprocess
import sys

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
WILDCARD = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
SO_REUSEPORT_GROUP = 4
IPPROTO_MPTCP = 262

opened = []


def keep(*sockets):
    opened.extend(sockets)
    return sockets[0]


def bound(family, kind, address, port=0, options=()):
    one = socket.socket(family, kind)
    for level, name, value in options:
        one.setsockopt(level, name, value)
    one.bind((address, port))
    return keep(one)


def listener(family, address, port=0, options=(), backlog=16):
    one = bound(family, socket.SOCK_STREAM, address, port, options)
    one.listen(backlog)
    return one


def connected(server, family=None):
    """Both ends of a new connection, the client's first; neither is kept."""
    family = family or server.family
    client = socket.socket(family, socket.SOCK_STREAM)
    client.connect((LOOPBACK[family], server.getsockname()[1]))
    return client, server.accept()[0]


def addresses():
    for family in LOOPBACK:
        yield family, LOOPBACK[family], ()
        yield family, WILDCARD[family], ()
    yield socket.AF_INET6, "::", ((socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1),)
    yield socket.AF_INET6, "::", ((socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0),)
    yield socket.AF_INET, "127.0.0.2", ((socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo"),)
    yield socket.AF_INET6, "::ffff:127.0.0.1", ((socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0),)


def open_listeners():
    for family, address, options in addresses():
        for _ in range(4):
            listener(family, address, options=options)
            bound(family, socket.SOCK_DGRAM, address, options=options)


def open_link_local():
    """Addresses that mean something on one interface only."""
    place = ("fe80::1", 0, 0, socket.if_nametoindex("lo"))
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        one = socket.socket(socket.AF_INET6, kind)
        one.bind(place)
        keep(one)
    opened[-2].listen()


def open_connections():
    for family in LOOPBACK:
        server = listener(family, LOOPBACK[family])
        for _ in range(10):
            keep(*connected(server))
        for _ in range(5):
            client, accepted = connected(server)
            accepted.close()  # leaves FIN_WAIT2, and CLOSE_WAIT at the client
            keep(client)
        for _ in range(5):
            client, accepted = connected(server)
            accepted.close()
            client.recv(1)
            client.close()  # leaves TIME_WAIT
        waiting = socket.socket(family, socket.SOCK_STREAM)
        waiting.connect(server.getsockname()[:2])  # never accepted: nobody's yet
        keep(waiting)
    mapped = listener(socket.AF_INET6, "::")
    for _ in range(5):
        keep(*connected(mapped, socket.AF_INET))


def stuff(sender):
    """Sends until the receiver, who does not read, can take no more."""
    sender.setblocking(False)
    try:
        while True:
            sender.send(bytes(65536))
    except BlockingIOError:
        pass


def open_half_closed():
    server = listener(socket.AF_INET, "127.0.0.1")
    client, accepted = connected(server)
    stuff(client)
    client.close()  # FIN_WAIT1: its last data cannot go out
    keep(accepted)
    client, accepted = connected(server)
    accepted.shutdown(socket.SHUT_WR)
    client.recv(1)
    stuff(client)
    client.close()  # LAST_ACK, and FIN_WAIT2 at the server
    keep(accepted)
    client, accepted = connected(server)
    stuff(client)
    client.shutdown(socket.SHUT_WR)
    accepted.shutdown(socket.SHUT_WR)
    client.setblocking(True)
    client.recv(1)
    keep(client, accepted)  # CLOSING


def open_half_open():
    full = listener(socket.AF_INET, "127.0.0.1", backlog=0)
    for _ in range(2):  # the second is not answered: SYN_SENT
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(full.getsockname())
        keep(client)
    deferring = ((socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 120),)
    patient = listener(socket.AF_INET, "127.0.0.1", options=deferring)
    client = socket.socket()
    client.connect(patient.getsockname())  # SYN_RECV until it sends something
    keep(client)


def open_datagram_peers():
    for family in LOOPBACK:
        for _ in range(5):
            peer = bound(family, socket.SOCK_DGRAM, LOOPBACK[family])
            client = socket.socket(family, socket.SOCK_DGRAM)
            client.connect(peer.getsockname()[:2])
            keep(client)
            peer.connect(client.getsockname()[:2])
            lone = bound(family, socket.SOCK_DGRAM, LOOPBACK[family])
            lone.connect((LOOPBACK[family], 9))


def open_group(family, kind, address, port=0):
    options = ((socket.SOL_SOCKET, socket.SO_REUSEPORT, 1),)
    for _ in range(SO_REUSEPORT_GROUP):
        one = bound(family, kind, address, port, options)
        if kind == socket.SOCK_STREAM:
            one.listen()
        port = one.getsockname()[1]
    return port


def groups():
    for family in LOOPBACK:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for address in (LOOPBACK[family], WILDCARD[family]):
                yield family, kind, address


def open_multipath():
    try:
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError as error:
        if error.errno not in (errno.EPROTONOSUPPORT, errno.ENOPROTOOPT, errno.EINVAL):
            raise
        return
    one.bind(("127.0.0.1", 0))
    one.listen()
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    client.connect(one.getsockname())
    keep(one, client, one.accept()[0])


def open_noise():
    for i in range(10):
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.bind(f"\0portd-noise-{os.getpid()}-{i}")
        stream.listen()
        keep(stream, *socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
    keep(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
    keep(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM))
    keep(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
    keep(socket.socket(socket.AF_INET, socket.SOCK_STREAM))  # neither bound nor connected
    bound(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1")  # bound and no more


def in_child(end, work):
    """Has a child do the work and keep what it opens until the pipe ends; waits until it has."""
    done, told = os.pipe()
    if os.fork() == 0:
        os.close(end[1])
        before = len(opened)
        work()
        os.write(told, (len(opened) - before).to_bytes(4, "big"))
        os.read(end[0], 1)
        os._exit(0)
    os.close(told)
    return int.from_bytes(os.read(done, 4), "big")


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", "fe80::1/64", "dev", "lo", "nodad"], check=True)
    end = os.pipe()
    ports = [(*group, open_group(*group)) for group in groups()]
    children = in_child(end, lambda: None)  # shares the groups' sockets with this process
    open_noise()

    def joins():
        for group in ports:
            open_group(*group)
        open_connections()

    children += in_child(end, joins)
    children += in_child(end, open_listeners)
    for work in (open_listeners, open_connections, open_half_closed, open_half_open, open_datagram_peers):
        work()
    open_link_local()
    open_multipath()
    print(json.dumps({"opened": len(opened) + children}), flush=True)
    sys.stdin.read()


main()
