"""Where contributions touch is written down when a revision becomes the current one, and anew by a command."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import revise, submit
from contributions.models import Component, Contribution, Person, Place, Touch, touch as room
from contributions.pipeline.receiving import receive
from tests.factories import make_contribution
from tests.platform import SHOUT, SONG_MENDED, Upstream

pytestmark = pytest.mark.django_db


def touched(contribution: Contribution) -> list[tuple[str, int, int, str]]:
    rows = Touch.objects.filter(contribution=contribution)
    return list(rows.values_list("path", "start", "end", "function"))


@pytest.fixture
def mending(author: Person, component: Component, upstream: Upstream) -> Contribution:
    mail = upstream.patch("1.0", "Count to fifteen in words", song__txt=SONG_MENDED)
    made = submit(
        author=author, component=component, release=component.releases.get(name="1.0"), kind="refinement",
        title="Count to fifteen", source=PatchFile(SimpleUploadedFile("0001.patch", mail)),
    )  # fmt: skip
    receive(made.revisions.get().pk)
    made.refresh_from_db()
    return made


def test_a_received_revision_is_found_by_its_lines(mending: Contribution) -> None:
    assert touched(mending) == [("song.txt", 15, 15, "verse 11")]


def test_a_newer_revision_replaces_what_was_noted(mending: Contribution, upstream: Upstream) -> None:
    mail = upstream.patch("1.0", "Shout", greeting__py=SHOUT)
    sent = revise(author=mending.author, contribution=mending, source=PatchFile(SimpleUploadedFile("0001.patch", mail)))
    receive(sent.pk)
    assert touched(mending) == [("greeting.py", 2, 2, "def greet")]
    assert [place.path for place in Place.objects.filter(contribution=mending)] == ["greeting.py"]


def test_what_was_received_before_is_noted_by_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    old, note = make_contribution(), make_contribution(kind="experience", received=False)
    call_command("note_places")
    call_command("note_places")
    assert touched(old) == [
        ("swiftclient/shell.py", 13, 13, "def connect"),
        ("tests/test_shell.py", 0, 0, ""),
    ]
    assert {place.path for place in old.places.all() if not place.is_file} == {"swiftclient", "tests"}
    assert touched(note) == []
    assert "1 contributions" in capsys.readouterr().out


def test_only_so_many_places_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_TOUCHES", 1)
    made = make_contribution()
    call_command("note_places")
    assert (made.touches.count(), made.places.count()) == (1, 1)
