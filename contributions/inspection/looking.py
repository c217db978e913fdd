"""The program that runs in the jail: look at one file, into its archives, and write down what was found.

Archives inside are looked into for how large they grow, a few deep; what names they use is their own affair, for nobody
unpacks them by unpacking the file that holds them.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys

from . import sniffing
from .findings import DEEPEST, Bomb, Budget, Listing, Refused, Taker
from .names import Tree
from .packings import PIECE, Reader, unpacked
from .tars import look_at_tar
from .zips import look_at_zip

TYPE_CHECKING = False  # typing doubles the start of a program this small
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

NESTED = 16 << 20  # a larger archive in an archive is counted as bytes and not looked into
AR_HEAD = 60
WHEEL_NAME = re.compile(r"(?P<name>[^-/]+)-(?P<version>[^-/]+)(-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl")


class Look:
    """One look at a file; what it found is in its columns when it did not raise Refused."""

    def __init__(self, source: BinaryIO, size: int, budget: Budget, depth: int = 1) -> None:
        self.source, self.size, self.budget, self.depth = source, size, budget, depth
        self.head = source.read(sniffing.HEAD)
        source.seek(0)
        self.kind = sniffing.media_type(self.head)
        self.listing = Listing()
        self.tree = Tree()

    def look(self) -> None:
        if self.kind == sniffing.ZIP:
            look_at_zip(self.source, self.size, Taker(self.budget, self.tree, self.listing, self._inside))
        elif self.kind == sniffing.TAR:
            self._tar(Reader(_pieces(self.source, self.budget)))
        elif self.kind in sniffing.PACKINGS:
            self._packed()
        elif self.kind in (sniffing.DEB, sniffing.AR):
            self._ar()

    def _tar(self, reader: Reader, *, rooted: bool = False, listing: Listing | None = None) -> None:
        self.tree = Tree(rooted=rooted, backslashes=True)
        look_at_tar(reader, Taker(self.budget, self.tree, listing or self.listing, self._inside))

    def _packed(self) -> None:
        """A packed tar archive, or one packed file."""
        reader = Reader(unpacked(self.source, self.kind, self.budget))
        head = reader.read(sniffing.HEAD)
        if sniffing.media_type(head) == sniffing.TAR:
            self.kind = sniffing.PACKED_TAR
            self._tar(Reader(_chained(head, reader)))
        else:
            self._inside(_chained(head, reader))

    def _ar(self) -> None:
        """The old archive of object files; a Debian package is one of three members."""
        source, at, is_package = self.source, 8, self.kind == sniffing.DEB
        while at < self.size:
            source.seek(at)
            head = source.read(AR_HEAD)
            size = head[48:58].strip()
            if len(head) < AR_HEAD or head[58:] != b"`\n" or not size.isdigit() or len(size) > 12:  # noqa: PLR2004
                raise Refused("The ar archive is broken or cut off.")
            name, count = head[:16].decode("latin-1").rstrip(" ").rstrip("/"), int(size)
            if at + AR_HEAD + count > self.size:
                raise Refused("The ar archive is cut off.")
            self.budget.count_member()
            if is_package:
                self._member_of_package(name, io.BytesIO(source.read(count)) if count < PIECE else _Part(source, count))
            else:
                self.listing.add(name, count)
            at += AR_HEAD + count + count % 2

    def _member_of_package(self, name: str, content: Any) -> None:
        if not name.startswith(("control.tar", "data.tar")):
            if name != "debian-binary" and not name.startswith("_"):
                raise Refused(f"The Debian package has a member that is none of a package: {name}.")
            return
        head = content.read(sniffing.HEAD)
        content.seek(0)
        kind = sniffing.media_type(head)
        pieces = _pieces(content, self.budget) if kind == sniffing.TAR else None
        if kind in sniffing.PACKINGS:
            pieces = unpacked(content, kind, self.budget)
        if pieces is None:
            raise Refused(f"{name} of the Debian package is no tar archive.")
        self._tar(Reader(pieces), rooted=True, listing=self.listing if name.startswith("data") else Listing())

    def _inside(self, pieces: Iterator[bytes]) -> None:
        """Read a member to its end, and into it when it is an archive too."""
        reader = Reader(pieces)
        head = reader.read(sniffing.HEAD)
        if sniffing.media_type(head) not in sniffing.ARCHIVES:
            _drain(reader)
            return
        content = head + reader.read(NESTED)
        if len(content) > NESTED:
            _drain(reader)
            return
        if self.depth >= DEEPEST:
            raise Bomb(f"It has archives in archives, more than {DEEPEST} deep.")
        with contextlib.suppress(_Unreadable):
            Look(io.BytesIO(content), len(content), self.budget, self.depth + 1).look_for_size()

    def look_for_size(self) -> None:
        """As `look`, but only a bomb is refused: what else is odd in an archive inside is a file like any other."""
        try:
            self.look()
        except Bomb:
            raise
        except Exception:  # noqa: BLE001 - whatever a parser stumbles over
            raise _Unreadable from None


class _Unreadable(Exception):
    """An archive inside could not be read."""


class _Part:
    """A stretch of a file, from where it stands, as a file of its own."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        self._source, self._start, self._size, self._at = source, source.tell(), size, 0

    def seek(self, place: int) -> int:
        self._at = place
        return place

    def read(self, count: int) -> bytes:
        self._source.seek(self._start + self._at)
        piece = self._source.read(min(count, self._size - self._at))
        self._at += len(piece)
        return piece


