"""What is kept beside a diff when a revision is received."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.models import Blob, Revision
from contributions.patches import parse_diff, sides
from contributions.pipeline import siding
from contributions.pipeline.receiving import receive
from tests.platform import SONG, SONG_MENDED
from tests.reading import PNG, git, make_change

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Component, Person
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db


def both(revision: Revision, index: int) -> tuple[bytes | None, bytes | None]:
    assert revision.sides is not None
    with revision.sides.open() as stream:
        return sides.read(stream, index, "old"), sides.read(stream, index, "new")


@pytest.fixture
def received(author: Person, component: Component, upstream: Upstream) -> Revision:
    mail = upstream.patch("1.0", "Count to fifteen in words", song__txt=SONG_MENDED)
    contribution = submit(
        author=author,
        component=component,
        kind="refinement",
        title="Count to fifteen in words",
        release=component.releases.get(name="1.0"),
        source=PatchFile(SimpleUploadedFile("0001.patch", mail)),
    )
    receive(contribution.revisions.get().pk)
    return Revision.objects.select_related("sides", "diff").get(contribution=contribution)


def test_both_sides_of_each_file_are_kept_when_it_is_received(received: Revision) -> None:
    assert both(received, 0) == (SONG.encode(), SONG_MENDED.encode())
    assert received.files[0]["lines"] == 30


def test_what_was_received_before_gets_its_sides_later(received: Revision, capsys: pytest.CaptureFixture[str]) -> None:
    kept, files = received.sides_id, received.files
    bare = [{name: value for name, value in files[0].items() if name != "lines"}]
    Revision.objects.filter(pk=received.pk).update(sides=None, files=bare)
    call_command("add_sides")
    assert "1 revision" in capsys.readouterr().out
    received.refresh_from_db()
    assert (received.sides_id, received.files) == (kept, files), "the same files make the same bytes"
    call_command("add_sides")
    assert "0 revisions" in capsys.readouterr().out


def test_the_bytes_are_named_and_so_are_not_swept(received: Revision) -> None:
    assert not Blob.objects.unnamed().filter(pk=received.sides_id).exists()


def test_limits_keep_large_files_out_and_all_the_rest_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siding, "MOST_TEXT", 100)
    monkeypatch.setattr(siding, "MOST_PICTURE", 100)
    monkeypatch.setattr(siding, "MOST_IN_ALL", 200)
    monkeypatch.setattr(siding, "MOST_HASHED", 300)
    before = {"a.txt": b"a\n", "large.txt": b"b\n", "c.txt": b"c\n", "big.png": PNG, "vast.bin": b"\0"}
    after = {"a.txt": b"A\n", "large.txt": b"x" * 101, "c.txt": b"C" * 98 + b"\n"}
    after |= {"big.png": PNG + b"\0" * 50, "vast.bin": b"\0" * 301}
    revision = make_change(tmp_path / "git", before, after)
    known = {file["path"]: file for file in revision.files}
    indexes = {file["path"]: at for at, file in enumerate(revision.files)}
    assert both(revision, indexes["a.txt"]) == (b"a\n", b"A\n")
    assert both(revision, indexes["large.txt"])[1] is None
    assert "lines" not in known["large.txt"]
    assert known["big.png"]["sides"]["old"]["kind"] == "image/png"
    assert "kind" not in known["big.png"]["sides"]["new"]
    assert known["vast.bin"]["sides"]["new"] == {"size": 301}
    assert both(revision, indexes["vast.bin"]) == (None, None)


def test_a_submodule_is_only_named(tmp_path: Path) -> None:
    place = tmp_path / "git"
    revision = make_change(place, {"a": b"a\n"}, {"a": b"b\n"})
    git(place, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git(place, "commit", "-q", "-m", "A module")
    diff = git(place, "diff", "--full-index", "HEAD~1", "HEAD").encode() + b"\n"
    found = siding.sides_of(place / ".git", parse_diff(diff))
    assert found.packed is None
    assert found.facts == [{}]
    assert revision.sides_id
