"""Seals a directory that a job filled: nobody changes it any more, and one digest tells all that is in it."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from contributions import errors

if TYPE_CHECKING:
    from pathlib import Path

_READ = 1 << 20
_OPEN = 0o755  # builds read it as another user


def seal(directory: Path) -> str:
    """SHA-256 over path, kind, mode and content of all that is in it, in order of the paths, links not followed.

    Everything becomes ours, files lose the right to be written, and pipes, sockets and devices are removed. Only for
    a directory whose job has ended. Raises Trouble for what cannot be read.
    """
    whole = hashlib.sha256()
    try:
        for path in sorted(_paths(os.fsencode(directory))):
            whole.update(_sealed(path, path[len(os.fsencode(directory)) + 1 :]))
    except OSError as problem:
        raise errors.Trouble(f"What the job left behind cannot be kept: {problem.strerror}.") from problem
    return whole.hexdigest()


def _paths(directory: bytes) -> list[bytes]:
    found = [directory]
    for folder, folders, files in os.walk(directory, onerror=_raise, topdown=True):
        for name in folders:
            _open_folder(os.path.join(folder, name))  # noqa: PTH118 - names that are not UTF-8, and thousands of them
        found += [os.path.join(folder, name) for name in folders + files]  # noqa: PTH118 - the same
    return found


def _raise(problem: OSError) -> None:
    raise problem


def _open_folder(path: bytes) -> None:
    """A job may close a directory to others, and to itself."""
    if not stat.S_ISLNK(os.lstat(path).st_mode):
        os.chmod(path, _OPEN)  # noqa: PTH101 - the same


def _sealed(path: bytes, name: bytes) -> bytes:
    """The digest of one entry, after it became ours."""
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    os.lchown(path, os.geteuid(), os.getegid())
    if kind == stat.S_IFDIR:
        os.chmod(path, _OPEN)  # noqa: PTH101 - the same
        content = b""
    elif kind == stat.S_IFLNK:
        content = hashlib.sha256(os.readlink(path)).digest()  # noqa: PTH115 - the same
    elif kind == stat.S_IFREG:
        os.chmod(path, 0o555 if status.st_mode & 0o111 else 0o444)  # noqa: PTH101 - the same
        content = _content(path)
    else:
        os.unlink(path)  # noqa: PTH108 - the same
        return b""
    executable = kind == stat.S_IFREG and bool(status.st_mode & 0o111)
    head = b"%d %06o %d %s\0" % (len(name), kind, executable, name)
    return hashlib.sha256(head + content).digest()


def _content(path: bytes) -> bytes:
    digest = hashlib.sha256()
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as source:  # noqa: PTH123 - a descriptor
        while data := source.read(_READ):
            digest.update(data)
    return digest.digest()
