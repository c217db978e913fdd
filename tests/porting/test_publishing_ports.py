"""What is published on a port's release: the port, once it was looked at; at once, if it does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.actions.porting import withdraw_port
from contributions.actions.reviewing import review
from contributions.errors import Clash, NotAllowed
from contributions.models import Publication, Review, Revision
from contributions.pipeline.publishing import forgotten, publish
from contributions.pipeline.settling import settle
from tests.factories import (
    approve,
    make_artifact,
    make_build,
    make_contribution,
    make_fit,
    make_person,
    make_port,
    make_release,
    make_revision,
    recompute,
)

if TYPE_CHECKING:
    from contributions.models import Contribution, Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def maintainer() -> Person:
    return make_person()


@pytest.fixture
def approved(maintainer: Person) -> Contribution:
    """Approved, and stranded on a second release."""
    contribution = make_contribution(release=make_release())
    contribution.component.maintainers.add(maintainer)
    make_fit(contribution.current, contribution.release)
    make_fit(contribution.current, make_release(contribution.component, "R"), state="conflicts")
    return approve(contribution)


def built_port(contribution: Contribution, **given: object) -> Revision:
    port = make_port(contribution.current, contribution.component.releases.get(name="R"), **given)
    make_fit(port, port.release)
    make_artifact(make_build(port, port.release))
    recompute(contribution)
    return port


def published() -> list[str]:
    return [f"{row.revision.label} on {row.release.name}" for row in Publication.objects.live().order_by("pk")]


def test_a_port_with_other_content_waits_for_a_maintainers_word_on_it(
    approved: Contribution, maintainer: Person
) -> None:
    port = built_port(approved)
    settle(approved)
    assert publish(approved.pk) == []
    review(reviewer=maintainer, contribution=approved, verdict="approve", revision=port.number)
    port.refresh_from_db()
    assert port.approved_at is not None
    assert forgotten(10) == [approved.pk], "its doorbell may be lost"
    publish(approved.pk)
    assert published() == ["v2 on R"]
    assert forgotten(10) == []


def test_a_port_with_the_same_content_needs_no_further_word(approved: Contribution) -> None:
    port = built_port(approved, carries={"1": "same"})
    assert settle(approved)
    publish(approved.pk)
    assert published() == ["v2 on R"]
    withdraw_port(person=port.submitted_by, port=port, reason="It was wrong.")
    assert published() == []
    assert publish(approved.pk) == []


def test_nothing_of_a_port_is_published_before_its_contribution_is_approved(maintainer: Person) -> None:
    contribution = make_contribution(release=make_release())
    contribution.component.maintainers.add(maintainer)
    make_release(contribution.component, "R")
    built_port(contribution, carries={"1": "same"})
    settle(contribution)
    assert publish(contribution.pk) == []
    assert forgotten(10) == []


def test_a_verdict_on_a_port_is_about_the_port_alone(approved: Contribution, maintainer: Person) -> None:
    review(reviewer=maintainer, contribution=approved, verdict="approve", revision=1)
    port = built_port(approved)
    review(reviewer=maintainer, contribution=approved, verdict="reject", message="No.", revision=port.number)
    approved.refresh_from_db()
    assert approved.state == "approved"
    assert [row.revision.number for row in Review.objects.in_force(approved)] == [1]
    assert [row.revision.number for row in Review.objects.in_force_for(port)] == [2]
    port.refresh_from_db()
    assert port.approved_at is None
    review(reviewer=maintainer, contribution=approved, verdict="approve", revision=port.number)
    port.refresh_from_db()
    assert port.approved_at is not None, "the control"


def test_nobody_judges_the_port_that_they_sent_or_one_that_is_outdated(
    approved: Contribution, maintainer: Person
) -> None:
    mine = built_port(approved, submitted_by=maintainer)
    with pytest.raises(NotAllowed):
        review(reviewer=maintainer, contribution=approved, verdict="approve", revision=mine.number)
    other = built_port(approved)
    review(reviewer=maintainer, contribution=approved, verdict="approve", revision=other.number)
    make_revision(approved)
    with pytest.raises(Clash, match="no longer current"):
        review(reviewer=maintainer, contribution=approved, verdict="approve", revision=other.number)
    settle(approved)
    assert not Revision.objects.exclude(approved_at=None).exists(), "what is outdated is not published any more"
