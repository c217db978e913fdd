"""A repository with a long history, made here, the same one for the same arguments.

    python bench/histories.py [FOLDER.git] [--files 10000] [--commits 20000] [--releases 10]

`main` goes on commit by commit, each changes a line or two of one to three files; now and then one takes an earlier
one back, and a file is moved. Release tags 1.0, 1.1, … stand at even distances; `stable/1.N` branches from each
with a few fixes of its own. Change-Ids stand in every other message.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from contributions.checkout.repositories import new_repository
from contributions.checkout.runner import git

LINES = 60
FIXES = 5  # commits of a stable branch
SECONDS = 600  # that the import may take
WHO = b"A Contributor <contributor@upstream.example>"
VERBS = ("Mend", "Speed up", "Check", "Explain", "Simplify", "Bound", "Log", "Retry")


@dataclass
class History:
    """What was made: `releases` are tag names, oldest first; `commits` those of main, oldest first."""

    repo: Path
    releases: list[str]
    commits: list[str]


@dataclass
class _Told:
    title: str
    before: dict[str, bytes]
    after: dict[str, bytes]


@dataclass
class _Teller:
    """Writes a fast-import stream; `files` is the tree of main as it stands."""

    dice: random.Random
    files: dict[str, bytes] = field(default_factory=dict)
    stream: list[bytes] = field(default_factory=list)
    mark: int = 0
    told: list[_Told] = field(default_factory=list)

    def begin(self, files: int) -> None:
        for number in range(files):
            name = f"part{number % 40:02d}/area{number // 40 % 25:02d}/file{number:05d}.py"
            lines = (f"value_{number}_{line} = {line}\n" for line in range(LINES))
            self.files[name] = "".join(lines).encode()
        self.commit("Begin", {}, dict(self.files))

    def commit(self, title: str, before: dict[str, bytes], after: dict[str, bytes], branch: str = "main") -> None:
        """`before` has what goes away, `after` what stands instead."""
        self.mark += 1
        told = title.encode() + b"\n"
        if self.mark % 2:
            told += (
                b"\nChange-Id: I" + hashlib.sha1(b"%d" % self.mark, usedforsecurity=False).hexdigest().encode() + b"\n"
            )
        head = b"commit refs/heads/%s\nmark :%d\ncommitter %s %d +0000\n" % (
            branch.encode(),
            self.mark,
            WHO,
            1_500_000_000 + 600 * self.mark,
        )
        self.stream += [head, b"data %d\n%s" % (len(told), told)]
        self.stream += [b"D %s\n" % name.encode() for name in before if name not in after]
        for name, content in after.items():
            self.stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content), content))
        if branch == "main":
            self.told.append(_Told(title, before, after))
            for name in before:
                self.files.pop(name, None)
            self.files.update(after)

    def go_on(self) -> None:
        chance = self.dice.random()
        if chance < 0.01 and len(self.told) > 1:
            self._take_back()
        elif chance < 0.02:
            self._move()
        else:
            self._change()

    def _change(self) -> None:
        names = self.dice.sample(self._names(), self.dice.choice((1, 1, 2, 3)))
        before = {name: self.files[name] for name in names}
        after = {name: self._edited(content) for name, content in before.items()}
        title = f"{self.dice.choice(VERBS)} {Path(names[0]).stem} for case {self.mark}"
        self.commit(title, before, after)

    def _edited(self, content: bytes) -> bytes:
        lines = content.split(b"\n")
        place = self.dice.randrange(len(lines) - 2)
        lines[place : place + self.dice.choice((0, 1, 1, 1))] = [b"changed_%d = %d" % (self.mark, place)]
        return b"\n".join(lines)

    def _take_back(self) -> None:
        last = self.told[-1]
        if last.before and all(self.files.get(name) == content for name, content in last.after.items()):
            self.commit(f'Revert "{last.title}"', dict(last.after), dict(last.before))
        else:
            self._change()

    def _move(self) -> None:
        name = self.dice.choice(self._names())
        content = self.files[name]
        self.commit(f"Move {Path(name).stem} to another place", {name: content}, {f"moved/{Path(name).name}": content})
        self._known = None

    _known: list[str] | None = None

    def _names(self) -> list[str]:
        if self._known is None:
            self._known = list(self.files)
        return self._known

    def release(self, name: str, fixes: int) -> None:
        """A tag of main, and a stable branch from there."""
        self.stream.append(b"reset refs/tags/%s\nfrom :%d\n\n" % (name.encode(), self.mark))
        self.stream.append(b"reset refs/heads/stable/%s\nfrom :%d\n\n" % (name.encode(), self.mark))
        for number in range(fixes):
            place = self.dice.choice(self._names())
            fixed = self._edited(self.files[place])
            self.commit(f"Backport fix {number} of {Path(place).stem}", {}, {place: fixed}, f"stable/{name}")


def make_history(repo: Path, *, files: int = 10_000, commits: int = 20_000, releases: int = 10) -> History:
    """Make the bare repository `repo`, which must not exist. 20,000 commits on 10,000 files take a few seconds."""
    teller = _Teller(random.Random(5))
    teller.begin(files)
    names = []
    for number in range(1, commits):
        teller.go_on()
        if number * releases // commits > (number - 1) * releases // commits or number == commits - 1:
            names.append(f"1.{len(names)}")
            teller.release(names[-1], FIXES)
    new_repository(repo)
    git(repo, "fast-import", "--quiet", input=b"".join(teller.stream), timeout=SECONDS)
    made = git(repo, "rev-list", "--first-parent", "--reverse", "refs/heads/main").decode().split()
    return History(repo, names, made)


def main() -> None:
    options = argparse.ArgumentParser(description="Make a repository with a long history.")
    options.add_argument("repo", type=Path, nargs="?")
    for name, default in (("files", 10_000), ("commits", 20_000), ("releases", 10)):
        options.add_argument(f"--{name}", type=int, default=default)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="patchbay-bench-") as folder:
        repo = given.repo or Path(folder, "history.git")
        started = time.perf_counter()
        history = make_history(repo, files=given.files, commits=given.commits, releases=given.releases)
        took = time.perf_counter() - started
    print(
        f"{len(history.commits):,} commits, {given.files:,} files, releases {', '.join(history.releases)}: {took:.1f} s"
    )


if __name__ == "__main__":
    main()
