"""Suggested edits taken in: a new revision on real git, once, with the text as it stands, and who suggested it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.quarantining import quarantine
from contributions.actions.remarking import Place, remark
from contributions.actions.sources import GitRef, PatchFile
from contributions.actions.submitting import revise, submit
from contributions.actions.taking_in import take_in
from contributions.actions.withdrawing import withdraw
from contributions.checkout.runner import git
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Component, Contribution, LineComment, Person, Revision
from contributions.pipeline.places import mirror_with
from contributions.pipeline.receiving import receive
from tests.factories import make_person
from tests.platform import GREETING, SHOUT, SONG_MENDED, Upstream
from tests.remarks.together import at_once

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db
SIGNED = "Signed-off-by: Upstream <upstream@example.org>"


def upload(content: bytes) -> PatchFile:
    return PatchFile(SimpleUploadedFile("0001-mend.patch", content))


def received(contribution: Contribution) -> Contribution:
    receive(contribution.revisions.order_by("-number").first().pk)
    contribution.refresh_from_db()
    return contribution


@pytest.fixture
def share(author: Person, component: Component, upstream: Upstream) -> Callable[..., Contribution]:
    def made(**files: str) -> Contribution:
        mail = upstream.patch("1.0", "Count to fifteen in words", **files)
        release = component.releases.get(name="1.0")
        given: dict[str, Any] = {"kind": "refinement", "title": "Count", "release": release}
        return received(submit(author=author, component=component, source=upload(mail), **given))

    return made


@pytest.fixture
def topic(author: Person, component: Component, upstream: Upstream) -> Callable[[], Contribution]:
    """What upstream's branch of that name makes."""

    def made() -> Contribution:
        given: dict[str, Any] = {"kind": "refinement", "title": "Both", "release": component.releases.get(name="1.0")}
        source = GitRef(f"file://{upstream.path}", "topic")
        return received(submit(author=author, component=component, source=source, **given))

    return made


def suggest(contribution: Contribution, path: str, lines: tuple[int, int], text: str, by: Person | None = None) -> int:
    place = Place(contribution.current, path, "new", *lines)  # type: ignore[arg-type]
    by = by or make_person(name="Ada Peer")
    return remark(author=by, contribution=contribution, place=place, text="", suggestion=text, at_once=True).pk


def file_in(revision: Revision, path: str) -> bytes:
    return git(mirror_with(revision), "cat-file", "blob", f"{revision.tip_commit}:{path}")


def messages(revision: Revision) -> list[str]:
    return [f"{commit['subject']}\n\n{commit['body']}" for commit in revision.commits]


def test_one_press_makes_a_revision_with_the_edit_in_its_last_commit(
    share: Callable[..., Contribution], author: Person
) -> None:
    contribution = share(song__txt=SONG_MENDED)
    key = suggest(contribution, "song.txt", (15, 15), "verse 15 (fifteen)\nand again")
    made = take_in(person=author, contribution=contribution, suggestions=[key])
    assert (made.state, made.source, made.amends, made.number) == ("queued", "suggestion", contribution.current, 2)
    assert LineComment.objects.get(pk=key).taken_in == made
    assert not LineComment.objects.get(pk=key).is_resolved, "not before it is received"
    current = received(contribution).current
    assert current == made
    assert file_in(current, "song.txt").decode() == SONG_MENDED.replace(
        "verse fifteen\n", "verse 15 (fifteen)\nand again\n"
    )
    assert messages(current) == ["Count to fifteen in words\n\nSuggested-by: Ada Peer"]
    assert current.commits[0]["author"] == "Upstream <upstream@example.org>"
    thread = LineComment.objects.get(pk=key)
    assert (thread.is_resolved, thread.resolved_by) == (True, author)
    assert current.note == "Takes in a suggested edit by Ada Peer."


def test_several_are_taken_in_at_once_those_of_earlier_commits_on_top(
    topic: Callable[[], Contribution], upstream: Upstream
) -> None:
    upstream.git("checkout", "-q", "-b", "topic", "1.0")
    upstream.commit("Shout", greeting__py=SHOUT)
    upstream.commit(f"Count\n\nIn words.\n\n{SIGNED}", song__txt=SONG_MENDED)
    contribution = topic()
    keys = [
        suggest(contribution, "song.txt", (15, 15), "verse 15b", make_person(name="Ada Peer")),
        suggest(contribution, "song.txt", (17, 18), "", make_person(name="Bo Peer")),
        suggest(contribution, "greeting.py", (2, 2), "    return name", make_person(name="Cy Peer")),
    ]
    take_in(person=contribution.author, contribution=contribution, suggestions=keys)
    current = received(contribution).current
    assert messages(current) == [
        "Shout\n\n",
        f"Count\n\nIn words.\n\n{SIGNED}\nSuggested-by: Ada Peer\nSuggested-by: Bo Peer",
        "Edit greeting.py as suggested\n\nSuggested-by: Cy Peer",
    ]
    assert file_in(current, "greeting.py") == GREETING.splitlines(keepends=True)[0].encode() + b"    return name\n"
    song = file_in(current, "song.txt").decode()
    assert "verse 16\nverse 19\n" in song
    assert "verse 15b\n" in song


