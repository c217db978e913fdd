"""A candidate says that it is one wherever it is named or chosen, and is never what nobody chose."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from contributions.models import Event
from contributions.models.forecasting import chosen_target, targets_of
from contributions.models.release import usual_among
from contributions.pipeline.wording import news_of
from tests import factories
from tests.api.conftest import Caller
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Component, Contribution, Person, Publication, Release

pytestmark = pytest.mark.django_db
CALLED = "2.0rc1 (candidate)"


@pytest.fixture
def author() -> Person:
    return factories.make_person("author", organisation=factories.make_organisation("An operator"))


@pytest.fixture
def component() -> Component:
    return factories.make_component("swift", name="Swift")


@pytest.fixture
def final(component: Component) -> Release:
    return factories.make_release(component, "1.0")


@pytest.fixture
def candidate(component: Component, final: Release) -> Release:
    return factories.make_release(component, "2.0rc1", position=final.position + 1, is_candidate=True)


@pytest.fixture
def contribution(final: Release, candidate: Release, author: Person) -> Contribution:
    made = factories.make_contribution(release=final, author=author, organisation=author.organisation)
    for release in (final, candidate):
        factories.make_fit(made.current, release)
        factories.make_build(made.current, release)
    return factories.recompute(made)


def options(person: Person | None, url: str) -> list[tuple[str, bool]]:
    """What can be chosen there, and whether it is chosen already."""
    answer = signed_in(person).get(url)
    assert answer.status_code == 200
    found = re.findall(r"<option([^>]*)>([^<]*)", answer.content.decode())
    return [(unescape(words).strip(), "selected" in given) for given, words in found]


def text_of(person: Person | None, url: str) -> str:
    answer = signed_in(person).get(url)
    assert answer.status_code == 200
    words = re.sub(r"<select.*?</select>", " ", answer.content.decode(), flags=re.DOTALL)  # choices are another test's
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", words)))


def published(made: Publication) -> Event:
    about = {"contribution": made.revision.contribution, "revision": made.revision, "release": made.release}
    return Event.objects.write("published", publication=made, **about)


def test_every_choice_of_a_release_marks_the_candidate_and_does_not_choose_it(
    contribution: Contribution, author: Person
) -> None:
    one = f"/contributions/{contribution.pk}/"
    stack = factories.make_stack(contribution, author=author)
    pages = {
        f"{one}evidence/": CALLED,
        f"{one}revise/": CALLED,
        f"{one}ports/new/": f"swift {CALLED}",
        "/submit/": f"Swift {CALLED}",
        "/components/swift/files/": CALLED,
        "/components/swift/matrix/": CALLED,
        "/stacks/new/?component=swift": CALLED,
        f"/stacks/{stack.pk}/": CALLED,
        f"/stacks/{stack.pk}/forecast/": f"Swift {CALLED}",
    }
    for page, words in pages.items():
        found = options(author, page)
        assert (words, False) in found, page
        assert (words, True) not in found, page


def test_every_page_that_names_a_candidate_says_so(
    contribution: Contribution, candidate: Release, author: Person
) -> None:
    one = f"/contributions/{contribution.pk}/"
    build = contribution.current.builds.get(release=candidate)
    published(factories.make_publication(build))
    stack = factories.make_stack(contribution, author=author, release=candidate)
    assembly = factories.make_assembly(stack)
    pages = [one, f"{one}matrix/", "/builds/", build.get_absolute_url(), stack.get_absolute_url(), "/stacks/"]
    pages += [assembly.get_absolute_url(), "/published/", f"/simple/{candidate.slug}/"]
    for page in pages:
        assert CALLED in text_of(author, page), page
    head = text_of(author, stack.get_absolute_url()).partition("carried by")[0]
    assert f"Swift {CALLED}" in head
    assert "(swift 2.0rc1 (candidate))" in signed_in(None).get("/feed.atom").content.decode()


def test_machines_are_told_in_every_row(contribution: Contribution, candidate: Release) -> None:
    build = contribution.current.builds.get(release=candidate)
    made = factories.make_publication(build)
    caller = Caller()
    one = f"contributions/{contribution.pk}/"
    for path in (f"{one}fits/", "builds/"):
        rows = {row["release"]: row["is_candidate"] for row in caller.listed(path)}
        assert rows == {"1.0": False, "2.0rc1": True}, path
    assert [row["is_candidate"] for row in caller.listed("publications/")] == [True]
    event = published(made)
    assert [row["is_candidate"] for row in caller.listed("feed/")] == [True]
    told = news_of(event)
    assert told["publications"][0]["is_candidate"] is True


def test_what_is_usual_is_final_unless_there_is_nothing_else(final: Release, candidate: Release) -> None:
    assert usual_among([candidate, final]) == final
    assert usual_among([candidate]) == candidate
    assert usual_among([]) is None
    targets = targets_of(final.component_id)
    assert targets[0] == candidate
    assert chosen_target(targets, "") == final
    assert chosen_target(targets, "2.0rc1") == candidate
    newer = factories.make_release(final.component, "1.1", position=final.position)
    targets = targets_of(final.component_id)
    assert chosen_target(targets, "", final) == newer
