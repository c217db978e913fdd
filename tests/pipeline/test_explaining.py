"""Finding the reason behind a verdict, and what people say of a commit that looks like a patch, on real git."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

from contributions.actions.confirming import confirm
from contributions.errors import Clash, Invalid, LeaseLost, NotAllowed
from contributions.models import Event, Fit, Inquiry, Offer, Sighting, UpstreamFetch
from contributions.pipeline.confirming import spread
from contributions.pipeline.explaining import inquire
from contributions.pipeline.fetching import fetch
from contributions.pipeline.fitting import fit
from contributions.tasks import inquire as ring_for_reason, sweep
from tests import factories
from tests.platform import SONG

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Contribution, Person, Revision
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
LOUD = SONG.replace("verse 15\n", "VERSE 15\n")
SUBJECT = "Count to fifteen in words"  # as the commit of 3.0 has it, which makes another change


def judged(revision: Revision) -> dict[str, Fit]:
    """The fits by the release's name, judged and with their reasons found."""
    for pk in revision.fits.values_list("pk", flat=True):
        fit(pk)
    for pk in Inquiry.objects.values_list("pk", flat=True):
        inquire(pk)
    return fits(revision)


def fits(revision: Revision) -> dict[str, Fit]:
    return {row.release.name: row for row in revision.fits.select_related("release", "clash", "revision")}


def states(revision: Revision) -> dict[str, str]:
    return {name: row.state for name, row in fits(revision).items()}


def test_a_conflict_tells_who_is_to_blame_and_both_sides(send: Callable[..., Revision], upstream: Upstream) -> None:
    found = judged(send(title="Shout", song__txt=LOUD))
    assert {name: row.state for name, row in found.items()} == {
        "1.0": "applies", "2.0": "applies", "3.0": "conflicts", "4.0": "conflicts",
    }  # fmt: skip
    guilty = upstream.git("rev-parse", "3.0^{commit}")
    [blame] = found["4.0"].blame
    assert (blame["path"], blame["why"], blame["commit"]) == ("song.txt", "changed", guilty)
    assert (blame["subject"], blame["author"], blame["hunks"]) == (SUBJECT, "Upstream", 1)
    assert found["4.0"].clash is not None
    [file] = json.loads(found["4.0"].clash.read())["files"]
    assert (file["path"], file["how"]) == ("song.txt", "content")
    [hunk] = file["hunks"]
    assert (hunk["ours"]["lines"], hunk["theirs"]["lines"]) == (["verse XIV", "verse XV"], ["verse 14", "VERSE 15"])


def test_the_verdict_waits_for_no_reason(send: Callable[..., Revision]) -> None:
    revision = send(title="Shout", song__txt=LOUD)
    for row in revision.fits.all():
        fit(row.pk)
    row = fits(revision)["4.0"]
    assert (row.state, row.blame, row.clash) == ("conflicts", [], None)
    assert row.inquiry.state == "queued"
    assert not Inquiry.objects.filter(fit__state="applies").exists()


def test_an_inquiry_is_rung_for_and_given_up_like_other_work(send: Callable[..., Revision]) -> None:
    revision = send(title="Shout", song__txt=LOUD)
    for row in revision.fits.all():
        fit(row.pk)
    Inquiry.objects.update(attempts=settings.ATTEMPTS)
    sweep()
    assert set(Inquiry.objects.values_list("state", flat=True)) == {"errored"}
    assert fits(revision)["4.0"].state == "conflicts", "the verdict stands"


def test_no_verdict_waits_behind_reasons(send: Callable[..., Revision]) -> None:
    """Whoever is rung for a reason judges first what waits for that."""
    revision = send(title="Shout", song__txt=LOUD)
    fit(revision.fits.get(release__name="4.0").pk)
    Fit.objects.exclude(release__name="4.0").update(state="queued", attempts=0)
    ring_for_reason(Inquiry.objects.get(fit__release__name="4.0").pk)
    assert "queued" not in states(revision).values()
    assert fits(revision)["4.0"].blame


def test_a_fit_that_is_judged_again_forgets_the_old_reason(send: Callable[..., Revision]) -> None:
    row = judged(send(title="Shout", song__txt=LOUD))["4.0"]
    stale = Inquiry.objects.claim(_queued(row))
    assert stale is not None
    row.move("queued")
    fit(row.pk)
    row.refresh_from_db()
    assert (row.blame, row.clash) == ([], None)
    with pytest.raises(LeaseLost):
        stale.finish("done")
    inquire(Inquiry.objects.get(fit=row).pk)
    row.refresh_from_db()
    assert row.blame[0]["why"] == "changed"


