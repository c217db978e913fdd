"""The scenario's pieces against the site and the pipeline; in the demo itself workers do what is called here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from contributions.models import Build, Event, Fit, Release, Revision
from contributions.pipeline.building import build
from contributions.pipeline.fitting import fit
from contributions.pipeline.publishing import publish
from contributions.pipeline.receiving import receive
from demo.installing import Customer
from demo.progress import StepFailed
from demo.rest import Client, Refused
from tests.demo.conftest import SHARE

if TYPE_CHECKING:
    from demo.accounts import Accounts
    from demo.judging import Judging
    from demo.sharing import Sharing

pytestmark = [pytest.mark.django_db(transaction=True)]
SENDING = SHARE.last


def work() -> None:
    """What waits, until nothing does."""
    for model, verb in ((Revision, receive), (Fit, fit), (Build, build)):
        for pk in list(model.objects.filter(state="queued").values_list("pk", flat=True)):
            verb(pk)


def test_the_way_of_a_contribution_holds_and_is_walked_once(
    sharing: Sharing, judging: Judging, accounts: Accounts
) -> None:
    assert sharing.send(SHARE, SENDING)
    work()
    sharing.await_receipt(SHARE, SENDING)
    assert sharing.await_fits(SHARE, SENDING) == SHARE.fits
    assert [row["release"] for row in sharing.await_builds(SHARE, SENDING)] == ["2.0"]
    assert (judging.vote(SHARE), judging.discuss(SHARE, 1), judging.report(SHARE, 1)) == (3, 2, 1)
    assert [review.verdict for review in judging.review(SHARE, 1)] == ["approve"]
    publish(sharing.number_of(SHARE) or 0)
    assert judging.await_publications(SHARE) == 1
    assert judging.withdraw(SHARE) == 1
    assert Customer(sharing.platform, sharing, accounts.nobody).read_feed() == (1, 1)

    lines = Event.objects.count()
    assert not sharing.send(SHARE, SENDING)
    assert (judging.vote(SHARE), judging.discuss(SHARE, 1), judging.report(SHARE, 1)) == (0, 0, 0)
    assert (judging.review(SHARE, 1), judging.withdraw(SHARE)) == ([], 0)
    assert Event.objects.count() == lines


def test_what_nobody_foresaw_is_told(sharing: Sharing) -> None:
    sharing.send(SHARE, SENDING)
    work()
    with pytest.raises(StepFailed, match=r"v1: 1\.0 is conflicts, not applies"):
        sharing.await_fits(replace(SHARE, fits={**SHARE.fits, "1.0": "applies"}), SENDING)
    with pytest.raises(StepFailed, match=r"v1: 2\.0 is passed, not failed"):
        sharing.await_builds(SHARE, replace(SENDING, builds="failed"))


def test_a_refused_revision_is_told_with_the_sentence(sharing: Sharing) -> None:
    sharing.send(SHARE, SENDING)
    Revision.objects.update(state="refused", sentence="It changes nothing.")
    with pytest.raises(StepFailed, match=r"was refused: It changes nothing\."):
        sharing.await_receipt(SHARE, SENDING)


def test_pip_installs_from_the_index_of_a_release_only(sharing: Sharing, accounts: Accounts) -> None:
    slug = Release.objects.get(name="2.0").slug
    customer = Customer(sharing.platform, sharing, accounts.nobody)
    assert customer.index_url("2.0").endswith(f"/simple/{slug}/")


def test_a_refusal_carries_the_portals_own_sentence(accounts: Accounts, sharing: Sharing) -> None:
    assert sharing.number_of(SHARE) is None
    with pytest.raises(Refused, match="404: There is no contribution #1") as refused:
        accounts.nobody.get("/api/v1/contributions/1/")
    assert refused.value.status == 404
    with pytest.raises(Refused, match="401"):
        Client(accounts.nobody.site, "pb_wrong").get("/api/v1/me/")
