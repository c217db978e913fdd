"""Opens sockets of families that lead out of a network namespace or deep into the kernel."""

import socket

FAMILIES = {
    "vsock": (40, socket.SOCK_STREAM, 0),
    "netlink": (16, socket.SOCK_RAW, 0),
    "packet": (17, socket.SOCK_DGRAM, 0),
    "alg": (38, socket.SOCK_SEQPACKET, 0),
    "inet": (2, socket.SOCK_STREAM, 0),
    "unix": (1, socket.SOCK_STREAM, 0),
}
for name, (family, kind, protocol) in FAMILIES.items():
    try:
        socket.socket(family, kind, protocol).close()
        print(f"{name}: opened", flush=True)
    except OSError as problem:
        print(f"{name}: {problem.errno}", flush=True)
