"""Lays out files that are none, files that are too large and names that are traps."""

import os
import pathlib
import socket

pathlib.Path("dist/deep").mkdir(parents=True)
os.chdir("dist")


def attempt(name, act):
    try:
        act()
        print(f"made {name}", flush=True)
    except OSError as problem:
        print(f"denied {name}: {problem.errno}", flush=True)


def write(name, content=b"x"):
    with open(name, "wb") as file:
        file.write(content)


def listen():
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")


def mark_executable_by_root():
    write("caps")
    os.setxattr("caps", "security.capability", b"\1\0\0\2" + b"\377" * 8 + b"\0" * 8)


attempt("good", lambda: write("good.txt", b"good"))
attempt("deep", lambda: write("deep/good-1.0+local~1.whl", b"deep"))
attempt("symlink", lambda: os.symlink("/etc/passwd", "link"))
attempt("symlinked directory", lambda: os.symlink("/etc", "directory"))
attempt("own hard link", lambda: os.link("good.txt", "same.txt"))
attempt("hard link out", lambda: os.link("/usr/bin/env", "env"))
attempt("pipe", lambda: os.mkfifo("pipe"))
attempt("socket", listen)
attempt("character device", lambda: os.mknod("mem", 0o20666, os.makedev(1, 1)))
attempt("block device", lambda: os.mknod("disk", 0o60666, os.makedev(254, 0)))
attempt("set-user-id", lambda: (write("suid"), os.chmod("suid", 0o4755)))
attempt("born set-group-id", lambda: os.close(os.open("sgid", os.O_CREAT | os.O_WRONLY, 0o2755)))
attempt("capabilities", mark_executable_by_root)
attempt("sparse", lambda: os.truncate(os.open("sparse", os.O_CREAT | os.O_WRONLY), 90 << 20))
attempt("unreadable", lambda: (write("closed"), os.chmod("closed", 0)))
for number, trap in enumerate(
    (
        b"new\nline",
        b"bad\xff\xfe",
        b"--option",
        b".hidden",
        "turned\u202etxt.exe".encode(),
        b"<img src=x onerror=alert(1)>",
        b'quote"; filename="b.exe',
        b"..\\back\\slash",
        b"n" * 255,
    )
):
    attempt(f"trap {number}", lambda trap=trap: write(trap))