@pytest.mark.parametrize(
    ("texts", "lines", "suggestion"),
    [
        (("one\r\ntwo\r\n", "one\r\nzwei\r\ndrei\r\n"), (2, 2), "zwei\ndrei"),
        (("one\ntwo", "one\nzwei"), (2, 2), "zwei"),
        (("one\r\ntwo", "eins\r\nzwei"), (1, 2), "eins\nzwei"),
        (("one\ntwo\n", "two\n"), (1, 1), ""),
        (("one\ntwo\n", "\ntwo\n"), (1, 1), "\n"),
        (("one\ntwo\n", "one\nzwei é\n"), (2, 2), "zwei é\n"),
    ],
)
def test_line_ends_stay_as_the_file_has_them(
    topic: Callable[[], Contribution],
    upstream: Upstream,
    texts: tuple[str, str],
    lines: tuple[int, int],
    suggestion: str,
) -> None:
    upstream.git("checkout", "-q", "-b", "topic", "1.0")
    (upstream.path / "new.txt").write_bytes(texts[0].encode())
    upstream.commit("Add", other__txt="x\n")
    contribution = topic()
    key = suggest(contribution, "new.txt", lines, suggestion)
    take_in(person=contribution.author, contribution=contribution, suggestions=[key])
    current = received(contribution).current
    assert current.number == 2
    assert file_in(current, "new.txt").decode() == texts[1]


def test_the_same_press_again_gives_the_same_revision(share: Callable[..., Contribution], author: Person) -> None:
    contribution = share(song__txt=SONG_MENDED)
    key = suggest(contribution, "song.txt", (15, 15), "verse 15")
    other = suggest(contribution, "song.txt", (16, 16), "verse XVI")
    first = take_in(person=author, contribution=contribution, suggestions=[key])
    assert take_in(person=author, contribution=contribution, suggestions=[key]) == first
    with pytest.raises(Clash, match="v2 is being received"):
        take_in(person=author, contribution=contribution, suggestions=[other])


def test_only_its_author_takes_in_and_only_what_stands(share: Callable[..., Contribution], author: Person) -> None:
    contribution = share(song__txt=SONG_MENDED)
    key = suggest(contribution, "song.txt", (15, 15), "verse 15!")
    staff = make_person(is_staff=True)
    for person in (make_person(), staff):
        with pytest.raises(NotAllowed):
            take_in(person=person, contribution=contribution, suggestions=[key])
    for keys in ([], [key, 999_999]):
        with pytest.raises((Invalid, Clash)):
            take_in(person=author, contribution=contribution, suggestions=keys)
    both = [key, suggest(contribution, "song.txt", (14, 16), "verses")]
    with pytest.raises(Clash, match="Two suggestions change line 15"):
        take_in(person=author, contribution=contribution, suggestions=both)
    quarantine(person=staff, contribution=contribution, reason="Odd.")
    with pytest.raises(Clash, match="in quarantine"):
        take_in(person=author, contribution=contribution, suggestions=[key])
    assert contribution.revisions.count() == 1


def test_nothing_is_taken_into_what_is_withdrawn(share: Callable[..., Contribution], author: Person) -> None:
    contribution = share(song__txt=SONG_MENDED)
    key = suggest(contribution, "song.txt", (15, 15), "verse 15!")
    withdraw(person=author, contribution=contribution, reason="No.")
    with pytest.raises(NotAllowed):
        take_in(person=author, contribution=contribution, suggestions=[key])


def test_a_suggestion_follows_its_lines_and_is_refused_when_they_are_gone(
    share: Callable[..., Contribution], author: Person, upstream: Upstream
) -> None:
    contribution = share(song__txt=SONG_MENDED)
    moved = suggest(contribution, "song.txt", (15, 15), "verse 15 it is")
    gone = suggest(contribution, "song.txt", (16, 16), "verse XVI")
    changed = "overture\n" + SONG_MENDED.replace("verse 16\n", "")
    revise(author=author, contribution=contribution, source=upload(upstream.patch("1.0", "Count", song__txt=changed)))
    received(contribution)
    with pytest.raises(Clash, match="v2 no longer has the lines"):
        take_in(person=author, contribution=contribution, suggestions=[moved, gone])
    assert not LineComment.objects.exclude(taken_in=None).exists(), "all or none"
    take_in(person=author, contribution=contribution, suggestions=[moved])
    assert file_in(received(contribution).current, "song.txt").decode() == changed.replace(
        "verse fifteen", "verse 15 it is"
    )


def test_edits_that_leave_nothing_of_the_change_are_refused_and_can_be_taken_again(
    share: Callable[..., Contribution], author: Person
) -> None:
    contribution = share(song__txt=SONG_MENDED)
    key = suggest(contribution, "song.txt", (15, 15), "verse 15")
    made = take_in(person=author, contribution=contribution, suggestions=[key])
    received(contribution)
    made.refresh_from_db()
    assert (made.state, made.sentence) == ("refused", "With these edits nothing is left of the change.")
    thread = LineComment.objects.get(pk=key)
    assert not thread.is_resolved
    assert LineComment.objects.suggestions().get() == thread


@pytest.mark.django_db(transaction=True)
def test_four_presses_at_once_make_one_revision(share: Callable[..., Contribution], author: Person) -> None:
    contribution = share(song__txt=SONG_MENDED)
    key = suggest(contribution, "song.txt", (15, 15), "verse 15!")

    told = at_once(4, lambda: take_in(person=author, contribution=contribution, suggestions=[key]).number)
    assert told == [2, 2, 2, 2]
    assert contribution.revisions.count() == 2
