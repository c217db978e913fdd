"""The names in an archive: what unpacking them one after the other would do to a directory."""

from __future__ import annotations

import re

from .findings import Refused, shown

DEEPEST_PATH = 100
LONGEST_PATH = 4096
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Tree:
    """The directory as it would be; every member is added before the next is read.

    `rooted` is a package that is unpacked at the root of a system, where a link may name a path from there.
    """

    def __init__(self, *, rooted: bool = False, backslashes: bool = False) -> None:
        self._kinds: dict[str, str] = {}
        self._rooted = rooted
        self._backslashes = backslashes

    def __contains__(self, name: str) -> bool:
        return name in self._kinds

    def top_names(self) -> list[str]:
        return [path for path in self._kinds if "/" not in path]

    def add_directory(self, name: str) -> None:
        if parts := self._parts(name.rstrip("/") if name.strip("/") else name):
            self._put(parts, "directory", name)

    def add_file(self, name: str) -> None:
        self._put(self._named(name), "file", name)

    def add_hard_link(self, name: str, target: str) -> None:
        """A second name of a file that came before."""
        wanted = "/".join(self._named(target))
        if self._kinds.get(wanted) != "file":
            raise Refused(f"The link {shown(name)} names {shown(target)}, which is no file that comes before it.")
        self.add_file(name)

    def add_link(self, name: str, target: str) -> None:
        """A symbolic link; it may not lead out of the directory, not even by way of another link."""
        parts = self._named(name)
        if not target or _CONTROL.search(target):
            raise Refused(f"The link {shown(name)} has an odd target.")
        if not self._leads_inside(parts, target):
            raise Refused(f"The link {shown(name)} leads out of the archive, to {shown(target)}.")
        self._put(parts, "link", name)

    def _leads_inside(self, parts: list[str], target: str) -> bool:
        if target.startswith("/"):
            return self._rooted
        steps = [step for step in target.split("/") if step not in {"", "."}]
        ups = next((number for number, step in enumerate(steps) if step != ".."), len(steps))
        return ups < len(parts) and ".." not in steps[ups:]

    def _named(self, name: str) -> list[str]:
        parts = self._parts(name)
        if not parts or name.endswith("/"):
            raise Refused(f"It has a file without a name: {shown(name)!r}.")
        return parts

    def _parts(self, name: str) -> list[str]:
        if name.startswith("/") or _DRIVE.match(name):
            raise Refused(f"It would write to a place of its own choice: {shown(name)}.")
        if _CONTROL.search(name):
            raise Refused(f"It has a name with control characters: {shown(name)}.")
        if "\\" in name and not self._backslashes:
            raise Refused(f"It has a name with a backslash, which some programs take for a directory: {shown(name)}.")
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if ".." in parts:
            raise Refused(f"It would write outside of its own directory: {shown(name)}.")
        if len(parts) > DEEPEST_PATH or len(name) > LONGEST_PATH:
            raise Refused(f"It has a path that is too long or too deep: {shown(name)}.")
        return parts

    def _put(self, parts: list[str], kind: str, name: str) -> None:
        path = ""
        for part in parts[:-1]:
            path = f"{path}/{part}" if path else part
            above = self._kinds.setdefault(path, "directory")
            if above == "link":
                raise Refused(f"It would write through a link of its own: {shown(name)}.")
            if above == "file":
                raise Refused(f"{shown(path)} is a file in it and a directory as well.")
        path = f"{path}/{parts[-1]}" if path else parts[-1]
        was = self._kinds.setdefault(path, "")
        if was and not was == kind == "directory":
            raise Refused(f"It has two members of the name {shown(path)}.")
        self._kinds[path] = kind
