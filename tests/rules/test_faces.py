"""The rules as people and machines see and set them: pages, the REST API, the administration and the commands."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from contributions.actions.sources import Note
from contributions.actions.submitting import submit
from contributions.errors import Invalid
from contributions.models import Component, Contribution, Event, Membership, Person, Release, UpstreamFetch
from tests import factories
from tests.api.conftest import Caller, make_token
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db
SETTINGS = "/components/swift/settings/"


@pytest.fixture
def maintainer() -> Person:
    return factories.make_person("maintainer")


@pytest.fixture
def component(maintainer: Person) -> Component:
    return factories.make_component("swift", maintainers=(maintainer,), name="Swift", cool_down_days=3)


@pytest.fixture
def contribution(component: Component) -> Contribution:
    author = factories.make_person("author", organisation=factories.make_organisation("An operator"))
    release = factories.make_release(component, "1.0")
    return factories.make_contribution(release=release, author=author, organisation=author.organisation)


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


def form_of(component: Component, **given: Any) -> dict[str, Any]:
    usual = {"approvals_needed": "1", "executable_approvals_needed": "2", "cool_down_days": "3"}
    return usual | {"accepted_licences": "", "seen": component.rules_digest} | given


def test_a_stranger_reads_each_rule_with_its_state_in_words(contribution: Contribution) -> None:
    seen = text_of(signed_in(None), f"/contributions/{contribution.pk}/")
    assert "It waits for approvals and the cool-down." in seen
    assert "waiting 1 maintainer approves it, none of them its author or a colleague 0 of 1." in seen
    assert "met No maintainer asks for changes or rejects it" in seen
    assert "3 days after v1 of a first-time contributor." in seen
    assert "not asked No build is needed Swift asks for none." in seen
    assert "met Its licence is Apache-2.0 It is Apache-2.0." in seen


def test_what_is_approved_says_by_which_rules(contribution: Contribution) -> None:
    factories.approve(contribution)
    page = f"/contributions/{contribution.pk}/"
    assert "It was approved by the rules of its day." in text_of(signed_in(None), page)
    factories.make_review(contribution.current, reviewer=contribution.component.maintainers.get())
    assert "It is approved." in text_of(signed_in(None), page)


def test_a_colleague_is_told_before_that_the_approval_will_not_count(
    contribution: Contribution, maintainer: Person
) -> None:
    page = f"/contributions/{contribution.pk}/"
    assert "does not count" not in text_of(signed_in(maintainer), page)
    Membership.objects.create(organisation=contribution.organisation, person=maintainer)
    assert "your approval is shown and does not count" in text_of(signed_in(maintainer), page)


def test_an_account_that_changed_hands_wears_a_banner_for_a_while(contribution: Contribution) -> None:
    pages = [f"/contributions/{contribution.pk}/", f"/contributions/{contribution.pk}/changes/", "/people/author/"]
    for ago, shown in ((1, True), (31, False)):
        Person.objects.filter(username="author").update(changed_hands_at=timezone.now() - timedelta(days=ago))
        for page in pages:
            assert ("may have changed hands" in text_of(signed_in(None), page)) is shown, page


def test_an_organisation_with_other_owners_wears_a_banner_for_a_while(contribution: Contribution) -> None:
    organisation = contribution.organisation
    assert organisation
    for ago, shown in ((1, True), (31, False)):
        organisation.changed_hands_at = timezone.now() - timedelta(days=ago)
        organisation.save()
        for page in (f"/contributions/{contribution.pk}/", organisation.get_absolute_url()):
            assert ("other owners than before" in text_of(signed_in(None), page)) is shown, page


def test_a_maintainer_sets_the_rules_and_everybody_sees_who_did(component: Component, maintainer: Person) -> None:
    client = signed_in(maintainer)
    form = form_of(component, approvals_needed="2", sign_off_needed="on", accepted_licences="MIT, 0BSD\n MIT\n")
    assert client.post(SETTINGS, form)["Location"] == SETTINGS
    component.refresh_from_db()
    assert (component.approvals_needed, component.sign_off_needed) == (2, True)
    assert component.accepted_licences == ["MIT", "0BSD"]
    for page in ("/components/swift/", "/components/swift/rules/"):
        seen = text_of(signed_in(None), page)
        assert "maintainer : Approvals needed: 1 → 2. Sign off needed: no → yes." in seen
        assert "Its licence is Apache-2.0, MIT or 0BSD." in seen
    assert "MIT 0BSD" in text_of(client, SETTINGS)


@pytest.mark.parametrize(
    ("changed", "status", "sentence"),
    [
        ({"approvals_needed": "0"}, 400, "greater than or equal to 1"),
        ({"cool_down_days": "400"}, 400, "less than or equal to 90"),
        ({"cool_down_days": "soon"}, 400, "Enter a whole number"),
        ({"accepted_licences": "all of them!"}, 400, "is no SPDX expression"),
        ({"seen": "0" * 64}, 409, "Somebody changed the rules meanwhile"),
    ],
)
def test_what_cannot_be_set_is_said_beside_what_was_typed(
    component: Component, maintainer: Person, changed: dict[str, str], status: int, sentence: str
) -> None:
    answer = signed_in(maintainer).post(SETTINGS, form_of(component, executable_approvals_needed="7") | changed)
    assert answer.status_code == status
    page = answer.content.decode()
    assert sentence in page
    assert 'name="executable_approvals_needed" value="7"' in page
    component.refresh_from_db()
    assert component.executable_approvals_needed == 2


def test_a_maintainer_retires_and_supports_releases_and_pulls(contribution: Contribution, maintainer: Person) -> None:
    client, slug = signed_in(maintainer), contribution.release.slug  # type: ignore[union-attr]
    client.post("/components/swift/retire/", {"release": slug})
    assert Release.objects.get().state == "retired"
    client.post("/components/swift/support/", {"release": slug})
    assert Release.objects.get().state == "supported"
    client.post("/components/swift/fetch/")
    assert UpstreamFetch.objects.get().state == "queued"
    assert client.post("/components/swift/retire/", {"release": "none\0"}).status_code == 404
    assert client.post("/components/none/fetch/").status_code == 404


def test_machines_read_and_set_the_same(contribution: Contribution, maintainer: Person) -> None:
    caller, stranger = Caller(maintainer, make_token(maintainer, "review")), Caller()
    rules = "components/swift/rules/"
    assert stranger.get(rules).json()["cool_down_days"] == 3
    given = {"cool_down_days": 0, "accepted_licences": ["MIT"]}
    answer = caller.call("patch", rules, given)
    assert answer.status_code == 200
    assert answer.json() | given == answer.json()
    assert answer.json()["sentences"][-1] == "Its licence is Apache-2.0 or MIT."
    assert Event.objects.get(verb="ruled").actor == maintainer
    for wrong in ({"cool_down_days": "0"}, {"approvals_needed": 0}, {"accepted_licences": ["?"]}, {"licence": "MIT"}):
        assert caller.call("patch", rules, wrong).status_code == 400, wrong
    found = stranger.get(f"contributions/{contribution.pk}/checklist/").json()
    assert (found["state"], found["revision"], found["is_met"]) == ("open", 1, False)
    assert found["summary"] == "It waits for approvals."
    assert {check["rule"]: check["state"] for check in found["checks"]} == {
        "approvals": "waiting",
        "objections": "met",
        "cool-down": "not-asked",
        "green-build": "not-asked",
        "licence": "met",
        "sign-off": "not-asked",
    }
    release = f"components/swift/releases/{contribution.release.slug}/"  # type: ignore[union-attr]
    assert caller.post(f"{release}retire/").json()["state"] == "retired"
    assert caller.post("components/swift/releases/1.0/support/").json()["state"] == "supported"
    assert caller.post("components/swift/releases/9.0/support/").status_code == 404
    assert caller.post("components/swift/fetch/").json()["state"] == "queued"


def test_the_checklist_of_what_is_not_received_has_no_checks(component: Component) -> None:
    sent = factories.make_contribution(component=component, received=False)
    found = Caller(sent.author).get(f"contributions/{sent.pk}/checklist/").json()
    assert (found["checks"], found["is_met"], found["is_approved_by_people"]) == ([], False, False)
    assert Caller().get(f"contributions/{sent.pk}/checklist/").status_code == 404


# licences


def share(component: Component, licence: str) -> Contribution:
    return submit(
        author=factories.make_person(), component=component, kind="experience", title="A note", release=None,
        source=Note("It runs."), description="It runs.", licence=licence,
    )  # fmt: skip


def test_a_licence_that_the_component_does_not_take_is_refused_at_once(component: Component) -> None:
    component.accepted_licences = ["MIT"]
    component.save()
    for licence in ("", "MIT", "Apache-2.0 OR GPL-3.0-only"):
        assert share(component, licence).licence == licence
    with pytest.raises(Invalid, match=r"Swift takes work under Apache-2\.0 or MIT, not GPL-3\.0-only\."):
        share(component, "GPL-3.0-only")
    with pytest.raises(Invalid, match="SPDX"):
        share(component, "?" * 10)
    assert share(factories.make_component(licence=""), "GPL-3.0-only").licence == "GPL-3.0-only"


def test_an_author_chooses_a_licence_by_page_and_by_rest(component: Component) -> None:
    author = factories.make_person()
    assert "The component's own" not in text_of(signed_in(author), "/submit/"), "there is nothing to choose"
    component.accepted_licences = ["MIT"]
    component.save()
    assert "MIT (for Swift)" in text_of(signed_in(author), "/submit/")
    form = {"component": "swift", "kind": "experience", "title": "A note", "description": "It runs.", "licence": "MIT"}
    assert signed_in(author).post("/submit/", form).status_code == 302
    made = Caller(author, make_token(author, "write")).post("contributions/", form).json()
    assert made["licence"] == "MIT"
    own = (
        Caller(author, make_token(author, "write")).post("contributions/", form | {"licence": "", "title": "B"}).json()
    )
    assert own["licence"] == "Apache-2.0"
    assert list(Contribution.objects.order_by("pk").values_list("licence", flat=True)) == ["MIT", "MIT", ""]
    assert Caller(author).post("contributions/", form | {"licence": "GPL-3.0-only"}).status_code == 400


# staff and operators


def test_staff_change_rules_and_maintainers_in_the_administration_and_leave_a_trace(component: Component) -> None:
    boss, other = factories.make_person("boss", is_staff=True, is_superuser=True), factories.make_person("other")
    waiting = factories.make_contribution(component=component)
    form = {
        "slug": "swift", "name": "Swift", "upstream_url": component.upstream_url, "release_pattern": r"\d+",
        "licence": "MIT", "approvals_needed": "3", "executable_approvals_needed": "2", "cool_down_days": "3",
        "watch_minutes": "60", "accepted_licences": "[]", "maintainers": [str(other.pk)],
        "recipe-TOTAL_FORMS": "0", "recipe-INITIAL_FORMS": "0",
    }  # fmt: skip
    address = f"/admin/contributions/component/{component.pk}/change/"
    assert signed_in(boss).post(address, form).status_code == 302
    told = Event.objects.filter(verb="ruled").order_by("pk").values_list("text", "actor__username")
    assert list(told) == [
        ("Approvals needed: 1 → 3. Licence: Apache-2.0 → MIT.", "boss"),
        ("other maintains it, maintainer maintains it no more.", "boss"),
    ]
    waiting.refresh_from_db()
    assert waiting.settles_at is not None
    assert signed_in(boss).post(address, form).status_code == 302
    assert Event.objects.filter(verb="ruled").count() == 2, "nothing changed"
    assert signed_in(boss).post(address, form | {"accepted_licences": '["?"]'}).status_code == 200


def test_the_command_sets_the_named_rules_and_tells_all(component: Component, capsys: Any) -> None:
    call_command("set_rules", "swift", "--approvals", "2", "--sign-off", "--accept-licence", "MIT")
    component.refresh_from_db()
    assert (component.approvals_needed, component.sign_off_needed, component.cool_down_days) == (2, True, 3)
    assert "- 2 maintainers approve it (2 if it is an executable)" in capsys.readouterr().out
    assert Event.objects.get(verb="ruled").actor is None
    call_command("set_rules", "swift", "--no-sign-off", "--green-build", "--cool-down-days", "0")
    component.refresh_from_db()
    assert (component.sign_off_needed, component.green_build_needed, component.cool_down_days) == (False, True, 0)
    with pytest.raises(CommandError, match="no component"):
        call_command("set_rules", "none")
    with pytest.raises(CommandError, match="Approvals needed"):
        call_command("set_rules", "swift", "--approvals", "0")
