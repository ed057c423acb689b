"""Asks services: a line of JSON {id, protocol, address, port, source, waitS} in, a line {id, answer} out.

`source` is the own port. `answer` is the text of the service; null where nothing or a refusal came. It ends with its stdin.
"""
import json
import socket
import sys
import threading
import time

UDP_PATIENCE_S = 0.5
writing = threading.Lock()


def ask(protocol, address, port, source, waitS, **_):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as opened:
        opened.bind(("", source))
        opened.settimeout(waitS)
        try:
            opened.connect((address, port))
            return received(opened) if protocol == "tcp" else answered(opened, time.monotonic() + waitS)
        except OSError:
            return None


def received(opened):
    text = b""
    while part := opened.recv(100):
        text += part
    return text.decode()


def answered(opened, end):
    opened.settimeout(UDP_PATIENCE_S)
    while time.monotonic() < end:
        opened.send(b"hello")
        try:
            return opened.recv(100).decode()
        except socket.timeout:
            continue  # the packet may be lost
    return None


def answer(request):
    line = json.dumps({"id": request["id"], "answer": ask(**request)})
    with writing:
        print(line, flush=True)


for line in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
