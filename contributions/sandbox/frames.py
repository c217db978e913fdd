"""Reads the frames that come out of the jail; every byte of them may be a lie.

The files go straight to disk under names of ours. Sizes, counts, names and digests are checked and made here.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from contributions.sandbox import inside
from contributions.sandbox.jobs import MEGABYTE, Artifact, Limits, ReachedLimit, RefusedFile, StepEnd

if TYPE_CHECKING:
    from pathlib import Path

_PART = r"[A-Za-z0-9_][A-Za-z0-9._+~-]{0,149}"
_NAME = re.compile(rf"{_PART}(?:/{_PART}){{0,7}}\Z")
_LONGEST_NAME = 4096
_LONGEST_BODY = 4096  # of all frames but files
_MOST_REFUSALS = 100
_MOST_STEPS = 100
_NO_EXIT_CODE = 255


class BrokenFrames(Exception):
    """The sender does not keep to the form; nothing more of it is read."""


@dataclass
class Delivery:
    """What has arrived so far."""

    begun: bool = False
    checkout_failed: bool = False
    step: str = ""
    exit_code: int | None = None
    steps: list[StepEnd] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)
    limit: ReachedLimit | None = None

    def refuse(self, name: str, reason: str) -> None:
        if len(self.refused) < _MOST_REFUSALS:
            self.refused.append(RefusedFile(_printable(name), _printable(reason)))


@dataclass
class _File:
    """A file on its way to disk; without a `target` its bytes are thrown away."""

    name: str
    left: int
    size: int
    path: Path
    target: BinaryIO | None
    digest: hashlib._Hash


class FrameReader:
    """Takes bytes as they come and keeps `delivery` up to date."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self.delivery = Delivery()
        self._directory = directory
        self._limits = limits
        self._buffer = bytearray()
        self._file: _File | None = None
        self._total = 0

    def feed(self, data: bytes) -> None:
        """Raises BrokenFrames; after the end frame nothing is looked at."""
        self._buffer += data
        while self.delivery.exit_code is None and self._take_one():
            pass
        if self.delivery.exit_code is not None:
            self._buffer.clear()

    def _take_one(self) -> bool:
        if self._file:
            return self._take_content(self._file)
        if len(self._buffer) < inside.HEADER.size:
            return False
        kind, name_length, length = inside.HEADER.unpack_from(self._buffer)
        if name_length > _LONGEST_NAME or (kind != inside.FILE and length > _LONGEST_BODY):
            raise BrokenFrames
        wanted = inside.HEADER.size + name_length + (0 if kind == inside.FILE else length)
        if len(self._buffer) < wanted:
            return False
        name = bytes(self._buffer[inside.HEADER.size : inside.HEADER.size + name_length]).decode(errors="replace")
        body = bytes(self._buffer[inside.HEADER.size + name_length : wanted]).decode(errors="replace")
        del self._buffer[:wanted]
        self._take_frame(kind, name, body, length)
        return True

    def _take_frame(self, kind: bytes, name: str, body: str, length: int) -> None:
        delivery = self.delivery
        if kind == inside.BEGUN:
            delivery.begun = True
        elif kind == inside.STEP_BEGUN:
            delivery.step = _printable(name)
        elif kind == inside.STEP_ENDED:
            self._take_step_end(name, body)
        elif kind == inside.FILE:
            self._begin_file(name, length)
        elif kind == inside.REFUSED:
            delivery.refuse(name, body)
        elif kind == inside.TOO_LARGE:
            delivery.refuse(name, self._too_large())
        elif kind == inside.NO_CHECKOUT:
            delivery.checkout_failed, delivery.exit_code = True, _NO_EXIT_CODE
        elif kind == inside.FINISHED:
            delivery.exit_code = _exit_code(body)
        else:
            raise BrokenFrames

    def _take_step_end(self, name: str, body: str) -> None:
        code, _, seconds = body.partition(" ")
        if len(self.delivery.steps) >= _MOST_STEPS:
            raise BrokenFrames
        self.delivery.steps.append(StepEnd(_printable(name), _exit_code(code), _duration(seconds)))

    def _begin_file(self, name: str, size: int) -> None:
        reason = self._reason_against(name, size)
        path = self._directory / f"{len(self.delivery.artifacts):04}"
        if reason:
            self.delivery.refuse(name, reason)
        target = None if reason else _create(path)
        self._file = _File(name, size, size, path, target, hashlib.sha256())
        self._total += size
        if self._total > 2 * self._limits.disk_mb * MEGABYTE:
            raise BrokenFrames

    def _reason_against(self, name: str, size: int) -> str:
        limits = self._limits
        if not _NAME.match(name):
            return "its name has characters that a file to download may not have"
        if any(taken.name == name for taken in self.delivery.artifacts):
            return "there is already a file of this name"
        if len(self.delivery.artifacts) >= limits.artifacts:
            return self._reach("artifacts", f"limit of {limits.artifacts} artifacts")
        if size > limits.artifact_mb * MEGABYTE:
            return self._too_large()
        if self._total + size > limits.disk_mb * MEGABYTE:
            return self._reach("artifacts", f"limit of {limits.disk_mb} MB for all artifacts")
        return ""

    def _too_large(self) -> str:
        return self._reach("artifact", f"limit of {self._limits.artifact_mb} MB for one artifact")

    def _reach(self, name: str, words: str) -> str:
        self.delivery.limit = ReachedLimit(name, words)
        return f"it is over the {words}"

    def _take_content(self, file: _File) -> bool:
        data = bytes(self._buffer[: file.left])
        del self._buffer[: len(data)]
        file.left -= len(data)
        if file.target:
            file.target.write(data)
            file.digest.update(data)
        if file.left:
            return False
        self._file = None
        if file.target:
            file.target.close()
            self.delivery.artifacts.append(Artifact(file.name, file.path, file.size, file.digest.hexdigest()))
        return True

    def close(self) -> None:
        """Throw away a file that did not arrive whole."""
        if self._file and self._file.target:
            self._file.target.close()
            self._file.path.unlink()
        self._file = None


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb")


def _exit_code(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) else _NO_EXIT_CODE


def _duration(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds >= 0 else 0.0


def _printable(text: str) -> str:
    """Short, and every character that is not plain shown as its escape."""
    return text[:200].encode("ascii", "backslashreplace").decode().translate(_ESCAPES)


_ESCAPES = {number: f"\\x{number:02x}" for number in (*range(32), 127)}
