"""The dashboard of an organisation: what it runs, shared and has to do, seen by its members alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contributions.actions.organising import describe
from contributions.errors import Invalid, NotAllowed, TooLarge
from contributions.models import Contribution, Event, Organisation, Person
from contributions.models.dashboard import ORDERS, Dashboard
from tests import factories
from tests.api.conftest import Caller
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Component

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Organisation:
    return factories.make_organisation("Northern Hosting", owner=factories.make_person("owner"))


@pytest.fixture
def member(ours: Organisation) -> Person:
    return factories.make_person("member", organisation=ours)


@pytest.fixture
def component(member: Person) -> Component:
    return factories.make_component("swift", maintainers=(member,))


def page_of(person: Person, asked: str = "") -> str:
    answer = signed_in(person).get(f"/organisations/northern-hosting/dashboard/{asked}")
    assert answer.status_code == 200
    return answer.content.decode()


def keys(ours: Organisation, person: Person, section: str) -> list[int]:
    return [row.pk for row in Dashboard(ours, person).rows(section)]


def quarantined(contribution: Contribution) -> None:
    Contribution.objects.filter(pk=contribution.pk).update(quarantined_at=timezone.now())


def test_an_empty_one_says_what_to_do(ours: Organisation, member: Person) -> None:
    assert ours.slug == "northern-hosting"
    shown = page_of(member)
    for sentence in (
        "Nothing waits for you",
        "Report on a contribution",
        "What you share while you speak",
        "withdrawn",
    ):
        assert sentence in shown


def test_what_became_of_what_it_runs(ours: Organisation, member: Person) -> None:
    plain, newer, gone, held, advised, broken = (factories.make_contribution(title=f"Number {n}") for n in range(6))
    for contribution in (plain, newer, gone, held, advised):
        factories.make_report(contribution, organisation=ours, author=member, is_named=contribution != plain)
    factories.make_report(broken, organisation=ours, author=member, outcome="broken")
    factories.make_report(factories.make_contribution(title="Of others"))
    factories.make_revision(newer)
    gone.move(Contribution.State.WITHDRAWN)
    quarantined(held)
    factories.make_advisory(advised.current)
    rows = {row.contribution_id: row for row in Dashboard(ours, member).rows("runs")}
    assert set(rows) == {plain.pk, newer.pk, gone.pk, held.pk, advised.pk}, "neither broken nor another's"
    assert (rows[newer.pk].number, rows[newer.pk].newest) == (1, 2)
    assert [pk for pk, row in rows.items() if row.is_advised] == [advised.pk]
    shown = page_of(member)
    assert f"/contributions/{newer.pk}/compare/1..2/" in shown
    assert "unnamed" in shown
    assert "Number 3" not in shown, "not even its title while it is in quarantine"
    assert f"#{held.pk}, which is in quarantine" in shown
    assert set(keys(ours, member, "recalled")) == {gone.pk, held.pk, advised.pk}


def test_what_was_fetched_and_recalled(ours: Organisation, member: Person) -> None:
    """By its patch, by a file that was built of it, and by an uploaded one; the control was fetched by others."""
    diffs = [factories.DIFF + b"# %d\n" % n for n in range(4)]
    patched, built, uploaded, others = (factories.make_contribution(received=False) for _ in diffs)
    for contribution, diff in zip((patched, built, uploaded, others), diffs, strict=True):
        factories.make_revision(contribution, diff=diff)
        factories.make_advisory(contribution.current)
    factories.make_download(ours, patched.current.mbox)
    of_build = factories.make_artifact(factories.make_build(built.current, factories.make_release()), content=b"one")
    factories.make_download(ours, of_build.blob)
    sent = factories.make_artifact(None, revision=uploaded.current, content=b"two")
    factories.make_download(ours, sent.blob)
    factories.make_download(factories.make_organisation(), others.current.mbox)
    assert keys(ours, member, "recalled") == [uploaded.pk, built.pk, patched.pk]
    assert "advised against" in page_of(member)


def test_what_waits_for_it(ours: Organisation, member: Person, component: Component) -> None:
    release = factories.make_release(component)
    waiting = factories.make_contribution(component=component, release=release, title="Waits for a review")
    own = factories.make_contribution(component=component, release=release, author=member, title="Of a member")
    shared = factories.make_contribution(organisation=ours, author=member, title="Shared for us")
    for contribution in (waiting, own, shared):
        factories.recompute(contribution)
    shared.move(Contribution.State.CHANGES_REQUESTED)
    question = factories.make_comment(shared, "Does it scale?", is_question=True)
    factories.make_comment(shared, "My own question", author=member, is_question=True)
    answered = factories.make_comment(shared, "Answered?", is_question=True)
    factories.make_comment(shared, "Yes.", parent=answered, accepted_at=timezone.now())
    asked = factories.make_report(organisation=ours, author=member, asked=1)
    factories.make_report(organisation=ours, author=member)
    assert keys(ours, member, "review") == [waiting.pk], "never one's own, nor a colleague's"
    assert keys(ours, member, "changes") == [shared.pk]
    assert keys(ours, member, "questions") == [question.pk]
    assert keys(ours, member, "asked") == [asked.pk]
    shown = page_of(member)
    assert "Does it scale?" in shown
    assert "asked whether that still holds" in shown
    assert "Nothing waits" not in shown


def test_what_was_shared_with_its_open_threads_and_without_the_drafts_of_others(
    ours: Organisation, member: Person
) -> None:
    shared = factories.make_contribution(organisation=ours, author=member)
    factories.make_remark(shared.current)
    factories.make_remark(shared.current, resolved_at=timezone.now())
    draft = factories.make_contribution(organisation=ours, author=factories.make_person(organisation=ours))
    Contribution.objects.filter(pk=draft.pk).update(is_draft=True)
    [row] = Dashboard(ours, member).rows("shared")
    assert (row.pk, row.open_threads) == (shared.pk, 1)
    assert draft.pk in keys(ours, draft.author, "shared")
    assert "1 open thread on lines" in page_of(member)


@pytest.mark.attack("W16")
def test_nobody_else_sees_it(ours: Organisation, member: Person) -> None:
    factories.make_report(organisation=ours, author=member, is_named=False)
    others = factories.make_person(organisation=factories.make_organisation("Southern Hosting"))
    staff = factories.make_person(is_staff=True)
    assert "unnamed" in page_of(member), "the control"
    for person in (others, staff):
        assert signed_in(person).get("/organisations/northern-hosting/dashboard/").status_code == 403
        assert Caller(person).get("organisations/northern-hosting/dashboard/").status_code == 403
    assert Caller().get("organisations/northern-hosting/dashboard/").status_code == 401
    assert Caller(member).get("organisations/nowhere/dashboard/").status_code == 404
    factories.make_report(organisation=others.organisation, author=others)
    assert len(keys(ours, member, "runs")) == 1
    ours.memberships.filter(person=member).delete()
    assert signed_in(member).get("/organisations/northern-hosting/dashboard/").status_code == 403, "nor who left it"


def test_long_lists_are_cut_and_paged_and_ask_no_more(ours: Organisation, member: Person, component: Component) -> None:
    counted = []
    for count in (1, 11, 25):
        for _ in range(count):
            contribution = factories.make_contribution(component=component, organisation=ours, author=member)
            contribution.move(Contribution.State.CHANGES_REQUESTED)
            factories.make_comment(contribution, is_question=True)
            run = factories.make_report(organisation=ours, author=member, asked=1).contribution
            factories.make_advisory(run.current)
            factories.recompute(factories.make_contribution(component=component))
        client = signed_in(member)
        client.get("/")
        with CaptureQueriesContext(connection) as captured:
            client.get("/organisations/northern-hosting/dashboard/")
        counted.append(len(captured))
    assert len(set(counted)) == 1
    assert counted[0] <= 15
    shown = page_of(member)
    for section in set(ORDERS) - {"offers", "forks"}:
        assert f'href="?show={section}"' in shown, section
        first = signed_in(member).get(f"/organisations/northern-hosting/dashboard/?show={section}")
        [listed] = first.context["holdings"]
        second = signed_in(member).get(f"/organisations/northern-hosting/dashboard/{first.context['page'].older}")
        rows = [*listed["rows"], *second.context["holdings"][0]["rows"]]
        assert [row.pk for row in rows] == keys(ours, member, section)
        assert len(rows) == 37, section
    assert signed_in(member).get("/organisations/northern-hosting/dashboard/?show=else").status_code == 404


def test_the_way_there_for_whoever_speaks_for_one(ours: Organisation, member: Person) -> None:
    assert signed_in(member).get("/account/dashboard/")["Location"] == f"/organisations/{ours.slug}/dashboard/"
    assert signed_in(factories.make_person()).get("/account/dashboard/")["Location"] == "/organisations/"


def test_programs_read_the_same(ours: Organisation, member: Person, component: Component) -> None:
    held = factories.make_report(organisation=ours, author=member, is_named=False, asked=1).contribution
    quarantined(held)
    factories.recompute(factories.make_contribution(component=component, title="Waits"))
    shared = factories.make_contribution(organisation=ours, author=member)
    factories.make_comment(shared, "Does it scale?", is_question=True)
    told = Caller(member).get("organisations/northern-hosting/dashboard/").json()
    [run] = told["runs"]
    assert (run["contribution"], run["title"], run["is_quarantined"], run["is_named"]) == (held.pk, None, True, False)
    assert told["asked"] == told["runs"]
    assert told["recalled"][0]["title"] is None
    assert [row["title"] for row in told["review"]] == ["Waits"]
    assert [row["text"] for row in told["questions"]] == ["Does it scale?"]
    assert [row["number"] for row in told["shared"]] == [shared.pk]
    assert told["changes"] == told["more"] == []


def test_owners_change_what_is_told_of_it(ours: Organisation, member: Person) -> None:
    owner = ours.memberships.get(role="owner").person
    form = {"sector": " Telecoms ", "website": "https://north.example.org/", "about": "We host."}
    shown = signed_in(owner).post("/organisations/northern-hosting/edit/", form, follow=True).content.decode()
    for told in ("Telecoms", "https://north.example.org/", "We host."):
        assert told in shown
    assert Event.objects.get(verb="described").text == "northern-hosting: sector, about, website"
    told = Caller(owner).call("patch", "organisations/northern-hosting/", {"sector": ""}).json()
    assert (told["sector"], told["website"]) == ("", "https://north.example.org/")
    with pytest.raises(NotAllowed):
        describe(person=member, organisation=ours, about="Hijacked")


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ({"website": "javascript:alert(1)"}, Invalid),
        ({"website": "https://"}, Invalid),
        ({"website": "https://example.org/" + "a" * 200}, TooLarge),
        ({"sector": "a" * 61}, TooLarge),
        ({"about": "a" * 8001}, TooLarge),
    ],
)
def test_what_it_tells_is_checked(ours: Organisation, told: dict[str, str], refusal: type[Exception]) -> None:
    owner = ours.memberships.get(role="owner").person
    with pytest.raises(refusal):
        describe(person=owner, organisation=ours, **told)
    refused = signed_in(owner).post("/organisations/northern-hosting/edit/", told)
    assert refused.status_code in {400, 413}
    assert "errorlist" in refused.content.decode()
    ours.refresh_from_db()
    assert (ours.website, ours.sector, ours.about) == ("", "", "")
