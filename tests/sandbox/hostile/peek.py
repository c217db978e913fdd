"""Reads what it should not: the host's files, and what other processes were told in their environment."""

import os
import pathlib


def read(path):
    try:
        return path.read_bytes()
    except OSError as problem:
        return (problem.strerror or "").encode()


for name in ("/etc/passwd", "/etc/shadow", "/etc/machine-id", os.environ["CANARY"]):
    print(f"{name}: {read(pathlib.Path(name))[-200:]!r}")
secret = os.environ["SECRET_NAME"].encode() + b"="
for entry in pathlib.Path("/proc").glob("[0-9]*"):
    if secret in read(entry / "environ"):
        print(f"found the secret in process {entry.name}")
for entry in pathlib.Path("/proc").glob("[0-9]*"):
    for way in ("root", "cwd"):
        if os.path.exists(f"{entry}/{way}{os.environ['CANARY']}"):
            print(f"found the canary through {entry}/{way}")
print("looked everywhere")
