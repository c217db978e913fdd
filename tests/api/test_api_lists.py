from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.models import Contribution, Event, Publication, Release
from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db
ORDERS = tuple(Contribution.ORDERS)


def more(scene: Scene, count: int) -> list[Contribution]:
    """Contributions of which many tie in every order but the last column."""
    made = []
    for number in range(count):
        contribution = factories.make_contribution(release=scene.release, author=scene.author)
        factories.recompute(contribution)
        Contribution.objects.filter(pk=contribution.pk).update(
            score=number % 3 / 7, activity=number % 4 / 3, running_count=number % 2
        )
        contribution.standings.update(score=number % 5 / 9)
        made.append(contribution)
    return made


@pytest.mark.parametrize("release", ["", "&release=4.7.0"])
@pytest.mark.parametrize("order", ORDERS)
def test_every_row_is_on_exactly_one_page(scene: Scene, order: str, release: str) -> None:
    more(scene, 23)
    caller = Caller()
    whole = [row["number"] for row in caller.listed(f"contributions/?order={order}{release}&page_size=100")]
    assert len(whole) == 24
    paged = caller.all_pages(f"contributions/?order={order}{release}&page_size=4")
    assert [row["number"] for row in paged] == whole


@pytest.mark.parametrize("order", ORDERS)
def test_the_way_back_shows_the_same_pages(scene: Scene, order: str) -> None:
    more(scene, 11)
    caller = Caller()
    pages = [caller.get(f"contributions/?order={order}&page_size=5").json()]
    while pages[-1]["next"]:
        pages.append(caller.get(pages[-1]["next"]).json())
    assert [len(page["results"]) for page in pages] == [5, 5, 2]
    assert pages[0]["previous"] is None
    back = caller.get(pages[-1]["previous"]).json()
    assert back["results"] == pages[1]["results"]
    first = caller.get(back["previous"]).json()
    assert first["results"] == pages[0]["results"]
    assert first["previous"] is None


def test_rows_that_come_while_one_reads_neither_double_nor_drop_others(scene: Scene) -> None:
    before = {scene.contribution.pk, *(made.pk for made in more(scene, 11))}
    caller, address, seen = Caller(), "contributions/?page_size=3", []
    while address:
        page = caller.get(address).json()
        seen += [row["number"] for row in page["results"]]
        address = page["next"]
        more(scene, 2)
    assert set(seen) == before
    assert len(seen) == len(before)


def test_a_page_has_at_most_a_hundred_rows(scene: Scene) -> None:
    Contribution.objects.bulk_create(
        Contribution(
            component=scene.release.component, kind="refinement", title="One", author=scene.author,
            current=scene.contribution.current,
        )
        for _ in range(101)
    )  # fmt: skip
    assert len(Caller().listed("contributions/?page_size=1000000000")) == 100
    assert len(Caller().listed("contributions/")) == 30


def test_best_on_a_release_ranks_by_the_evidence_there(scene: Scene) -> None:
    newer = factories.make_release(scene.release.component, "5.0.0")
    loved, worn = factories.make_contribution(release=newer), factories.make_contribution(release=scene.release)
    for contribution in (loved, worn, scene.contribution):
        factories.recompute(contribution)
    for contribution, older, newest in ((loved, 0.1, 0.9), (worn, 0.8, 0.2), (scene.contribution, 0.5, 0.5)):
        contribution.standings.filter(release=scene.release).update(score=older)
        contribution.standings.filter(release=newer).update(score=newest)
    listed = Caller().listed("contributions/?order=best&component=swiftclient&release=4.7.0")
    assert [row["number"] for row in listed] == [worn.pk, scene.contribution.pk, loved.pk]
    assert [row["standing"]["score"] for row in listed] == [0.8, 0.5, 0.1]
    assert listed[0]["standing"]["release"] == "4.7.0"
    listed = Caller().listed("contributions/?order=best&release=swiftclient-5.0.0")
    assert [row["number"] for row in listed] == [loved.pk, scene.contribution.pk, worn.pk]


def test_a_retired_release_lists_what_was_made_for_it(scene: Scene) -> None:
    other = factories.make_contribution(release=factories.make_release(scene.release.component))
    scene.release.move(Release.State.RETIRED)
    for contribution in (other, scene.contribution):
        factories.recompute(contribution)
    [row] = Caller().listed("contributions/?release=4.7.0")
    assert row["number"] == scene.contribution.pk
    assert row["standing"] is None


