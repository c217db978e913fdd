"""Pages kept for strangers: given again while nothing changed, never stale, never somebody's own."""

from __future__ import annotations

import gzip
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contributions.actions.commenting import comment
from contributions.actions.voting import vote
from contributions.models import Contribution
from contributions.models.content import SILENT, UNSHOWN, content_version, fold_steps
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from django.http import HttpResponse

KEPT = [
    "/",
    "/how-ranking-works/",
    "/contributions/",
    "/contributions/?order=active",
    "/search/?q=retries",
    "/contributions/{c}/",
    "/contributions/{c}/changes/",
    "/contributions/{c}/matrix/",
    "/contributions/{c}/fits/1.0/",
    "/contributions/{c}/discussion/",
    "/contributions/{c}/evidence/",
    "/components/",
    "/components/swift/",
    "/components/swift/matrix/",
    "/published/",
    "/advisories/",
    "/organisations/",
    "/people/author/",
    "/feed.atom",
    "/api/v1/feed/",
    "/api/v1/contributions/",
    "/api/v1/contributions/{c}/",
    "/api/v1/contributions/{c}/comments/",
]


@pytest.fixture
def contribution() -> Contribution:
    component = factories.make_component("swift")
    release = factories.make_release(component, "1.0")
    author = factories.make_person("author")
    made: Contribution = factories.make_contribution(component=component, release=release, author=author)
    return made


def queries(client: Client, url: str, **headers: str) -> tuple[HttpResponse, int]:
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(url, headers=headers)
    return answer, len(captured)


@pytest.mark.django_db
@pytest.mark.parametrize("url", KEPT)
def test_a_stranger_is_given_the_page_again_for_one_query(url: str, contribution: Contribution) -> None:
    client, url = Client(), url.format(c=contribution.pk)
    first = client.get(url)
    assert first.status_code == 200
    again, asked = queries(client, url)
    assert asked == 1
    assert again.content == first.content
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert "Content-Security-Policy" in again.headers
    unchanged, _ = queries(client, url, if_none_match=again.headers["ETag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    packed, _ = queries(client, url, accept_encoding="gzip")
    if len(first.content) > 1000:
        assert gzip.decompress(packed.content) == first.content


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/contributions/", "/contributions/{c}/", "/api/v1/contributions/{c}/"])
def test_a_vote_and_a_comment_show_at_once(url: str, contribution: Contribution) -> None:
    client, url = Client(), url.format(c=contribution.pk)
    before = client.get(url)
    vote(person=factories.make_person(), contribution=contribution, value=1)
    voted = client.get(url, headers={"If-None-Match": before.headers["ETag"]})
    assert voted.status_code == 200
    assert voted.content != before.content
    comment(author=factories.make_person(), contribution=contribution, text="It works.")
    assert client.get(f"/contributions/{contribution.pk}/discussion/").content.count(b"It works.") == 1


@pytest.mark.django_db
def test_nobody_is_given_what_was_kept_for_another(contribution: Contribution) -> None:
    person = factories.make_person("somebody")
    client = Client()
    stranger = client.get("/contributions/")
    client.force_login(person)
    own = client.get("/contributions/")
    assert b"somebody" in own.content
    assert b"somebody" not in stranger.content
    client.logout()
    client.cookies.clear()
    assert client.get("/contributions/").content == stranger.content
    hidden = signed_in(factories.make_person(is_staff=True))
    Contribution.objects.filter(pk=contribution.pk).update(quarantined_at="2026-01-01T00:00Z")
    assert client.get(f"/contributions/{contribution.pk}/").status_code == 404
    assert hidden.get(f"/contributions/{contribution.pk}/").status_code == 200
    assert client.get(f"/contributions/{contribution.pk}/").status_code == 404


@pytest.mark.django_db
def test_a_token_an_unknown_host_and_a_cookie_pass_it_by() -> None:
    client = Client()
    client.get("/api/v1/contributions/")
    wrong = client.get("/api/v1/contributions/", headers={"Authorization": "Token pb_wrong"})
    assert wrong.status_code == 401
    client.get("/contributions/")
    assert client.get("/contributions/", headers={"Host": "evil.example"}).status_code == 400
    client.cookies["csrftoken"] = "x" * 32
    assert queries(client, "/contributions/")[1] > 1


@pytest.mark.django_db
def test_the_version_counts_what_is_shown_and_nothing_else(contribution: Contribution) -> None:
    before = content_version()
    revision = contribution.current
    assert revision is not None
    revision.rung_at = None
    revision.save(update_fields=["rung_at", "lease_until", "attempts"])
    assert content_version() == before
    revision.save(update_fields=["sentence"])
    assert content_version() > before
    before = content_version()
    assert fold_steps() > 0
    assert content_version() == before
    assert fold_steps() == 0


@pytest.mark.django_db(transaction=True)
def test_changes_that_commit_out_of_order_each_make_another_version() -> None:
    """The one that began first commits last; a version drawn from a sequence would be the same before and after."""
    first, second = factories.make_person(), factories.make_person()
    began, second_done = Barrier(2), Barrier(2)

    def slow() -> None:
        try:
            with transaction.atomic():
                type(first).objects.filter(pk=first.pk).update(about="slow")
                began.wait(60)
                second_done.wait(60)
        finally:
            connection.close()

    thread = Thread(target=slow)
    start = content_version()
    thread.start()
    began.wait(60)
    type(second).objects.filter(pk=second.pk).update(about="quick")
    middle = content_version()
    fold_steps()
    assert content_version() == middle
    second_done.wait(60)
    thread.join(60)
    assert start < middle < content_version()


@pytest.mark.django_db
def test_every_table_is_watched_or_said_to_be_unshown() -> None:
    """A table or a column that comes later is not forgotten: its changes would leave pages stale."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, array(SELECT attname FROM pg_attribute"
            " WHERE attrelid = tgrelid AND attnum = ANY(tgattr)) FROM pg_trigger WHERE tgname = 'content_is_changed'"
        )
        watched = dict(cursor.fetchall())
    for model in apps.get_app_config("contributions").get_models(include_auto_created=True):
        table = model._meta.db_table
        assert (table in watched) != (model.__name__ in UNSHOWN), table
        columns = {field.column for field in model._meta.concrete_fields if not getattr(field, "generated", False)}
        if SILENT & columns and table in watched:
            assert set(watched[table]) == columns - SILENT, table
