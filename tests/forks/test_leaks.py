"""A fork and its drafts are told to members of the organisation alone: each face is as it was without them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from contributions.actions.following import follow
from contributions.actions.sharing import share
from contributions.models import Contribution, Event, Fork, Notification
from contributions.pipeline.placing import note_again
from contributions.pipeline.telling import tell_waiting
from tests import factories
from tests.overlaps.test_leaks import ASKED, DIFF, ITS_OWN, SECRET, faces, told
from tests.pages.conftest import platform  # noqa: F401 - the fixture is asked for by name

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db
OWN = (
    "/forks/{f}/", "/api/v1/forks/{f}/", "/api/v1/forks/{f}/patches/",
)  # fmt: skip
LISTS = ("/forks/", "/api/v1/forks/")


def make_secret_fork(platform: Platform) -> tuple[Fork, Contribution]:  # noqa: F811
    """As the workers leave it: a draft that was received, judged and noted."""
    author = platform.people["author"]
    assert author is not None
    fork = Fork.objects.create(
        component=platform.component, author=author, organisation=platform.organisation, release=platform.release,
        git_url=f"https://git.example.org/{SECRET}.git", state="done", note=SECRET,
    )  # fmt: skip
    draft = factories.make_contribution(
        component=platform.component, release=platform.release, author=author, organisation=platform.organisation,
        title=f"A {SECRET} for retries", description=f"It has a {SECRET}.", received=False, is_draft=True,
        is_internal=True,
    )  # fmt: skip
    revision = factories.make_revision(draft, diff=DIFF, source="fork")
    factories.make_fit(revision, platform.release)
    factories.make_carried(fork, contribution=draft, title=draft.title)
    Event.objects.write(Event.Verb.UNMASKED, actor=author, organisation=platform.organisation, text=SECRET)
    for verb in (Event.Verb.UNMASKED, Event.Verb.RECEIVED, Event.Verb.FITTED):
        Event.objects.write(verb, contribution=draft, revision=revision, release=platform.release, text=SECRET)
    note_again()
    return fork, factories.recompute(draft)


@pytest.mark.attack("W16")
@pytest.mark.parametrize("role", ["stranger", "member", "maintainer"])
def test_every_face_is_as_it_was_without_the_fork(platform: Platform, role: str) -> None:  # noqa: F811
    person = platform.people[role]
    addresses = [*faces(platform), *(LISTS if person else ())]
    addresses = [address for address in addresses if not re.search(r"/forks/\d", address)]
    note_again()
    before = {address: told(person, address) for address in addresses}
    _, draft = make_secret_fork(platform)
    after = {address: told(person, address) for address in addresses}
    assert {address for address in addresses if SECRET in after[address].replace(address, "")} <= set(ASKED)
    changed = {address for address in addresses if before[address] != after[address]}
    assert changed - {"/status/", "/api/v1/status/"} == set()
    share(person=draft.author, contribution=draft)
    assert SECRET in told(person, "/contributions/"), "the control"


@pytest.mark.attack("W16")
def test_what_belongs_to_it_is_there_for_members_of_the_organisation(platform: Platform) -> None:  # noqa: F811
    fork, draft = make_secret_fork(platform)
    assert draft.current is not None
    addresses = [address.format(d=draft.pk, raw=draft.current.raw_id) for address in ITS_OWN if "/tags/" not in address]
    own = [address.format(f=fork.pk) for address in OWN]
    platform.people["colleague"] = factories.make_person(organisation=platform.organisation)
    for role in ("member", "maintainer"):
        assert {address: platform.status(role, address) for address in (*addresses, *own)} == dict.fromkeys(
            (*addresses, *own), 404
        )
    for role in ("author", "colleague"):
        statuses = {address: platform.status(role, address) for address in (*addresses, *own)}
        assert {address for address, status in statuses.items() if status != 200} <= {f"/contributions/{draft.pk}.atom"}
    assert {platform.status("staff", address) for address in own} == {404}, "staff see drafts, and never a fork"
    Contribution.objects.filter(pk=draft.pk).update(is_internal=False)
    assert platform.status("colleague", f"/contributions/{draft.pk}/") == 404, "the control: a draft of another sort"


@pytest.mark.attack("W16")
def test_nobody_hears_of_it(platform: Platform) -> None:  # noqa: F811
    peers = [platform.people["member"], factories.make_person(organisation=platform.organisation)]
    for peer in peers:
        assert peer is not None
        follow(person=peer, thing=platform.component)
        follow(person=peer, thing=platform.organisation)
    platform.component.maintainers.add(factories.make_person(is_staff=True))
    tell_waiting()
    before = set(Notification.objects.values_list("pk", flat=True))
    fork, draft = make_secret_fork(platform)
    tell_waiting()
    assert set(Notification.objects.values_list("pk", flat=True)) == before
    share(person=fork.author, contribution=draft)
    tell_waiting()
    assert set(Notification.objects.values_list("pk", flat=True)) > before, "the control"
