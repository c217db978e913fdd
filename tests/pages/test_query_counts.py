"""Every list costs the same number of queries for one row and for thirty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.models import Event, Follow, Fork
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Component, Contribution, Person, Release

pytestmark = pytest.mark.django_db

LISTS = [
    "/",
    "/contributions/",
    "/contributions/?component=swift&order=active",
    "/search/?q=retries",
    "/search/?q=retries+component:swift+fits:1.0+file:shell.py+is:open+-kind:experience&order=newest",
    "/components/",
    "/components/swift/",
    "/components/swift/rules/",
    "/components/swift/settings/",
    "/components/swift/watching/",
    "/components/swift/releases/1.0/",
    "/components/swift/releases/1.0/ports/",
    "/builds/",
    "/status/",
    "/published/",
    "/keys/",
    "/organisations/",
    "/organisations/lists/",
    "/people/lister/",
    "/review/",
    "/notifications/",
    "/account/following/",
    "/account/tokens/",
    "/contributions/{c}/",
    "/contributions/{c}/matrix/",
    "/contributions/{c}/fits/1.0/",
    "/contributions/{c}/changes/",
    "/contributions/{c}/overlaps/",
    "/components/swift/files/",
    "/components/swift/matrix/",
    "/components/swift/matrix/?q=fits:1.0&view=picture",
    "/organisations/lists/matrix/",
    "/organisations/lists/forecast/",
    "/forks/",
    "/forks/{fork}/",
    "/tags/",
    "/contributions/{c}/compare/1..3/",
    "/contributions/{c}/discussion/",
    "/contributions/{c}/evidence/",
    "/audit/",
    "/moderation/log/",
    "/flags/",
    "/account/security/",
    "/feed.atom",
    "/contributions.atom",
    "/components/swift.atom",
    "/contributions/{c}.atom",
    "/simple/{slug}/",
    "/simple/{slug}/swift/",
]


def add_rows(component: Component, release: Release, author: Person, first: Contribution, count: int) -> None:
    """Add to every list as many rows as are counted."""
    [lister] = component.maintainers.all()
    for _ in range(count):
        factories.make_carried(Fork.objects.earliest("pk"))
        factories.make_fork(author, component=component)
        contribution = factories.make_contribution(
            component=component, release=release, author=author, organisation=author.organisation
        )
        other = factories.make_release(component)
        build = factories.make_build(contribution.current, release)
        factories.make_artifact(build, f"swift-{build.pk}.0-py3-none-any.whl")
        factories.make_attestation(build)
        publication = factories.make_publication(build)
        Event.objects.write(
            "published", contribution=contribution, revision=build.revision, release=release, publication=publication
        )
        Event.objects.write("ruled", actor=author, component=component, text="Approvals needed: 1 → 2.")
        factories.make_fit(first.current, other)
        factories.make_build(first.current, other)
        factories.make_comment(first, parent=factories.make_comment(first))
        factories.make_report(first, other)
        factories.make_report(contribution, release, organisation=factories.make_organisation())
        factories.make_vote(first)
        claim = factories.make_claim(first)
        factories.make_tick(claim, organisation=author.organisation)
        factories.make_tick(claim, holds=False)
        factories.make_review(first.current)
        factories.make_revision(first)
        Follow.objects.create(person=lister, contribution=contribution)
        said = factories.make_comment(contribution)
        event = Event.objects.write("commented", actor=said.author, contribution=contribution, comment=said)
        factories.make_notification(lister, event)
        factories.recompute(contribution)
        factories.recompute(first)


def queries_of(person: Person, url: str) -> int:
    client = signed_in(person)
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(url)
    assert answer.status_code == 200
    return len(captured)


def test_no_list_asks_more_for_more_rows() -> None:
    organisation = factories.make_organisation("Lists")
    lister = factories.make_person("lister", organisation=organisation)
    component = factories.make_component("swift", maintainers=(lister,))
    release = factories.make_release(component, "1.0")
    first = factories.make_contribution(component=component, release=release)
    author = factories.make_person(organisation=organisation)
    fork = factories.make_fork(author, component=component)
    urls = [url.format(c=first.pk, slug=release.slug, fork=fork.pk) for url in LISTS]
    add_rows(component, release, author, first, 2)
    few = {url: queries_of(lister, url) for url in urls}
    add_rows(component, release, author, first, 28)
    many = {url: queries_of(lister, url) for url in urls}
    assert {url: (few[url], count) for url, count in many.items() if count > few[url]} == {}
    assert max(many.values()) <= 40, many  # the overview, which tells something of everything
    assert many["/contributions/"] <= 5  # session, person, unread, components, rows
