"""Writes "ready", and then each request to port 5351 that comes in on lan0, as a line of JSON (RFC 6887, RFC 6886)."""
import json
import socket
import struct

PORT = 5351
ETH_P_ALL = 3
PACKET_OUTGOING = 4
PROTOCOLS = {6: "tcp", 17: "udp"}


def payload_of(frame):
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800 and frame[23] == 17:
        start = 14 + 4 * (frame[14] & 15)
    elif kind == 0x86DD and frame[20] == 17:
        start = 54
    else:
        return None
    return frame[start + 8 :] if struct.unpack_from("!H", frame, start + 2)[0] == PORT else None


def described(data):
    if len(data) >= 60 and data[0] == 2 and data[1] == 1:  # PCP, MAP
        lifetime = struct.unpack_from("!I", data, 4)[0]
        internal, external = struct.unpack_from("!HH", data, 40)
        protocol = PROTOCOLS.get(data[36], str(data[36]))
        return {"kind": "pcp", "nonce": data[24:36].hex(), "protocol": protocol} | ports(internal, external, lifetime)
    if len(data) >= 12 and data[0] == 0 and data[1] in (1, 2):  # NAT-PMP, UDP or TCP
        internal, external, lifetime = struct.unpack_from("!HHI", data, 4)
        return {"kind": "nat-pmp", "nonce": None, "protocol": ("udp", "tcp")[data[1] - 1]} | ports(internal, external, lifetime)
    return None


def ports(internal, external, lifetime):
    return {"internalPort": internal, "externalPort": external, "lifetimeS": lifetime}


watching = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
watching.bind(("lan0", 0))
print("ready", flush=True)
while True:
    frame, (_, _, direction, *_) = watching.recvfrom(2000)
    data = None if direction == PACKET_OUTGOING or len(frame) < 42 else payload_of(frame)
    request = described(data) if data is not None else None
    if request is not None:
        print(json.dumps(request), flush=True)
