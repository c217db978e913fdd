"""A place to try things on a repository: an index and an object store of its own, gone after the block."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from contributions.checkout.runner import Fence, git

if TYPE_CHECKING:
    from types import TracebackType


class Bench:
    """Objects made here are seen only here until `adopt` hands them to the repository."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self._folder = Path(tempfile.mkdtemp(prefix="bench-", dir=repo))
        self._objects = self._folder / "objects"
        self._objects.mkdir()
        self._places = {
            "GIT_INDEX_FILE": str(self._folder / "index"),
            "GIT_OBJECT_DIRECTORY": str(self._objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo / "objects"),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def git(self, *args: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        """Git on the repository and this bench; a stranger's bytes are expected, so a fence stands around it."""
        return git(self.repo, *args, input=stdin, env={**self._places, **(env or {})}, fence=Fence())

    def adopt(self) -> None:
        """Move every object made here into the repository; each is written whole or not at all."""
        for made in self._objects.glob("??/*"):
            home = self.repo / "objects" / made.parent.name
            home.mkdir(exist_ok=True)
            made.rename(home / made.name)
