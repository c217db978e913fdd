"""Reads git's binary patches far enough to know how large they become; git itself checks their content by hash."""

from __future__ import annotations

import base64
import re
import zlib
from typing import TYPE_CHECKING

from contributions.errors import Invalid

if TYPE_CHECKING:
    from contributions.patches.limits import Limits
    from contributions.patches.text import Text

FORM = re.compile(rb"(literal|delta) (\d{1,12})\Z")
DATA = re.compile(rb"([A-Za-z])((?:[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{5}){1,13})\Z")
DELTA_HEADING = 20  # two sizes of at most ten bytes each


def read_binary(text: Text, index: int, limits: Limits) -> tuple[int, list[bytes]]:
    """The lines from "GIT binary patch" on and the index after them: the forward form and, if there, the reverse."""
    taken = [b"GIT binary patch"]
    index += 1
    for _direction in ("forward", "reverse"):
        line = text.lines[index].rstrip(b"\r") if index < len(text.lines) else b""
        found = FORM.match(line)
        if not found:
            break
        limits.check_binary(int(found[2]), text.at(index))
        data = _data(text, index + 1)
        if found[1] == b"delta":
            limits.check_binary(_delta_result(data, text.at(index)), text.at(index))
        taken += [line, *data, b""]
        index += len(data) + 1
        if index < len(text.lines) and not text.lines[index].strip():
            index += 1
    if len(taken) == 1:
        raise Invalid(f"{text.at(index)}: the data of the binary patch is missing.")
    return index, taken


def _data(text: Text, index: int) -> list[bytes]:
    data = []
    while index < len(text.lines) and (line := text.lines[index].rstrip(b"\r")):
        if not DATA.match(line):
            raise Invalid(f"{text.at(index)}: this line of the binary patch is damaged.")
        data.append(line)
        index += 1
    return data


def _delta_result(data: list[bytes], at: str) -> int:
    """The size a delta says its result has: the second number of its unpacked heading."""
    try:
        packed = b"".join(base64.b85decode(line[1:])[: _length(line[0])] for line in data[:2])
        heading = zlib.decompressobj().decompress(packed, DELTA_HEADING)
    except (zlib.error, ValueError):
        raise Invalid(f"{at}: the binary patch is damaged.") from None
    _, rest = _number(heading)
    return _number(rest)[0]


def _length(letter: int) -> int:
    return letter - ord("A") + 1 if letter <= ord("Z") else letter - ord("a") + 27


def _number(raw: bytes) -> tuple[int, bytes]:
    """A number in groups of seven bits, lowest first, as git's delta format has it."""
    value = 0
    for position, byte in enumerate(raw):
        value |= (byte & 0x7F) << (7 * position)
        if not byte & 0x80:
            return value, raw[position + 1 :]
    return value, b""