def _queued(row: Fit) -> int:
    Inquiry.objects.filter(fit=row).update(state="queued")
    return int(row.inquiry.pk)


def test_its_own_trouble_leaves_the_verdict(send: Callable[..., Revision]) -> None:
    revision = send(title="Shout", song__txt=LOUD)
    for row in revision.fits.all():
        fit(row.pk)
    row = fits(revision)["4.0"]
    Fit.objects.filter(pk=row.pk).update(release_commit="0" * 40)
    inquire(row.inquiry.pk)
    row.inquiry.refresh_from_db()
    assert (row.inquiry.state, row.inquiry.attempts) == ("queued", 1)
    assert row.inquiry.sentence


# What a person says.


@pytest.fixture
def doubtful(send: Callable[..., Revision]) -> Revision:
    """A patch with the subject of what 3.0 and 4.0 have, but another change."""
    revision = send(title=SUBJECT, song__txt=LOUD)
    found = judged(revision)
    assert [found[name].state for name in ("3.0", "4.0")] == ["probably-upstream"] * 2
    return revision


def say(revision: Revision, is_same: bool | None, person: Person | None = None) -> Sighting | None:  # noqa: FBT001
    contribution = type(revision.contribution).objects.get(pk=revision.contribution_id)
    commit = fits(revision)["3.0"].asked_about or Sighting.objects.get().commit
    return confirm(person=person or contribution.author, contribution=contribution, commit=commit, is_same=is_same)


def test_yes_holds_for_every_release_that_asks_about_the_commit(doubtful: Revision, author: Person) -> None:
    say(doubtful, is_same=True)
    assert states(doubtful) == {"1.0": "applies", "2.0": "applies", "3.0": "upstream", "4.0": "upstream"}
    row = fits(doubtful)["4.0"]
    assert (row.evidence, row.upstream_commit, row.sentence) == ("confirmed", row.namesake, "")
    contribution = doubtful.contribution
    contribution.refresh_from_db()
    assert contribution.upstream_count == 2
    event = Event.objects.get(verb="confirmed")
    assert (event.actor, event.text) == (author, f"it is {row.namesake[:12]}")


def test_no_makes_it_what_it_otherwise_is(doubtful: Revision) -> None:
    say(doubtful, is_same=False)
    assert states(doubtful) == {"1.0": "applies", "2.0": "applies", "3.0": "conflicts", "4.0": "conflicts"}
    row = fits(doubtful)["4.0"]
    assert (row.evidence, row.upstream_commit) == ("", "")
    assert row.blame[0]["why"] == "changed", "the reason was found while it was doubtful"
    assert {offer.release.name for offer in Offer.objects.all()} == {"3.0", "4.0"}, "a port is tried"


def test_a_fit_that_we_failed_at_is_left_alone(doubtful: Revision) -> None:
    Fit.objects.filter(release__name="3.0").update(state="errored")
    say(doubtful, is_same=True)
    assert (states(doubtful)["3.0"], states(doubtful)["4.0"]) == ("errored", "upstream")


@pytest.mark.parametrize("is_same", [True, False])
def test_it_can_be_taken_back(doubtful: Revision, is_same: bool) -> None:  # noqa: FBT001
    before = states(doubtful)
    say(doubtful, is_same)
    assert states(doubtful) != before
    say(doubtful, None)
    assert states(doubtful) == before
    assert not Sighting.objects.exists()
    with pytest.raises(Clash):
        confirm(
            person=doubtful.contribution.author,
            contribution=doubtful.contribution,
            commit=fits(doubtful)["3.0"].asked_about,
            is_same=None,
        )


def test_somebody_else_may_say_the_opposite(doubtful: Revision) -> None:
    say(doubtful, is_same=True)
    staff = factories.make_person(is_staff=True)
    say(doubtful, is_same=False, person=staff)
    assert states(doubtful)["4.0"] == "conflicts"
    assert Sighting.objects.get().person == staff