def test_filters_narrow_the_list(scene: Scene) -> None:
    note = factories.make_contribution(kind="experience", title="Backoff on busy rings", state="rejected")
    caller = Caller()

    def numbers(query: str) -> list[int]:
        return [row["number"] for row in caller.listed(f"contributions/?{query}")]

    mine = [scene.contribution.pk]
    assert numbers("component=swiftclient") == mine
    assert numbers("kind=refinement") == mine
    assert numbers("kind=experience") == [note.pk]
    assert numbers("state=rejected") == [note.pk]
    assert numbers("state=open") == mine
    assert numbers("q=ring") == [note.pk]
    assert numbers("q=longer+-retries") == []
    assert numbers("q=&kind=&component=&release=&state=&order=") == [note.pk, *mine]
    assert numbers("component=nova") == []
    assert numbers("release=nowhere") == []
    assert numbers("release=4.7.0&component=swiftclient") == mine


def test_builds_and_publications_are_filtered(published: Scene) -> None:
    factories.make_build(release=published.release, state="failed")
    factories.make_publication()
    caller = Caller()
    assert [row["state"] for row in caller.listed("builds/?component=swiftclient")] == ["failed", "passed"]
    assert [row["id"] for row in caller.listed("builds/?state=passed&release=4.7.0")] == [published.build.pk]
    number = published.contribution.pk
    assert [row["id"] for row in caller.listed(f"builds/?contribution={number}")] == [published.build.pk]
    assert [row["contribution"] for row in caller.listed(f"publications/?contribution={number}")] == [number]
    assert [row["contribution"] for row in caller.listed("publications/?component=swiftclient&state=live")] == [number]
    assert caller.listed("publications/?release=4.7.0&state=withdrawn") == []


def grow_contributions(scene: Scene) -> None:
    more(scene, 1)


def grow_publications(scene: Scene) -> None:
    made = factories.make_contribution(
        release=scene.release, organisation=factories.make_organisation(), author=factories.make_person()
    )
    publication = factories.make_publication(factories.make_build(made.current, scene.release))
    factories.make_attestation(publication.build)
    Event.objects.write(Event.Verb.PUBLISHED, contribution=made, publication=publication)


def grow_builds(scene: Scene) -> None:
    factories.make_attestation(factories.make_build(scene.contribution.current, scene.release))
    factories.make_build(scene.contribution.current, scene.release)


def grow_components(_: Scene) -> None:
    factories.make_component()


LISTS: dict[str, Callable[[Scene], Any]] = {
    "contributions/?page_size=100": grow_contributions,
    "contributions/?page_size=100&order=best&release=4.7.0": grow_contributions,
    "contributions/?page_size=100&q=retries": grow_contributions,
    "builds/?page_size=100": grow_builds,
    "keys/?page_size=100": lambda _: factories.make_signing_key(),
    "publications/?page_size=100": grow_publications,
    "feed/?page_size=100": grow_publications,
    "components/?page_size=100": grow_components,
    "organisations/?page_size=100": lambda _: factories.make_organisation(),
    "components/swiftclient/releases/?page_size=100": lambda scene: factories.make_release(scene.release.component),
    "{one}revisions/?page_size=100": lambda scene: factories.make_revision(scene.contribution),
    "{one}fits/?revision=1&page_size=100": lambda scene: factories.make_fit(scene.contribution.revisions.last()),
    "{one}comments/?page_size=100": lambda scene: factories.make_comment(
        scene.contribution, organisation=factories.make_organisation()
    ),
    "{one}reports/?page_size=100": lambda scene: factories.make_report(scene.contribution),
    "{one}reviews/?page_size=100": lambda scene: factories.make_review(scene.contribution.current),
    "{one}": lambda scene: factories.recompute(scene.contribution) and factories.make_release(scene.release.component),
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_queries_for_one_row_and_for_thirty(published: Scene, path: str) -> None:
    caller, address = Caller(), path.format(one=published.one)

    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            body = caller.get(address).json()
        return len(queries), len(body.get("results", body.get("standings", [])))

    LISTS[path](published)
    few, rows_before = cost()
    for _ in range(30):
        LISTS[path](published)
    many, rows_after = cost()
    assert rows_after >= rows_before + 29
    assert few == many <= 9


def test_the_contribution_list_is_one_query_after_that_of_the_version(scene: Scene) -> None:
    more(scene, 5)
    with CaptureQueriesContext(connection) as queries:
        assert len(Caller().listed("contributions/")) == 6
    assert len(queries) == 2


def test_every_publication_is_counted(published: Scene) -> None:
    grow_publications(published)
    assert len(Caller().all_pages("publications/?page_size=1")) == Publication.objects.count() == 2
