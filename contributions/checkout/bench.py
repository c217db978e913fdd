"""A place to try things on a repository: an index and an object store of its own, gone after the block."""

from __future__ import annotations

import re
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from contributions.checkout.objects import ENTRY, FOLDER, SUBMODULE, Objects, read_loose, write_object
from contributions.checkout.runner import Fence, git
from contributions.errors import Trouble

if TYPE_CHECKING:
    from types import TracebackType

REMEMBERED = 500_000  # entries of trees, some 100 bytes each
PARENT = re.compile(rb"^parent ([0-9a-f]{40})$", re.MULTILINE)


class Bench:
    """Objects made here are seen only here until `adopt` hands them to the repository."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self._folder = Path(tempfile.mkdtemp(prefix="bench-", dir=repo))
        self._objects = self._folder / "objects"
        self._objects.mkdir()
        self._trees: dict[str, str] = {}
        self._entries: dict[str, dict[bytes, tuple[bytes, str]]] = {}
        self._remembered = 0
        self.places = {
            "GIT_INDEX_FILE": str(self._folder / "index"),
            "GIT_OBJECT_DIRECTORY": str(self._objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo / "objects"),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "objects" in self.__dict__:
            self.objects.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    @cached_property
    def objects(self) -> Objects:
        return Objects(self.repo, self.places)

    def git(self, *args: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        """Git on the repository and this bench; a stranger's bytes are expected, so a fence stands around it."""
        return git(self.repo, *args, input=stdin, env={**self.places, **(env or {})}, fence=Fence())

    def write(self, kind: str, content: bytes) -> str:
        """Make an object here; answers its id."""
        return write_object(self._objects, kind, content)

    def tree_of(self, name: str) -> str:
        """The tree behind a commit (or a tree). Raises Trouble if it is not here."""
        if name not in self._trees:
            found = self.objects.find(f"{name}^{{tree}}")
            if found is None:
                raise Trouble(f"The repository has no commit {name}.")
            self._trees[name] = found.id
        return self._trees[name]

    def entries_of(self, tree: str) -> dict[bytes, tuple[bytes, str]]:
        """Name -> mode and id, in git's order; remembered, as cells look into the same trees again and again."""
        if tree not in self._entries:
            if self._remembered > REMEMBERED:
                self._entries.clear()
                self._remembered = 0
            found = ENTRY.findall(self.objects.read(tree, "tree"))
            self._entries[tree] = {name: (mode, raw.hex()) for mode, name, raw in found}
            self._remembered += len(found)
        return self._entries[tree]

    def entry_at(self, commit: str, path: str) -> tuple[str, str]:
        """The mode of a path as git writes it (100644) and its blob, both empty if nothing stands there."""
        mode, name = FOLDER, self.tree_of(commit)
        for part in path.encode("utf-8", "surrogateescape").split(b"/"):
            entries = self.entries_of(name) if mode == FOLDER else {}
            mode, name = entries.get(part, (b"", ""))
        return mode.decode(), name

    def adopt(self) -> None:
        """Move every object made here into the repository; each is written whole or not at all."""
        for made in self._objects.glob("??/*"):
            self._hand_over(made.parent.name + made.name)

    def adopt_commit(self, commit: str) -> None:
        """Move what this commit needs of what was made here: the commits that it stands on as well."""
        chain, waiting = [], [commit]
        while waiting:
            told = read_loose(self._objects, waiting[-1])
            name = waiting.pop()
            if told and told[0] == "commit":
                chain.append((name, told[1][5:45].decode()))
                waiting += [each.decode() for each in PARENT.findall(told[1].partition(b"\n\n")[0])]
        for name, tree in reversed(chain):
            self._adopt_tree(tree)
            self._hand_over(name)

    def _adopt_tree(self, tree: str) -> None:
        """Its parts first: what the repository has is complete at any time."""
        told = read_loose(self._objects, tree)
        if told is None:
            return
        for mode, _, raw in ENTRY.findall(told[1]):
            if mode == FOLDER:
                self._adopt_tree(raw.hex())
            elif mode != SUBMODULE:
                self._hand_over(raw.hex())
        self._hand_over(tree)

    def _hand_over(self, name: str) -> None:
        made = self._objects / name[:2] / name[2:]
        if made.exists():
            home = self.repo / "objects" / made.parent.name
            home.mkdir(exist_ok=True)
            made.rename(home / made.name)
