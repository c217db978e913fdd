"""What the portal gave up on through its own fault is tried again by those who wait for it: on pages and by REST."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from contributions.actions.trying_again import try_assembly_again, try_fit_again, try_fork_again
from contributions.errors import Clash, NotAllowed
from contributions.models import Build, Event, Inquiry, Offer, Sighting
from contributions.models.stack_verdict import finding_of, stopped_by
from tests import factories
from tests.api.conftest import Caller
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Assembly, Contribution, Fit, Person

pytestmark = pytest.mark.django_db
DIGEST = "d" * 64


@pytest.fixture
def author() -> Person:
    return factories.make_person("author", organisation=factories.make_organisation("An operator"))


@pytest.fixture
def contribution(author: Person) -> Contribution:
    release = factories.make_release(factories.make_component("swift", name="Swift"), "1.0")
    return factories.make_contribution(release=release, author=author, organisation=author.organisation)


@pytest.fixture
def fit(contribution: Contribution) -> Fit:
    return factories.make_fit(contribution.current, contribution.release, state="conflicts", conflicts=["song.txt"])


@pytest.fixture
def stopped(contribution: Contribution, author: Person) -> Assembly:
    """A red stack of three whose search for the culprit waits for a build that errored."""
    others = [factories.make_contribution(release=contribution.release) for _ in range(2)]
    row = factories.make_assembly(factories.make_stack(contribution, *others, author=author))
    make = {"assembly": row, "recipe_digest": DIGEST, "upstream_commit": row.release_commit}
    factories.make_build(None, row.release, depth=3, state="failed", **make)
    factories.make_build(None, row.release, depth=1, state="errored", attempts=3, **make)
    return row


def gave_up_behind(fit: Fit) -> list[Any]:
    """A reason, a port and a sighting that errored."""
    about = {"state": "errored", "attempts": 3}
    offer = Offer.objects.create(revision=fit.revision, release=fit.release, release_commit=fit.release_commit, **about)
    sighted = {"contribution": fit.revision.contribution, "commit": "a" * 40, "is_same": True}
    sighting = Sighting.objects.create(person=fit.revision.contribution.author, **sighted, **about)
    return [Inquiry.objects.create(fit=fit, **about), offer, sighting]


def text_of(person: Person | None, url: str) -> str:
    answer = signed_in(person).get(url)
    assert answer.status_code == 200
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


def states(rows: list[Any]) -> list[tuple[str, int]]:
    for row in rows:
        row.refresh_from_db()
    return [(row.state, row.attempts) for row in rows]


def test_all_that_errored_of_a_cell_is_tried_again_by_one_press(fit: Fit, author: Person) -> None:
    rows = gave_up_behind(fit)
    page = fit.get_absolute_url()
    told = "the look for the upstream commit to blame, the try at a port, the look for the commit in other releases"
    assert f"gave up on {told}." in text_of(author, page)
    assert "Try again" in text_of(author, page)
    client = signed_in(author)
    form = {"release": fit.release.slug, "revision": "1"}
    url = f"/contributions/{fit.revision.contribution_id}/try-again/"
    assert client.post(url, form)["Location"] == f"{page}?revision=1"
    assert states(rows) == [("queued", 0)] * 3
    fit.refresh_from_db()
    assert fit.state == "conflicts", "a verdict that is there stays"
    line = Event.objects.get(verb="rebuilt")
    assert (line.actor, line.release, line.phrase) == (author, fit.release, "asked to have it judged again")
    assert "gave up on" not in text_of(author, page)
    assert client.post(url, form).status_code == 409, "and twice is once"
    assert Event.objects.filter(verb="rebuilt").count() == 1


def test_a_verdict_that_errored_is_judged_again(fit: Fit, author: Person) -> None:
    type(fit).objects.filter(pk=fit.pk).update(state="errored", attempts=3)
    assert "gave up on the verdict." in text_of(author, fit.get_absolute_url())
    assert [row.pk for row in try_fit_again(person=author, fit=fit)] == [fit.pk]
    assert states([fit]) == [("queued", 0)]


def test_strangers_to_a_cell_are_shown_no_button_and_refused(fit: Fit, author: Person) -> None:
    gave_up_behind(fit)
    other = factories.make_person()
    assert "gave up on" in text_of(other, fit.get_absolute_url())
    assert "Try again" not in text_of(other, fit.get_absolute_url())
    with pytest.raises(NotAllowed):
        try_fit_again(person=other, fit=fit)
    fit.release.move("retired")
    with pytest.raises(Clash, match="is retired"):
        try_fit_again(person=author, fit=fit)
    fit.revision.contribution.move("withdrawn")
    with pytest.raises(Clash, match="is withdrawn"):
        try_fit_again(person=author, fit=fit)


def test_the_search_for_a_culprit_goes_on_when_its_people_say_so(stopped: Assembly, author: Person) -> None:
    waited = stopped_by(stopped)
    assert waited
    for page in (stopped.get_absolute_url(), stopped.stack.get_absolute_url()):
        assert "gave up on a build." in text_of(author, page)
        assert "Try again" in text_of(author, page)
    url = f"{stopped.get_absolute_url()}try-again/"
    assert signed_in(author).post(url)["Location"] == stopped.get_absolute_url()
    assert states([waited]) == [("queued", 0)]
    assert "is looked for" in finding_of(stopped)
    assert Event.objects.get(verb="locked").text == "1: tried again"
    assert Build.objects.get(assembly=stopped, depth=3).state == "failed", "what is theirs stays"
    assert signed_in(author).post(url).status_code == 409


def test_the_bare_release_that_a_red_stack_waits_for_is_built_again(stopped: Assembly, author: Person) -> None:
    Build.objects.filter(assembly=stopped, depth=1).delete()
    given = {"upstream_commit": stopped.release_commit, "state": "errored"}
    bare = factories.make_build(None, stopped.release, commit=stopped.release_commit, recipe_digest=DIGEST, **given)
    other = factories.make_build(None, stopped.release, commit="b" * 40, recipe_digest=DIGEST, **given)
    try_assembly_again(person=author, assembly=stopped)
    assert states([bare, other]) == [("queued", 0), ("errored", 0)]


def test_a_stack_that_could_not_be_laid_is_laid_again_by_those_who_carry_it(stopped: Assembly, author: Person) -> None:
    type(stopped).objects.filter(pk=stopped.pk).update(state="errored", attempts=3)
    Build.objects.all().delete()
    with pytest.raises(NotAllowed):
        try_assembly_again(person=factories.make_person(), assembly=stopped)
    quarantined = stopped.contributions.first()
    type(quarantined).objects.filter(pk=quarantined.pk).update(quarantined_at=timezone.now())
    with pytest.raises(Clash, match="is in quarantine"):
        try_assembly_again(person=author, assembly=stopped)
    type(quarantined).objects.filter(pk=quarantined.pk).update(quarantined_at=None)
    try_assembly_again(person=author, assembly=stopped)
    assert states([stopped]) == [("queued", 0)]


def test_a_fork_that_errored_is_tried_again_by_its_keepers(author: Person) -> None:
    fork = factories.make_fork(author, state="errored", attempts=3, sentence="The disk was full.")
    assert "Try again" in text_of(author, fork.get_absolute_url())
    colleague = factories.make_person(organisation=author.organisation)
    assert "Try again" not in text_of(colleague, fork.get_absolute_url())
    with pytest.raises(NotAllowed):
        try_fork_again(person=colleague, fork=fork)
    assert signed_in(author).post(f"{fork.get_absolute_url()}try-again/")["Location"] == fork.get_absolute_url()
    assert states([fork]) == [("queued", 0)]
    with pytest.raises(Clash, match="tried again already"):
        try_fork_again(person=author, fork=fork)


def test_machines_try_again_as_well(fit: Fit, stopped: Assembly, author: Person) -> None:
    gave_up_behind(fit)
    caller, fork = Caller(author), factories.make_fork(author, state="errored")
    one = f"contributions/{fit.revision.contribution_id}/fits/1.0/try-again/"
    assert caller.post(one, {"revision": 9}).status_code == 404
    assert caller.post(one, {"revision": 1}).json()["state"] == "conflicts"
    assembly = f"stacks/{stopped.stack_id}/assemblies/1/try-again/"
    assert caller.post(assembly).status_code == 202
    assert caller.post(f"forks/{fork.pk}/try-again/").json()["state"] == "queued"
    assert [caller.post(url, body).status_code for url, body in ((one, {}), (assembly, None))] == [409, 409]
