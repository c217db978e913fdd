"""Reading a change: what stands around it, what of it is only blanks, what is no text, and what one has viewed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from contributions.models import Viewed
from contributions.views.diffs import anchor_of
from contributions.views.showing import LISTED
from tests import factories
from tests.pages.conftest import signed_in
from tests.reading import PNG, make_change

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Revision

pytestmark = pytest.mark.django_db

SONG = "".join(f"verse {number}\n" for number in range(1, 201)).encode()
SUNG = SONG.replace(b"verse 100\n", b"verse one hundred\n")
VIEWS = pytest.mark.parametrize("view", ["unified", "split"])


def page_of(revision: Revision, query: str = "", client: Client | None = None, status: int = 200) -> str:
    address = f"/contributions/{revision.contribution_id}/changes/?revision={revision.number}{query}"
    answer = (client or Client()).get(address)
    assert answer.status_code == status, answer.content.decode()
    return answer.content.decode()


def shown(page: str, path: str = "song.txt") -> list[int]:
    """The numbers of the new side's lines that stand on the page."""
    return [int(number) for number in re.findall(f'id="{anchor_of(path)}R([0-9]+)"', page)]


def links(page: str) -> dict[str, str]:
    """What the links that open hidden lines say, and where they lead."""
    found = re.findall(r'<a href="([^"#]+)#[^"]*" hx-get="([^"]+)"[^>]*>([^<]+)</a>', page)
    return {words: part.replace("&amp;", "&") for _, part, words in found}


@pytest.fixture
def song(tmp_path: Path) -> Revision:
    return make_change(tmp_path / "git", {"song.txt": SONG}, {"song.txt": SUNG})


@VIEWS
def test_hidden_lines_are_shown_by_plain_links(song: Revision, view: str) -> None:
    page = page_of(song, f"&view={view}")
    assert shown(page) == list(range(97, 104))
    found = re.findall(r'<a href="([^"#]+)#([^"]+)" hx-get="[^"]+"[^>]*>([^<]+)</a>', page)
    assert [words for *_, words in found] == ["↑ 20 lines", "all 96 lines", "↓ 20 lines", "all 97 lines"]
    first = Client().get(found[0][0].replace("&amp;", "&")).content.decode()
    assert shown(first) == list(range(77, 104))
    assert found[0][1] == f"{anchor_of('song.txt')}R77"
    more = re.findall(r'<a href="([^"#]+)#[^"]+" hx-get="[^"]+"[^>]*>([^<]+)</a>', first)
    both = Client().get(more[2][0].replace("&amp;", "&")).content.decode()
    assert shown(both) == list(range(77, 124))  # what was open stays open
    middle = page_of(song, f"&view={view}&file=0&context=50-60")
    assert middle.count('class="hunk-words"') == 1, "only the row right above a hunk has its heading"
    everything = page_of(song, f"&view={view}&file=0&context=1-200")
    assert shown(everything) == list(range(1, 201))
    assert 'class="hunk"' not in everything


@VIEWS
def test_a_script_gets_only_the_rows_that_were_hidden(song: Revision, view: str) -> None:
    part = links(page_of(song, f"&view={view}"))["↑ 20 lines"]
    rows = Client().get(part).content.decode()
    assert rows.startswith("<tr")
    assert shown(rows) == list(range(77, 97))
    assert links(rows).keys() == {"↑ 20 lines", "all 76 lines"}
    assert "@@" not in rows.rpartition("verse 77")[2], "the heading stood above the hunk; the lines are shown to there"


