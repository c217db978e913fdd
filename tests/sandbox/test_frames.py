"""Reading frames that a hostile sender may have written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from contributions.sandbox import Limits, inside
from contributions.sandbox.frames import BrokenFrames, FrameReader

LIMITS = Limits(artifact_mb=1, artifacts=3, disk_mb=2)


def frame(kind: bytes, name: bytes = b"", body: bytes = b"", size: int | None = None) -> bytes:
    return inside.HEADER.pack(kind, len(name), len(body) if size is None else size) + name + body


HONEST = (
    frame(inside.BEGUN)
    + frame(inside.STEP_BEGUN, b"build")
    + frame(inside.STEP_ENDED, b"build", b"0 1.5")
    + frame(inside.FILE, b"dist/a.whl", b"content")
    + frame(inside.FILE, b"dist/empty")
    + frame(inside.REFUSED, b"dist/link", b"it is a symbolic link")
    + frame(inside.FINISHED, b"", b"0")
)


def test_bytes_may_come_one_by_one(tmp_path: Path) -> None:
    reader = FrameReader(tmp_path, LIMITS)
    for byte in HONEST:
        reader.feed(bytes([byte]))
    delivery = reader.delivery
    assert [(artifact.name, artifact.path.read_bytes()) for artifact in delivery.artifacts] == [
        ("dist/a.whl", b"content"),
        ("dist/empty", b""),
    ]
    assert (delivery.begun, delivery.step, delivery.exit_code) == (True, "build", 0)
    assert [(end.name, end.exit_code, end.seconds) for end in delivery.steps] == [("build", 0, 1.5)]
    assert [(refused.name, refused.reason) for refused in delivery.refused] == [("dist/link", "it is a symbolic link")]


@given(st.binary(max_size=300), st.integers(0, len(HONEST)))
def test_no_bytes_do_anything_but_break_the_form(noise: bytes, kept: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        reader = FrameReader(Path(directory), LIMITS)
        try:
            reader.feed(HONEST[:kept] + noise)
        except BrokenFrames:
            pass
        finally:
            reader.close()
        left = {path.name for path in Path(directory).iterdir()}
        assert left == {artifact.path.name for artifact in reader.delivery.artifacts}


@pytest.mark.parametrize(
    "name",
    [
        b"../up",
        b"/etc/x",
        b"a/../b",
        b"",
        b".git/hooks/x",
        b"a//b",
        b"a\nb",
        b"a\0b",
        b"\xff",
        b"a" * 151,
        b"a/" * 8 + b"a",
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: bytes) -> None:
    reader = FrameReader(tmp_path, LIMITS)
    reader.feed(frame(inside.FILE, name, b"x") + frame(inside.FILE, b"good", b"y"))
    assert [artifact.name for artifact in reader.delivery.artifacts] == ["good"]
    assert [refused.reason for refused in reader.delivery.refused] == [
        "its name has characters that a file to download may not have"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["0000"]


def test_a_name_is_given_once(tmp_path: Path) -> None:
    reader = FrameReader(tmp_path, LIMITS)
    reader.feed(frame(inside.FILE, b"a", b"first") + frame(inside.FILE, b"a", b"second"))
    assert [artifact.path.read_bytes() for artifact in reader.delivery.artifacts] == [b"first"]


def test_bytes_are_counted_over_all_files(tmp_path: Path) -> None:
    reader = FrameReader(tmp_path, LIMITS)
    half = b"x" * (1 << 20)
    reader.feed(b"".join(frame(inside.FILE, name, half) for name in (b"a", b"b", b"c")))
    assert len(reader.delivery.artifacts) == 2
    assert reader.delivery.limit
    assert reader.delivery.limit.words == "limit of 2 MB for all artifacts"
    with pytest.raises(BrokenFrames):
        reader.feed(frame(inside.FILE, b"d", b"", size=1 << 60))


def test_a_file_that_does_not_arrive_whole_is_thrown_away(tmp_path: Path) -> None:
    reader = FrameReader(tmp_path, LIMITS)
    reader.feed(frame(inside.FILE, b"a", b"half", size=8))
    reader.close()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_heard_after_the_end(tmp_path: Path) -> None:
    reader = FrameReader(tmp_path, LIMITS)
    reader.feed(HONEST + frame(inside.FILE, b"late", b"x") + b"\xff" * 100)
    assert [artifact.name for artifact in reader.delivery.artifacts] == ["dist/a.whl", "dist/empty"]


@pytest.mark.parametrize(
    ("pattern", "fitting", "unfitting"),
    [
        ("dist/*.whl", ["dist/a.whl", "dist/.whl"], ["dist/sub/a.whl", "a.whl", "dist/a.whl/b", "dist/a.whl2"]),
        ("**/*.so", ["a.so", "x/a.so", "x/y/z.so"], ["a.so/x", "a.sox"]),
        ("dist/**", ["dist/a", "dist/x/y/z"], ["other/dist/a"]),
        ("**/b/*", ["b/c", "a/b/c", "a/b/b/c"], ["b", "a/b", "b/c/d"]),
        ("a?c", ["abc", "a.c"], ["ac", "a/c", "abbc"]),
        ("[ab]", ["[ab]"], ["a", "b"]),
        ("*" + "a*" * 30, ["a" * 30], ["a" * 29 + "b"]),
    ],
)
def test_patterns_choose_files(pattern: str, fitting: list[str], unfitting: list[str]) -> None:
    parts = pattern.split("/")
    assert [path for path in fitting if not inside.path_fits(parts, path.split("/"))] == []
    assert [path for path in unfitting if inside.path_fits(parts, path.split("/"))] == []
