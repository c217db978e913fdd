"""Where a diff touches: lines before the change, the function they are in, the folders on the way."""

from __future__ import annotations

import pytest

from contributions.patches import parse_diff
from contributions.patches.places import places_of, steps_to

HEAD = b"diff --git a/proxy/server.py b/proxy/server.py\n--- a/proxy/server.py\n+++ b/proxy/server.py\n"
NEW = b"diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+a = 1\n"
RENAME = b"diff --git a/old.py b/lib/new.py\nsimilarity index 90%\nrename from old.py\nrename to lib/new.py\n"
BINARY = (
    b"diff --git a/logo.png b/logo.png\nindex 1111111..2222222 100644\nBinary files a/logo.png and b/logo.png differ\n"
)


def hunk(*lines: str, at: int = 10, heading: str = "class Proxy(object):") -> bytes:
    old, new = (sum(line[0] in kinds for line in lines) for kinds in (" -", " +"))
    text = "".join(f"{line}\n" for line in lines)
    return f"@@ -{at},{old} +{at},{new} @@ {heading}\n{text}".encode()


@pytest.mark.parametrize(
    ("lines", "span"),
    [
        ((" a", " b", " c", "-d", "-e", "+f", " g", " h", " i"), (13, 14)),
        ((" a", "-b", " c", "+d", "-e", " f"), (11, 13)),
        ((" a", " b", " c", "+d", " e", " f", " g"), (12, 13)),
        (("+a", " b"), (9, 10)),
        ((" a", "+b"), (10, 11)),
        (("-a",), (10, 10)),
        ((" a", "-b", "+b", "\\ No newline at end of file"), (11, 11)),
    ],
)
def test_a_place_is_what_changes_without_its_context(lines: tuple[str, ...], span: tuple[int, int]) -> None:
    [place] = places_of(parse_diff(HEAD + hunk(*lines)))
    assert (place.start, place.end) == span


def test_of_an_addition_at_the_top_the_first_line_is_meant() -> None:
    [place] = places_of(parse_diff(HEAD + hunk("+import os", " import sys", at=1)))
    assert (place.start, place.end) == (1, 1)


@pytest.mark.parametrize(
    ("lines", "heading", "function"),
    [
        ((" a", "-b"), "class Proxy(object):", "class Proxy"),
        (("     def GET(self, req):", " a", "-b"), "class Proxy(object):", "def GET"),
        (("     def GET(self, req):", "     def PUT(self, req):", "-b"), "", "def PUT"),
        ((" a", "-    def GET(self):", "+    def GET(self, req):"), "def HEAD(self):", "def HEAD"),
        ((" a", "-b"), "static int  open_it(struct x *y)", "static int open_it"),
        ((" a", "-b"), "", ""),
        ((" define = 1", "-b"), "", ""),
    ],
)
def test_a_place_is_in_the_definition_nearest_above(lines: tuple[str, ...], heading: str, function: str) -> None:
    [place] = places_of(parse_diff(HEAD + hunk(*lines, heading=heading)))
    assert place.function == function


def test_files_as_a_whole_stand_at_line_nought() -> None:
    found = {place[:3] for place in places_of(parse_diff(NEW + RENAME + BINARY))}
    assert found == {("new.py", 0, 0), ("old.py", 0, 0), ("lib/new.py", 0, 0), ("logo.png", 0, 0)}


def test_a_renamed_file_is_touched_under_both_names() -> None:
    moved = RENAME + b"--- a/old.py\n+++ b/lib/new.py\n" + hunk(" a", "-b", "+c", at=4, heading="")
    assert {place[:3] for place in places_of(parse_diff(moved))} == {("lib/new.py", 0, 0), ("old.py", 5, 5)}


def test_the_folders_on_the_way_are_told_from_the_file_upwards() -> None:
    assert list(steps_to("swift/common/utils.py")) == [("swift/common", "utils.py"), ("swift", "common"), ("", "swift")]