def test_numbers_of_both_sides_stay_right_below_a_change(tmp_path: Path) -> None:
    longer = SONG.replace(b"verse 10\n", b"verse 10\nand a half\n")
    revision = make_change(tmp_path / "git", {"song.txt": SONG}, {"song.txt": longer})
    page = page_of(revision, "&file=0&context=150-150")
    row = re.search(r"<tr class=\"context\">(?:(?!</tr>).)*verse 149<", page)
    assert row
    assert re.findall(r">(\d+)</a>", row[0]) == ["149", "150"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("&file=0&context=9-1", 400),
        ("&file=0&context=x", 400),
        ("&file=0&context=1-99999", 400),
        ("&file=0&context=" + ",".join(f"{n}-{n}" for n in range(1, 200, 2)), 400),
        ("&file=0&context=500-600", 200),  # lines that the file does not have
        ("&file=0&part=gap&gap=1-96", 200),
        ("&file=0&part=gap&gap=300-400", 400),
        ("&file=0&part=gap&gap=", 400),
        ("&file=9&part=gap&gap=1-9", 400),
        ("&part=gap&gap=1-9", 400),
        ("&part=all", 400),
        ("&space=maybe", 400),
        ("&under=nowhere/", 200),
        ("&file=0&part=file", 200),
    ],
)
def test_what_cannot_be_shown_is_told(song: Revision, query: str, status: int) -> None:
    page = page_of(song, query, status=status)
    assert "song.txt" in page or status == 400 or "No file of this change" in page or "part=gap" in query


def test_without_what_was_kept_the_page_is_as_it_was(tmp_path: Path) -> None:
    revision = make_change(tmp_path / "git", {"song.txt": SONG}, {"song.txt": SUNG}, keep_sides=False)
    page = page_of(revision)
    assert "@@ -97,7 +97,7 @@" in page
    assert links(page) == {}
    page_of(revision, "&file=0&part=gap&gap=1-96", status=404)


# blanks


def test_changes_of_blanks_alone_are_hidden_on_demand(tmp_path: Path) -> None:
    old = b"def f():\n    a = 1\n    b = 2\n    return a\n" + SONG
    new = b"def f():\n    if True:\n        a = 1\n        b = 3\n        return a\n" + SONG.replace(
        b"verse 90", b"verse  90"
    )
    revision = make_change(tmp_path / "git", {"f.py": old}, {"f.py": new})
    page = page_of(revision)
    assert page.count('class="removed"') == 4
    less = page_of(revision, "&space=ignore")
    assert less.count('class="removed"') == 1
    assert less.count('class="added"') == 2
    assert "<mark>3</mark>" in less
    assert '<span class="plus">+2</span>' in less
    assert "6 lines differ in blanks alone" in less
    assert "verse  90" not in less
    assert "space=ignore" in links(less)["all 196 lines"] if "all 196 lines" in links(less) else True


def test_a_file_of_nothing_but_changed_blanks_says_so(tmp_path: Path) -> None:
    indented = SONG.replace(b"verse", b"\tverse")
    revision = make_change(tmp_path / "git", {"a.txt": SONG, "b.txt": b"x\n"}, {"a.txt": indented, "b.txt": b"y\n"})
    page = page_of(revision, "&space=ignore")
    assert "Only blanks are changed here" in page
    assert page.count('class="added"') == 1
    assert "<i>\t</i>" in page_of(revision)


def test_blanks_at_the_end_and_a_missing_newline_can_be_seen(tmp_path: Path) -> None:
    revision = make_change(tmp_path / "git", {"a.txt": b"one\ntwo\n"}, {"a.txt": b"one  \ntwo"})
    for view in ("unified", "split"):
        page = page_of(revision, f"&view={view}")
        assert '<mark><span class="tail">  </span></mark>' in page
        assert "No newline at end of file" in page


# what is no text


