"""Keeps a log to its size: the first half as it comes, the last half at the end, and a note of what was cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_RECENT_BYTES = 4096


class LogKeeper:
    """Passes bytes on to `on_output`; `seen` counts all of them."""

    def __init__(self, on_output: Callable[[bytes], None], kept_bytes: int) -> None:
        self.seen = 0
        self._on_output = on_output
        self._half = max(1, kept_bytes // 2)
        self._last = bytearray()
        self._recent = b""

    def feed(self, data: bytes) -> None:
        room = max(0, self._half - self.seen)
        self.seen += len(data)
        self._recent = (self._recent + data)[-_RECENT_BYTES:]
        if data[:room]:
            self._on_output(data[:room])
        self._last += data[room:]
        if len(self._last) > 2 * self._half:
            del self._last[: -self._half]

    @property
    def ends_a_line(self) -> bool:
        return not self._recent or self._recent.endswith(b"\n")

    @property
    def recent(self) -> str:
        """The last few lines, to look for a reason in."""
        return self._recent.decode(errors="replace")

    def close(self) -> None:
        cut = self.seen - self._half - len(self._last[-self._half :])
        if cut > 0:
            self._on_output(f"\n[... {cut} bytes of output were cut here ...]\n".encode())
        if self._last:
            self._on_output(bytes(self._last[-self._half :]))
        self._last.clear()
