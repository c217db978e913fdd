"""Conflicts are settled without git: answered place by place, put together by the worker, proposed by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.quarantining import quarantine
from contributions.actions.reconciling import MOST_OPEN, propose_settled, settle_conflicts
from contributions.actions.sources import PatchFile
from contributions.actions.submitting import revise
from contributions.actions.withdrawing import withdraw
from contributions.checkout.weaving import MOST_TYPED, Answer
from contributions.errors import Clash, Invalid, NotAllowed, TooLarge
from contributions.models import Contribution, Event, Fit, Revision, Settlement
from contributions.pipeline.contrasting import compare
from contributions.pipeline.fetching import fetch
from contributions.pipeline.receiving import receive
from contributions.pipeline.reconciling import reconcile
from tests.factories import make_person
from tests.platform import SONG, SONG_REWRITTEN

from .conftest import LOUD, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Component, Release
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db


class Settler:
    """Somebody who settles the conflicts of the loud song with a release."""

    def __init__(self, contribution: Contribution, name: str = "4.0") -> None:
        self.contribution, self.name, self.person = contribution, name, make_person()

    @property
    def release(self) -> Release:
        return self.contribution.component.releases.get(name=self.name)

    def send(self, *, seen: str = "", **answers: Answer) -> Settlement:
        given: dict[str, Any] = {"person": self.person, "contribution": self.contribution, "release": self.release}
        made = settle_conflicts(**given, answers=answers, seen=seen)
        reconcile(made.pk)
        return self.row()

    def row(self) -> Settlement:
        found = Settlement.objects.of(self.person, self.contribution, self.release)
        assert found is not None
        return found

    def ids(self) -> list[str]:
        """Of what is asked at last."""
        files = self.row().asked[-1]["files"]
        return [known["id"] for file in files for known in (file, *file["places"]) if known["id"]]

    def propose(self, note: str = "") -> Revision:
        given: dict[str, Any] = {"person": self.person, "contribution": self.contribution, "release": self.release}
        return propose_settled(**given, note=note)


@pytest.fixture
def settler(loud: Contribution) -> Settler:
    return Settler(loud)


def move(component: Component, commit: str) -> None:
    """4.0 follows a branch, say, and upstream pushed to it."""
    fetch(component.fetches.create().pk)
    component.releases.filter(name="4.0").update(commit=commit)


def test_what_conflicts_is_asked_with_both_sides(settler: Settler) -> None:
    row = settler.send()
    assert (row.state, row.sentence, row.release_commit) == ("asks", "", settler.release.commit)
    [asked] = row.asked
    assert (asked["subject"], asked["number"], asked["of"]) == ("Sing louder", 1, 1)
    [file] = asked["files"]
    [place] = file["places"]
    assert (file["path"], file["how"], file["needs_git"], file["remembered"]) == ("song.txt", "content", False, None)
    assert place["ours"] == {"start": 14, "lines": ["verse XIV", "verse XV"], "cut": 0}
    assert place["theirs"] == {"start": 14, "lines": ["verse 14", "verse FIFTEEN"], "cut": 0}
    assert place["before"] == ["verse 11", "verse 12", "verse 13"]
    assert place["texts"]["theirs"] == "verse 14\nverse FIFTEEN\n"


def test_the_answers_become_a_port_that_is_received_and_stands(settler: Settler) -> None:
    settler.send()
    [place] = settler.ids()
    row = settler.send(seen=settler.row().passes_id or "", **{place: Answer("text", "verse XIV\nVERSE XV\n")})
    assert row.state == "ready", row.sentence
    assert row.mbox is not None
    assert b"+VERSE XV" in row.mbox.read()
    assert settler.contribution.revisions.count() == 1, "nothing is proposed by itself"
    ports = {settler.propose("Romans.") for _ in range(2)}
    [port] = ports
    assert (port.note, port.source, port.submitted_by) == ("Romans.", "bundle", settler.person)
    receive(port.pk)
    judge(settler.contribution)
    port.refresh_from_db()
    assert port.state == "received", port.sentence
    standing = settler.contribution.standings.get(release=settler.release)
    assert (standing.port, standing.fit) == (port, "applies")
    assert [commit["subject"] for commit in port.commits] == ["Sing louder"]
    gone = Settlement.objects.get(person=settler.person)
    assert (gone.state, gone.port, gone.bundle, gone.passes) == ("proposed", port, None, None)


def test_the_preview_is_what_the_comparison_of_the_port_will_be(settler: Settler) -> None:
    settler.send()
    [place] = settler.ids()
    row = settler.send(**{place: Answer("text", "verse XIV\nVERSE XV\n")})
    assert row.diff is not None
    shown, commits = row.diff.read(), row.commits
    port = settler.propose()
    receive(port.pk)
    comparison = port.comparisons.get()
    compare(comparison.pk)
    comparison.refresh_from_db()
    assert comparison.diff is not None
    assert comparison.diff.read() == shown
    assert comparison.commits == commits


def test_how_it_was_settled_is_learnt_and_filled_in_for_the_next(
    settler: Settler, upstream: Upstream, component: Component
) -> None:
    settler.send()
    [place] = settler.ids()
    settler.send(**{place: Answer("text", "verse XIV\nVERSE XV\n")})
    receive(settler.propose().pk)
    upstream.commit("Number twenty-eight", song__txt=SONG_REWRITTEN.replace("verse 28\n", "verse twenty-eight\n"))
    upstream.git("tag", "-a", "5.0", "-m", "5.0")
    fetch(component.fetches.create().pk)
    judge(settler.contribution)
    other = Settler(settler.contribution, "5.0")
    [file] = other.send().asked[-1]["files"]
    assert file["remembered"]["told"] == f"port v2 of #{settler.contribution.pk} to 4.0"
    assert file["places"][0]["texts"]["remembered"] == "verse XIV\nVERSE XV\n"
    row = other.send(**{other.ids()[0]: Answer("remembered")})
    assert row.state == "ready"
    assert row.mbox is not None
    assert b"+VERSE XV" in row.mbox.read()


def test_when_the_release_moves_nothing_that_was_written_is_lost(
    settler: Settler, upstream: Upstream, component: Component
) -> None:
    settler.send()
    [place], seen = settler.ids(), settler.row().passes_id or ""
    moved = upstream.commit("Sing softer", song__txt=SONG_REWRITTEN.replace("verse XV\n", "verse 15, softly\n"))
    move(component, moved)
    mine = Answer("text", "verse XIV\nVERSE XV\n")
    with pytest.raises(Clash, match="What you wrote is kept"):
        settler.send(seen=seen, **{place: mine})
    row = settler.row()
    assert row.state == "queued"
    reconcile(row.pk)
    row = settler.row()
    assert (row.state, row.release_commit) == ("asks", moved)
    assert row.answers[place] == list(mine)
    assert settler.ids() != [place], "it is another conflict"


def test_when_it_moves_and_the_same_conflicts_the_answer_holds(
    settler: Settler, upstream: Upstream, component: Component
) -> None:
    settler.send()
    [place] = settler.ids()
    settler.send(**{place: Answer("theirs")})
    moved = upstream.commit("Add a coda", song__txt=SONG_REWRITTEN + "coda\n")
    move(component, moved)
    with pytest.raises(Clash, match="something else conflicts by now"):
        settler.propose()
    row = settler.send()
    assert (row.state, row.release_commit) == ("ready", moved)
    assert settler.propose().release == settler.release


def test_a_newer_revision_is_settled_with_what_still_fits(settler: Settler, send: Callable[..., Revision]) -> None:
    settler.send()
    [place] = settler.ids()
    settler.send(**{place: Answer("theirs")})
    send(title="Sing louder", song__txt=LOUD.replace("verse 3\n", "verse three\n"))
    judge(settler.contribution)
    settler.contribution.refresh_from_db()
    with pytest.raises(Clash):
        settler.propose()
    row = settler.send()
    assert (row.state, row.revision.number) == ("ready", 2)
    assert Settlement.objects.filter(person=settler.person).count() == 1


def test_while_the_worker_is_at_it_nobody_changes_the_answers(settler: Settler) -> None:
    given: dict[str, Any] = {"contribution": settler.contribution, "release": settler.release}
    settle_conflicts(person=settler.person, **given)
    with pytest.raises(Clash, match="at this moment"):
        settle_conflicts(person=settler.person, **given)
    settle_conflicts(person=make_person(), **given)  # the control: another person's is another one


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (Answer("both"), Invalid, "Choose one"),
        (Answer("remembered"), Invalid, "Choose one"),
        (Answer("text", "<<<<<<< HEAD\nx\n"), Invalid, "marker"),
        (Answer("text", "bell \x07"), Invalid, "control characters"),
        (Answer("text", "null \x00"), Invalid, "control characters"),
        (Answer("text", "x" * (MOST_TYPED + 1)), TooLarge, "bytes"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_with_a_sentence(
    settler: Settler, answer: Answer, kind: type[Exception], told: str
) -> None:
    settler.send()
    [place] = settler.ids()
    with pytest.raises(kind, match=told):
        settler.send(**{place: answer})
    assert settler.row().answers == {}
    assert settler.send(**{place: Answer("text", "verse ======= 15")}).state == "ready", "the control"


def test_of_what_is_not_asked_nothing_is_taken(settler: Settler) -> None:
    settler.send()
    with pytest.raises(Clash, match="any more"):
        settler.send(abc=Answer("ours"))


def test_keeping_all_that_the_release_has_leaves_nothing(settler: Settler) -> None:
    settler.send()
    row = settler.send(**{settler.ids()[0]: Answer("ours")})
    assert (row.state, row.bundle) == ("asks", None)
    assert "nothing is left of the patch" in row.sentence


def test_half_of_the_answers_are_kept_and_the_rest_waits(
    send: Callable[..., Revision], upstream: Upstream, component: Component
) -> None:
    upstream.commit("Change two places", song__txt=SONG.replace("verse 2\n", "II\n").replace("verse 20\n", "XX\n"))
    upstream.git("tag", "-a", "5.0", "-m", "5.0")
    fetch(component.fetches.create().pk)
    patched = SONG.replace("verse 2\n", "two\n").replace("verse 20\n", "twenty\n")
    contribution = send(title="In words", song__txt=patched).contribution
    contribution.refresh_from_db()
    judge(contribution)
    settler = Settler(contribution, "5.0")
    settler.send()
    first, second = settler.ids()
    row = settler.send(**{first: Answer("theirs")})
    assert (row.state, list(row.answers)) == ("asks", [first])
    assert settler.send(**{second: Answer("theirs")}).state == "ready"


@pytest.mark.parametrize("how", ["withdrawn", "quarantined", "draft"])
def test_what_is_hidden_is_not_settled(settler: Settler, how: str) -> None:
    settler.send()
    [place] = settler.ids()
    if how == "withdrawn":
        withdraw(person=settler.contribution.author, contribution=settler.contribution, reason="No more.")
    elif how == "quarantined":
        quarantine(person=make_person(is_staff=True), contribution=settler.contribution, reason="Odd.")
    else:
        Contribution.objects.update(is_draft=True)
    settler.contribution = Contribution.objects.select_related("component", "current").get(pk=settler.contribution.pk)
    with pytest.raises((NotAllowed, Clash), match=r"withdrawn|quarantine|draft"):
        settler.send(**{place: Answer("theirs")})
    row = settler.row()
    row.move("queued")
    reconcile(row.pk)
    row = settler.row()
    assert (row.state, row.bundle) == ("asks", None)
    assert "Only patches are ported" in row.sentence


def test_where_it_applies_nothing_is_settled(settler: Settler) -> None:
    settler.name = "1.0"
    with pytest.raises(Invalid, match="no port is needed"):
        settler.send()
    settler.name = "4.0"
    Fit.objects.filter(release__name="4.0").update(state="no-base")
    with pytest.raises(Invalid, match="not known to conflict"):
        settler.send()


def test_nobody_begins_without_end(settler: Settler) -> None:
    settler.send()
    row = settler.row()
    rows = [Settlement(person=settler.person, revision=row.revision, release=release) for release in _releases(settler)]
    Settlement.objects.bulk_create(rows)
    settler.name = "3.0"
    with pytest.raises(Clash, match="propose one of these"):
        settler.send()
    Settlement.objects.filter(pk__in=[each.pk for each in rows][:1]).delete()
    assert settler.send().state == "asks", "the control"


def _releases(settler: Settler) -> list[Release]:
    make = settler.contribution.component.releases.create
    return [make(name=f"9.{n}", slug=f"song-9-{n}", commit="0" * 40, position=90 + n) for n in range(MOST_OPEN - 1)]


def test_that_somebody_settles_is_theirs_to_know(settler: Settler) -> None:
    settler.send()
    lines = Event.objects.filter(verb="settled")
    assert lines.get().actor == settler.person
    assert not lines.visible_to(make_person()).exists()
    assert lines.visible_to(settler.person).exists(), "the control"


def test_a_worker_that_is_killed_leaves_it_to_the_next(settler: Settler) -> None:
    given: dict[str, Any] = {"contribution": settler.contribution, "release": settler.release}
    row = settle_conflicts(person=settler.person, **given)
    assert Settlement.objects.claim(row.pk), "a worker takes it, and is gone"
    reconcile(row.pk)
    assert settler.row().state == "running", "the lease holds"
    Settlement.objects.update(lease_until="2020-01-01T00:00:00Z")
    reconcile(row.pk)
    assert settler.row().state == "asks"


def test_a_series_is_settled_commit_by_commit_and_mended(
    settler: Settler, upstream: Upstream, component: Component
) -> None:
    contribution = settler.contribution
    upstream.git("checkout", "-q", "-b", "series", "1.0")
    first = SONG.replace("verse 2\n", "two\n")
    upstream.commit("Two in words", song__txt=first)
    upstream.commit("Twenty in words", song__txt=first.replace("verse 20\n", "twenty\n"))
    mails = upstream.git("format-patch", "--stdout", "1.0..series").encode() + b"\n"
    upstream.git("checkout", "-q", "main")
    upstream.commit("Count", song__txt=SONG.replace("verse 2\n", "II\n").replace("verse 20\n", "XX\n"))
    upstream.git("tag", "-a", "5.0", "-m", "5.0")
    fetch(component.fetches.create().pk)
    release = component.releases.get(name="1.0")
    source = PatchFile(SimpleUploadedFile("series.mbox", mails))
    made = revise(author=contribution.author, contribution=contribution, release=release, source=source)
    receive(made.pk)
    contribution.refresh_from_db()
    judge(contribution)
    settler.name = "5.0"
    settler.send()
    [two] = settler.ids()
    row = settler.send(**{two: Answer("theirs")})
    assert [(one["number"], one["of"], one["subject"]) for one in row.asked] == [
        (1, 2, "Two in words"),
        (2, 2, "Twenty in words"),
    ]
    [twenty] = settler.ids()
    given: dict[str, Any] = {"person": settler.person, "contribution": contribution, "release": settler.release}
    mended = settle_conflicts(**given, answers={two: Answer("text", "II, two\n")})
    assert mended.state == "queued", "what follows a mended answer is looked for anew"
    reconcile(mended.pk)
    row = settler.row()
    assert row.state == "asks", "the second is still open"
    assert row.bundle is None
    row = settler.send(**{twenty: Answer("theirs")})
    assert row.state == "ready", row.sentence
    assert row.mbox is not None
    told = row.mbox.read()
    assert told.count(b"Subject: [PATCH") == 2
    assert b"+II, two\n" in told
    assert [commit["word"] for commit in row.commits] == ["changed", "changed"]
    row = settler.send(**{two: Answer("ours")})
    assert row.state == "ready"
    assert row.mbox is not None
    assert row.mbox.read().count(b"Subject: [PATCH") == 1, "nothing is left of the first"
    port = settler.propose()
    receive(port.pk)
    port.refresh_from_db()
    assert port.state == "received", port.sentence