def test_binary_files_are_told_by_size_and_digest_and_pictures_are_shown(tmp_path: Path) -> None:
    before = {"logo.png": PNG, "core.bin": b"\0" * 10}
    after = {"logo.png": PNG + b"more", "core.bin": b"\0" * 20, "new.gif": b"GIF89a\x03\x00\x04\x00\0\0\0"}
    revision = make_change(tmp_path / "git", before, after)
    page = page_of(revision)
    assert "10 bytes" in page
    assert "20 bytes" in page
    assert "de47c9b27eb8d300dbb5f2c353e632c393262cf06340c4fa7f1b40c4cbd36f90" in page  # printf '\0%.0s' {1..20}
    found = re.findall(r'<img src="([^"]+)" width="(\d+)" height="(\d+)"', page)
    assert [size for _, *size in found] == [["2", "3"], ["2", "3"], ["3", "4"]]
    answer = Client().get(found[0][0])
    assert answer.content == PNG
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


@pytest.mark.attack("W03")
def test_what_only_says_that_it_is_a_picture_is_none(tmp_path: Path) -> None:
    page = b"<html><script>alert(1)</script>\0"
    bomb = PNG[:16] + (60_000).to_bytes(4, "big") * 2 + PNG[24:]
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>\0</svg>"
    after = {"a.png": page, "b.png": bomb, "c.svg": svg, "d.dat": PNG, "e.png": page.rstrip(b"\0")}  # the last is text
    revision = make_change(tmp_path / "git", {"x": b"x\n"}, after)
    shown_page = page_of(revision)
    statuses = {}
    for index, known in enumerate(revision.files):
        address = f"/contributions/{revision.contribution_id}/v1/pictures/{index}/new"
        answer = Client().get(address)
        statuses[known["path"]] = answer.status_code
        assert (address in shown_page) is (answer.status_code == 200)
        assert answer.status_code == 404 or answer["Content-Type"] == "image/png"
    assert statuses == {"a.png": 404, "b.png": 404, "c.svg": 404, "d.dat": 200, "e.png": 404}  # d is the control


def test_renames_modes_links_and_deletions_are_told(tmp_path: Path) -> None:
    before = {"old.txt": SONG, "run": b"#!/bin/sh\n", "gone.txt": b"bye\n"}
    after = {"old.txt": None, "new.txt": SUNG, "run*": b"#!/bin/sh\n", "gone.txt": None, "way": b"-> /etc/passwd"}
    page = page_of(make_change(tmp_path / "git", before, after))
    assert "old.txt → new.txt" in page
    assert re.search(r"renamed, 9\d % the same", page)
    assert "mode 100644 → 100755" in page
    assert "The mode changes from 100644 to 100755." in page
    assert "deleted" in page
    assert "A symbolic link; its text is the path that it leads to." in page
    assert len(links(page)) == 4, "of a renamed file the lines around can be shown too"


def test_a_line_of_a_megabyte_is_shown_by_its_beginning(tmp_path: Path) -> None:
    revision = make_change(tmp_path / "git", {"min.js": b"a\n"}, {"min.js": b"x" * 1_000_000 + b"\n"})
    page = page_of(revision, "&file=0")
    assert "(998,000 more characters)" in page
    assert len(page) < 60_000
    assert "This diff is large." in page_of(revision)
    assert "data-load" not in page_of(revision)


# many files


@pytest.fixture
def many(tmp_path: Path) -> Revision:
    after = {f"swift/deep/er/part{n:03}.py": b"x = %d\n" % n for n in range(150)}
    after |= {"swift/other.py": b"y = 1\n", "<b>&\u202e.txt": b"z\n", "a" * 200 + ".txt": b"w\n"}
    return make_change(tmp_path / "git", {"README": b"\n"}, after)


def test_a_page_lists_some_files_and_leads_to_the_rest(many: Revision) -> None:
    page = page_of(many)
    assert page.count('<section class="file"') == LISTED
    assert (
        f'data-load="/contributions/{many.contribution_id}/changes/?revision=1&amp;view=unified&amp;from=60&amp;part=files"'
        in page
    )
    assert page.count("data-for=") == 153  # the tree has them all
    part = page_of(many, "&from=60&part=files")
    assert part.count('<section class="file"') == LISTED
    assert "<html" not in part
    last = page_of(many, "&from=120")
    assert last.count('<section class="file"') == 33
    assert "part=files" not in last
    assert "The files before these" in last


