"""Tar archives, block by block: nothing is believed that two programs could read in two ways."""

from __future__ import annotations

from .findings import Refused, shown
from .packings import PIECE

TYPE_CHECKING = False  # typing doubles the start of a program this small
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .findings import Taker
    from .packings import Reader

BLOCK = 512
ZEROS = bytes(BLOCK)
LONGEST_NAME = 1 << 16
LARGEST_PAX = 1 << 20
FILES, HARD_LINK, LINK, DIRECTORY = (b"0", b"\0", b"7"), b"1", b"2", b"5"
LONG_NAME, LONG_TARGET, PAX, PAX_FOR_ALL = b"L", b"K", (b"x", b"X"), b"g"
UNWELCOME = {b"3": "a device", b"4": "a device", b"6": "a named pipe", b"S": "a sparse file", b"M": "half a file"}
SET_ID = 0o6000


class Header:
    """One header block as it stands, its checksum proven."""

    def __init__(self, block: bytes) -> None:
        stated = _number(block[148:156])
        if stated != sum(block[:148]) + sum(block[156:]) + 8 * 32:
            raise Refused("A header of the tar archive is broken: its checksum is wrong.")
        self.kind = block[156:157]
        self.size, self.mode = _number(block[124:136]), _number(block[100:108])
        self.target = _text(block[157:257])
        prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
        name = _text(block[:100])
        self.name = f"{prefix}/{name}" if prefix else name
        if self.size < 0:
            raise Refused(f"{shown(self.name)} says that it is smaller than nothing.")


def _number(field: bytes) -> int:
    """Octal digits, or binary where the first bit is set, as GNU tar writes large numbers."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big", signed=field[0] == 0xFF)  # noqa: PLR2004 - GNU's mark of a negative
    digits = field.partition(b"\0")[0].strip(b" ")
    if digits.strip(b"01234567"):
        raise Refused("A header of the tar archive is broken: it has a number that is none.")
    return int(digits or b"0", 8)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def look_at_tar(reader: Reader, taker: Taker) -> None:
    """Read it to its end."""
    extra: dict[str, str] = {}
    while (block := reader.read(BLOCK)) != ZEROS:
        if len(block) < BLOCK:
            raise Refused("The tar archive is cut off.")
        header = Header(block)
        if header.kind in (LONG_NAME, LONG_TARGET):
            extra["path" if header.kind == LONG_NAME else "linkpath"] = _text(_content(reader, header, LONGEST_NAME))
        elif header.kind in PAX or header.kind == PAX_FOR_ALL:
            told = _records(_content(reader, header, LARGEST_PAX))
            if header.kind != PAX_FOR_ALL:
                extra.update(told)
            elif told:
                raise Refused("The tar archive gives all of its members the same name or size.")
        else:
            taker.budget.count_member()
            _take_member(_completed(header, extra), reader, taker)
            extra = {}
    _require_end(reader)


def _completed(header: Header, extra: dict[str, str]) -> Header:
    """The header with what was said of it in the blocks before."""
    if extra.get("size", str(header.size)) != str(header.size):
        raise Refused(f"{shown(header.name)} has two sizes: {header.size:,} and {shown(extra['size'])} bytes.")
    header.name = extra.get("path", header.name)
    header.target = extra.get("linkpath", header.target)
    return header


def _take_member(header: Header, reader: Reader, taker: Taker) -> None:
    name = header.name
    if header.kind in UNWELCOME:
        raise Refused(f"{shown(name)} is {UNWELCOME[header.kind]}.")
    if header.kind in FILES and not name.endswith("/"):
        if header.mode & SET_ID:
            raise Refused(f"{shown(name)} would run with the rights of its owner (setuid or setgid).")
        taker.tree.add_file(name)
        taker.budget.announce(header.size)
        taker.inside(_pieces(reader, header.size))
        if not reader.skip(-header.size % BLOCK):
            raise Refused("The tar archive is cut off.")
        taker.listing.add(name, header.size)
        return
    if header.size:
        raise Refused(f"{shown(name)} is no file and yet has content.")
    if header.kind == DIRECTORY or header.kind in FILES:
        taker.tree.add_directory(name)
    elif header.kind == HARD_LINK:
        taker.tree.add_hard_link(name, header.target)
    elif header.kind == LINK:
        taker.tree.add_link(name, header.target)
    else:
        raise Refused(f"{shown(name)} is of a kind that no program here knows: {header.kind!r}.")


def _pieces(reader: Reader, size: int) -> Iterator[bytes]:
    while size:
        piece = reader.read(min(PIECE, size))
        if not piece:
            raise Refused("The tar archive is cut off.")
        size -= len(piece)
        yield piece


def _content(reader: Reader, header: Header, most: int) -> bytes:
    if header.size > most:
        raise Refused(f"The tar archive has a name or note of {header.size:,} bytes.")
    content = reader.read(header.size + -header.size % BLOCK)
    if len(content) < header.size:
        raise Refused("The tar archive is cut off.")
    return content[: header.size]


def _records(content: bytes) -> dict[str, str]:
    """The pax records (POSIX.1-2001) that say something of a name, a target or a size."""
    told: dict[str, str] = {}
    while content.strip(b"\0"):
        digits, space, _ = content.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0  # noqa: PLR2004 - under LARGEST_PAX
        record = content[len(digits) + 1 : length]
        key, equals, value = record.partition(b"=")
        if not (space and equals and record.endswith(b"\n") and length <= len(content)):
            raise Refused("A note of the tar archive (pax) is broken.")
        if key.startswith(b"GNU.sparse"):
            raise Refused("It holds a sparse file.")
        if key in (b"path", b"linkpath", b"size"):
            told[key.decode()] = value[:-1].decode("utf-8", "surrogateescape")
        content = content[length:]
    return told


def _require_end(reader: Reader) -> None:
    """Only zeros come behind the end."""
    while piece := reader.read(PIECE):
        if piece.strip(b"\0"):
            raise Refused("It has data behind its end.")
