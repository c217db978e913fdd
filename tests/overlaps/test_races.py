"""Twice at once: made public, joined crosswise, shared by two who did the same."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from django.db import close_old_connections, connection
from django.db.models.functions import Now

from contributions.actions.joining import join
from contributions.actions.sharing import share
from contributions.actions.tagging import tag
from contributions.errors import Refusal
from contributions.models import Contribution, Event, Tag
from contributions.pipeline.placing import note_again
from contributions.pipeline.unveiling import unveil_if_clear
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """What became of each: “done”, or the sentence of its refusal."""
    start, said = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
            said.append("done")
        except Refusal as refusal:
            said.append(refusal.sentence)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


def make_drafts(count: int) -> list[Contribution]:
    """Of the same component, all the same change."""
    component = factories.make_component()
    release = factories.make_release(component)
    drafts = [factories.make_contribution(release=release, is_draft=True, shares_at=Now()) for _ in range(count)]
    note_again()
    return [Contribution.objects.get(pk=draft.pk) for draft in drafts]


def test_of_two_presses_at_once_one_makes_it_public() -> None:
    [draft] = make_drafts(1)
    said = at_once(*[lambda: share(person=draft.author, contribution=draft)] * 3)
    assert said == ["It is public already."] * 2 + ["done"]
    assert Event.objects.filter(verb=Event.Verb.SHARED).count() == 1


def test_of_drafts_that_do_the_same_only_the_first_is_public_by_itself() -> None:
    drafts = make_drafts(4)
    at_once(*[lambda pk=draft.pk: unveil_if_clear(pk) for draft in drafts])  # type: ignore[misc]
    assert Contribution.objects.filter(is_draft=False).count() == 1
    assert Contribution.objects.filter(is_draft=True, shares_at=None).count() == 3


def test_of_two_that_join_each_other_one_does() -> None:
    one, two = make_drafts(2)
    Contribution.objects.update(is_draft=False, shares_at=None)
    one.refresh_from_db()
    two.refresh_from_db()
    said = at_once(
        lambda: join(person=one.author, contribution=one, into=two),
        lambda: join(person=two.author, contribution=two, into=one),
    )
    assert said.count("done") == 1
    assert Contribution.objects.filter(state="withdrawn").count() == 1
    assert Contribution.objects.exclude(joined=None).count() == 1


def test_whoever_shares_and_gives_up_at_once_does_one_of_both() -> None:
    one, two = make_drafts(2)
    Contribution.objects.filter(pk=two.pk).update(is_draft=False, shares_at=None)
    said = at_once(
        lambda: share(person=one.author, contribution=one),
        lambda: join(person=one.author, contribution=one, into=two),
    )
    one.refresh_from_db()
    assert one.state == "withdrawn" or said.count("done") == 1
    assert one.joined == (two if one.is_withdrawn else None)
    told = Event.objects.filter(verb=Event.Verb.MERGED, contribution=two).values_list("text", flat=True)
    assert list(told) == ([] if one.joined is None else ["" if one.is_draft else f"#{one.pk}"])


def test_one_tag_that_many_make_at_once_is_made_once() -> None:
    contributions = [factories.make_contribution() for _ in range(4)]
    acts = [lambda it=it: tag(person=it.author, contribution=it, tags="s3 new") for it in contributions]  # type: ignore[misc]
    assert at_once(*acts) == ["done"] * 4
    assert Tag.objects.count() == 2
    assert all(contribution.tags.count() == 2 for contribution in contributions)
