"""Advisories: who may publish them, where they are seen, what they take out, and who hears."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contributions.actions.advising import advise, withdraw_advisory
from contributions.actions.quarantining import quarantine
from contributions.errors import Clash, Invalid, NotAllowed, TooLarge
from contributions.models import Advisory, Event, Letter, Publication
from contributions.pipeline.delivering import mail as send
from tests import factories
from tests.api.conftest import Caller, make_token
from tests.pages.conftest import body, signed_in

if TYPE_CHECKING:
    from contributions.models import Person
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db


def published(platform: Platform, role: str = "maintainer", **given: Any) -> Advisory:
    person: Any = platform.people[role]
    usual = {
        "component": platform.component,
        "title": "Reads any file",
        "description": "It *does*.",
        "severity": "high",
        "affected": [platform.contribution.current],
    }
    return advise(person=person, **(usual | given))


def maintainer_of(platform: Platform) -> Person:
    person = platform.people["maintainer"]
    assert person is not None
    return person


def test_it_stands_on_everything_that_is_affected_until_it_is_withdrawn(platform: Platform) -> None:
    advisory = published(platform, alias="CVE-2026-12345")
    places = [
        f"/contributions/{platform.contribution.pk}/",
        f"/contributions/{platform.contribution.pk}/evidence/",
        f"/builds/{platform.build.pk}/",
        f"/publications/{platform.publication.pk}/",
    ]
    for place in places:
        assert advisory.identifier in Client().get(place).content.decode(), place
    other = factories.make_contribution(component=platform.component)
    assert advisory.identifier not in Client().get(f"/contributions/{other.pk}/").content.decode()
    withdraw_advisory(person=maintainer_of(platform), advisory=advisory, reason="A mistake.")
    for place in places:
        assert advisory.identifier not in Client().get(place).content.decode(), place
    page = Client().get(advisory.get_absolute_url()).content.decode()
    assert "A mistake." in page
    assert "<em>does</em>" in page


def test_the_feed_tells_of_it_and_names_it_on_its_entries(platform: Platform) -> None:
    advisory = published(platform)
    advised, entry = Caller().listed("feed/")
    assert (advised["event"], advised["advisory"]["id"], advised["publication"]) == (
        "advised",
        advisory.identifier,
        None,
    )
    assert [row["id"] for row in entry["advisories"]] == [advisory.identifier]
    for asked in ("component=swiftclient", "release=4.7.0"):
        assert len(Caller().listed(f"feed/?{asked}")) == 2
    assert Caller().listed("feed/?component=nova") == Caller().listed("feed/?release=9.9") == []
    withdraw_advisory(person=maintainer_of(platform), advisory=advisory, reason="A mistake.")
    unadvised, _, entry = Caller().listed("feed/")
    assert (unadvised["event"], unadvised["reason"], entry["advisories"]) == ("unadvised", "A mistake.", [])
    titles = [entry.findtext("{http://www.w3.org/2005/Atom}title") or "" for entry in _atom("/feed.atom")]
    assert [title.partition(":")[0] for title in titles] == ["Advisory withdrawn", "Advisory", "Published"]
    assert len(_atom("/advisories.atom")) == 1


def _atom(address: str) -> list[Any]:
    root = ET.fromstring(Client().get(address).content)  # noqa: S314 - our own answer
    return list(root.iter("{http://www.w3.org/2005/Atom}entry"))


def test_it_takes_what_is_affected_out_of_the_feed_when_asked_to(platform: Platform) -> None:
    published(platform)
    assert Publication.objects.live().count() == 1
    advisory = published(platform, withdraw=True)
    publication = Publication.objects.get()
    assert (publication.state, publication.reason) == ("withdrawn", f"{advisory.identifier}: Reads any file")
    assert list(Event.objects.of_the_feed().order_by("pk").values_list("verb", flat=True)) == [
        *("published", "advised", "advised", "unpublished"),
    ]


def test_who_fetched_or_reported_hears_of_it_once_even_if_it_is_withdrawn_with_it(platform: Platform) -> None:
    reporter = factories.make_organisation("Reporter", owner=factories.make_person("reporting"))
    factories.make_report(platform.contribution, platform.release, organisation=reporter)
    factories.make_download(platform.organisation, platform.artifact.blob)
    patched = factories.make_organisation("Patched", owner=factories.make_person("patching"))
    factories.make_download(patched, platform.contribution.current.mbox)
    factories.make_organisation("Nobody", owner=factories.make_person("untouched"))
    published(platform, withdraw=True)
    assert {letter.person.username for letter in Letter.objects.all()} == {"reporting", "owner", "patching"}
    assert Letter.objects.count() == 3


@pytest.mark.parametrize(("role", "may"), [("member", False), ("author", False), ("maintainer", True), ("staff", True)])
def test_only_maintainers_and_staff_publish_and_withdraw_one(platform: Platform, role: str, may: bool) -> None:  # noqa: FBT001
    person: Any = platform.people[role]
    advisory = published(platform)
    if may:
        published(platform, role)
        withdraw_advisory(person=person, advisory=advisory, reason="A mistake.")
        with pytest.raises(NotAllowed):
            withdraw_advisory(person=person, advisory=advisory, reason="Again.")
        return
    with pytest.raises(NotAllowed):
        published(platform, role)
    with pytest.raises(NotAllowed):
        withdraw_advisory(person=person, advisory=advisory, reason="A mistake.")


def test_what_makes_no_sense_is_refused_and_nothing_is_published(platform: Platform) -> None:
    current, stranger = platform.contribution.current, factories.make_revision()
    wrong: list[dict[str, Any]] = [
        {"affected": []},
        {"affected": [stranger]},
        {"fixed": [stranger]},
        {"fixed": [current]},
        {"severity": "terrible"},
        {"alias": "not a name"},
        {"title": " "},
        {"description": " "},
    ]
    for given in wrong:
        with pytest.raises(Invalid):
            published(platform, **given)
    with pytest.raises(TooLarge):
        published(platform, title="a" * 201)
    assert not Advisory.objects.exists()
    with pytest.raises(Invalid):
        withdraw_advisory(person=maintainer_of(platform), advisory=published(platform), reason="")


def test_what_is_in_quarantine_is_named_by_its_number_alone(platform: Platform) -> None:
    advisory = published(platform)
    staff: Any = platform.people["staff"]
    quarantine(person=staff, contribution=platform.contribution, reason="Harmful.")
    for role, seen in (("stranger", False), ("member", False), ("author", True), ("staff", True)):
        page = body(platform.client(role).get(advisory.get_absolute_url())).decode()
        assert (platform.contribution.title in page) is seen
        assert f"#{platform.contribution.pk}" in page


def test_it_is_published_on_a_page_with_its_revisions_ticked(platform: Platform) -> None:
    factories.make_download(platform.organisation, platform.artifact.blob)
    mended = factories.make_revision(platform.contribution)
    other = factories.make_contribution(component=platform.component)
    browser, address = signed_in(maintainer_of(platform)), f"/contributions/{platform.contribution.pk}/advise/"
    page = browser.get(address).content.decode()
    assert "1 organisation that reported on it or fetched it will hear of it." in page
    affected = platform.contribution.revisions.get(number=1)
    form = {"title": "Reads any file", "severity": "critical", "description": "All of them."}
    form |= {"affected": [affected.pk], "fixed": [mended.pk], "also_affected": f"#{other.pk} v1", "withdraw": "on"}
    wrong = browser.post(address, form | {"also_affected": f"#{other.pk} v9"})
    assert (wrong.status_code, b"There is no #" in wrong.content, b"All of them." in wrong.content) == (400, True, True)
    assert browser.post(address, form | {"also_fixed": "the next one"}).status_code == 400
    assert browser.post(address, form).status_code == 302
    advisory = Advisory.objects.get()
    assert {revision.contribution_id for revision in advisory.affected.all()} == {platform.contribution.pk, other.pk}
    assert list(advisory.fixed.all()) == [mended]
    assert not Publication.objects.live().exists()


def test_machines_publish_read_and_withdraw_one(platform: Platform) -> None:
    caller = Caller(maintainer_of(platform), make_token(maintainer_of(platform), "read", "write"))
    named = {"contribution": platform.contribution.pk, "revision": 1}
    sent = {"component": "swiftclient", "title": "Reads any file", "description": "All.", "severity": "low"}
    response = caller.post("advisories/", sent | {"affected": [named], "alias": "CVE-2026-1"})
    assert response.status_code == 201
    made = response.json()
    assert (made["affected"], made["fixed"], made["state"]) == ([named], [], "published")
    for wrong in ({"affected": [{"contribution": 10**6, "revision": 1}]}, {"affected": []}, {"affected": [{}]}):
        assert caller.post("advisories/", sent | wrong).status_code == 400
    osv = Caller().get(f"advisories/{made['number']}/osv/").json()
    assert (osv["id"], osv["aliases"], osv["summary"]) == (made["id"], ["CVE-2026-1"], "Reads any file")
    [affected] = osv["affected"]
    assert affected["ranges"][0]["events"] == [{"introduced": platform.release.commit}]
    assert affected["database_specific"]["artifacts"][0]["sha256"] == platform.artifact.sha256
    assert "withdrawn" not in osv
    assert len(Caller().listed("advisories/?component=swiftclient&severity=low&state=published")) == 1
    assert Caller().listed("advisories/?component=nova") == []
    withdrawn = caller.post(f"advisories/{made['number']}/withdraw/", {"reason": "A mistake."}).json()
    assert (withdrawn["state"], withdrawn["reason"]) == ("withdrawn", "A mistake.")
    assert Caller().get(f"advisories/{made['number']}/osv/").json()["withdrawn"].endswith("Z")


@pytest.mark.parametrize(
    "address", ["/advisories/", "/advisories.atom", "/api/v1/advisories/", "/api/v1/feed/", "/feed.atom"]
)
def test_its_lists_cost_the_same_for_one_and_for_thirty(platform: Platform, address: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert Client().get(address).status_code == 200
        return len(captured)

    advised = [factories.make_advisory(platform.contribution.current)]
    _told(advised)
    few = queries()
    _told([factories.make_advisory(platform.contribution.current) for _ in range(29)])
    assert queries() == few


def _told(advisories: list[Advisory]) -> None:
    for advisory in advisories:
        Event.objects.write(Event.Verb.ADVISED, component=advisory.component, advisory=advisory)


@pytest.mark.django_db(transaction=True)
def test_two_who_advise_at_once_on_the_same_things_both_come_through(platform: Platform) -> None:
    other = factories.make_contribution(component=platform.component)
    pairs = [[platform.contribution.current, other.current], [other.current, platform.contribution.current]]
    said: list[str] = []

    def go(pair: list[Any]) -> None:
        try:
            for _ in range(4):
                published(platform, affected=pair, withdraw=True)
            said.append("done")
        except Clash as clash:
            said.append(clash.sentence)
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(pair,)) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["done", "done"]
    assert Event.objects.filter(verb=Event.Verb.UNPUBLISHED).count() == 1


def test_a_letter_about_one_names_the_revisions(platform: Platform) -> None:
    factories.make_download(platform.organisation, platform.artifact.blob)
    mended = factories.make_revision(platform.contribution)
    published(platform, affected=[platform.contribution.revisions.get(number=1)], fixed=[mended])
    send(Letter.objects.get().pk)
    [sent] = mail.outbox
    number = platform.contribution.pk
    assert f"Affected: #{number} v1. Mended by: #{number} v2." in sent.body
    assert sent.subject.startswith("[Patchbay] High advisory: PB-")
