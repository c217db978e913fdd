"""Small real repositories, told commit by commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.repositories import new_repository
from contributions.checkout.runner import git

if TYPE_CHECKING:
    from pathlib import Path

WHEN = 1_700_000_000
Content = str | bytes | tuple[str, bytes] | None

TEXT = "".join(f"line {number}\n" for number in range(1, 41))


class Story:
    """A bare repository; each commit stands on the branch that it is told for."""

    def __init__(self, path: Path) -> None:
        self.path = new_repository(path)
        self.told = 0

    def commit(
        self, files: dict[str, Content], message: str = "A change\n", *, on: str = "main", start: str = ""
    ) -> str:
        """`files`: path -> text, bytes, (mode, bytes) or None to delete; `start` is where a new branch begins."""
        self.told += 1
        who = f"A Contributor <contributor@customer.example> {WHEN + self.told} +0000"
        parent = start or self.tip(on)
        lines = [f"commit refs/heads/{on}\ncommitter {who}\n".encode(), _data(message.encode())]
        lines += [f"from {parent}\n".encode()] if parent else []
        lines += [_change(name, content) for name, content in files.items()]
        git(self.path, "fast-import", "--quiet", "--force", input=b"".join(lines) + b"\n")
        return self.tip(on)

    def tip(self, branch: str) -> str:
        found = git(self.path, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}").decode().split()
        return found[0] if found else ""

    def tag(self, name: str, commit: str, *, annotated: bool = True) -> None:
        if annotated:
            who = f"tagger A Releaser <releaser@upstream.example> {WHEN} +0000\n"
            text = f"object {commit}\ntype commit\ntag {name}\n{who}\nRelease {name}\n".encode()
            commit = git(self.path, "hash-object", "-t", "tag", "-w", "--stdin", input=text).decode().strip()
        git(self.path, "update-ref", f"refs/tags/{name}", commit)

    def write(self, kind: str, content: bytes) -> str:
        """An object as it is, however wrong."""
        made = git(self.path, "hash-object", "-t", kind, "-w", "--literally", "--stdin", input=content)
        return made.decode().strip()

    def commit_tree(self, tree: str, message: str = "A change\n", *, on: str = "main") -> str:
        who = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", "A"), ("EMAIL", "a@b.example"), ("DATE", f"@{WHEN} +0000"))
        }
        parent = self.tip(on)
        words = ["-p", parent] if parent else []
        made = git(self.path, "commit-tree", tree, *words, input=message.encode(), env=who).decode().strip()
        git(self.path, "update-ref", f"refs/heads/{on}", made)
        return made


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _change(name: str, content: Content) -> bytes:
    if content is None:
        return f'D "{name}"\n'.encode()
    mode, raw = content if isinstance(content, tuple) else ("100644", content)
    raw = raw.encode() if isinstance(raw, str) else raw
    if mode == "160000":
        return f'M 160000 {raw.decode()} "{name}"\n'.encode()
    return f'M {mode} inline "{name}"\n'.encode() + _data(raw)


def changed(text: str, line: int, becomes: str) -> str:
    """The text with one of its lines, counted from 1, replaced."""
    lines = text.splitlines(keepends=True)
    lines[line - 1] = becomes
    return "".join(lines)