def test_nobody_is_asked_again_by_a_later_judgement(
    doubtful: Revision, send: Callable[..., Revision], upstream: Upstream
) -> None:
    say(doubtful, is_same=True)
    upstream.commit("Go on", licence__txt="As you like it.\n")
    upstream.git("tag", "-a", "5.0", "-m", "5.0")
    fetch(UpstreamFetch.objects.create(component=doubtful.contribution.component).pk)
    judged(doubtful)
    assert states(doubtful)["5.0"] == "upstream"
    newer = send("1.0", SUBJECT, song__txt=LOUD.replace("VERSE 15", "VERSE FIFTEEN"))
    judged(newer)
    assert states(newer)["4.0"] == "upstream"


def test_no_is_remembered_as_well(doubtful: Revision, send: Callable[..., Revision]) -> None:
    say(doubtful, is_same=False)
    newer = send("1.0", SUBJECT, song__txt=LOUD.replace("VERSE 15", "VERSE FIFTEEN"))
    judged(newer)
    assert states(newer)["4.0"] == "conflicts"


def test_a_release_that_took_the_commit_back_does_not_have_it(doubtful: Revision, upstream: Upstream) -> None:
    say(doubtful, is_same=True)
    upstream.git("checkout", "-q", "-b", "again", "3.0")
    upstream.git("revert", "--no-edit", "HEAD")
    upstream.git("tag", "-a", "3.1", "-m", "3.1")
    upstream.git("checkout", "-q", "main")
    fetch(UpstreamFetch.objects.create(component=doubtful.contribution.component).pk)
    judged(doubtful)
    ring_sightings()
    assert states(doubtful)["3.1"] == "applies"


def ring_sightings() -> None:
    for pk in Sighting.objects.values_list("pk", flat=True):
        spread(pk)


def test_releases_that_hold_the_commit_follow_whatever_they_were_judged(doubtful: Revision) -> None:
    row = fits(doubtful)["4.0"]
    Fit.objects.filter(pk=row.pk).update(state="merges", namesake="", upstream_commit="", commit="1" * 40)
    say(doubtful, is_same=True)
    assert states(doubtful)["4.0"] == "merges", "a worker looks"
    ring_sightings()
    assert states(doubtful) == {"1.0": "applies", "2.0": "applies", "3.0": "upstream", "4.0": "upstream"}
    say(doubtful, None)
    assert states(doubtful)["4.0"] == "queued", "judged again, for nothing else is known of it"
    assert states(doubtful)["3.0"] == "probably-upstream"


def test_what_was_judged_while_the_worker_looked_is_left_alone(doubtful: Revision) -> None:
    row = fits(doubtful)["4.0"]
    Fit.objects.filter(pk=row.pk).update(state="merges", namesake="", upstream_commit="")
    say(doubtful, is_same=True)
    Fit.objects.filter(pk=row.pk).update(release_commit="2" * 40)
    ring_sightings()
    assert states(doubtful)["4.0"] == "merges"


def test_what_is_asked_about_no_commit_is_refused(doubtful: Revision) -> None:
    contribution = doubtful.contribution
    for commit in ("f" * 40, "", "' OR 1"):
        with pytest.raises(Invalid):
            confirm(person=contribution.author, contribution=contribution, commit=commit, is_same=True)


@pytest.mark.attack("W07")
def test_only_those_who_know_it_may_say(doubtful: Revision) -> None:
    contribution = doubtful.contribution
    maintainer = factories.make_person()
    contribution.component.maintainers.add(maintainer)
    colleague = factories.make_person(organisation=contribution.author.organisation)
    for person in (factories.make_person(), colleague):
        with pytest.raises(NotAllowed):
            say(doubtful, is_same=True, person=person)
    for person in (maintainer, contribution.author, factories.make_person(is_staff=True)):
        say(doubtful, is_same=True, person=person)


@pytest.mark.parametrize("given", [{"state": "withdrawn"}, {"is_draft": True}, {"quarantined_at": "2026-01-01T00:00Z"}])
def test_of_what_is_not_open_nothing_is_said(doubtful: Revision, given: dict[str, Any]) -> None:
    contribution: Contribution = doubtful.contribution
    type(contribution).objects.filter(pk=contribution.pk).update(**given)
    with pytest.raises((NotAllowed, Clash)):
        say(doubtful, is_same=True)
    assert states(doubtful)["4.0"] == "probably-upstream"
