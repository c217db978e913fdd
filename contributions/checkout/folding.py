"""Puts edited lines into a series: into its last commit where that touches the file, else into one more on top."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from contributions.checkout.bench import Bench
from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

FILES = frozenset({"100644", "100755"})
LITERALLY = {"GIT_LITERAL_PATHSPECS": "1"}
TRAILER = "Suggested-by"


@dataclass(frozen=True)
class Edit:
    """Lines `start` to `end` of a file, which say `quoted` now, shall say `lines`; `by` is whose idea it was."""

    path: str
    start: int
    end: int
    quoted: tuple[str, ...]
    lines: tuple[str, ...]
    by: str


class _Blob(NamedTuple):
    mode: str
    name: str


def fold(repo: Path, tip: str, edits: Sequence[Edit], *, committer: tuple[str, str], at: datetime) -> str:
    """The tip of the series with the edits in it. The same input gives the same id; no ref is made.

    Raises Invalid, naming file and lines, when the text is not what an edit says it is; nothing is made then.
    """
    with Bench(repo) as bench:
        series = _Series(bench, tip, committer, at)
        touched = series.touched()
        series.amend([edit for edit in edits if edit.path in touched])
        series.add([edit for edit in edits if edit.path not in touched])
        bench.adopt()
    return series.tip


class _Series:
    """Commits that end at `tip`, which moves."""

    def __init__(self, bench: Bench, tip: str, committer: tuple[str, str], at: datetime) -> None:
        self.bench = bench
        self.tip = tip
        self._stamp = f"@{int(at.timestamp())} +0000"
        self._committer = {
            "GIT_COMMITTER_NAME": committer[0],
            "GIT_COMMITTER_EMAIL": committer[1],
            "GIT_COMMITTER_DATE": self._stamp,
        }

    def touched(self) -> frozenset[str]:
        """The files that the last commit touches and leaves there."""
        options = ("-r", "-z", "--name-only", "--no-renames", "--no-commit-id", "--diff-filter=d")
        listed = self.bench.git("diff-tree", *options, self.tip)
        return frozenset(listed.decode("utf-8", "surrogateescape").split("\0")) - {""}

    def amend(self, edits: Sequence[Edit]) -> None:
        """The last commit with the edits in it; a commit that changes nothing any more is left out."""
        if not edits:
            return
        tree, parent = self._edited(edits), self._git("rev-parse", f"{self.tip}^")
        if tree == self._git("rev-parse", f"{parent}^{{tree}}"):
            self.tip = parent
            return
        message = self.bench.git("log", "-1", "--format=%B", "--encoding=UTF-8", self.tip)
        name, email, date = self._author()
        self._commit(tree, parent, message, edits, {**_identity(name, email), "GIT_AUTHOR_DATE": date})

    def add(self, edits: Sequence[Edit]) -> None:
        """One commit on top with the edits, in the name of the last commit's author, who takes them in."""
        if not edits:
            return
        paths = sorted({edit.path for edit in edits})
        message = f"Edit {paths[0]} as suggested\n" if len(paths) == 1 else f"Edit {len(paths)} files as suggested\n"
        name, email, _ = self._author()
        author = {**_identity(name, email), "GIT_AUTHOR_DATE": self._stamp}
        self._commit(self._edited(edits), self.tip, message.encode(), edits, author)

    def _author(self) -> tuple[str, str, str]:
        told = self.bench.git("log", "-1", "--format=%an%n%ae%n%ad", "--date=raw", "--encoding=UTF-8", self.tip)
        name, email, date = told.decode("utf-8", "replace").split("\n")[:3]
        return name, email, f"@{date}"

    def _commit(self, tree: str, parent: str, message: bytes, edits: Sequence[Edit], author: dict[str, str]) -> None:
        env = {**author, **self._committer}
        words = self._with_trailers(message, [edit.by for edit in edits])
        made = self.bench.git("commit-tree", tree, "-p", parent, stdin=words, env=env)
        self.tip = made.decode().strip()

    def _with_trailers(self, message: bytes, names: Iterable[str]) -> bytes:
        given = [f"--trailer={TRAILER}: {name}" for name in dict.fromkeys(names)]
        options = ("--no-divider", "--if-exists=addIfDifferent", *given)
        return self.bench.git("interpret-trailers", *options, stdin=message)

    def _edited(self, edits: Sequence[Edit]) -> str:
        """The tree of the tip with the edits in it."""
        rows = b""
        for path, group in groupby(sorted(edits, key=lambda edit: (edit.path, edit.start)), key=lambda edit: edit.path):
            blob = self._blob(path)
            content = edited(self.bench.git("cat-file", "blob", blob.name), list(group))
            made = self._git("hash-object", "-w", "--no-filters", "--stdin", stdin=content)
            rows += f"{blob.mode} {made}\t{path}\0".encode()
        self.bench.git("read-tree", self.tip)
        self.bench.git("update-index", "-z", "--index-info", stdin=rows)
        return self._git("write-tree")

    def _blob(self, path: str) -> _Blob:
        listed = self.bench.git("ls-tree", "-z", "--full-tree", self.tip, "--", path, env=LITERALLY)
        facts = listed.partition(b"\t")[0].decode().split()
        if not facts or facts[0] not in FILES:
            raise Invalid(f"“{path}” is no longer a file whose lines can be edited.")
        return _Blob(facts[0], facts[2])

    def _git(self, *args: str, stdin: bytes = b"") -> str:
        return self.bench.git(*args, stdin=stdin).decode().strip()


def _identity(name: str, email: str) -> dict[str, str]:
    return {"GIT_AUTHOR_NAME": name or email or "nobody", "GIT_AUTHOR_EMAIL": email}


def edited(content: bytes, edits: Sequence[Edit]) -> bytes:
    """A file's bytes with edits in the order of their lines.

    Its line ends are kept: carriage returns where replaced lines have them, no line end where the file had none.
    Raises Invalid when two edits overlap or the text is not what was quoted.
    """
    lines = content.split(b"\n")
    made: list[bytes] = []
    done = 0
    for edit in edits:
        if edit.start <= done:
            raise Invalid(f"Two suggestions change line {edit.start} of “{edit.path}”; take one of them.")
        old = lines[edit.start - 1 : edit.end]
        _check(edit, old, content)
        made += [*lines[done : edit.start - 1], *_ended(edit, old, at_end=edit.end == len(lines))]
        done = edit.end
    made += lines[done:]
    return b"\n".join(made)


def _ended(edit: Edit, old: Sequence[bytes], *, at_end: bool) -> list[bytes]:
    """The new lines; with carriage returns if the old ones have them, but for a last one that nothing ends."""
    made = [line.encode() for line in edit.lines]
    if not any(line.endswith(b"\r") for line in old):
        return made
    last = len(made) - 1 if at_end else len(made)
    return [line + b"\r" if at < last else line for at, line in enumerate(made)]


def _check(edit: Edit, old: Sequence[bytes], content: bytes) -> None:
    said = tuple(line.removesuffix(b"\r").decode("utf-8", "replace") for line in old)
    if said != edit.quoted:
        raise Invalid(f"“{edit.path}” no longer says at line {edit.start} what the suggestion replaces.")
    if not "".join(edit.lines).isascii() and not _is_utf8(content):
        raise Invalid(f"“{edit.path}” is not UTF-8: only plain ASCII can be suggested for it.")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
