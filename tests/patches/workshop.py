"""A real git repository with files of every troublesome kind, a change to it, and ways to send and to receive it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from contributions.checkout.commits import Made, PatchText, make_commits
from contributions.patches import Series, read_series

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
COMMITTER = ("Patchbay", "patchbay@example.invalid")
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "An Operator",
    "GIT_AUTHOR_EMAIL": "operator@customer.example",
    "GIT_AUTHOR_DATE": "2023-11-14T22:13:20+0100",
    "GIT_COMMITTER_NAME": "An Operator",
    "GIT_COMMITTER_EMAIL": "operator@customer.example",
    "GIT_COMMITTER_DATE": "2023-11-14T22:13:20+0100",
}


def run(directory: Path, *command: str, stdin: bytes = b"", ok: tuple[int, ...] = (0,)) -> bytes:
    done = subprocess.run(command, cwd=directory, input=stdin, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode in ok, done.stderr.decode("utf-8", "replace")
    return done.stdout


@dataclass(frozen=True)
class Workshop:
    """A work tree in `path`; `base` is its first commit, `tip` the last."""

    path: Path
    base: str
    tip: str

    @property
    def repo(self) -> Path:
        return self.path / ".git"

    def git(self, *args: str, stdin: bytes = b"", ok: tuple[int, ...] = (0,)) -> bytes:
        return run(self.path, "git", *args, stdin=stdin, ok=ok)

    def tree(self, commit: str) -> str:
        return self.git("rev-parse", f"{commit}^{{tree}}").decode().strip()

    def format_patch(self, *options: str) -> bytes:
        return self.git("format-patch", "--stdout", "--full-index", "--binary", *options, f"{self.base}..{self.tip}")

    def receive(self, raw: bytes, base: str = "") -> Made:
        return receive(self.repo, base or self.base, raw)

    def received_tree(self, raw: bytes, base: str = "") -> str:
        return self.tree(self.receive(raw, base).tip)


def receive(repo: Path, base: str, raw: bytes) -> Made:
    return make_commits(repo, base, as_texts(read_series(raw)), committer=COMMITTER, at=AT)


def as_texts(series: Series) -> list[PatchText]:
    return [
        PatchText(patch.message, patch.author_name, patch.author_email, patch.authored_at, patch.diff)
        for patch in series.patches
    ]


def make_workshop(path: Path, *states: dict[str, bytes | None]) -> Workshop:
    """One commit for each state; a state maps names to contents (None removes the file), on top of the one before."""
    run(path.parent, "git", "init", "-q", "-b", "main", str(path))
    commits = []
    for number, state in enumerate(states):
        for name, content in state.items():
            write(path / name, content)
        run(path, "git", "add", "-A", "-f")
        run(path, "git", "commit", "-q", "--allow-empty", "-m", f"State {number}\n\nWhat was done {number} times.")
        commits.append(run(path, "git", "rev-parse", "HEAD").decode().strip())
    return Workshop(path, commits[0], commits[-1])


def write(file: Path, content: bytes | None) -> None:
    if content is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(0o755 if content.startswith(b"#!") else 0o644)


def lines(first: int, last: int, form: str = "line %d of the file\n") -> bytes:
    return b"".join((form % number).encode() for number in range(first, last + 1))


SOURCE = (
    "# a module\n\n\ndef first(värde):\n\tif värde:\n\t\treturn 'naïve'\n\n\n"
    + "".join(f"def step_{n}(self):\n    x = {n}\n\n    return x\n\n\n" for n in range(1, 16))
    + "class Long:\n    text = '"
    + "word " * 30
    + "'\n\n    def run(self):\n        return self.text  \n"
).encode()

BEFORE: dict[str, bytes | None] = {
    "cloud/server.py": SOURCE,
    "cloud/empty.py": b"",
    "README.rst": lines(1, 30),
    "doc/b\u00fccher und mehr.txt": "Grün\nBlau\n".encode(),
    "dos.txt": lines(1, 20, "line %d\r\n"),
    "latin.txt": "Stra\xdfe\nGr\xf6\xdfe\nM\xfcnchen\n".encode("latin-1"),
    "noeol.txt": b"one\ntwo\nthree",
    "picture.bin": bytes(range(256)) * 8,
    "old_name.py": lines(1, 40, "value_%d = 1\n"),
    "gone.txt": b"bye\n",
    "script": b"echo one\necho two\n",
}

AFTER: dict[str, bytes | None] = {
    "cloud/server.py": SOURCE.replace(b"x = 3\n", b"x = 3  \n\ty = 'na\xc3\xafve'\n")
    .replace(b"    x = 9\n\n", "    x = '日本'\n    # From here on: -- x\n--- not a header\n".encode())
    .replace(b"class Long:\n", b"class Longer:\n"),
    "README.rst": lines(1, 10) + b"an inserted line\n" + lines(11, 29),
    "doc/b\u00fccher und mehr.txt": "Grün\nRot\nBlau\n".encode(),
    "dos.txt": lines(1, 9, "line %d\r\n") + b"new line\r\n" + lines(11, 20, "line %d\r\n"),
    "latin.txt": "Stra\xdfe\nH\xf6he\nM\xfcnchen\n".encode("latin-1"),
    "noeol.txt": b"one\nzwei\nthree",
    "gone.txt": None,
    "picture.bin": bytes(range(256)) * 4 + bytes(reversed(range(256))) * 4,
    "old_name.py": None,
    "new_name.py": lines(1, 30, "value_%d = 1\n") + b"value_31 = 2\n" + lines(32, 40, "value_%d = 1\n"),
    "script": b"#!/bin/sh\necho one\necho two\n",
    "added/new.txt": b"hello\n\n  world  \n",
}
