"""What was said of an earlier revision: kept with the same content, half of it with more files, else gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.actions.reporting import report
from contributions.actions.reviewing import review
from contributions.actions.voting import vote
from contributions.models import Contribution, Review, Standing, Vote, checklist_of
from contributions.pipeline.settling import settle
from tests import factories
from tests.platform import (  # noqa: F401 - fixtures, asked for by name
    GREETING,
    SONG_MENDED,
    _kept_apart,
    author,
    component,
    send,
    upstream,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Revision

pytestmark = pytest.mark.django_db

GREETED = GREETING + "\n# Hello\n"


@pytest.fixture
def shared(send: Callable[..., Revision]) -> Callable[..., Contribution]:  # noqa: F811 - as pytest has it
    """Send a revision to a component whose maintainers decide alone; answers the contribution."""

    def sent(base: str = "1.0", **files: str) -> Contribution:
        contribution = send(base, **files).contribution
        component = contribution.component  # noqa: F811 - another one
        type(component).objects.filter(pk=component.pk).update(green_build_needed=False)
        return Contribution.objects.get(pk=contribution.pk)

    return sent


def maintainer_of(contribution: Contribution) -> Any:
    person = factories.make_person()
    contribution.component.maintainers.add(person)
    return person


def approvals(contribution: Contribution) -> tuple[str, str]:
    checklist = checklist_of(contribution)
    assert checklist is not None
    (check,) = (check for check in checklist.checks if check.rule == "approvals")
    return str(check.mark), check.detail


def part(contribution: Contribution, name: str, release: str = "1.0") -> float:
    return float(Standing.objects.get(contribution=contribution, release__name=release).parts[name])


def test_an_approval_holds_for_the_same_content_on_another_base(shared: Callable[..., Contribution]) -> None:
    first = shared(song__txt=SONG_MENDED)
    reviewer = maintainer_of(first)
    review(reviewer=reviewer, contribution=first, verdict="approve", revision=1)
    second = shared("2.0", song__txt=SONG_MENDED)
    assert second.current is not None
    assert (second.current.number, second.state) == (2, "approved")
    assert approvals(second) == ("met", f"1 of 1. {reviewer}'s is kept from v1: the same content.")


@pytest.mark.attack("T19")
def test_nothing_is_smuggled_in_under_an_approval(shared: Callable[..., Contribution]) -> None:
    first = shared(greeting__py=GREETED)
    review(reviewer=maintainer_of(first), contribution=first, verdict="approve", revision=1)
    second = shared(greeting__py=GREETED.replace("    return", "        return"))
    old, new = second.revisions.order_by("number")
    assert (second.state, approvals(second)[0]) == ("open", "waiting")
    third = shared(greeting__py=GREETED)
    assert third.state == "approved", "the control: the very same change carries it"
    assert old.fingerprints != new.fingerprints


def test_an_approval_is_asked_for_again_when_files_are_added(shared: Callable[..., Contribution]) -> None:
    first = shared(song__txt=SONG_MENDED)
    review(reviewer=maintainer_of(first), contribution=first, verdict="approve", revision=1)
    second = shared(song__txt=SONG_MENDED, greeting__py=GREETED)
    assert second.current is not None
    assert second.current.carries == {"1": "partly"}
    assert (second.state, approvals(second)) == ("open", ("waiting", "0 of 1."))


def test_a_kept_approval_waits_for_the_new_revisions_own_build(
    shared: Callable[..., Contribution],
    send: Callable[..., Revision],  # noqa: F811 - as pytest has it
) -> None:
    first = shared(song__txt=SONG_MENDED)
    review(reviewer=maintainer_of(first), contribution=first, verdict="approve", revision=1)
    type(first.component).objects.update(green_build_needed=True)
    factories.make_recipe(first.component)
    second = send("2.0", song__txt=SONG_MENDED)
    contribution = Contribution.objects.get(pk=first.pk)
    assert (contribution.current, contribution.state) == (second, "open")
    factories.make_build(second, contribution.component.releases.get(name="2.0"))
    assert settle(contribution)


@pytest.mark.parametrize(("verdict", "state"), [("reject", "rejected"), ("request-changes", "changes-requested")])
def test_an_objection_is_not_shaken_off_by_sending_the_same_again(
    shared: Callable[..., Contribution], verdict: str, state: str
) -> None:
    first = shared(song__txt=SONG_MENDED)
    review(reviewer=maintainer_of(first), contribution=first, verdict=verdict, message="No.", revision=1)
    assert shared("2.0", song__txt=SONG_MENDED).state == state
    assert shared(song__txt=SONG_MENDED + "more\n").state == "open"


def test_the_last_word_of_a_reviewer_counts_whichever_revision_it_was_of(shared: Callable[..., Contribution]) -> None:
    first = shared(song__txt=SONG_MENDED)
    reviewer = maintainer_of(first)
    review(reviewer=reviewer, contribution=first, verdict="approve", revision=1)
    second = shared(song__txt=SONG_MENDED + "more\n")
    review(reviewer=reviewer, contribution=second, verdict="request-changes", message="Not at all.", revision=2)
    third = shared(song__txt=SONG_MENDED)
    assert third.current is not None
    assert third.current.carries == {"1": "same"}
    assert (third.state, approvals(third)[0]) == ("open", "waiting")


def test_a_patch_id_alone_carries_no_approval() -> None:
    """What was received before files had fingerprints may differ in white space."""
    contribution = factories.make_contribution()
    old = contribution.current
    assert old is not None
    given = factories.make_review(old)
    factories.make_revision(contribution, carries={"1": "same"})
    assert not Review.objects.in_force(contribution).exists()
    type(old).objects.filter(pk=old.pk).update(fingerprints={"a.txt": "1"})
    assert list(Review.objects.in_force(contribution)) == [given], "the control: with fingerprints it holds"


def test_votes_and_reports_hold_in_whole_in_half_or_not_at_all(shared: Callable[..., Contribution]) -> None:
    first = shared(song__txt=SONG_MENDED)
    voter = factories.make_person()
    vote(person=voter, contribution=first, value=1)
    vote(person=factories.make_person(), contribution=first, value=-1)
    peer = factories.make_person(organisation=factories.make_organisation())
    release = first.component.releases.get(name="1.0")
    report(author=peer, contribution=first, release=release, outcome="works", stage="lab")
    assert part(first, "for_votes") == part(first, "against_votes") == 0.25
    lab = part(first, "for_lab")
    assert lab == pytest.approx(1, abs=0.01)

    same = shared("2.0", song__txt=SONG_MENDED)
    assert (part(same, "for_votes"), part(same, "for_lab")) == (0.25, pytest.approx(lab, abs=0.01))
    more = shared(song__txt=SONG_MENDED, greeting__py=GREETED)
    assert (more.up, more.down, more.running_count) == (1, 1, 1)
    assert part(more, "for_votes") == part(more, "against_votes") == 0.125
    assert part(more, "for_lab") == pytest.approx(lab / 2, abs=0.01)
    touched = shared(song__txt=SONG_MENDED + "more\n")
    assert (touched.up, touched.down, touched.running_count) == (0, 0, 0)
    assert part(touched, "for_votes") == part(touched, "for_lab") == 0

    vote(person=voter, contribution=touched, value=1)
    touched.refresh_from_db()
    assert (touched.up, touched.down) == (1, 0)
    assert Vote.objects.get(person=voter).revision == touched.current


def test_a_vote_of_before_votes_had_a_revision_counts() -> None:
    contribution = factories.make_contribution()
    factories.make_vote(contribution, revision=None)
    factories.make_revision(contribution)
    assert factories.recompute(contribution).up == 1


def test_counting_costs_the_same_for_ten_thousand_votes() -> None:
    contribution = factories.make_contribution()
    revisions = [contribution.current, factories.make_revision(contribution, carries={"1": "partly"})]

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            factories.recompute(contribution)
        return len(captured)

    factories.make_vote(contribution, revision=revisions[0])
    wrote, few = queries(), queries()
    people = type(contribution.author).objects.bulk_create(
        type(contribution.author)(username=f"voter{number}", email=f"voter{number}@example.org")
        for number in range(10_000)
    )
    Vote.objects.bulk_create(
        Vote(contribution=contribution, person=person, value=1, revision=revisions[number % 2])
        for number, person in enumerate(people)
    )
    assert (queries(), queries()) == (wrote, few)
    contribution.refresh_from_db()
    assert contribution.up == 10_001


def test_votes_of_before_get_the_revision_that_was_current_then() -> None:
    contribution = factories.make_contribution()
    first = contribution.current
    assert first is not None
    then, between, later = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))
    type(first).objects.filter(pk=first.pk).update(finished_at=then)
    second = factories.make_revision(contribution, finished_at=between)
    early, late = (factories.make_vote(contribution, cast_at=at) for at in (then + timedelta(days=1), later))
    unlike = factories.make_contribution()
    factories.make_revision(unlike, fingerprint="another")
    steps = import_module("contributions.migrations.0011_what_votes_were_cast_for")
    with connection.cursor() as cursor:
        cursor.execute(steps.VOTES)
        cursor.execute(steps.CARRIES)
    assert [Vote.objects.get(pk=cast.pk).revision for cast in (early, late)] == [first, second]
    assert type(first).objects.get(pk=second.pk).carries == {"1": "same"}
    assert not unlike.revisions.exclude(carries={}).exists()
