"""How fast patches are read, beside unidiff: the parser of stored diffs, its lines, and the reader of uploads."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import unidiff

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contributions.patches import Limits, parse_diff, read_series

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = b"        self.assertEqual(value, response.headers['x-%d'])\n"
FILES, HUNKS, CONTEXT, CHANGED, ROUNDS = 600, 10, 6, 24, 5  # about 12 MB, the shape of a real release's diff


def large_diff() -> bytes:
    context = b"".join(b" " + ROW % n for n in range(CONTEXT // 2))
    rows = b"".join(sign + ROW % n for sign in (b"-", b"+") for n in range(CHANGED // 2))
    count = CONTEXT + CHANGED // 2
    heads = (b"@@ -%d,%d +%d,%d @@ def test(self):\n" % (start, count, start, count) for start in range(1, 1000, 100))
    hunks = b"".join(head + context + rows + context for head in heads)
    name = b"diff --git a/f%d.py b/f%d.py\nindex 1234567..89abcde 100644\n--- a/f%d.py\n+++ b/f%d.py\n"
    return b"".join(name % ((n,) * 4) + hunks for n in range(FILES))


def measure(name: str, size: int, work: Callable[[], object], rounds: int = ROUNDS) -> None:
    best = min(_seconds(work) for _ in range(rounds))
    print(f"{name:<40} {best:7.3f} s {size / best / 1e6:8.1f} MB/s")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    diff = large_diff()
    mail = b"From: an operator <o@customer.example>\nSubject: [PATCH] Large\n\nWords.\n---\n" + diff
    limits = Limits(files=FILES)
    print(f"a diff of {len(diff) / 1e6:.1f} MB, {FILES} files, {FILES * HUNKS:,} hunks; best of {ROUNDS}")
    measure("parse_diff, files and hunks", len(diff), lambda: parse_diff(diff))
    measure("parse_diff, every line too", len(diff), lambda: [h.lines for file in parse_diff(diff) for h in file.hunks])
    measure("read_series, as one mail", len(mail), lambda: read_series(mail, limits=limits))
    measure("unidiff, for comparison", len(diff), lambda: unidiff.PatchSet(diff.decode()), rounds=1)


if __name__ == "__main__":
    main()
