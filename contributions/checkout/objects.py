"""Reading the objects of a bench one by one from a git that stays, and writing small ones without git."""

from __future__ import annotations

import hashlib
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contributions.checkout.runner import MIB
from contributions.checkout.talking import Talk
from contributions.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from contributions.checkout.talking import Voice

ENTRY = re.compile(rb"(\d+) ([^\0]+)\0(.{20})", re.DOTALL)  # of a tree: mode, name, id
FOLDER, SUBMODULE = b"40000", b"160000"
TOLD = re.compile(rb"([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d+)")
MOST_BYTES = 64 * MIB  # of an object that is read into memory


@dataclass(frozen=True)
class Thing:
    """An object by its id; `kind` is commit, tree, blob or tag."""

    id: str
    kind: str
    size: int


class Objects:
    """`git cat-file --batch-command`, which needs git 2.38 for names that end with NUL."""

    def __init__(self, repo: Path, env: Mapping[str, str] | None = None) -> None:
        self._talk = Talk(repo, "cat-file", "-z", "--batch-command", env=env)

    def find(self, name: str) -> Thing | None:
        """What git calls by this name (an id, `<commit>^{tree}`, `<commit>:<path>`), if it is here."""
        return self._talk.ask(b"info %s\0" % _bytes(name), lambda voice: _thing(voice, name))

    def read(self, name: str, kind: str = "") -> bytes:
        """The whole content. Raises Trouble if it is not here, is of another kind or more than can be held."""
        return self._talk.ask(b"contents %s\0" % _bytes(name), lambda voice: _content(voice, name, kind))

    def end(self) -> None:
        self._talk.end()


def _bytes(name: str) -> bytes:
    raw = name.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise Trouble("A name of git's holds a NUL.")
    return raw


def _thing(voice: Voice, name: str) -> Thing | None:
    found = TOLD.fullmatch(voice.until(b"\n"))
    if found is None:
        for _ in range(name.count("\n")):  # git repeats the name as it is before it says "missing"
            voice.until(b"\n")
        return None
    return Thing(found[1].decode(), found[2].decode(), int(found[3]))


def _content(voice: Voice, name: str, kind: str) -> bytes:
    """What is not heard out ends the process, and another one answers the next question."""
    found = TOLD.fullmatch(voice.until(b"\n"))
    if found is None or (kind and found[2].decode() != kind):
        raise Trouble(f"The repository has no {kind or 'object'} {name}.")
    if int(found[3]) > MOST_BYTES:
        raise Trouble(f"The object {name} is larger than {MOST_BYTES // MIB} MiB.")
    return voice.take(int(found[3]) + 1)[:-1]


def write_object(objects: Path, kind: str, content: bytes) -> str:
    """Put a loose object into this objects directory, which is ours alone; answers its id."""
    whole = b"%s %d\0%s" % (kind.encode(), len(content), content)
    name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    home = objects / name[:2]
    home.mkdir(exist_ok=True)
    with suppress(FileExistsError), (home / name[2:]).open("xb") as stream:
        stream.write(zlib.compress(whole, 1))
    return name


def read_loose(objects: Path, name: str) -> tuple[str, bytes] | None:
    """Kind and content of a loose object of this directory."""
    try:
        whole = zlib.decompress((objects / name[:2] / name[2:]).read_bytes())
    except FileNotFoundError:
        return None
    head, _, content = whole.partition(b"\0")
    return head.split(b" ")[0].decode(), content
