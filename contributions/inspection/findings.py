"""What is counted while an archive is read, and the one way to say no to it."""

from __future__ import annotations

TYPE_CHECKING = False  # typing doubles the start of a program this small
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .names import Tree

ROOMY = 64 << 20  # bytes that any archive may unpack to, however small it is
RATIO = 100  # beyond that it may grow a hundredfold; honest archives seldom grow tenfold
MOST_MEMBERS = 50_000
MOST_LISTED = 500
LONGEST_SHOWN = 200
DEEPEST = 6  # archives in archives; only what holds itself was met that goes deeper


class Refused(Exception):
    """The file is not taken; `str()` is the reason, a sentence for its sender."""


class Bomb(Refused):
    """Far more would come out of it than it is honest to put in, or no end of archives."""


def shown(name: str) -> str:
    """A name that any page may show: short, and what is not plain as its escape."""
    plain = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name[: LONGEST_SHOWN + 1])
    return plain if len(plain) <= LONGEST_SHOWN else plain[: LONGEST_SHOWN - 1] + "…"


class Budget:
    """How much may come out of one uploaded file, everything in it taken together."""

    def __init__(self, packed: int, most: int) -> None:
        """`packed` is the size of the file, `most` a bound that holds for files of any size."""
        self.most = min(most, max(ROOMY, RATIO * packed))
        self.unpacked = 0
        self.members = 0

    def take(self, count: int) -> None:
        """Count bytes that came out, or are about to."""
        self.unpacked += count
        self._require(self.unpacked)

    def announce(self, count: int) -> None:
        """A member says that it will be so large: refused before anything is unpacked."""
        self._require(self.unpacked + count)

    def _require(self, total: int) -> None:
        if total > self.most:
            raise Bomb(f"It unpacks to more than {self.most:,} bytes, far more than its own size allows.")

    def count_member(self) -> None:
        self.members += 1
        if self.members > MOST_MEMBERS:
            raise Bomb(f"It has more than {MOST_MEMBERS:,} members.")


class Taker:
    """What the reader of an archive hands each of its members to; `inside` reads a file's pieces to their end."""

    def __init__(self, budget: Budget, tree: Tree, listing: Listing, inside: Callable[[Iterator[bytes]], None]) -> None:
        self.budget, self.tree, self.listing, self.inside = budget, tree, listing, inside


class Listing:
    """The first members by name and size, and how many there are in all."""

    def __init__(self) -> None:
        self.listed: list[tuple[str, int]] = []
        self.members = 0
        self.bytes = 0

    def add(self, name: str, size: int) -> None:
        self.members += 1
        self.bytes += size
        if len(self.listed) < MOST_LISTED:
            self.listed.append((shown(name), size))
