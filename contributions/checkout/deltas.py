"""Small real patches, cut from the difference of two releases: one source file with its test, as a mail.

They apply to the older release, are contained in the newer one, and meet other releases as they really do.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from contributions.checkout.runner import git

if TYPE_CHECKING:
    from collections.abc import Sequence

RAW = re.compile(r":\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) ([MAD])\t(.*)")


@dataclass(frozen=True)
class Change:
    """What became of one path: its new mode and blob, and M, A or D."""

    mode: str
    blob: str
    status: str


@dataclass(frozen=True)
class Delta:
    """One patch; `mail` is what `git am` takes, `commit` has the older release as its parent."""

    subject: str
    files: tuple[str, ...]
    commit: str
    mail: bytes = field(repr=False)


@dataclass(frozen=True)
class Author:
    name: str
    email: str


def cut_deltas(  # noqa: PLR0913 - six plain facts, all named by the caller
    repo: Path, package: str, older: str, newer: str, *, author: Author, most: int = 6
) -> list[Delta]:
    """The same repository gives the same patches, byte for byte. Each is kept under refs/delta/."""
    groups = _groups(_changes(repo, older, newer))
    groups.sort(key=lambda group: hashlib.sha256(f"delta:{group[0]}".encode()).digest())
    deltas = []
    for number, files in enumerate(groups[:most], start=1):
        subject = f"{files[0]}: take the change of {newer}"
        message = f"{subject}\n\nCut out of the difference between {package} {older} and {newer}.\n"
        delta = cut_delta(repo, older, newer, files, message=message, author=author)
        git(repo, "update-ref", f"refs/delta/{older}-{newer}/{number:02d}", delta.commit)
        deltas.append(delta)
    return deltas


def cut_delta(  # noqa: PLR0913 - plain facts, all named by the caller
    repo: Path, older: str, newer: str, files: Sequence[str], *, message: str, author: Author, onto: str = ""
) -> Delta:
    """What became of these files between two releases, as one commit on the older one, or `onto` such a commit.

    Raises KeyError for a file that is the same in both.
    """
    changes = _changes(repo, older, newer)
    entries = "".join(f"{changes[name].mode} {changes[name].blob}\t{name}\n" for name in files)
    commit = _commit(repo, onto or older, newer, entries, message, author)
    return Delta(message.partition("\n")[0], tuple(files), commit, _mail(repo, commit))


def _changes(repo: Path, older: str, newer: str) -> dict[str, Change]:
    listed = git(repo, "diff-tree", "-r", "--no-renames", "--raw", "--no-abbrev", older, newer)
    found = (RAW.fullmatch(line) for line in listed.decode("utf-8", "replace").split("\n"))
    return {each[4]: Change(each[1], each[2], each[3]) for each in found if each}


def _groups(changes: dict[str, Change]) -> list[list[str]]:
    """Each changed source file, with the test that bears its name; then the tests that are left."""
    tests = {name for name in changes if _is_test(name)}
    modified = [name for name in sorted(changes) if name.endswith(".py") and changes[name].status == "M"]
    groups = [[name, *_test_of(name, tests)[:1]] for name in modified if name not in tests]
    used = {name for group in groups for name in group}
    return groups + [[name] for name in modified if name in tests and name not in used]


def _is_test(name: str) -> bool:
    return name.startswith(("test/", "tests/")) or "/tests/" in name


def _test_of(source: str, tests: set[str]) -> list[str]:
    path = PurePosixPath(source)
    wanted = f"test_{path.stem}.py"
    near = path.parent.name if len(path.parts) > 2 else ""  # noqa: PLR2004 - package/module.py is not deep
    return [test for test in sorted(tests) if PurePosixPath(test).name == wanted and near in test]


def _commit(  # noqa: PLR0913, PLR0917 - as above
    repo: Path, onto: str, newer: str, entries: str, message: str, author: Author
) -> str:
    """`onto` with the entries in place, dated as the newer release."""
    date = git(repo, "log", "-1", "--format=%ct", f"{newer}^{{commit}}").decode().strip()
    with tempfile.TemporaryDirectory(prefix="patchbay-index-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git(repo, "read-tree", onto, env=index)
        git(repo, "update-index", "--index-info", input=entries.encode(), env=index)
        tree = git(repo, "write-tree", env=index).decode().strip()
    identity = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", author.name), ("EMAIL", author.email), ("DATE", f"@{date} +0000"))
    }
    parent = f"{onto}^{{commit}}"
    return git(repo, "commit-tree", tree, "-p", parent, input=message.encode(), env=identity).decode().strip()


def _mail(repo: Path, commit: str) -> bytes:
    options = ("--stdout", "--full-index", "--binary", "--no-signature", "--no-thread", "--no-numbered")
    return git(repo, "-c", "diff.renames=true", "format-patch", "-1", *options, commit)
