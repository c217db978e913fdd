from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.models import Viewed
from contributions.patches.windows import MOST_LINES
from tests import factories
from tests.api.conftest import Caller
from tests.reading import PNG, make_change

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


def test_files_are_listed_page_by_page_without_their_lines(tmp_path: Path) -> None:
    after = {f"f{n:02}": b"x\n" for n in range(45)} | {"logo.png": PNG}
    revision = make_change(tmp_path / "git", {"a": b"\n"}, after)
    caller = Caller()
    first = caller.get(f"contributions/{revision.contribution_id}/revisions/1/files/").json()
    assert [row["path"] for row in first["results"]] == [f"f{n:02}" for n in range(30)]
    assert first["previous"] is None
    second = caller.client.get(first["next"]).json()
    assert [row["index"] for row in second["results"]] == list(range(30, 46))
    assert second["next"] is None
    assert caller.client.get(second["previous"]).json()["results"] == first["results"]
    picture = second["results"][-1]
    assert picture["binary"]
    assert picture["sides"]["new"]["kind"] == "image/png"
    assert (picture["sides"]["new"]["width"], picture["sides"]["new"]["height"]) == (2, 3)
    assert picture["viewed"] is None
    assert caller.client.get(first["results"][3]["url"]).json()["path"] == "f03"
    wrong = caller.get(f"contributions/{revision.contribution_id}/revisions/1/files/?cursor=x")
    assert wrong.status_code == 400
    assert "cursor" in wrong.json()["errors"]


def test_lines_have_numbers_kinds_and_marks(tmp_path: Path) -> None:
    before, after = b"one\nretries = 5\nthree\n", b"one\nretries = 7\n  three\nfour"
    revision = make_change(tmp_path / "git", {"a.py": before}, {"a.py": after})
    address = f"contributions/{revision.contribution_id}/revisions/1/files/0/"
    (hunk,) = Caller().get(address).json()["hunks"]
    assert hunk["lines"][:2] == [
        {"kind": "context", "old": 1, "new": 1, "text": "one"},
        {"kind": "removed", "old": 2, "new": None, "text": "retries = 5", "marks": [[10, 11]]},
    ]
    assert [line["kind"] for line in hunk["lines"]] == ["context", *["removed"] * 2, *["added"] * 3, "remark"]
    (less,) = Caller().get(f"{address}?space=ignore").json()["hunks"]
    assert [line["text"] for line in less["lines"] if line["kind"] == "context"] == ["one", "  three"]
    assert Caller().get(f"{address}?space=all").status_code == 400


def test_a_long_file_comes_in_pieces(tmp_path: Path) -> None:
    lines = [b"line %d\n" % n for n in range(20_000)]
    after = b"".join(b"x" + line if n % 10 == 0 else line for n, line in enumerate(lines))
    revision = make_change(tmp_path / "git", {"a": b"".join(lines)}, {"a": after})
    address = f"contributions/{revision.contribution_id}/revisions/1/files/0/"
    found, caller = [], Caller()
    answer = caller.get(address).json()
    while True:
        count = sum(len(hunk["lines"]) for hunk in answer["hunks"])
        assert count <= MOST_LINES
        found += [line["old"] for hunk in answer["hunks"] for line in hunk["lines"] if line["kind"] == "removed"]
        if answer["next"] is None:
            break
        answer = caller.client.get(answer["next"]).json()
    assert found == list(range(1, 20_000, 10))
    assert caller.get(f"{address}?hunk=99999999").json()["hunks"] == []


def test_a_mark_is_ones_own(tmp_path: Path) -> None:
    revision = make_change(tmp_path / "git", {"a": b"a\n"}, {"a": b"b\n"})
    address = f"contributions/{revision.contribution_id}/revisions/1/files/"
    reader, other = Caller(factories.make_person()), Caller(factories.make_person())
    for _ in range(2):
        assert reader.put(f"{address}0/viewed/").json() == {"path": "a", "viewed": True}
    assert reader.get(f"{address}0/").json()["viewed"] is True
    assert other.get(f"{address}0/").json()["viewed"] is False
    assert reader.call("delete", f"{address}0/viewed/").status_code == 204
    assert reader.get(address).json()["results"][0]["viewed"] is False
    assert reader.put(f"{address}7/viewed/").status_code == 404
    assert reader.get(f"{address}7/").status_code == 404
    assert not Viewed.objects.exists()
