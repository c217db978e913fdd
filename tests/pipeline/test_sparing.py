"""Only what a push can have changed is judged again; the rest keeps its verdict, and nothing is lost half-way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.checkout.runner import git
from contributions.models import (
    Build,
    Contribution,
    Event,
    Fit,
    Follow,
    Notification,
    Release,
    SavedSearch,
    Standing,
    Telling,
    UpstreamFetch,
)
from contributions.pipeline import sparing
from contributions.pipeline.fetching import fetch
from contributions.pipeline.fitting import fit
from contributions.pipeline.places import mirror_of
from contributions.pipeline.receiving import receive
from contributions.pipeline.telling import tell_waiting
from tests.factories import make_contribution, make_fit, make_person
from tests.platform import GREETING, SHOUT, SONG

if TYPE_CHECKING:
    from contributions.models import Component, Person
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
LOUDER = SONG.replace("verse 3\n", "verse three\n")
ROMAN = SONG.replace("verse 2\n", "verse II\n").replace("verse 3\n", "verse III\n")


def share(author: Person, component: Component, upstream: Upstream, title: str, **files: str) -> Contribution:
    source = PatchFile(SimpleUploadedFile("0001.patch", upstream.patch("1.0", title, **files)))
    given = {"author": author, "component": component, "kind": "refinement", "title": title}
    made = submit(release=component.releases.get(name="1.0"), source=source, **given)
    receive(made.revisions.get().pk)
    return Contribution.objects.get(pk=made.pk)


@pytest.fixture
def song(author: Person, component: Component, upstream: Upstream) -> Contribution:
    return judged(share(author, component, upstream, "Count to three in words", song__txt=LOUDER))


@pytest.fixture
def greeting(author: Person, component: Component, upstream: Upstream) -> Contribution:
    return judged(share(author, component, upstream, "Greet whoever is far away", greeting__py=SHOUT))


def judged(contribution: Contribution) -> Contribution:
    for pk in Fit.objects.filter(state="queued").values_list("pk", flat=True):
        fit(pk)
    return Contribution.objects.get(pk=contribution.pk)


def pull(component: Component) -> UpstreamFetch:
    row = UpstreamFetch.objects.create(component=component)
    fetch(row.pk)
    row.refresh_from_db()
    assert row.state == "done", row.sentence
    return row


def tagged(upstream: Upstream, name: str, **files: str) -> None:
    upstream.commit(f"Work on {name}", **files)
    upstream.git("tag", "-a", name, "-m", name)


def fit_of(contribution: Contribution, release: str) -> Fit:
    return Fit.objects.get(revision=contribution.current, release__name=release)


@pytest.mark.usefixtures("recipe")
def test_a_new_release_judges_what_it_touches_and_keeps_the_rest(
    song: Contribution, greeting: Contribution, upstream: Upstream, component: Component
) -> None:
    tagged(upstream, "5.0", greeting__py=GREETING.replace("name", "who"))
    row = pull(component)
    assert "1 to judge, 1 unaffected." in row.sentence
    assert row.sentence == Event.objects.filter(verb="fetched").first().text
    assert fit_of(greeting, "5.0").state == "queued"
    kept, before = fit_of(song, "5.0"), fit_of(song, "4.0")
    assert (kept.state, kept.way, kept.before) == (before.state, before.way, before.state)
    shown = git(mirror_of(component), "show", f"{kept.commit}:song.txt").decode()
    assert "verse three" in shown
    assert "verse XIV" in shown, "it stands on the new release"
    assert git(mirror_of(component), "rev-parse", f"{kept.commit}^").decode().strip() == kept.release_commit
    assert Build.objects.get(revision=song.current, release__name="5.0").commit == kept.commit
    song.refresh_from_db()
    assert song.release_count == 5
    assert Standing.objects.get(contribution=song, release__name="5.0").fit == kept.state


def test_what_is_kept_is_what_judging_it_would_give(
    song: Contribution, upstream: Upstream, component: Component
) -> None:
    tagged(upstream, "5.0", greeting__py="pass\n")
    pull(component)
    kept = fit_of(song, "5.0")
    Fit.objects.filter(pk=kept.pk).update(state="queued", commit="", tree="")
    judged(song)
    again = fit_of(song, "5.0")
    assert (again.state, again.commit, again.tree) == (kept.state, kept.commit, kept.tree)


def test_a_moved_branch_leaves_what_it_does_not_touch_where_it_was(
    song: Contribution, greeting: Contribution, upstream: Upstream, component: Component
) -> None:
    component.release_pattern = r"\d+\.\d+|main"
    component.save()
    pull(component)
    judged(song)
    told, rows = Event.objects.filter(verb="fitted").count(), Fit.objects.count()
    tip = upstream.commit("Go on", greeting__py=GREETING.replace("name", "who"))
    assert "1 to judge, 1 unaffected." in pull(component).sentence
    moved = fit_of(song, "main")
    assert (moved.state, moved.release_commit) == ("merges" if moved.state == "merges" else "applies", tip)
    assert git(mirror_of(component), "rev-parse", f"{moved.commit}^").decode().strip() == tip
    assert (fit_of(greeting, "main").state, fit_of(greeting, "main").before) == ("queued", "applies")
    assert (Event.objects.filter(verb="fitted").count(), Fit.objects.count()) == (told, rows)


def test_upstream_stays_upstream_until_it_is_reverted(
    song: Contribution, upstream: Upstream, component: Component
) -> None:
    tagged(upstream, "5.0", song__txt=LOUDER)
    pull(component)
    judged(song)
    tagged(upstream, "6.0", greeting__py="pass\n")
    pull(component)
    kept = fit_of(song, "6.0")
    assert (kept.state, kept.evidence) == ("upstream", fit_of(song, "5.0").evidence)
    tagged(upstream, "7.0", song__txt=SONG)
    pull(component)
    judged(song)
    assert fit_of(song, "7.0").state in {"applies", "merges"}


def test_killed_half_way_the_next_pull_goes_on(
    song: Contribution,
    greeting: Contribution,
    upstream: Upstream,
    component: Component,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tagged(upstream, "5.0", licence__txt="Do.\n")
    monkeypatch.setattr(sparing, "AT_ONCE", 1)
    lay_anew, laid = sparing.lay_anew, []

    def die_at_the_second(*given: Any) -> list[Any]:
        if laid:
            raise SystemExit
        laid.append(given)
        return lay_anew(*given)

    monkeypatch.setattr(sparing, "lay_anew", die_at_the_second)
    row = UpstreamFetch.objects.create(component=component)
    with pytest.raises(SystemExit):
        fetch(row.pk)
    assert Fit.objects.filter(release__name="5.0").count() == 1
    monkeypatch.undo()
    UpstreamFetch.objects.filter(pk=row.pk).update(lease_until="2001-01-01T00:00Z")
    fetch(row.pk)
    row.refresh_from_db()
    assert "0 to judge, 1 unaffected." in row.sentence
    assert {fit_of(each, "5.0").state for each in (song, greeting)} <= {"applies", "merges"}
    assert "to judge" not in pull(component).sentence


@pytest.mark.parametrize("change", [{"state": "no-base"}, {"state": "errored"}, {"way": "context"}], ids=str)
def test_what_may_be_otherwise_now_is_judged_again(
    song: Contribution, upstream: Upstream, component: Component, change: dict[str, str]
) -> None:
    Fit.objects.update(**change)
    tagged(upstream, "5.0", greeting__py="pass\n")
    pull(component)
    assert fit_of(song, "5.0").state == "queued"


def test_what_does_not_merge_after_all_is_judged(song: Contribution, upstream: Upstream, component: Component) -> None:
    type(song.current).objects.update(tip_commit="0" * 40)
    tagged(upstream, "5.0", greeting__py="pass\n")
    assert "1 to judge, 0 unaffected." in pull(component).sentence
    assert fit_of(song, "5.0").state == "queued"


def test_a_thousand_are_spared_by_few_statements(song: Contribution, upstream: Upstream, component: Component) -> None:
    Fit.objects.update(state="conflicts", conflicts=["song.txt"])

    def statements() -> int:
        tagged(upstream, f"{5 + Release.objects.count()}.0", greeting__py=f"pass  # {Release.objects.count()}\n")
        with CaptureQueriesContext(connection) as asked:
            pull(component)
        kinds = [query["sql"] for query in asked if "contributions_fit" in query["sql"][:60]]
        return len([sql for sql in kinds if sql.startswith(("INSERT", "UPDATE"))])

    one = statements()
    for _ in range(30):
        other = make_contribution(component=component)
        for release in Release.objects.all():
            make_fit(other.current, release, state="conflicts", commit="")
    assert statements() == one
    assert Fit.objects.filter(state="conflicts").count() > 150
    assert song


@pytest.fixture
def listeners() -> dict[str, Person]:
    """Who follows a search that asks for a release, one that asks for words, and one for another release."""
    queries = {"release": "fits:5.0", "words": "count", "other": "fits:4.0"}
    people = {name: make_person(f"of-{name}") for name in queries}
    for name, query in queries.items():
        search = SavedSearch.objects.create(person=people[name], name=name, query=query)
        Follow.objects.create(person=people[name], search=search)
    return people


def told_to(people: dict[str, Person]) -> list[str]:
    tell_waiting()
    return [name for name, person in people.items() if person.notifications.filter(why="search").exists()]


def test_a_verdict_that_is_kept_is_a_line_and_heard_by_who_asks_for_the_release(
    song: Contribution, upstream: Upstream, component: Component, listeners: dict[str, Person]
) -> None:
    told_to(listeners)
    Notification.objects.all().delete()
    tagged(upstream, "5.0", greeting__py="pass\n")
    pull(component)
    (line,) = Event.objects.filter(verb="fitted", release__name="5.0")
    assert (line.contribution, line.revision, line.component) == (song, song.current, component)
    assert (line.text, line.actor) == (fit_of(song, "5.0").state, None)
    assert "release" in told_to(listeners)
    assert not Notification.objects.exclude(why="search").exists(), "it is no news to anybody else"
    assert "words" not in told_to(listeners)
    pull(component)
    assert Event.objects.filter(verb="fitted", release__name="5.0").count() == 1


def test_nothing_is_told_of_a_kept_verdict_that_not_everybody_may_see(
    song: Contribution, upstream: Upstream, component: Component, listeners: dict[str, Person]
) -> None:
    told_to(listeners)
    Notification.objects.all().delete()
    Contribution.objects.filter(pk=song.pk).update(quarantined_at=song.created_at)
    tagged(upstream, "5.0", greeting__py="pass\n")
    pull(component)
    fitted = Event.objects.filter(verb="fitted", release__name="5.0")
    assert fitted.count() == 1
    assert not Telling.objects.filter(event__in=fitted).exists()
    assert told_to(listeners) == []
