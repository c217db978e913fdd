"""Tries, inside a jail, what a hostile build would try, and prints what it met: one line of JSON, judged outside.

Like inside.py it is one file of the standard library alone. Nothing in it harms a host that keeps none of its promises.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import mmap
import os
import platform
import resource
import signal
import socket
import stat
import sys
from functools import partial
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SETTABLE = 0o6000
TIOCSTI = 0x5412
# The number of getpid by the doors for 32-bit programs: mov eax, number; int 0x80 (or syscall); ret.
DOORS = {"int 0x80": "b814000000cd80c3", "x32": "b8270000400f05c3"}
FAMILIES = {"netlink": (16, 3), "packet": (17, 2), "alg": (38, 5), "vsock": (40, 1), "bluetooth": (31, 3)}
PLACES = (
    "/ /bin /usr /usr/bin /usr/local/bin /etc /dev /proc /run /run/patchbay /var /sys /source.git /toolchain /prepared "
    "/mnt /opt /srv /home /root"
)
FILES = (
    "/proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /dev/mem /dev/kmsg /dev/sda /dev/vda"
)
libc = ctypes.CDLL(None, use_errno=True)


def name_of(problem: OSError) -> str:
    return errno.errorcode.get(problem.errno or 0, str(problem.errno))


def attempt(act: Callable[[], Any]) -> str:
    """What it met: done, or the name of the error."""
    try:
        act()
    except OSError as problem:
        return name_of(problem)
    return "done"


def in_a_child(act: Callable[[], Any]) -> str:
    """What a process of its own met in doing it: "done", the name of an error, or of the signal that ended it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, attempt(act).encode())
        os._exit(0)
    os.close(writing)
    end = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(reading, "rb") as answer:  # noqa: PTH123 - a descriptor has no path
        return signal.Signals(-end).name if end < 0 else answer.read().decode()


def call(number: int, arguments: list[int]) -> None:
    child_of_clone = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(value) for value in arguments))
    if child_of_clone < 0:
        raise OSError(ctypes.get_errno(), "")


def calls() -> dict[str, str]:
    """`CALLS` names system calls with their number and arguments."""
    wanted = json.loads(os.environ["CALLS"])
    return {name: in_a_child(partial(call, number, arguments)) for name, (number, arguments) in wanted.items()}


def enter_by(code: str) -> None:
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex(code))
    answer = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    if answer < 0:
        raise OSError(-answer, "")


def doors() -> dict[str, str]:
    if platform.machine() != "x86_64":
        return {}
    return {name: in_a_child(partial(enter_by, code)) for name, code in DOORS.items()}


def sockets() -> dict[str, str]:
    tries = {"unix": (1, 1), "inet": (2, 1), **FAMILIES}
    return {name: attempt(partial(socket.socket, family, kind)) for name, (family, kind) in tries.items()}


def connect(family: int, address: Any) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as there:
        there.settimeout(1)
        there.connect(address)


def reached() -> dict[str, str]:
    port, abstract = int(os.environ["PORT"]), "\0" + os.environ["ABSTRACT"]
    tries = {
        "a server on the host's loopback": (socket.AF_INET, ("127.0.0.1", port)),
        "a server in the host's abstract names": (socket.AF_UNIX, abstract),
        "cloud metadata": (socket.AF_INET, ("169.254.169.254", 80)),
    }
    return {name: attempt(partial(connect, family, address)) for name, (family, address) in tries.items()}


def written() -> dict[str, str]:
    tries = {place: attempt(partial(Path(place, "canary").write_bytes, b"x")) for place in PLACES.split()}
    files = [*FILES.split(), os.environ["CANARY"], f"/proc/1/root{os.environ['CANARY']}"]
    return tries | {file: attempt(partial(Path(file).open, "r+b")) for file in files}


def in_sight() -> list[str]:
    places = [os.environ["CANARY"], "/etc/shadow", "/etc/machine-id", "/etc/resolv.conf", "/home", "/root", "/srv"]
    return [place for place in places if os.path.exists(place) and not _is_bare(place)]  # noqa: PTH110 - no Path needed


def _is_bare(place: str) -> bool:
    """A base image brings empty directories."""
    return os.path.isdir(place) and not os.listdir(place)  # noqa: PTH112, PTH208 - no Path needed


def told() -> list[str]:
    """What processes in sight were started with, each NAME=value as its SHA-256."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found |= set((entry / "environ").read_bytes().split(b"\0"))
        except OSError:
            continue
    return sorted(hashlib.sha256(pair).hexdigest() for pair in found if pair)


def devices() -> list[str]:
    """Device nodes below /dev; terminals of one's own have no door to anybody else's."""
    nodes = [path for path in Path("/dev").glob("*") if not path.is_symlink()]
    return sorted(path.name for path in nodes if stat.S_ISCHR(path.stat().st_mode) or stat.S_ISBLK(path.stat().st_mode))


def set_id() -> dict[str, str]:
    Path("plain").touch()
    return {
        "chmod": attempt(lambda: Path("plain").chmod(0o4755)),
        "born so": attempt(lambda: os.close(os.open("born", os.O_CREAT | os.O_WRONLY, 0o2755))),
        "device": attempt(lambda: os.mknod("mem", 0o20666, os.makedev(1, 1))),
        "attribute": attempt(lambda: os.setxattr("plain", "user.mark", b"x")),
    }


def core() -> list[str]:
    _takes(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    in_a_child(lambda: os.kill(os.getpid(), signal.SIGSEGV))
    return [path.name for path in Path().glob("core*")]


def raised() -> list[str]:
    """Limits that could be lifted again."""
    names = ("RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE")
    endless = (resource.RLIM_INFINITY,) * 2
    return [name for name in names if _takes(getattr(resource, name), endless)]


def _takes(limit: int, value: tuple[int, int]) -> bool:
    if resource.getrlimit(limit) == value:
        return True
    try:
        resource.setrlimit(limit, value)
    except (OSError, ValueError):
        return False
    return True


def terminal() -> dict[str, str]:
    reading, _ = os.pipe()

    def steal() -> None:
        libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
        if libc.ioctl(reading, TIOCSTI | 1 << 32, b"x") < 0:
            raise OSError(ctypes.get_errno(), "")

    return {"typing": attempt(steal), "terminal": attempt(lambda: os.close(os.open("/dev/tty", os.O_RDWR)))}


def own_status() -> dict[str, str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    wanted = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Uid")
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines) if name in wanted}


def seen() -> dict[str, Any]:
    return {
        "namespaces": {entry: os.readlink(f"/proc/self/ns/{entry}") for entry in os.listdir("/proc/self/ns")},  # noqa: PTH115, PTH208 - no Path needed
        "uid_map": Path("/proc/self/uid_map").read_text().split(),
        "status": own_status(),
        "session": os.getsid(0),
        "terminal": terminal(),
        "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),  # noqa: PTH208 - no Path needed
        "environment": sorted(set(os.environ) - set(json.loads(os.environ["GIVEN"]))),
        "told": told(),
        "in_sight": in_sight(),
        "written": written(),
        "devices": devices(),
        "calls": calls(),
        "doors": doors(),
        "sockets": sockets(),
        "interfaces": interfaces(),
        "reached": reached(),
        "set_id": set_id(),
        "core": core(),
        "raised": raised(),
    }


def interfaces() -> list[str]:
    return [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]


if __name__ == "__main__":
    sys.stdout.write("\nSEEN " + json.dumps(seen()) + "\n")
