"""The forecast as a page and as JSON: its groups, whose it is, and how it says that it cannot be made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from contributions.models import ApiToken, Contribution
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Person, Release, Stack

pytestmark = pytest.mark.django_db


@pytest.fixture
def old() -> Release:
    component = factories.make_component("swift", upstream_url="https://github.com/openstack/swift.git")
    return factories.make_release(component, "2.36.0")


@pytest.fixture
def new(old: Release) -> Release:
    return factories.make_release(old.component, "2.37.0")


@pytest.fixture
def member() -> Person:
    return factories.make_person("member", organisation=factories.make_organisation("Northern Hosting"))


def patch(title: str, release: Release, state: str = "applies", **given: Any) -> Contribution:
    made: Contribution = factories.make_contribution(component=release.component, title=title)
    factories.make_fit(made.current, release, state=state, **given)
    return made


@pytest.fixture
def stack(member: Person, old: Release, new: Release) -> Stack:
    blame = [{"path": "swift/a.py", "commit": "cd" * 20, "subject": "Tidy <up>", "hunks": 3}]
    return factories.make_stack(
        patch("Kept", new),
        patch("Gone", new, "upstream", upstream_commit="ab" * 20, evidence="patch-id"),
        patch("Stuck", new, "conflicts", conflicts=["swift/a.py"], blame=blame),
        author=member,
        organisation=member.organisation,
        release=old,
    )


def page(stack: Stack, query: str = "", person: Person | None = None, status: int = 200) -> str:
    client = signed_in(person) if person else Client()
    answer = client.get(f"/stacks/{stack.pk}/forecast/?{query}")
    assert answer.status_code == status
    return answer.content.decode()


def test_what_takes_work_comes_first_with_its_size_and_who_is_to_blame(
    member: Person, stack: Stack, new: Release
) -> None:
    text = page(stack, "", member)
    assert re.findall(r'<h2 id="(\w+)">', text) == ["work", "drop", "carry"]
    assert "1 to drop, 1 carry, 1 needs work" in text
    assert "3 hunks in 1 file" in text
    assert f'href="https://github.com/openstack/swift/commit/{"cd" * 20}"' in text
    assert "Tidy &lt;up&gt;" in text
    assert f'href="https://github.com/openstack/swift/commit/{"ab" * 20}"' in text
    stuck = stack.picks.get(contribution__title="Stuck").contribution
    assert f'href="/contributions/{stuck.pk}/fits/{new.name}/"' in text


def test_the_newest_release_after_the_stacks_own_is_meant_unless_another_is_asked_for(
    member: Person, stack: Stack, old: Release, new: Release
) -> None:
    assert "On 2.37.0:" in page(stack, "", member)
    assert "On 2.36.0:" in page(stack, f"release={old.slug}", member)
    assert "On 2.37.0:" in page(stack, "release=2.37.0", member)
    page(stack, "release=9.9", member, 404)
    new.state = "retired"
    new.save()
    page(stack, f"release={new.slug}", member, 404)


def test_without_a_release_or_rows_it_says_so(member: Person, stack: Stack) -> None:
    stack.picks.all().delete()
    assert "There is nothing in it" in page(stack, "", member)
    stack.component.releases.update(state="retired")
    assert "There is no supported release" in page(stack, "", member)


def test_a_private_stacks_forecast_is_its_peoples_and_a_public_ones_shows_what_may_be_seen(
    member: Person, stack: Stack
) -> None:
    Contribution.objects.filter(title="Stuck").update(is_draft=True)
    page(stack, "", factories.make_person(), 404)
    page(stack, status=404)
    type(stack).objects.update(is_public=True)
    text = page(stack)
    assert ("Kept" in text, "Stuck" in text) == (True, False)
    assert "Stuck" not in page(stack, "", member)


def test_an_organisations_forecast_is_for_its_members(member: Person, old: Release, new: Release) -> None:
    run = patch("Run", new, "merges")
    factories.make_report(run, old, organisation=member.organisation, is_named=False)
    address = "/organisations/northern-hosting/forecast/"
    text = signed_in(member).get(address).content.decode()
    assert "On 2.37.0: 1 carry." in text
    assert signed_in(factories.make_person()).get(address).status_code == 403
    assert "Run" not in Client().get(address, follow=True).content.decode()


def test_an_organisation_that_carries_nothing_is_told_so(member: Person) -> None:
    text = signed_in(member).get("/organisations/northern-hosting/forecast/").content.decode()
    assert "nothing is carried yet" in text


def test_the_page_of_a_release_and_the_dashboard_lead_there(member: Person, stack: Stack, new: Release) -> None:
    client = signed_in(member)
    assert (
        f'href="/stacks/{stack.pk}/forecast/?release={new.slug}"' in client.get(new.get_absolute_url()).content.decode()
    )
    assert f"/stacks/{stack.pk}/" not in Client().get(new.get_absolute_url()).content.decode()
    board = client.get("/organisations/northern-hosting/dashboard/").content.decode()
    assert 'href="/organisations/northern-hosting/forecast/"' in board
    assert 'href="/organisations/northern-hosting/matrix/"' in board


def call(path: str, person: Person | None = None, *scopes: str, status: int = 200) -> dict[str, Any]:
    headers = {}
    if person is not None:
        secret = ApiToken.make_secret()
        given = {"prefix": secret[:8], "digest": ApiToken.digest_of(secret), "scopes": list(scopes)}
        ApiToken.objects.create(person=person, name="ci", **given)
        headers = {"Authorization": f"Token {secret}"}
    answer = Client().get(f"/api/v1/{path}", headers=headers)
    assert answer.status_code == status, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_machines_read_the_same(member: Person, stack: Stack, new: Release) -> None:
    told = call(f"stacks/{stack.pk}/forecast/", member, "read")
    assert told["totals"] == {"drop": 1, "carry": 1, "port": 0, "work": 1, "unknown": 0}
    assert (told["component"], told["release"], told["commit"]) == ("swift", "2.37.0", new.commit)
    assert (told["is_judged"], told["is_candidate"]) == (True, False)
    rows = {row["title"]: row for row in told["rows"]}
    assert (rows["Stuck"]["do"], rows["Stuck"]["hunks"], rows["Stuck"]["conflicts"]) == ("work", 3, ["swift/a.py"])
    assert rows["Stuck"]["blame"][0]["commit"] == "cd" * 20
    assert rows["Gone"]["upstream_commit"] == "ab" * 20
    assert rows["Kept"]["port"] is None


def test_a_token_without_the_scope_and_a_stranger_read_nothing_private(member: Person, stack: Stack) -> None:
    call(f"stacks/{stack.pk}/forecast/", member, "write", status=404)
    call(f"stacks/{stack.pk}/forecast/", status=404)
    call("organisations/northern-hosting/forecast/", member, "write", status=403)
    call("organisations/northern-hosting/forecast/", factories.make_person(), "read", status=403)
    call("organisations/northern-hosting/forecast/", status=401)
    call("organisations/northern-hosting/forecast/", member, "read")
