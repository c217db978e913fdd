"""Whose voice an unnamed report is, no page, list, feed, table or count may tell anybody but its own and staff."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from contributions.actions.reporting import report
from contributions.errors import Invalid
from contributions.models import Event, FieldReport
from tests import factories
from tests.hostile.conftest import addresses_on
from tests.hostile.test_secrets import ALWAYS_OTHER, CHANGING, LISTS
from tests.pages.conftest import body

if TYPE_CHECKING:
    from contributions.models import Person
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.attack("W16")

ABOUT = (
    "/organisations/zebra-lines/", "/people/striped/", "/api/v1/organisations/zebra-lines/", "/audit/?actor=striped",
    "/audit/history.csv?actor=striped", "/api/v1/audit/?actor=striped", "/audit/?verb=unnamed",
    "/audit/history.csv?verb=unnamed", "/api/v1/audit/?verb=unnamed", "/search/?q=zebra",
)  # fmt: skip
ALSO = ("/api/v1/audit/", "/audit/?verb=reported", "/api/v1/contributions/{c}/reports/")
TRACE = re.compile(rb"zebra|striped", re.IGNORECASE)


@pytest.fixture
def striped(platform: Platform) -> Person:
    """Somebody of an organisation in telecoms; so are two others."""
    del platform
    for _ in range(2):
        factories.make_organisation(sector="Telecoms")
    return factories.make_person("striped", organisation=factories.make_organisation("Zebra Lines", sector="telecoms"))


def speak(platform: Platform, person: Person, *, is_named: bool) -> FieldReport:
    return report(
        author=person, contribution=platform.contribution, release=platform.release, outcome="works",
        stage="production", text="All is well.", is_named=is_named,
    )  # fmt: skip


def places(platform: Platform) -> tuple[str, ...]:
    """Named once: some are of things that are made for them."""
    also = (address.format(c=platform.contribution.pk) for address in ALSO)
    return (*addresses_on(platform), *LISTS, *ABOUT, *also)


def pages(platform: Platform, role: str, addresses: tuple[str, ...]) -> dict[str, bytes]:
    client, seen = platform.client(role), {}
    for address in addresses:
        if not address.startswith(ALWAYS_OTHER):
            seen[address] = CHANGING.sub(b"", body(client.get(address)))
    return seen


@pytest.mark.parametrize("role", ["stranger", "member", "author", "maintainer"])
def test_an_unnamed_report_leads_nobody_to_its_organisation(platform: Platform, striped: Person, role: str) -> None:
    named = places(platform)
    before = pages(platform, role, named)
    speak(platform, striped, is_named=False)
    after = pages(platform, role, named)
    for address, page in after.items():
        assert len(TRACE.findall(page)) == len(TRACE.findall(before[address])), address
    assert {address for address in ABOUT if before[address] != after[address]} == set()
    shown = after[f"/contributions/{platform.contribution.pk}/evidence/"].decode()
    assert "An organisation in telecoms" in shown
    assert "It was reported on by an organisation that is not named" in shown
    assert b"not named" in after["/audit/"]


def test_the_control_a_named_report_is_traced_by_the_same_search(platform: Platform, striped: Person) -> None:
    named = places(platform)
    before = pages(platform, "stranger", named)
    speak(platform, striped, is_named=True)
    after = pages(platform, "stranger", named)
    traced = {address for address in after if TRACE.findall(after[address]) != TRACE.findall(before[address])}
    assert {"/audit/", "/audit/history.csv", f"/contributions/{platform.contribution.pk}/evidence/"} <= traced
    assert f"/api/v1/contributions/{platform.contribution.pk}/reports/" in traced
    assert before["/organisations/zebra-lines/"] != after["/organisations/zebra-lines/"]


def test_staff_and_the_organisation_itself_know_whose_it_is(platform: Platform, striped: Person) -> None:
    speak(platform, striped, is_named=False)
    assert b"striped" in platform.client("staff").get("/audit/?verb=unnamed").content
    platform.people["striped"] = striped
    own = platform.client("striped")
    assert b"(yours)" in own.get(f"/contributions/{platform.contribution.pk}/evidence/").content
    assert b"works for us" in own.get("/organisations/zebra-lines/").content
    assert (
        b"(yours)" not in platform.client("staff").get(f"/contributions/{platform.contribution.pk}/evidence/").content
    )


def test_a_sector_that_few_are_in_is_not_told(platform: Platform) -> None:
    rare = factories.make_person(organisation=factories.make_organisation("Rare", sector="falconry"))
    assert speak(platform, rare, is_named=False).who == "an organisation"


def test_a_sector_is_told_as_it_was_when_the_report_was_made(platform: Platform, striped: Person) -> None:
    made = speak(platform, striped, is_named=False)
    type(made.organisation).objects.filter(pk=made.organisation_id).update(sector="zoology")
    made.refresh_from_db()
    assert made.who == "an organisation in telecoms"


def test_whoever_hides_later_gets_a_number_that_nobody_has_seen(platform: Platform, striped: Person) -> None:
    named = speak(platform, striped, is_named=True)
    hidden = speak(platform, striped, is_named=False)
    assert hidden.pk != named.pk
    assert FieldReport.objects.count() == 1, "it is still one voice"


def test_what_never_counts_cannot_be_unnamed(platform: Platform) -> None:
    """That it is listed and not counted would tell that it is of the author's own organisation."""
    colleague = factories.make_person(organisation=platform.organisation)
    with pytest.raises(Invalid, match="always named"):
        speak(platform, colleague, is_named=False)
    assert speak(platform, colleague, is_named=True).pk


def test_unnamed_reports_are_paced_like_named_ones(platform: Platform, striped: Person) -> None:
    speak(platform, striped, is_named=False)
    assert Event.objects.filter(actor=striped, verb=Event.Verb.UNNAMED).count() == 1
    assert Event.objects.filter(actor=striped, verb=Event.Verb.REPORTED).count() == 0
    Event.objects.bulk_create([Event(verb="unnamed", actor=striped) for _ in range(29)])
    url = f"/contributions/{platform.contribution.pk}/report/"
    platform.people["striped"] = striped
    form = {"release": platform.release.slug, "outcome": "works", "stage": "lab"}
    assert platform.client("striped").post(url, form).status_code == 429
