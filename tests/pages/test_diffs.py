from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from contributions.models import Contribution
from contributions.patches import parse_diff
from contributions.patches.windows import MOST_LINES
from contributions.views.colouring import coloured
from contributions.views.diffs import anchor_of
from contributions.views.showing import OPEN_FILE_BYTES
from tests import factories

pytestmark = pytest.mark.django_db


def diff_of(path: str, body: str, *, heading: str = "@@ -1,1 +1,1 @@") -> bytes:
    quoted = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{heading}\n{body}"
    return quoted.encode("utf-8", "surrogateescape")


def show(diff: bytes, query: str = "", **given: Any) -> str:
    """The changes of a revision with this diff, of which each `diff --git` line begins a file."""
    starts = [found.start() for found in re.finditer(rb"^diff --git ", diff, re.MULTILINE)] + [len(diff)]
    files = [
        {"path": file.new_path, "old_path": file.old_path, "status": file.status}
        | {"added": file.added, "removed": file.removed, "start": start, "end": end}
        for file, start, end in zip(parse_diff(diff), starts[:-1], starts[1:], strict=True)
    ]
    revision = factories.make_revision(diff=diff, **({"files": files} | given))
    answer = Client().get(f"/contributions/{revision.contribution_id}/changes/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_line_has_an_address_on_either_side() -> None:
    page, file = show(factories.DIFF), anchor_of("swiftclient/shell.py")
    assert f'id="{file}L13"' in page  # removed
    assert f'id="{file}R13"' in page  # added in its place
    assert f'href="#{file}R14"' in page
    split = show(factories.DIFF, "?view=split")
    assert f'id="{file}L13"' in split
    assert f'id="{file}R13"' in split
    assert "<colgroup>" in split


def test_every_anchor_is_met_once() -> None:
    for view in ("unified", "split"):
        found = re.findall(r' id="([^"]+)"', show(factories.DIFF, f"?view={view}"))
        assert len(found) == len(set(found))


def test_side_by_side_shows_removed_lines_beside_those_in_their_place() -> None:
    page = show(diff_of("a.txt", "-one\n-two\n+uno\n context\n", heading="@@ -1,3 +1,2 @@"), "?view=split")
    rows = re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2])
    words = [re.sub(r"<[^>]+>", " ", row).split() for row in rows]
    assert words == [["1", "-", "one", "1", "+", "uno"], ["2", "-", "two"], ["3", "context", "2", "context"]]


HOSTILE = ["<script>alert(1)</script>", "\u202etxt.exe", "\x1b[31mred", "a&lt;b", '"><img src=x onerror=alert(1)>']


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_lines_names_and_messages_are_shown_and_not_obeyed(text: str) -> None:
    commit = {"sha": "0" * 40, "subject": text, "body": text, "author": text, "authored_at": ""}
    files = [{"path": text, "old_path": text, "status": "modified", "added": 1, "removed": 1, "start": 0}]
    for view in ("unified", "split"):
        diff = diff_of("a.py", f"-{text}\n+x = 1  # {text}\n", heading=f"@@ -1,1 +1,1 @@ {text}")
        page = show(diff, f"?view={view}", files=[files[0] | {"end": len(diff)}], commits=[commit], warnings=[text])
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert not re.search("[\u202e\x1b]", page)


def test_bytes_that_are_no_text_and_odd_line_ends_stay_on_their_line() -> None:
    body = b"-caf\xe9\r\n+a\x0cb\xe2\x80\xa8c\x85d\n"
    diff = b"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,1 +1,1 @@\n" + body
    page = show(diff)
    assert "caf\ufffd␍" in page
    assert "a␌b⟨U+2028⟩c\ufffdd" in page
    assert page.count('class="removed"') == page.count('class="added"') == 1


def test_a_large_file_waits_until_it_is_asked_for() -> None:
    line = "+" + "x" * 79 + "\n"
    count = OPEN_FILE_BYTES // 80 + 10
    diff = diff_of("big.txt", line * count, heading=f"@@ -0,0 +1,{count} @@")
    page = show(diff)
    assert "Not loaded yet." in page
    assert "x" * 79 not in page
    assert 'data-load="/contributions/' in page
    assert "?revision=1&amp;view=unified&amp;file=0&amp;part=file" in page
    assert f'hx-target="#{anchor_of("big.txt")}"' in page
    assert show(diff, "?file=0").count("x" * 79) == count


