"""A draft is told by no face of the portal to anybody but its author and staff: each page is as it was without it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from contributions.actions.following import follow
from contributions.actions.tagging import tag
from contributions.models import Contribution, Event, Notification
from contributions.pipeline.placing import note_again
from contributions.pipeline.unveiling import unveil
from tests import factories
from tests.api.test_api_access import READING
from tests.pages.conftest import Platform, body, platform, signed_in  # noqa: F401 - the fixture is asked for by name
from tests.pages.test_access import PAGES, filled
from tests.patches.test_places import HEAD, hunk

if TYPE_CHECKING:
    from contributions.models import Person

pytestmark = pytest.mark.django_db
SECRET = "quokka"
DIFF = HEAD.replace(b"proxy/server.py", b"quokka/server.py") + hunk(" a", "-b", "+quokka")
ITS_OWN = (
    "/contributions/{d}/", "/contributions/{d}/changes/", "/contributions/{d}/matrix/", "/contributions/{d}/overlaps/",
    "/contributions/{d}/discussion/", "/contributions/{d}/evidence/", "/contributions/{d}/v1.patch",
    "/contributions/{d}/fits/4.7.0/", "/contributions/{d}.atom", "/files/{raw}/0001-change.patch", "/tags/quokka/",
    "/components/swiftclient/files/quokka",
    "/api/v1/contributions/{d}/", "/api/v1/contributions/{d}/revisions/", "/api/v1/contributions/{d}/revisions/1/diff",
    "/api/v1/contributions/{d}/fits/", "/api/v1/contributions/{d}/overlaps/", "/api/v1/contributions/{d}/comments/",
)  # fmt: skip
ASKED = (
    "/contributions/?q=quokka", "/contributions/?q=file:quokka", "/contributions/?q=tag:quokka",
    "/contributions.atom?q=quokka",
    "/api/v1/contributions/?q=quokka", "/api/v1/search/complete/?q=quok", "/api/v1/search/complete/?q=tag:quo",
    "/api/v1/search/complete/?q=file:quo", "/api/v1/components/swiftclient/files/?path=quokka",
)  # fmt: skip


def make_draft(platform: Platform) -> Contribution:  # noqa: F811 - the fixture above
    """Received, judged and noted, as the workers leave it."""
    author = platform.people["author"]
    assert author is not None
    draft = factories.make_contribution(
        component=platform.component, release=platform.release, author=author, organisation=platform.organisation,
        title=f"A {SECRET} for retries", description=f"It has a {SECRET}.", received=False, is_draft=True,
    )  # fmt: skip
    revision = factories.make_revision(draft, diff=DIFF)
    factories.make_fit(revision, platform.release)
    for verb in (Event.Verb.SUBMITTED, Event.Verb.RECEIVED, Event.Verb.FITTED):
        Event.objects.write(verb, actor=author, contribution=draft, revision=revision, text=SECRET)
    tag(person=author, contribution=draft, tags=SECRET)
    note_again()
    return factories.recompute(draft)


def faces(platform: Platform) -> list[str]:  # noqa: F811 - the fixture above
    parts: dict[str, Any] = {"one": f"contributions/{platform.contribution.pk}/", "build": platform.build.pk}
    parts |= {"publication": platform.publication.pk, "artifact": platform.artifact.pk}
    fillable = [path for path in READING if set(re.findall(r"{(\w+)}", path)) <= set(parts)]
    rest = [f"/api/v1/{path.format(**parts)}" for path in fillable]
    pages = [filled(address, platform) for address in PAGES if "/account/" not in address and "{remark}" not in address]
    return [*pages, *ASKED, *rest]


def told(person: Person | None, address: str) -> str:
    """What somebody reads there, without what is another one each time: secrets of forms, ages and times."""
    answer = signed_in(person).get(address)
    text = f"{answer.status_code} {body(answer).decode('utf-8', 'replace')}"
    text = re.sub(r'name="(csrfmiddlewaretoken|once)" value="[^"]*"', "", text)
    return re.sub(
        r"<time[^>]*>[^<]*</time>|\d{4}-\d\d-\d\dT[\d:.+Z]*|\d+ (second|minute)s? ago|just now|signed_at.*", "", text
    )


@pytest.mark.attack("W16")
@pytest.mark.parametrize("role", ["stranger", "member", "maintainer"])
def test_every_face_is_as_it_was_without_the_draft(platform: Platform, role: str) -> None:  # noqa: F811
    person, addresses = platform.people[role], faces(platform)
    note_again()  # also of what the addresses are filled with
    before = {address: told(person, address) for address in addresses}
    draft = make_draft(platform)
    after = {address: told(person, address) for address in addresses}
    assert {address for address in addresses if SECRET in after[address].replace(address, "")} <= set(ASKED)
    changed = {address for address in addresses if before[address] != after[address]}
    assert changed - {"/status/", "/api/v1/status/"} == set()
    unveil(draft, actor=draft.author)
    assert SECRET in told(person, "/contributions/"), "the control"
    assert SECRET in told(person, "/api/v1/contributions/?q=retries"), "the control"


@pytest.mark.attack("W16")
def test_what_belongs_to_a_draft_is_there_for_its_author_and_staff_alone(platform: Platform) -> None:  # noqa: F811
    draft = make_draft(platform)
    addresses = [address.format(d=draft.pk, raw=draft.current.raw_id) for address in ITS_OWN]
    for role in ("stranger", "member", "maintainer"):
        assert {address: platform.status(role, address) for address in addresses} == dict.fromkeys(addresses, 404)
    for role in ("author", "staff"):
        statuses = {address: platform.status(role, address) for address in addresses}
        assert {address for address, status in statuses.items() if status != 200} <= {
            f"/contributions/{draft.pk}.atom"
        }  # no feed of a draft


@pytest.mark.attack("W16")
def test_those_who_follow_are_told_when_it_is_public_and_not_before(platform: Platform) -> None:  # noqa: F811
    member = platform.people["member"]
    assert member is not None
    follow(person=member, thing=platform.component)
    draft = make_draft(platform)
    assert not Notification.objects.filter(person=member, event__contribution=draft).exists()
    assert SECRET not in told(member, "/notifications/")
