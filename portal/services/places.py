"""Where the embedded services keep their files, and where their sockets fit."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from portal.services.errors import ServiceTrouble

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]  # where Python finds the site's packages, wherever it was started
LONGEST_SOCKET_PATH = 107  # sun_path of unix(7) is 108 bytes with its closing NUL
LONGEST_SOCKET_NAME = len("/postgres/.s.PGSQL.5432.lock")


def private_directory(path: Path) -> Path:
    """Make `path` if need be; only its owner may look inside. A stranger's directory is refused."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
        raise ServiceTrouble(f"{path} must be a directory of the user who starts the service.")
    if stat.S_IMODE(facts.st_mode) != 0o700:  # noqa: PLR2004 - the mode of a private directory
        path.chmod(0o700)
    return path


def socket_directory(var: Path) -> Path:
    """A private directory for sockets: below `var`, or where paths are short enough for a socket's name."""
    inside = var.resolve() / "run"
    if len(os.fsencode(inside)) + LONGEST_SOCKET_NAME <= LONGEST_SOCKET_PATH:
        return private_directory(inside)
    var.mkdir(parents=True, exist_ok=True)
    facts = var.stat()
    key = f"{facts.st_dev:x}-{facts.st_ino:x}"  # goes along when the directory is moved, and is nobody else's
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and len(os.fsencode(runtime)) < 40 and Path(runtime).is_dir():  # noqa: PLR2004 - leaves room
        return private_directory(Path(runtime) / f"patchbay-{key}")
    return private_directory(Path("/tmp") / f"patchbay-{os.geteuid()}-{key}")  # noqa: S108 - 0700 and owner checked


def leave_socket_directory(path: Path) -> None:
    """Remove a service's directory of sockets, and the one around it once all services have left."""
    with suppress(OSError):
        path.rmdir()
        path.parent.rmdir()


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until no other process holds `lock`, and hold it for the block."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def living_in(directory: Path) -> list[int]:
    """The ids of the processes that work in `directory` (their current directory), this one left out."""
    try:
        wanted = directory.stat()
    except FileNotFoundError:
        return []
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                facts = (entry / "cwd").stat()
            except OSError:
                continue
            if (facts.st_dev, facts.st_ino) == (wanted.st_dev, wanted.st_ino):
                found.append(int(entry.name))
    return sorted(found)


def last_lines(file: Path, count: int = 5) -> str:
    """The end of a log, for an error message."""
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""
