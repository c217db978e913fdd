"""The parser of git's diffs, against git itself and against unidiff."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from unidiff import PatchSet

from contributions.errors import Invalid, Refusal
from contributions.patches import FileDiff, parse_diff, read_series
from tests.patches.workshop import Workshop, make_workshop, run

if TYPE_CHECKING:
    from pathlib import Path

ODD = rb"one|two|| |  |-- x|++ y|@@ -1 +1 @@|diff --git a/x b/x|\ No newline|--- a/x|+++ b/x|-- |index 12..34".split(
    b"|"
)
ODDER = b"\x0c|\xe2\x80\xa8x\xc2\x85|\xff\xfe|with cr\r".split(b"|")
LINES = strategies.lists(strategies.sampled_from([*ODD, *ODDER]), max_size=14)
ENDS = strategies.sampled_from([b"", b"\n"])
FILES = strategies.builds(lambda rows, end: b"\n".join(rows) + end, LINES, ENDS)
EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sides")
    run(place, "git", "init", "-q")
    return place


def diff_of(sides: Path, old: bytes, new: bytes, *options: str) -> bytes:
    (sides / "old").write_bytes(old)
    (sides / "new").write_bytes(new)
    return run(sides, "git", "diff", "--no-index", "--text", *options, "old", "new", ok=(0, 1))


@EXAMPLES
@given(old=FILES, new=FILES)
def test_lines_rebuild_both_files(sides: Path, old: bytes, new: bytes) -> None:
    for change in parse_diff(diff_of(sides, old, new, "-U1000")):
        assert rebuilt(change, " -") in (old, b"")
        assert rebuilt(change, " +") == new or not change.hunks


def rebuilt(change: FileDiff, kinds: str) -> bytes:
    rows: list[bytes] = []
    kept = False
    for hunk in change.hunks:
        for line in hunk.lines:
            if line.kind == "\\" and kept:
                rows[-1] = rows[-1].removesuffix(b"\n")
            elif line.kind in kinds:
                rows.append(line.text + b"\n")
            kept = line.kind in kinds
    return b"".join(rows)


@EXAMPLES
@given(old=FILES, new=FILES)
def test_counts_and_numbers_are_those_of_unidiff(sides: Path, old: bytes, new: bytes) -> None:
    """It takes text and ends lines at more than a newline, so odd bytes are taken out first."""
    old, new = (re.sub(rb"[^\n\t -~]", b"?", side) for side in (old, new))
    raw = diff_of(sides, old, new)
    ours = parse_diff(raw)
    theirs = PatchSet(raw.decode("latin-1"))
    assert [(change.added, change.removed) for change in ours if change.hunks] == [
        (file.added, file.removed) for file in theirs if len(file)
    ]
    for change, file in zip([change for change in ours if change.hunks], theirs, strict=True):
        assert [(h.old_start, h.old_count, h.new_start, h.new_count) for h in change.hunks] == [
            (h.source_start, h.source_length, h.target_start, h.target_length) for h in file
        ]
        numbers = [(line.old_no, line.new_no) for hunk in change.hunks for line in hunk.lines if line.kind != "\\"]
        assert numbers == [
            (line.source_line_no, line.target_line_no) for hunk in file for line in hunk if line.line_type != "\\"
        ]


@EXAMPLES
@given(old=FILES, new=FILES)
def test_what_is_read_applies_as_git_made_it(sides: Path, old: bytes, new: bytes) -> None:
    """From git diff through the reader into git apply: the new file comes out, byte for byte."""
    raw = (
        diff_of(sides, old, new, "--src-prefix=a/", "--dst-prefix=b/")
        .replace(b"a/old", b"a/file")
        .replace(b"b/new", b"b/file")
    )
    if not raw or not parse_diff(raw)[0].hunks:
        return
    (patch,) = read_series(raw).patches
    (sides / "file").write_bytes(old)
    run(sides, "git", "apply", "--whitespace=nowarn", "-", stdin=patch.diff)
    assert (sides / "file").read_bytes() == new


def test_every_kind_of_change_is_told(shop: Workshop) -> None:
    diff = shop.git("diff", "--binary", "-M", shop.base, shop.tip)
    changes = {change.new_path: change for change in parse_diff(diff)}
    assert {path: (change.status, change.binary) for path, change in changes.items()} == {
        "README.rst": ("modified", False),
        "added/new.txt": ("added", False),
        "cloud/server.py": ("modified", False),
        "doc/bücher und mehr.txt": ("modified", False),
        "dos.txt": ("modified", False),
        "gone.txt": ("deleted", False),
        "latin.txt": ("modified", False),
        "new_name.py": ("renamed", False),
        "noeol.txt": ("modified", False),
        "picture.bin": ("modified", True),
        "script": ("modified", False),
    }
    assert changes["new_name.py"].old_path == "old_name.py"
    assert (changes["script"].old_mode, changes["script"].new_mode) == ("100644", "100755")
    assert changes["README.rst"].old_mode == "100644"


def test_one_file_can_be_read_by_its_place(shop: Workshop) -> None:
    diff = shop.git("diff", "--binary", "-M", shop.base, shop.tip)
    for change in parse_diff(diff):
        (alone,) = parse_diff(diff[change.start : change.end])
        assert (alone.new_path, alone.hunks) == (change.new_path, change.hunks)


def test_names_with_odd_letters_are_read(workplace: Path) -> None:
    names = ["ü.txt", 'quo"te', "back\\slash", "two words", "tab\there", " b/x b/x", "a b/a b", "x b/x"]
    shop = make_workshop(workplace, {"z": b""}, dict.fromkeys(names, b"1\n"), dict.fromkeys(names, b"2\n"))
    assert {change.new_path for change in parse_diff(shop.git("diff", shop.base, shop.tip))} == set(names)
    for name in names:
        (shop.path / name).chmod(0o755)
    assert {change.new_path for change in parse_diff(shop.git("diff"))} == set(names)


@pytest.mark.parametrize(
    "raw",
    [
        b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n",
        b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n+c\n",
        b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -" + b"9" * 5000 + b" +1 @@\n-a\n+b\n",
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
        b"nonsense",
    ],
)
def test_what_git_would_not_write_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        parse_diff(raw)


@given(strategies.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for read in (parse_diff, read_series):
        with suppress(Refusal):
            read(raw)


PIECES = rb"""diff --git a/x b/x
--- a/x
+++ b/x
@@ -1,2 +1,2 @@
 a
-b
+c

--\x20
index 1234567..89abcde 100644
new file mode 100644
--- /dev/null
GIT binary patch
literal 3
KcmZ
rename from x
rename to y
From: x <x@y>
Subject: [PATCH 1/2] x
---
@@@ -1 @@@
From 1234 Mon Sep 17 00:00:00 2001
Content-Type: multipart/mixed; boundary=x
--x
--x--
*** x
Content-Transfer-Encoding: base64
\ No newline at end of file
commit 1234567
# HG changeset patch
""".replace(b"\\x20", b" ").splitlines(keepends=True)


@settings(max_examples=400, deadline=None)
@given(strategies.lists(strategies.sampled_from(PIECES), max_size=14).map(b"".join))
def test_any_shuffled_pieces_are_read_or_refused(raw: bytes) -> None:
    with suppress(Refusal):
        assert all(parse_diff(patch.diff) for patch in read_series(raw).patches)
