"""A port stands on its own release, exactly, beside the current revision and never in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.porting import propose_port, withdraw_port
from contributions.actions.quarantining import quarantine
from contributions.actions.reporting import report
from contributions.actions.sources import GitRef, Note, PatchFile
from contributions.actions.voting import vote
from contributions.actions.withdrawing import withdraw
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Comparison, Document, Event, Fit, Notification, Revision, Touch
from contributions.models.porting import is_outdated, port_for
from contributions.pipeline.contrasting import compare
from contributions.pipeline.reading import read_waiting
from contributions.pipeline.receiving import receive
from contributions.pipeline.telling import tell_waiting
from tests.factories import (
    make_build,
    make_organisation,
    make_person,
    make_port,
    make_publication,
    make_report,
    make_revision,
)
from tests.platform import SONG_MENDED, SONG_REWRITTEN

from .conftest import LOUD, LOUD_ROMAN

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Component, Contribution
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db


def on(contribution: Contribution, name: str) -> Any:
    return contribution.standings.select_related("port").get(release__name=name)


def release(contribution: Contribution, name: str) -> Any:
    return contribution.component.releases.get(name=name)


def test_a_port_stands_on_its_release_and_the_current_revision_stays(
    loud: Contribution, port: Callable[..., Revision]
) -> None:
    assert (on(loud, "4.0").fit, on(loud, "4.0").port) == ("conflicts", None)
    made = port()
    assert (made.state, made.number, made.ports) == ("received", 2, loud.current), made.sentence
    assert loud.current.number == 1
    assert (on(loud, "4.0").fit, on(loud, "4.0").port) == ("applies", made)
    assert on(loud, "3.0").fit == "conflicts", "elsewhere it is as it was"
    assert list(Fit.objects.filter(revision=made).values_list("release__name", flat=True)) == ["4.0"]
    assert port_for(loud, release(loud, "4.0")) == made
    assert port_for(loud, release(loud, "3.0")) is None
    assert (loud.fit_count, loud.release_count) == (3, 4)


def test_its_lines_and_words_are_not_what_the_contribution_touches_or_says(
    loud: Contribution, port: Callable[..., Revision]
) -> None:
    read_waiting(10)
    before = list(Touch.objects.filter(contribution=loud).values_list("path", "start", "end"))
    port(song__txt=LOUD_ROMAN, xylophone__txt="xylophones\n")
    read_waiting(10)
    assert list(Touch.objects.filter(contribution=loud).values_list("path", "start", "end")) == before
    assert "xylophon" not in Document.objects.get(contribution=loud).words


def test_a_port_that_is_found_at_other_lines_is_refused_with_a_sentence(
    loud: Contribution, port: Callable[..., Revision]
) -> None:
    made = port("4.0", made_on="1.0", greeting__py="def greet(name):\n    return 'HI ' + name\n")
    assert made.state == "received", "the control: what no later release touched is the same there"
    other = port("3.0", made_on="4.0", song__txt=SONG_REWRITTEN.replace("verse 30", "verse thirty"))
    assert other.state == "refused"
    assert (
        other.sentence == "A port applies to its release exactly, and this was made from other versions than 3.0 has."
    )
    assert port_for(loud, release(loud, "3.0")) is None


def test_commits_from_another_place_in_history_are_a_port_only_if_they_apply_exactly(
    loud: Contribution, upstream: Upstream
) -> None:
    upstream.git("checkout", "-q", "-b", "wrong", "1.0")
    upstream.commit("Sing louder", song__txt=LOUD)
    upstream.git("checkout", "-q", "-b", "right", "4.0")
    upstream.commit("Sing louder", song__txt=LOUD_ROMAN)
    upstream.git("checkout", "-q", "main")
    states = {}
    for branch in ("wrong", "right"):
        source = GitRef(f"file://{upstream.path}", branch)
        made = propose_port(person=make_person(), contribution=loud, release=release(loud, "4.0"), source=source)
        receive(made.pk)
        made.refresh_from_db()
        states[branch] = (made.state, made.sentence)
    assert states["wrong"][0] == "refused"
    assert "conflicts in song.txt" in states["wrong"][1]
    assert states["right"] == ("received", "")


def test_a_release_that_needs_no_port_gets_none(loud: Contribution, upstream: Upstream) -> None:
    source = PatchFile(SimpleUploadedFile("a.patch", upstream.patch("2.0", "Sing louder", song__txt=LOUD)))
    with pytest.raises(Invalid, match="as it is, so no port is needed"):
        propose_port(person=make_person(), contribution=loud, release=release(loud, "2.0"), source=source)
    Fit.objects.filter(revision=loud.current, release__name="2.0").update(state="upstream")
    with pytest.raises(Invalid, match="has it already"):
        propose_port(person=make_person(), contribution=loud, release=release(loud, "2.0"), source=source)
    with pytest.raises(Invalid, match="needs a patch file"):
        propose_port(person=make_person(), contribution=loud, release=release(loud, "4.0"), source=Note("words"))
    other = make_report().release
    with pytest.raises(Invalid, match="is not a release of"):
        propose_port(person=make_person(), contribution=loud, release=other, source=source)


def test_what_is_hidden_or_over_is_not_ported(loud: Contribution, port: Callable[..., Revision]) -> None:
    staff = make_person(is_staff=True)
    loud.is_draft = True
    with pytest.raises(Clash, match="draft"):
        port()
    loud.is_draft = False
    quarantine(person=staff, contribution=loud, reason="Looks odd.")
    with pytest.raises(Clash, match="quarantine"):
        port()
    loud.quarantined_at = None
    type(loud).objects.filter(pk=loud.pk).update(quarantined_at=None)
    assert port().is_received, "the control"
    withdraw(person=loud.author, contribution=loud, reason="Wrong.")
    with pytest.raises(NotAllowed):
        port("3.0")


def test_the_comparison_shows_how_the_conflict_was_settled_and_nothing_of_upstreams_doing(
    loud: Contribution, port: Callable[..., Revision]
) -> None:
    made = port()
    row = Comparison.objects.get(newer=made)
    assert row.older == loud.current
    compare(row.pk)
    row.refresh_from_db()
    told = row.diff.read().decode()
    assert "-<<<<<<<" in told
    assert "+VERSE XV" in told
    assert "verse XIV" not in [line[1:] for line in told.splitlines() if line.startswith("+")]


def test_the_next_revision_is_compared_with_the_one_before_and_not_with_the_port(
    loud: Contribution, port: Callable[..., Revision], send: Callable[..., Revision]
) -> None:
    made = port()
    newer = send(title="Sing louder", song__txt=LOUD.replace("verse 3\n", "verse three\n"))
    loud.refresh_from_db()
    assert (newer.number, loud.current) == (3, newer)
    assert [row.older.number for row in Comparison.objects.filter(newer=newer)] == [1]
    assert is_outdated(made, newer)
    assert port_for(loud, release(loud, "4.0")) is None
    assert on(loud, "4.0").port is None


def test_a_port_of_the_same_content_is_not_outdated_by_a_new_message(
    loud: Contribution, port: Callable[..., Revision], send: Callable[..., Revision]
) -> None:
    made = port()
    newer = send(title="Sing louder, please", song__txt=LOUD)
    assert newer.carries["1"] == "same"
    assert not is_outdated(made, newer)
    loud.refresh_from_db()
    assert port_for(loud, release(loud, "4.0")) == made


def test_evidence_follows_to_the_port_only_as_far_as_the_content_is_the_same(
    loud: Contribution, port: Callable[..., Revision]
) -> None:
    vote(person=make_person(), contribution=loud, value=1)
    make_report(loud, release(loud, "4.0"))
    make_report(loud, release(loud, "2.0"))
    made = port()
    assert (on(loud, "4.0").works_count, on(loud, "4.0").parts.get("for_votes", 0)) == (0, 0)
    assert on(loud, "2.0").works_count == 1
    loud.refresh_from_db()
    assert loud.up == 1
    Revision.objects.filter(pk=made.pk).update(carries={"1": "same"})
    vote(person=make_person(), contribution=loud, value=1)
    assert on(loud, "4.0").works_count == 1


def test_a_report_is_about_what_stands_on_its_release(loud: Contribution, port: Callable[..., Revision]) -> None:
    made = port()
    person = make_person(organisation=make_organisation())
    given: dict[str, Any] = {"author": person, "contribution": loud, "outcome": "works", "stage": "lab"}
    assert report(**given, release=release(loud, "4.0")).revision == made
    assert report(**given, release=release(loud, "2.0")).revision == loud.current
    assert (on(loud, "4.0").works_count, on(loud, "2.0").works_count) == (1, 1)
    withdraw_port(person=loud.author, port=made, reason="It was wrong.")
    assert on(loud, "4.0").works_count == 0


def test_a_strangers_port_does_not_push_the_authors_or_an_approved_one_aside(
    loud: Contribution, port: Callable[..., Revision]
) -> None:
    mine = port(person=loud.author)
    port(song__txt=LOUD_ROMAN + "noise\n")
    assert on(loud, "4.0").port == mine
    other = port(song__txt=LOUD_ROMAN + "peace\n")
    Revision.objects.filter(pk=other.pk).update(approved_at=other.created_at)
    assert port_for(loud, release(loud, "4.0")) == other


def test_a_port_is_taken_back_by_whom_it_concerns_and_by_nobody_else(
    loud: Contribution, port: Callable[..., Revision]
) -> None:
    sender = make_person()
    made = port(person=sender)
    with pytest.raises(NotAllowed):
        withdraw_port(person=make_person(), port=made, reason="I do not like it.")
    with pytest.raises(Invalid):
        withdraw_port(person=sender, port=made, reason="")
    withdraw_port(person=sender, port=made, reason="It was wrong.")
    assert (on(loud, "4.0").fit, on(loud, "4.0").port) == ("conflicts", None)
    with pytest.raises(NotAllowed):
        withdraw_port(person=sender, port=made, reason="Again.")
    for person in (loud.author, make_person(is_staff=True)):
        withdraw_port(person=person, port=port(song__txt=LOUD_ROMAN + f"{person}\n"), reason="No.")
    assert Event.objects.filter(verb=Event.Verb.UNPORTED).count() == 3


def test_the_author_the_maintainers_and_the_sender_hear_what_concerns_them(
    loud: Contribution, port: Callable[..., Revision], component: Component
) -> None:
    maintainer, sender = make_person(), make_person()
    component.maintainers.add(maintainer)
    tell_waiting()
    Notification.objects.all().delete()
    port(person=sender)
    port("3.0", made_on="4.0", person=sender, song__txt=SONG_REWRITTEN.replace("verse XV", "X"))
    tell_waiting()
    heard = {(row.person, row.event.verb) for row in Notification.objects.select_related("person", "event")}
    assert heard == {(loud.author, "ported"), (maintainer, "ported"), (sender, "refused")}


def test_the_same_key_sends_one_port(loud: Contribution, upstream: Upstream) -> None:
    mail, person = upstream.patch("4.0", "Sing louder", song__txt=LOUD_ROMAN), make_person()
    given: dict[str, Any] = {"person": person, "contribution": loud, "release": release(loud, "4.0"), "once": "mine"}
    first, second = (propose_port(**given, source=PatchFile(SimpleUploadedFile("a.patch", mail))) for _ in range(2))
    assert first == second
    given["release"] = release(loud, "3.0")
    with pytest.raises(Clash):
        propose_port(**given, source=PatchFile(SimpleUploadedFile("a.patch", mail)))


def test_suggestions_can_be_taken_in_while_a_port_is_received(loud: Contribution, upstream: Upstream) -> None:
    mail = upstream.patch("4.0", "Sing louder", song__txt=SONG_MENDED)
    source = PatchFile(SimpleUploadedFile("a.patch", mail))
    waiting = propose_port(person=make_person(), contribution=loud, release=release(loud, "4.0"), source=source)
    assert waiting.state == "queued"
    newest = loud.revisions.own().order_by("-number").first()
    assert newest is not None
    assert newest.is_over


def test_a_port_that_is_taken_back_takes_no_other_along() -> None:
    original = make_revision()
    back, stays = make_port(original), make_port(original)
    published = [make_publication(make_build(one, one.release)) for one in (back, stays, original)]
    withdraw_port(person=back.submitted_by, port=back, reason="It loses data.")
    for each in (stays, original, *published):
        each.refresh_from_db()
    assert stays.withdrawn_at is original.withdrawn_at is None
    assert [one.state for one in published] == ["withdrawn", "live", "live"]
    with pytest.raises(NotAllowed, match="only once"):
        withdraw_port(person=back.submitted_by, port=back, reason="It loses data.")
