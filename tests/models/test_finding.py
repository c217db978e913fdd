"""The search language on real rows: what each filter finds, for whom, and what it says to nonsense."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.utils import timezone

from contributions.asking import read
from contributions.errors import Invalid
from contributions.models import (
    Claim,
    Contribution,
    Follow,
    LineComment,
    Standing,
    Tag,
    Touch,
    Unread,
)
from contributions.models.finding import RANKED, Search, found
from contributions.models.patience import in_time
from contributions.pipeline import reading
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Component, Person, Release

pytestmark = pytest.mark.django_db
STRANGER = AnonymousUser()


def numbers(query: str, person: Person | AnonymousUser = STRANGER) -> set[int]:
    return set(found(query, person).values_list("pk", flat=True))


def searched(query: str, person: Person | AnonymousUser = STRANGER, **given: str) -> Search:
    return Search(read(query), person, **given)


def sentence(query: str, person: Person | AnonymousUser = STRANGER) -> str:
    with pytest.raises(Invalid) as caught:
        found(query, person)
    assert caught.value.field == "q"
    return caught.value.sentence


@pytest.fixture
def component() -> Component:
    return factories.make_component("swift")


@pytest.fixture
def release(component: Component) -> Release:
    return factories.make_release(component, "2.36.0")


@pytest.fixture
def patch(component: Component, release: Release) -> Contribution:
    return factories.make_contribution(
        component=component, release=release, author=factories.make_person("ada"),
        organisation=factories.make_organisation("Example Telecom"),
        title="Wait longer between retries", description="Large rings need multipath.",
    )  # fmt: skip


@pytest.fixture
def other() -> Contribution:
    """Another one, which no test below looks for."""
    made = factories.make_contribution(title="Colour the log", kind="improvement", state="approved", received=False)
    factories.make_revision(made, diff=None)
    return made


@pytest.mark.parametrize(
    "query",
    [
        "retries", "retry", "wait retries", '"longer between"', "multipath", "retries OR nothing",
        "backoff", "test_backoff", "test_backoff_is_one", "swiftclient/shell.py", "options.backoff",
        "component:swift", "component:SWIFT", "Component:swift", "release:2.36.0", "kind:refinement", "state:open",
        "state:open,rejected", "author:ada", "author:@Ada", "org:example-telecom", "organisation:example-telecom",
        "is:open", "-is:approved", "-colour", "-kind:improvement", "since:2020-01-31", "since:2d", "before:2999-01-01",
        "state:rejected OR wait", "is:unreviewed", "wait*", "by:ada retries -colour component:swift is:open",
    ],
)  # fmt: skip
def test_the_language_finds_it_and_not_the_other(
    query: str, patch: Contribution, other: Contribution, release: Release
) -> None:
    factories.recompute(patch)
    both_ways = query.startswith(("since", "before"))
    assert numbers(query) == ({patch.pk, other.pk} if both_ways else {patch.pk})
    assert release.is_supported


@pytest.mark.parametrize(
    "query",
    [
        "retries -wait", '"retries wait"', "wait colour", "state:approved retries", "kind:executable", "zebra",
        "before:2020-01-31", "since:2999-01-01", "-retries -colour", "retrz*", "the", "is:published", "has:comment",
    ],
)  # fmt: skip
def test_the_language_does_not_find_what_is_not_asked_for(query: str, patch: Contribution, other: Contribution) -> None:
    assert numbers(query) == set()
    assert numbers("") == {patch.pk, other.pk}


def test_camel_case_is_found_whole_and_by_its_parts(patch: Contribution) -> None:
    factories.make_comment(patch, "Then getObject raises HTTPConflict.")
    assert numbers("conflict") == set()
    factories.read_words(patch)
    for query in ("getobject", "getObject", "object", "HTTPConflict", "conflict"):
        assert numbers(query) == {patch.pk}, query


def test_commits_are_found_by_name_change_id_and_message(patch: Contribution) -> None:
    commit = {"sha": "4f2c9e1" + "0" * 33, "subject": "Be patient", "body": f"Change-Id: I{'ab' * 20}\n"}
    factories.make_revision(patch, commits=[commit])
    factories.read_words(patch)
    for query in ("patient", "4f2c9e1", "4f2c9e1" + "0" * 33, f"I{'ab' * 20}"):
        assert numbers(query) == {patch.pk}, query


def test_talk_is_found_and_what_was_removed_is_not(patch: Contribution) -> None:
    comment = factories.make_comment(patch, "It helped against thrashing.")
    remark = LineComment.objects.create(
        contribution=patch, revision=patch.current, path="x", start=1, end=1, author=patch.author, text="A narwhal."
    )
    factories.read_words(patch)
    assert (numbers("thrashing"), numbers("narwhal")) == ({patch.pk}, set())
    comment.removed_at = remark.published_at = timezone.now()
    comment.save()
    remark.save()
    factories.read_words(patch)
    assert (numbers("thrashing"), numbers("narwhal")) == (set(), {patch.pk})


def test_what_is_written_while_words_are_read_is_read_again(patch: Contribution) -> None:
    Unread.objects.create(contribution=patch)
    assert reading.read(patch.pk)
    assert not reading.read(patch.pk)
    Contribution.objects.filter(pk=patch.pk).update(title="Dance")
    Unread.objects.create(contribution=patch)
    assert reading.read_waiting(5) == 1
    assert numbers("dance") == {patch.pk}
    assert not Unread.objects.exists()


def test_words_without_end_are_cut_off(patch: Contribution) -> None:
    words = " ".join("\N{MATHEMATICAL BOLD SMALL A}" * 50 + str(n) for n in range(40_000))
    factories.make_comment(patch, words)
    factories.read_words(patch)
    assert numbers("retries") == {patch.pk}


def test_files_are_found_by_path_end_begin_and_stars(patch: Contribution, other: Contribution) -> None:
    place = {"contribution": patch, "component": patch.component}
    Touch.objects.create(path="swift/proxy/server.py", start=10, end=20, **place)
    Touch.objects.create(path="README [old]+.md", start=1, end=2, **place)
    hits = (
        "file:swift/proxy/server.py", "file:server.py", "file:swift/proxy", "file:proxy/", "file:swift/*/server.py",
        "file:*.py", "file:SERVER.PY", "file:swift/**", "path:serve?.py", 'file:"README [old]+.md"',
        "touches:server.py:15", "touches:server.py:1-10", "touches:swift/proxy/server.py:20-99", "touches:server.py",
        "-file:*.c is:open",
    )  # fmt: skip
    misses = (
        "file:rver.py",
        "file:*.c",
        "file:swift/*.py",
        "touches:server.py:21",
        "touches:server.py:1-9",
        "-file:*.py",
    )
    for query in hits:
        assert numbers(query) == {patch.pk}, query
    for query in misses:
        assert patch.pk not in numbers(query), query
    assert numbers("-file:*.py") == {other.pk}


def test_where_it_stands_on_a_release(patch: Contribution, other: Contribution, component: Component) -> None:
    releases = {state: factories.make_release(component) for state in ("applies", "conflicts", "upstream")}
    for state, release in releases.items():
        Standing.objects.create(contribution=patch, release=release, fit=state, build_state="passed")
    for key, state in (
        ("fits", "applies"),
        ("conflicts", "conflicts"),
        ("upstream", "upstream"),
        ("builds", "applies"),
    ):
        assert numbers(f"{key}:{releases[state].name}") == {patch.pk}
        assert numbers(f"{key}:{releases[state].slug}") == {patch.pk}
    assert numbers(f"fits:{releases['conflicts'].name}") == set()
    assert other.pk in numbers(f"-fits:{releases['applies'].name}")


def test_what_it_has(patch: Contribution, other: Contribution) -> None:
    makers = {
        "report": lambda: factories.make_report(patch),
        "review": lambda: factories.make_review(patch.current),
        "build": lambda: factories.make_build(patch.current, patch.release),
        "comment": lambda: factories.make_comment(patch),
        "advisory": lambda: factories.make_advisory(patch.current),
        "claim": lambda: Claim.objects.create(contribution=patch, kind="fixes", text="bug 1"),
        "tag": lambda: patch.tags.add(Tag.objects.create(name="speed")),
        "publication": lambda: factories.make_publication(factories.make_build(patch.current, patch.release)),
    }
    for word, make in makers.items():
        assert numbers(f"has:{word}") == set(), word
        make()
        factories.recompute(patch)
        assert numbers(f"has:{word}") == {patch.pk}, word
    assert numbers("has:claims tag:speed is:published") == {patch.pk}
    assert numbers("-has:report") == {other.pk}


def test_what_is_mine_and_what_i_follow(patch: Contribution, other: Contribution) -> None:
    person = factories.make_person()
    assert numbers("is:mine", patch.author) == numbers("author:me", patch.author) == {patch.pk}
    assert numbers("is:following", person) == set()
    Follow.objects.create(person=person, component=other.component)
    Follow.objects.create(person=person, contribution=patch)
    assert numbers("is:following", person) == {patch.pk, other.pk}
    Follow.objects.filter(contribution=patch).update(is_muted=True)
    assert numbers("is:following", person) == {other.pk}
    for query in ("is:mine", "author:me", "is:following"):
        assert sentence(query).startswith("Sign in first")


def test_nobody_finds_what_they_may_not_see(patch: Contribution, other: Contribution) -> None:
    Contribution.objects.filter(pk=patch.pk).update(is_draft=True)
    Contribution.objects.filter(pk=other.pk).update(quarantined_at=timezone.now())
    for query in ("", "retries", "colour", "retries OR colour", "-zebra", "component:swift", "is:open OR is:approved"):
        assert numbers(query) == set(), query
        assert set(searched(query, STRANGER).ranked) == set(), query
    assert numbers("retries", patch.author) == numbers("is:draft", patch.author) == {patch.pk}


def test_a_misspelled_word_leads_to_what_is_there_to_be_seen(patch: Contribution) -> None:
    search = searched('retreis -zebra component:swift "a b" OR wait', STRANGER)
    assert search.respelled() == 'retries -zebra component:swift "a b" OR wait'
    assert searched("retries", STRANGER).respelled() == ""
    assert searched("zzzzzz", STRANGER).respelled() == ""
    Contribution.objects.filter(pk=patch.pk).update(is_draft=True)
    assert searched("retreis", STRANGER).respelled() == ""
    assert searched("retreis", patch.author).respelled() == "retries"


def test_the_most_relevant_comes_first(patch: Contribution) -> None:
    talked = factories.make_contribution(title="Something else", description="No word of it")
    factories.make_comment(talked, "A ring.")
    factories.read_words(talked)
    titled = factories.make_contribution(title="Balance the ring")
    search = searched("ring", STRANGER)
    assert search.order == "relevance"
    assert list(search.ranked.order_by(*search.keys)) == [titled, patch, talked]
    assert RANKED > 3


def test_orders(patch: Contribution, other: Contribution) -> None:
    approved = factories.make_contribution()
    factories.make_review(approved.current)
    old = factories.make_contribution()
    for row in (patch, other, approved, old):
        factories.recompute(row)
    Contribution.objects.filter(pk=old.pk).update(waits_since=1.0)
    search = searched("order:review", STRANGER)
    assert list(search.ranked.order_by(*search.keys)) == [old, patch]
    assert searched("order:newest", STRANGER).keys == ("-pk",)
    assert searched("order:relevance", STRANGER).order == "best"
    assert searched("order:newest", STRANGER, order="active").order == "active"
    assert "worst" not in sentence("order:worst")


def test_on_one_release_the_best_are_best_there(patch: Contribution, release: Release) -> None:
    better = factories.make_contribution(component=patch.component, release=release)
    for row, score in ((patch, 0.2), (better, 0.9)):
        Standing.objects.update_or_create(
            contribution=row, release=release, defaults={"score": score, "fit": "applies"}
        )
    search = searched("release:2.36.0", STRANGER)
    rows = search.ranked.order_by(*search.keys)
    assert [(row.pk, row.score_there, row.fit_there) for row in rows] == [
        (better.pk, 0.9, "applies"), (patch.pk, 0.2, "applies"),
    ]  # fmt: skip
    release.move("retired")
    assert numbers("release:2.36.0") == {patch.pk, better.pk}
    assert numbers("-release:2.36.0") == set()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("compnent:swift", "There is no filter “compnent:”. Did you mean component:?"),
        ("zzz:1", "put them in quotes"),
        ("component:swif", "There is no component “swif”. Did you mean swift?"),
        ("release:2.36", "There is no release “2.36”. Did you mean 2.36.0?"),
        ("fits:9", "There is no release “9”."),
        ("kind:refinment", "Did you mean kind:refinement?"),
        ("state:lost", "It is one of open"),
        ("has:x", "It is one of report,"),
        ("is:x", "It is one of mine"),
        ("author:nobody", "There is no person “nobody”."),
        ("org:nobody", "There is no organisation “nobody”."),
        ("tag:nothing", "There is no tag “nothing”."),
        ("since:yesterday", "Write since:2026-01-31"),
        ("since:2026-02-31", "Write since:2026-01-31"),
        ("file:*", "Name more of the file"),
        ("file:*a*b*c*d*e*f*g", "at most 6 stars"),
        ("component:", "Write a value close behind component:"),
        ("OR a", "OR stands between"),
        ("a OR", "OR stands between"),
        ("a OR OR b", "OR stands between"),
        ("-order:best", "Ask for one order"),
        ("a " * 21, "20 words and filters at most"),
        ("state:" + ",".join(["open"] * 21), "20 words and filters at most"),
        ("a" * 301, "300 characters at most"),
    ],
)
def test_nonsense_is_told_in_a_sentence(query: str, words: str, release: Release) -> None:
    assert release.pk
    assert words in sentence(query)


def test_times_ago(patch: Contribution) -> None:
    Contribution.objects.filter(pk=patch.pk).update(created_at=timezone.now() - timedelta(days=10))
    assert numbers("before:7d") == numbers("since:2w") == numbers("since:1m before:1w") == {patch.pk}
    assert numbers("since:7d") == numbers("before:1y") == set()


@pytest.mark.attack("W15")
def test_a_search_that_keeps_the_database_busy_is_given_up() -> None:
    """The control: the same without a limit goes on until it is done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1.2)")
    with pytest.raises(Invalid, match="takes too long"), in_time(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    with in_time():
        pass
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
