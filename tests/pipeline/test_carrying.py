"""Evidence follows content: what was said of a revision holds for a later one that does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.actions.sources import Note
from contributions.actions.submitting import revise, submit
from contributions.models import Carry, Component, Person, Revision, carry, untouched_paths
from contributions.pipeline.receiving import receive
from tests.platform import GREETING, SONG_MENDED

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


def test_the_same_change_on_another_base_is_the_same(send: Callable[..., Revision]) -> None:
    first, second = send(song__txt=SONG_MENDED), send("2.0", "Count in words", song__txt=SONG_MENDED)
    assert set(first.fingerprints) == {"song.txt"}
    assert first.base_commit != second.base_commit
    assert second.carries == {"1": "same"}
    assert carry(first, second) is Carry.SAME


def test_what_only_adds_other_files_is_partly_the_same(send: Callable[..., Revision]) -> None:
    first = send(song__txt=SONG_MENDED)
    second = send(song__txt=SONG_MENDED, greeting__py=GREETING + "\n# Hello\n")
    assert second.carries == {"1": "partly"}
    assert untouched_paths(first, second) == {"song.txt"}
    third = send(song__txt=SONG_MENDED)
    assert third.carries == {"1": "same"}, "v2 did more than v3 does"


def test_another_change_to_the_same_file_keeps_nothing(send: Callable[..., Revision]) -> None:
    first = send(song__txt=SONG_MENDED, greeting__py=GREETING + "\n# Hello\n")
    second = send(song__txt=SONG_MENDED, greeting__py=GREETING + "\n#  Hello\n")
    assert first.fingerprint == second.fingerprint, "git's patch id passes over the blank"
    assert second.carries == {}
    assert untouched_paths(first, second) == {"song.txt"}


def test_a_revision_of_before_gets_its_fingerprints_with_the_next_one(send: Callable[..., Revision]) -> None:
    first = send(song__txt=SONG_MENDED)
    Revision.objects.filter(pk=first.pk).update(fingerprints={})
    second = send("2.0", song__txt=SONG_MENDED)
    assert Revision.objects.get(pk=first.pk).fingerprints == first.fingerprints
    assert second.carries == {"1": "same"}


@pytest.mark.parametrize(("text", "carries"), [("Do this.", {"1": "same"}), ("Do that.", {})])
def test_a_note_is_one_file(author: Person, component: Component, text: str, carries: dict[str, str]) -> None:
    note = submit(
        author=author, component=component, kind="experience", title="A note", release=None, source=Note("Do this.")
    )
    receive(note.revisions.get().pk)
    again = revise(author=author, contribution=note, source=Note(text))
    receive(again.pk)
    assert Revision.objects.get(pk=again.pk).carries == carries


def test_without_fingerprints_of_files_only_the_whole_tells() -> None:
    old, new = Revision(pk=1, number=1, fingerprint="a"), Revision(pk=2, number=2, fingerprint="a")
    assert carry(old, new) is Carry.SAME
    new.fingerprints = {"a.txt": "1"}
    assert carry(old, new) is Carry.SAME
    new.fingerprint = "b"
    assert carry(old, new) is Carry.TOUCHED
    assert carry(Revision(pk=3), Revision(pk=4)) is Carry.TOUCHED