def _pieces(source: Any, budget: Budget) -> Iterator[bytes]:
    while piece := source.read(PIECE):
        budget.take(len(piece))
        yield piece


def _chained(head: bytes, reader: Reader) -> Iterator[bytes]:
    yield head
    while piece := reader.read(PIECE):
        yield piece


def _drain(reader: Reader) -> None:
    while reader.read(PIECE):
        pass


def look(path: str, name: str, most: int) -> dict[str, Any]:
    """What the file is and holds; raises Refused. `name` is what its sender calls it, `most` how far it may unpack."""
    with open(path, "rb") as source:  # noqa: PTH123 - pathlib costs start time
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        found = Look(source, size, Budget(size, most))
        ending = sniffing.broken_promise(name, found.kind)
        if ending:
            raise Refused(f"Its name ends in {ending}, but it is {_a(sniffing.words(found.kind))}.")
        try:
            found.look()
        except Refused:
            raise
        except Exception as problem:  # noqa: BLE001 - whatever a parser stumbles over
            noun = _a(sniffing.words(found.kind))
            raise Refused(f"It cannot be read as {noun} ({type(problem).__name__}).") from None
    kind = found.kind
    if name.lower().endswith(".whl"):
        _require_wheel(name, found.tree)
        kind = sniffing.WHEEL
    listing = found.listing
    return {"media_type": kind, "members": listing.members, "bytes": listing.bytes, "listed": listing.listed}


def _a(noun: str) -> str:
    if noun in {"text", "unknown bytes"}:
        return noun
    return f"{'an' if noun[0] in 'aeioER' else 'a'} {noun}"


def _require_wheel(name: str, tree: Tree) -> None:
    """The three files that make a zip archive a wheel, in the directory that its name promises (PEP 427)."""
    called = WHEEL_NAME.fullmatch(name)
    if called is None:
        raise Refused("Its name is no wheel's: NAME-VERSION-PYTHON-ABI-PLATFORM.whl.")
    wanted = _spelled(f"{called['name']}-{called['version']}.dist-info")
    places = [top for top in tree.top_names() if top.endswith(".dist-info")]
    if len(places) != 1 or _spelled(places[0]) != wanted:
        raise Refused(f"It is no wheel of that name: it has no directory {wanted}.")
    for part in ("METADATA", "WHEEL", "RECORD"):
        if f"{places[0]}/{part}" not in tree:
            raise Refused(f"It is no wheel: {part} is missing.")


def _spelled(name: str) -> str:
    return re.sub(r"[-_.]+(?=.*-)", "_", name).lower()


def main(path: str, name: str, most: str) -> None:
    """Print what was found, or why the file is refused, as JSON on one line."""
    try:
        answer: dict[str, Any] = {"found": look(path, name, int(most))}
    except Refused as refused:
        answer = {"refused": str(refused)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:4])
