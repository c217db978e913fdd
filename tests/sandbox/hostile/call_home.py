"""Tries each way to another program of this host, or to the cloud's metadata server."""

import os
import socket


def attempt(name, family, kind, address):
    try:
        with socket.socket(family, kind) as opened:
            opened.settimeout(2)
            opened.connect(address)
            opened.send(b"stolen")
            print(f"{name}: reached", flush=True)
    except OSError as problem:
        print(f"{name}: {type(problem).__name__} {problem.errno}", flush=True)


attempt("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", int(os.environ["TCP_PORT"])))
attempt("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", int(os.environ["UDP_PORT"])))
attempt("abstract", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + os.environ["ABSTRACT"])
attempt("path", socket.AF_UNIX, socket.SOCK_STREAM, os.environ["SOCKET_PATH"])
attempt("metadata", socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80))