def test_only_as_many_files_are_opened_as_a_page_bears() -> None:
    body = "+" + "y" * 99 + "\n"
    diff = b"".join(diff_of(f"f{number}.txt", body * 70, heading="@@ -0,0 +1,70 @@") for number in range(8))
    page = show(diff)
    assert page.count('<table class="diff') == 2
    assert page.count("Not loaded yet.") == 6


def test_a_hunk_longer_than_a_page_is_cut_and_says_so() -> None:
    diff = diff_of("big.txt", "+line\n" * 100_000, heading="@@ -0,0 +1,100000 @@")
    page = show(diff, "?file=0")
    assert f"its first {MOST_LINES:,} lines" in page
    assert page.count("<tr ") < MOST_LINES + 10


def test_hunks_beyond_a_page_are_reached_by_a_link() -> None:
    hunks = "".join(f"@@ -{at},0 +{at},1000 @@\n" + "+l\n" * 1000 for at in (1, 2000, 4000, 6000, 8000))
    diff = f"diff --git a/f b/f\n--- a/f\n+++ b/f\n{hunks}".encode()
    first = show(diff, "?file=0")
    assert first.count('class="added"') == 3000
    assert "file=0&amp;from=3" in first
    second = show(diff, "?file=0&from=3")
    assert second.count('class="added"') == 2000
    assert "The next lines of this file" not in second


@pytest.mark.attack("P09")
def test_binary_files_modes_and_renames_are_told_in_words() -> None:
    mode = b"diff --git a/run b/run\nold mode 100644\nnew mode 100755\n"
    assert "The mode changes from 100644 to 100755." in show(mode)
    binary = (
        b"diff --git a/x.bin b/x.bin\nindex 1111111..2222222 100644\n"
        b"GIT binary patch\nliteral 1\nIcmZPo000310RR91\n\nliteral 1\nIcmZPo000310RR91\n\n"
    )
    assert "A binary file." in show(binary)
    moved = b"diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n"
    assert "old → new" in show(moved)


def test_a_diff_that_cannot_be_read_is_no_fault_of_the_page() -> None:
    files = [{"path": "f", "old_path": "f", "status": "modified", "added": 1, "removed": 0, "start": 0, "end": 20}]
    revision = factories.make_revision(diff=b"this is not a diff..", files=files)
    answer = Client().get(f"/contributions/{revision.contribution_id}/changes/")
    assert answer.status_code == 200
    assert b"cannot be shown" in answer.content


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?revision=1", 200),
        ("?revision=2", 404),
        ("?revision=x", 404),
        ("?revision=99999999999999999999", 404),
        ("?view=hex", 400),
        ("?file=2", 404),
        ("?file=-1", 400),
        ("?file=99999999999", 400),
        ("?from=1e9", 400),
        ("?from=99999999", 200),
    ],
)
def test_what_there_is_not_is_told(query: str, status: int) -> None:
    revision = factories.make_revision()
    assert Client().get(f"/contributions/{revision.contribution_id}/changes/{query}").status_code == status


def test_an_experience_has_no_diff_and_says_so() -> None:
    contribution = factories.make_contribution(kind=Contribution.Kind.EXPERIENCE, received=False)
    factories.make_revision(contribution, diff=None)
    assert b"it is no patch" in Client().get(f"/contributions/{contribution.pk}/changes/").content


def test_code_is_coloured_line_by_line_and_text_is_left_alone() -> None:
    text = ["def f():", '    """two', '    lines"""', "    return 1  # <b>"]
    lines = coloured(text, "a/b.py")
    assert lines[0].startswith('<span class="k">def</span>')
    assert lines[1].endswith('<span class="s">&quot;&quot;&quot;two</span>')
    assert "&lt;b&gt;" in lines[3]
    assert coloured(["<b>", "def"], "notes.unknown") == ["&lt;b&gt;", "def"]
    for path in ("x.py", "x.c", "Makefile", "x.yaml", "x.json", "x.sh"):
        assert len(coloured(["a\tb", "", "}{", '"open', ""], path)) == 5
