"""A person's page: what held of what was approved, and what somebody says of themself."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contributions.actions.introducing import introduce
from contributions.errors import Invalid, TooLarge
from contributions.models import Contribution, Event, Person, Standing
from contributions.models.reliability import reliability_of
from tests import factories
from tests.pages.conftest import signed_in

pytestmark = pytest.mark.django_db


def approved(author: Person, **given: object) -> Contribution:
    made: Contribution = factories.make_contribution(author=author, **given)
    Contribution.objects.filter(pk=made.pk).update(state="approved")
    Event.objects.write(Event.Verb.APPROVED, contribution=made)
    return made


def test_what_held_is_counted_and_told() -> None:
    author = factories.make_person("author")
    release = factories.make_release()
    kept, withdrawn, hidden, broken, advised = (approved(author, release=release) for _ in range(5))
    factories.make_contribution(author=author)
    assert reliability_of(author).sentence == "5 of 5 approved ones hold (100 %)."
    Contribution.objects.filter(pk=withdrawn.pk).update(state="withdrawn")
    Contribution.objects.filter(pk=hidden.pk).update(quarantined_at=timezone.now())
    Standing.objects.create(contribution=broken, release=release, works_count=1, broken_count=2)
    Standing.objects.create(contribution=kept, release=release, works_count=2, broken_count=2)
    factories.make_advisory(advised.current)
    found = reliability_of(author)
    assert (found.approved, found.held, found.share) == (5, 1, 20)
    assert "1 of 5 approved ones hold (20 %)." in Client().get("/people/author/").content.decode()


def test_a_few_say_nothing() -> None:
    author = factories.make_person("author")
    assert reliability_of(author).sentence == "None approved yet."
    approved(author)
    assert "1 approved so far: too few to tell" in Client().get("/people/author/").content.decode()


def test_the_page_costs_the_same_however_much_somebody_did() -> None:
    author = factories.make_person("author", organisation=factories.make_organisation())
    reader = signed_in(factories.make_person())

    def cost() -> int:
        contribution = approved(author)
        factories.make_review(factories.make_contribution().current, reviewer=author)
        factories.make_report(contribution, author=author, organisation=author.organisation)
        reader.get("/people/author/")
        with CaptureQueriesContext(connection) as captured:
            assert reader.get("/people/author/").status_code == 200
        return len(captured)

    few = cost()
    for _ in range(5):
        many = cost()
    assert few == many


def test_a_report_that_is_not_named_is_told_to_nobody() -> None:
    author = factories.make_person("author", organisation=factories.make_organisation("Hidden Hosting"))
    named = factories.make_contribution(title="Spoken for by name")
    unnamed = factories.make_contribution(title="Spoken for in silence")
    factories.make_report(named, author=author, organisation=author.organisation)
    factories.make_report(unnamed, author=author, organisation=author.organisation, is_named=False)
    page = Client().get("/people/author/").content.decode()
    assert "Spoken for by name" in page
    assert "Spoken for in silence" not in page


def test_somebody_says_what_they_like_of_themself() -> None:
    person = factories.make_person("author", name="An Author")
    client = signed_in(person)
    sent = {"name": "Another <b>Name</b>", "about": "Runs swift.", "time_zone": "Europe/Berlin"}
    assert client.post("/account/profile/", sent).status_code == 302
    page = Client().get("/people/author/").content.decode()
    assert "Another &lt;b&gt;Name&lt;/b&gt;" in page
    assert "Runs swift." in page
    person.refresh_from_db()
    assert person.time_zone == "Europe/Berlin"
    wrong = client.post("/account/profile/", sent | {"time_zone": "Nowhere/Land", "about": "Kept as typed."})
    assert wrong.status_code == 400
    assert "Kept as typed." in wrong.content.decode()
    introduce(person=person, about="")
    assert (person.about, person.name) == ("", "Another <b>Name</b>")
    with pytest.raises(Invalid):
        introduce(person=person, time_zone="../../etc/passwd")
    with pytest.raises(TooLarge):
        introduce(person=person, about="x" * 501)
