"""Bytes out of gzip, xz, bzip2 and zstd, piece by piece and counted, so that no bomb ever unfolds."""

from __future__ import annotations

import bz2
import ctypes
import ctypes.util
import lzma
import zlib

from . import sniffing
from .findings import Refused

TYPE_CHECKING = False  # typing doubles the start of a program this small
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO, Protocol

    from .findings import Budget

    class Decompressor(Protocol):
        @property
        def eof(self) -> bool: ...
        @property
        def needs_input(self) -> bool: ...
        @property
        def unused_data(self) -> bytes: ...
        def decompress(self, data: bytes, max_length: int) -> bytes: ...


PIECE = 1 << 18
XZ_MEMORY = 128 << 20  # a dictionary larger than xz -9 makes is there to exhaust its reader
ZSTD_WINDOW = 27  # 2 to this power bytes, the most that the zstd program takes without being asked


class _Gzip:
    """zlib with the face that bz2 and lzma have."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)
        self.needs_input = not self._inflater.unconsumed_tail and len(piece) < max_length
        return piece


class _Buffer(ctypes.Structure):
    _fields_ = [("place", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t)]


class _Zstd:
    """libzstd, which every Debian and Ubuntu has for its own packages, with the same face."""

    def __init__(self) -> None:
        library: Any = _zstd_library()
        if library is None:
            raise Refused("It is packed with zstd, and this portal has no libzstd to look into it.")
        self._library = library
        self._stream = library.ZSTD_createDCtx()
        library.ZSTD_DCtx_setParameter(ctypes.c_void_p(self._stream), 100, ZSTD_WINDOW)
        self._waiting = b""
        self.eof, self.needs_input, self.unused_data = False, True, b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        given = self._waiting + data
        source, target = ctypes.create_string_buffer(given, len(given)), ctypes.create_string_buffer(max_length)
        incoming = _Buffer(ctypes.cast(source, ctypes.c_void_p), len(given), 0)
        outgoing = _Buffer(ctypes.cast(target, ctypes.c_void_p), max_length, 0)
        left = self._library.ZSTD_decompressStream(
            ctypes.c_void_p(self._stream), ctypes.byref(outgoing), ctypes.byref(incoming)
        )
        if self._library.ZSTD_isError(ctypes.c_size_t(left)):
            raise Refused("Its zstd data is broken.")
        rest = given[incoming.position :]
        self.eof = left == 0
        self._waiting, self.unused_data = (b"", rest) if self.eof else (rest, b"")
        self.needs_input = not self.eof and not rest and outgoing.position < max_length
        return target.raw[: outgoing.position]


def _zstd_library() -> Any:
    try:
        library = ctypes.CDLL("libzstd.so.1")
    except OSError:
        return None
    library.ZSTD_createDCtx.restype = ctypes.c_void_p
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    return library


def _decompressor(kind: str) -> Decompressor:
    if kind == sniffing.GZIP:
        return _Gzip()
    if kind == sniffing.BZIP2:
        return bz2.BZ2Decompressor()
    if kind == sniffing.XZ:
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    return _Zstd()


def unpacked(source: BinaryIO, kind: str, budget: Budget) -> Iterator[bytes]:
    """What is in the packed file, to its very end; raises Refused for what is broken, cut off or followed by more."""
    rest = source.read(PIECE)
    while rest:
        stream = _decompressor(kind)
        while not stream.eof:
            if stream.needs_input and not rest:
                rest = source.read(PIECE)
                if not rest:
                    raise Refused("It is cut off: its packed data has no end.")
            given, rest = (rest, b"") if stream.needs_input else (b"", rest)
            piece = _next_piece(stream, given)
            budget.take(len(piece))
            yield piece
        rest = _next_stream(stream.unused_data + rest, source, kind)


def _next_piece(stream: Decompressor, given: bytes) -> bytes:
    try:
        return stream.decompress(given, PIECE)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as problem:
        raise Refused(f"Its packed data is broken: {problem}.") from None


def _next_stream(rest: bytes, source: BinaryIO, kind: str) -> bytes:
    """Several streams in a row are one file, as all packers have it; zeros pad it; anything else is hidden data."""
    while (rest and not rest.strip(b"\0")) or len(rest) < sniffing.HEAD:
        more = source.read(PIECE)
        if not more:
            break
        rest = (rest if rest.strip(b"\0") else b"") + more
    rest = rest.lstrip(b"\0")
    if rest and sniffing.media_type(rest[: sniffing.HEAD]) != kind:
        raise Refused("It has data behind its end.")
    return rest


class Reader:
    """Pieces as a stream to be read in exact counts."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = b""

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes, fewer only at the end."""
        found, size = [self._waiting], len(self._waiting)
        while size < count:
            piece = next(self._pieces, None)
            if piece is None:
                break
            found.append(piece)
            size += len(piece)
        whole = b"".join(found)
        self._waiting = whole[count:]
        return whole[:count]

    def skip(self, count: int) -> bool:
        """Pass over `count` bytes; False when there are fewer."""
        while count:
            piece = self.read(min(count, PIECE))
            if not piece:
                return False
            count -= len(piece)
        return True
