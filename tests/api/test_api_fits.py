"""Fits and their reasons, as machines read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.models import Fit, Inquiry
from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from contributions.models import Contribution

pytestmark = pytest.mark.django_db
COMMIT = "c" * 40


@pytest.fixture
def contribution() -> Contribution:
    component = factories.make_component("swift", upstream_url="https://github.com/openstack/swift")
    made: Contribution = factories.make_contribution(component=component)
    return made


def test_everything_that_the_page_tells_is_told(contribution: Contribution) -> None:
    release = factories.make_release(contribution.component, "stable/2.0")
    row = factories.make_fit(contribution.current, release, state="conflicts", commit="", **factories.make_reason())
    Inquiry.objects.create(fit=row, state="done")
    caller = Caller()
    [listed] = caller.listed(f"contributions/{contribution.pk}/fits/")
    assert listed["url"].endswith(f"/api/v1/contributions/{contribution.pk}/fits/{release.slug}/")
    told = caller.get(f"contributions/{contribution.pk}/fits/{release.slug}/").json()
    assert {**told, **listed} == told, "what the list tells is part of it"
    assert (told["state"], told["inquiry"], told["said"]) == ("conflicts", "done", None)
    assert told["blame"][0]["subject"] == "Count in German"
    assert told["clashes"][0]["hunks"][0]["ours"]["lines"] == ["    retries = FUENF", "    wait = 1"]
    assert [clash["how"] for clash in told["clashes"]] == ["content", "gone-here", "binary"]


def test_upstream_is_told_with_where_its_commit_is_shown(contribution: Contribution) -> None:
    release = factories.make_release(contribution.component, "2.0")
    factories.make_fit(contribution.current, release, state="upstream", upstream_commit=COMMIT, evidence="patch-id")
    told = Caller().get(f"contributions/{contribution.pk}/fits/2.0/").json()
    assert told["upstream_url"] == f"https://github.com/openstack/swift/commit/{COMMIT}"
    assert (told["evidence"], told["asked_about"], told["inquiry"], told["clashes"]) == ("patch-id", "", None, [])


def test_an_older_revision_is_asked_for_by_its_number(contribution: Contribution) -> None:
    release = factories.make_release(contribution.component, "2.0")
    factories.make_fit(contribution.current, release, state="conflicts")
    factories.make_revision(contribution)
    one = f"contributions/{contribution.pk}/fits/2.0/"
    assert Caller().get(one).status_code == 404
    assert Caller().get(f"{one}?revision=1").json()["revision"] == 1


def test_it_is_confirmed_by_its_author_alone(contribution: Contribution) -> None:
    release = factories.make_release(contribution.component, "2.0")
    given = {"state": "probably-upstream", "evidence": "subject", "upstream_commit": COMMIT, "namesake": COMMIT}
    row: Fit = factories.make_fit(contribution.current, release, **given)
    one = f"contributions/{contribution.pk}/fits/2.0/confirm/"
    assert Caller(factories.make_person()).post(one, {"is_same": True}).status_code == 403
    author = Caller(contribution.author)
    assert author.post(one, {"is_same": True, "commit": "d" * 40}).status_code == 400
    assert author.post(one, {}).status_code == 400
    row.refresh_from_db()
    assert row.state == "probably-upstream"
    told = author.post(one, {"is_same": True, "commit": COMMIT}).json()
    assert (told["state"], told["evidence"]) == ("upstream", "confirmed")
    assert told["said"]["person"] == contribution.author.username
    assert author.post(one, {"is_same": None}).json()["state"] == "probably-upstream"
    assert author.post(one, {"is_same": None}).status_code == 409