def test_the_tree_joins_folders_and_leads_to_files_on_other_pages(many: Revision) -> None:
    page = page_of(many)
    assert '>deep/er/ <span class="count">150</span>' in page
    anchor = anchor_of("swift/deep/er/part149.py")
    address = f'href="/contributions/{many.contribution_id}/changes/?revision=1&amp;view=unified&amp;from=120#{anchor}"'
    assert address in page
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;⟨U+202E⟩.txt" in page


def test_one_folder_can_be_read_alone(many: Revision) -> None:
    page = page_of(many, "&under=swift/deep/")
    assert "150 files" in page
    assert "other.py" not in page
    assert "All 153 files" in page
    assert "under=swift%2Fdeep%2F" in page
    hostile = page_of(many, "&under=%22%3E%3Cscript%3E")
    assert "<script>" not in hostile.replace("<script src=", "")


# viewed


def mark(client: Client, revision: Revision, index: int = 0, viewed: str = "1", **headers: str) -> str:
    form = {"revision": revision.number, "file": index, "viewed": viewed}
    answer = client.post(f"/contributions/{revision.contribution_id}/viewed/", form, headers=headers)
    assert answer.status_code in {200, 302}
    return answer.content.decode() if answer.status_code == 200 else answer["Location"]


def test_a_viewed_file_is_folded_and_counted(many: Revision) -> None:
    reader = signed_in(factories.make_person())
    assert mark(reader, many, 1).endswith(f"from=0#{anchor_of(many.files[1]['path'])}")
    page = page_of(many, client=reader)
    assert "1 of 153 viewed" in page
    assert page.count(" data-viewed>") == 1
    assert page.count('aria-pressed="true"') == 1
    assert "You have viewed this file." in page
    part = mark(reader, many, 2, **{"HX-Request": "true"})
    assert "2 of 153 viewed" in part
    assert part.count("<section") == 1
    assert "<html" not in part
    mark(reader, many, 1, viewed="0")
    assert "1 of 153 viewed" in page_of(many, client=reader)
    other = page_of(many, client=signed_in(factories.make_person()))
    assert "0 of 153 viewed" in other
    strangers = page_of(many)
    assert "file-viewed" not in strangers
    assert "of 153 viewed" not in strangers


def test_a_mark_lapses_when_the_change_of_the_file_does(tmp_path: Path) -> None:
    person = factories.make_person()
    one = make_change(tmp_path / "1", {"a": b"a\n", "b": b"b\n"}, {"a": b"A\n", "b": b"B\n"})
    reader = signed_in(person)
    for index in (0, 1):
        mark(reader, one, index)
    given = {"contribution": one.contribution}
    two = make_change(tmp_path / "2", {"a": b"a\n", "b": b"b\n"}, {"a": b"A\n", "b": b"BB\n"}, **given)
    assert two.number == 2
    assert Viewed.objects.paths(two, person) == {"a"}
    assert "1 of 2 viewed" in page_of(two, client=reader)
    assert "2 of 2 viewed" in page_of(one, client=reader)


@pytest.mark.parametrize("form", [{"file": "0"}, {"revision": "x", "file": "0"}, {"revision": "1", "file": "-1"}])
def test_a_mark_of_nothing_is_refused(song: Revision, form: dict[str, str]) -> None:
    reader = signed_in(factories.make_person())
    assert reader.post(f"/contributions/{song.contribution_id}/viewed/", form).status_code == 400
    gone = {"revision": "1", "file": "7"}
    assert reader.post(f"/contributions/{song.contribution_id}/viewed/", gone).status_code == 404
    assert reader.post(f"/contributions/{song.contribution_id}/viewed/", gone | {"revision": "9"}).status_code == 404
    assert not Viewed.objects.exists()
