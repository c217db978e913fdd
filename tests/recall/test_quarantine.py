"""Quarantine: out of everybody's sight and out of pip's reach at once, on every face; and back as it was."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.db import close_old_connections, transaction

from contributions.actions.commenting import comment, edit_comment
from contributions.actions.quarantining import (
    quarantine,
    quarantine_publication,
    restore,
    restore_publication,
)
from contributions.actions.rebuilding import build_again
from contributions.actions.reporting import report
from contributions.actions.submitting import revise
from contributions.actions.voting import vote
from contributions.actions.withdrawing import withdraw, withdraw_publication
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, Publication
from contributions.pipeline.publishing import forgotten, publish
from tests import factories
from tests.pages.conftest import body

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Person
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db
WHY = "It opens a shell to the world."
ROLES = ("stranger", "member", "author", "maintainer", "staff")
INSIDERS = {"author", "maintainer", "staff"}
OF_ITSELF = (
    "/contributions/{c}/",
    "/contributions/{c}/changes/",
    "/contributions/{c}/matrix/",
    "/contributions/{c}/fits/4.7.0/",
    "/contributions/{c}/discussion/",
    "/contributions/{c}/evidence/",
    "/contributions/{c}/v1.patch",
    "/builds/{build}/",
    "/builds/{build}/log/",
    "/publications/{publication}/",
    "/files/{sha256}/{name}",
    "/api/v1/contributions/{c}/",
    "/api/v1/contributions/{c}/revisions/1/patch",
    "/api/v1/contributions/{c}/comments/",
    "/api/v1/contributions/{c}/fits/",
    "/api/v1/builds/{build}/",
    "/api/v1/builds/{build}/log",
    "/api/v1/publications/{publication}/",
)
LISTS = (
    "/",
    "/contributions/",
    "/search/?q=backoff",  # in the lines that it adds, so that its title has no mark
    "/components/swiftclient/",
    "/components/swiftclient/releases/4.7.0/",
    "/builds/",
    "/published/",
    "/people/author/",
    "/organisations/northern-hosting/",
    "/feed.atom",
    "/api/v1/contributions/",
    "/api/v1/contributions/?release=4.7.0&q=retries",
    "/api/v1/publications/",
)


def filled(text: str, platform: Platform) -> str:
    names = {"c": platform.contribution.pk, "build": platform.build.pk, "publication": platform.publication.pk}
    return text.format(sha256=platform.artifact.sha256, name=platform.artifact.name, **names)


def tells_of(platform: Platform, role: str, address: str) -> bool:
    """Whether a list names the contribution, by its title or by its build."""
    answer = body(platform.client(role).get(address)).decode()
    return platform.contribution.title in answer or f"/builds/{platform.build.pk}/" in answer


@pytest.fixture(autouse=True)
def _of_an_organisation(platform: Platform) -> None:
    platform.contribution.organisation = platform.organisation
    platform.contribution.save(update_fields=["organisation"])


def staff_of(platform: Platform) -> Any:
    return platform.people["staff"]


@pytest.mark.attack("T12")
def test_what_is_in_quarantine_is_there_for_insiders_alone_and_comes_back(platform: Platform) -> None:
    addresses = [filled(address, platform) for address in OF_ITSELF]
    before = {(role, address): platform.status(role, address) for role in ROLES for address in addresses}
    assert set(before.values()) == {200}
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    for role in ROLES:
        wanted = 200 if role in INSIDERS else 404
        assert {address: platform.status(role, address) for address in addresses} == dict.fromkeys(addresses, wanted)
    restore(person=staff_of(platform), contribution=platform.contribution, reason="A false alarm.")
    assert {(role, address): platform.status(role, address) for role in ROLES for address in addresses} == before


@pytest.mark.attack("T12")
@pytest.mark.parametrize("address", LISTS)
def test_no_list_tells_of_what_is_in_quarantine(platform: Platform, address: str) -> None:
    assert tells_of(platform, "member", address)
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    assert not tells_of(platform, "member", address)
    restore(person=staff_of(platform), contribution=platform.contribution, reason="A false alarm.")
    assert tells_of(platform, "member", address)


@pytest.mark.attack("T12")
def test_pip_does_not_find_what_is_in_quarantine_whoever_asks(platform: Platform) -> None:
    index = f"/simple/{platform.release.slug}/swift-client/"
    assert [platform.status(role, index) for role in ROLES] == [200] * 5
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    assert [platform.status(role, index) for role in ROLES] == [404] * 5


def test_counts_leave_it_out(platform: Platform) -> None:
    def counted(address: str) -> str:
        return body(platform.client("member").get(address)).decode().partition("<main")[2]

    pages = {address: counted(address) for address in ("/components/", "/organisations/")}
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    assert all(counted(address) != page for address, page in pages.items())
    restore(person=staff_of(platform), contribution=platform.contribution, reason="A false alarm.")
    assert {address: counted(address) for address in pages} == pages


def test_the_feed_says_that_it_is_held_and_what_bytes_it_was_but_nothing_else(platform: Platform) -> None:
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    [entry] = platform.client("stranger").get("/api/v1/feed/").json()["results"]
    assert (entry["event"], entry["live"], entry["title"], entry["reason"]) == ("held", False, "", WHY)
    assert [file["sha256"] for file in entry["artifacts"]] == [platform.artifact.sha256]
    restore(person=staff_of(platform), contribution=platform.contribution, reason="A false alarm.")
    entries = platform.client("stranger").get("/api/v1/feed/").json()["results"]
    assert [(entry["event"], entry["live"]) for entry in entries] == [
        ("freed", True),
        ("held", True),
        ("published", True),
    ]


@pytest.mark.parametrize("address", ["/api/v1/feed/", "/feed.atom"])
def test_whoever_knew_the_feed_hears_of_quarantine_even_of_what_is_not_live(platform: Platform, address: str) -> None:
    withdraw_publication(person=staff_of(platform), publication=platform.publication, reason="Old.")

    def ask(etag: str) -> Any:
        return platform.client("stranger").get(address, headers={"If-None-Match": etag})

    known = ask("none")["ETag"]
    assert ask(known).status_code == 304
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    assert ask(known).status_code == 200
    restore(person=staff_of(platform), contribution=platform.contribution, reason="A false alarm.")
    assert ask(known).status_code == 304


def acts(platform: Platform) -> dict[str, tuple[Person, Callable[[Any], Any]]]:
    it, of = platform.contribution, platform.people
    member, author = of["member"], of["author"]
    assert member is not None
    assert author is not None
    return {
        "vote": (member, lambda who: vote(person=who, contribution=it, value=1)),
        "comment": (member, lambda who: comment(author=who, contribution=it, text="Hm.")),
        "edit": (member, lambda who: edit_comment(person=who, comment=platform.comment, text="Hm.")),
        "report": (
            member,
            lambda who: report(author=who, contribution=it, release=platform.release, outcome="works", stage="lab"),
        ),
        "build": (author, lambda who: build_again(person=who, revision=it.current, release=platform.release)),
        "revise": (author, lambda who: revise(author=who, contribution=it, source=None)),  # type: ignore[arg-type]
    }


@pytest.mark.parametrize("act", ["vote", "comment", "edit", "report", "build", "revise"])
def test_nothing_is_added_to_what_is_in_quarantine(platform: Platform, act: str) -> None:
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    person, do = acts(platform)[act]
    with pytest.raises(Clash, match="in quarantine"):
        do(person)
    restore(person=staff_of(platform), contribution=platform.contribution, reason="A false alarm.")
    if act != "revise":
        do(person)


def test_staff_still_speak_about_it(platform: Platform) -> None:
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    comment(author=staff_of(platform), contribution=platform.contribution, text="We are looking at it.")


@pytest.mark.parametrize("role", ["member", "author", "maintainer"])
def test_only_staff_put_things_there(platform: Platform, role: str) -> None:
    person: Any = platform.people[role]
    with pytest.raises(NotAllowed):
        quarantine(person=person, contribution=platform.contribution, reason=WHY)
    with pytest.raises(NotAllowed):
        quarantine_publication(person=person, publication=platform.publication, reason=WHY)
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    with pytest.raises(NotAllowed):
        restore(person=person, contribution=platform.contribution, reason=WHY)


def test_it_wants_a_reason(platform: Platform) -> None:
    with pytest.raises(Invalid):
        quarantine(person=staff_of(platform), contribution=platform.contribution, reason="  ")
    assert Publication.objects.live().count() == 1


def test_doing_it_twice_is_a_clash_and_tells_once(platform: Platform) -> None:
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    with pytest.raises(Clash):
        quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    assert Event.objects.filter(verb=Event.Verb.HELD).count() == 1
    restore(person=staff_of(platform), contribution=platform.contribution, reason="Fine.")
    with pytest.raises(Clash):
        restore(person=staff_of(platform), contribution=platform.contribution, reason="Fine.")


def test_one_held_publication_is_out_of_reach_while_its_contribution_stays(platform: Platform) -> None:
    quarantine_publication(person=staff_of(platform), publication=platform.publication, reason=WHY)
    file, page = (filled(address, platform) for address in ("/files/{sha256}/{name}", "/publications/{publication}/"))
    for address in (file, page):
        assert [platform.status(role, address) for role in ROLES] == [404, 404, 200, 200, 200]
    assert platform.status("stranger", f"/contributions/{platform.contribution.pk}/") == 200
    assert platform.status("stranger", f"/simple/{platform.release.slug}/swift-client/") == 404
    restore_publication(person=staff_of(platform), publication=platform.publication, reason="Fine.")
    assert platform.status("stranger", file) == 200
    assert platform.status("stranger", f"/simple/{platform.release.slug}/swift-client/") == 200


def test_what_was_held_by_itself_is_not_freed_with_its_contribution(platform: Platform) -> None:
    quarantine_publication(person=staff_of(platform), publication=platform.publication, reason=WHY)
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason="All of it.")
    restore(person=staff_of(platform), contribution=platform.contribution, reason="Most is fine.")
    platform.publication.refresh_from_db()
    assert (platform.publication.state, platform.publication.reason) == ("quarantined", WHY)


def test_its_author_cannot_bring_its_files_back_by_withdrawing_it(platform: Platform) -> None:
    author: Any = platform.people["author"]
    quarantine_publication(person=staff_of(platform), publication=platform.publication, reason=WHY)
    with pytest.raises(NotAllowed):
        withdraw_publication(person=author, publication=platform.publication, reason="Sorry.")
    withdraw(person=author, contribution=platform.contribution, reason="Sorry.")
    assert platform.status("stranger", filled("/files/{sha256}/{name}", platform)) == 404
    publication = restore_publication(person=staff_of(platform), publication=platform.publication, reason="Fine.")
    assert publication.state == Publication.State.WITHDRAWN


def test_nothing_is_published_from_quarantine_and_all_of_it_afterwards(platform: Platform) -> None:
    platform.contribution.move(Contribution.State.APPROVED)
    other = factories.make_release(platform.component, "4.8.0")
    factories.make_artifact(factories.make_build(platform.contribution.current, other))
    assert forgotten(10) == [platform.contribution.pk]
    quarantine(person=staff_of(platform), contribution=platform.contribution, reason=WHY)
    assert (publish(platform.contribution.pk), forgotten(10)) == ([], [])
    restore(person=staff_of(platform), contribution=platform.contribution, reason="Fine.")
    assert [made.release for made in publish(platform.contribution.pk)] == [other]


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_puts_it_there(platform: Platform) -> None:
    said: list[str] = []

    def put() -> None:
        contribution = Contribution.objects.get(pk=platform.contribution.pk)
        try:
            quarantine(person=staff_of(platform), contribution=contribution, reason=WHY)
            said.append("done")
        except Clash as clash:
            said.append(clash.sentence)
        finally:
            close_old_connections()
            transaction.get_connection().close()

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["It is in quarantine already."] * 3 + ["done"]
    assert Event.objects.filter(verb__in=[Event.Verb.HELD, Event.Verb.QUARANTINED]).count() == 2
